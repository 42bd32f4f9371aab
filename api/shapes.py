"""How ids, instants and objects look on the wire.

Ids are base64url of their bytes without padding, entry ids UUID text, instants
`YYYY-MM-DDTHH:MM:SS.mmmZ`. Requests are strict: no other types, no unknown keys, nothing unbounded.
"""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from audit.errors import MalformedEntry
from audit.shapes import instant_text, parse_entry_id
from crypto.encoding import b64u, unb64u
from crypto.errors import Malformed

_EPOCH = date(1970, 1, 1).toordinal()
_DAY_MS = 86_400_000
ID_CHARACTERS_MAX = 64
NO_ID = b""


class Asked(BaseModel):
    """Base of what comes in."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Answer(BaseModel):
    """Base of what goes out. Routes leave None out: `response_model_exclude_none`."""

    model_config = ConfigDict(frozen=True)


class Fault(Answer):
    """One place in a request that is wrong, and the name of the rule that it breaks."""

    at: str
    rule: str


class Problem(Answer):
    """What went wrong (RFC 9457). `code` never changes its meaning; `detail` is for people."""

    type: str = Field(description="`urn:burgerkluis:problem:` and the code.")
    title: str
    status: int
    detail: str
    code: str
    limit: str | None = Field(None, description="Of 429: the setting that is the limit.")
    faults: list[Fault] | None = Field(
        None, description="Where a request that can't be read is wrong. Never what stood there."
    )


class OAuthError(Answer):
    """What went wrong at the token endpoint (RFC 6749 §5.2)."""

    error: str
    error_description: str


def id_text(id_: bytes) -> str:
    return b64u(id_)


def id_bytes(text: str) -> bytes:
    """The id that a path names. What is no id becomes one that nothing has: the vault, which looks
    at the session first, finds nothing under it.
    """
    try:
        return unb64u(text)
    except Malformed:
        return NO_ID


def entry_id_bytes(text: str) -> bytes:
    """Like `id_bytes`, for an entry's UUID."""
    try:
        return parse_entry_id(text)
    except MalformedEntry:
        return NO_ID


def instant(at_ms: int) -> str:
    return instant_text(at_ms)


def instant_or_none(at_ms: int | None) -> str | None:
    return None if at_ms is None else instant_text(at_ms)


def day(at_ms: int) -> str:
    """`YYYY-MM-DD` of an instant."""
    return date.fromordinal(_EPOCH + at_ms // _DAY_MS).isoformat()
