"""Documents of JSON, read into dataclasses by pydantic, and written again.

A refusal names the place, and never what stands there: `intended_uses[0].fields[2].why.nl`.
"""

import re
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from catalogue.errors import BadRegistration

Document = dict[str, Any]
T = TypeVar("T")

_NAME_OF_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")
_UNKNOWN_KEY = "has an unknown key"
_REASONS = {  # pydantic's names of faults, in our words
    "missing": "is missing",
    "unexpected_keyword_argument": "is an unknown key",
    "string_unicode": _UNKNOWN_KEY,  # one that is no text
    "dataclass_type": "must be an object",
}


def read(shape: TypeAdapter[T], document: object) -> T:
    """What a document holds, all of it checked; raises `BadRegistration` at its first fault."""
    try:
        return shape.validate_python(document)
    except ValidationError as refused:
        fault = refused.errors(include_url=False, include_context=False, include_input=False)[0]
    # Raised out here: no traceback leads to pydantic's error, which holds what was sent.
    place, why = list(fault["loc"]), _REASONS.get(fault["type"], fault["msg"])
    if fault["type"] == "invalid_key" or (place and not _NAME_OF_KEY.fullmatch(str(place[-1]))):
        place.pop()  # a key is named only where it can be no more than a slip of the pen
        why = _UNKNOWN_KEY
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    raise BadRegistration("".join(steps).removeprefix("."), why)


def write(shape: TypeAdapter[T], value: T) -> Document:
    """The document that `read` reads as the same value: defaults filled in, nothing absent."""
    written: Document = shape.dump_python(value, mode="json", by_alias=True, exclude_none=True)
    return written
