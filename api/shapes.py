"""How ids, instants and objects look on the wire.

Ids are base64url of their bytes without padding, entry ids UUID text, instants
`YYYY-MM-DDTHH:MM:SS.mmmZ`. Requests are strict: no other types, no unknown keys, nothing unbounded.
"""

import base64
import binascii

from pydantic import BaseModel, ConfigDict

from audit.errors import MalformedEntry
from audit.shapes import instant_text, parse_entry_id
from vault.errors import NotFound

DAY_CHARACTERS = 10
ID_CHARACTERS_MAX = 64


class Asked(BaseModel):
    """Base of what comes in."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Answer(BaseModel):
    """Base of what goes out. What is None is left out."""

    model_config = ConfigDict(frozen=True)


def id_text(id_: bytes) -> str:
    return base64.urlsafe_b64encode(id_).rstrip(b"=").decode()


def id_bytes(text: str) -> bytes:
    """The id that a path names; one that nothing can have is `NotFound` like any other."""
    try:
        found = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise NotFound("There is nothing under this id.") from None
    if id_text(found) != text:  # base64 has more than one spelling; an id has one
        raise NotFound("There is nothing under this id.")
    return found


def entry_id_bytes(text: str) -> bytes:
    try:
        return parse_entry_id(text)
    except MalformedEntry:
        raise NotFound("There is nothing under this id.") from None


def instant(at_ms: int) -> str:
    return instant_text(at_ms)


def instant_or_none(at_ms: int | None) -> str | None:
    return None if at_ms is None else instant_text(at_ms)


def day(at_ms: int) -> str:
    return instant_text(at_ms)[:DAY_CHARACTERS]
