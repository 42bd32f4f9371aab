"""What a member of an entry may look like, and how it stands in JSON.

Written down in docs/audit.md, 2 Entries.

Every check raises `MalformedEntry` with the member's name, never with what stood there.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from audit.errors import MalformedEntry
from crypto.encoding import b64u, unb64u

Place = tuple[int, int]  # where an entry stands: the number of its log, its index there

ID_BYTES = 16
LEAF_DATA_BYTES = 33
TEXT_CHARACTERS_MAX = 2048
FIELDS_MAX = 512
INSTANT_MAX = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_FIELD = re.compile(r"(?=.{1,128}\Z)[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def entry_id_text(entry_id: bytes) -> str:
    """An entry id as lower-case UUID text."""
    digits = entry_id.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def parse_entry_id(text: object) -> bytes:
    """The 16 bytes of a lower-case UUIDv7, else `MalformedEntry`."""
    if not isinstance(text, str) or not _UUID.fullmatch(text):
        raise MalformedEntry("id")
    entry_id = bytes.fromhex(text.replace("-", ""))
    if not _is_entry_id(entry_id):
        raise MalformedEntry("id")
    return entry_id


def _is_entry_id(value: Any) -> bool:
    """16 bytes with the version and variant bits of UUIDv7."""
    return ID.holds(value) and value[6] >> 4 == 7 and value[8] >> 6 == 0b10


def instant_text(at_ms: int) -> str:
    """Unix milliseconds as `YYYY-MM-DDTHH:MM:SS.mmmZ`."""
    at = _EPOCH + timedelta(milliseconds=at_ms)
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def parse_instant(text: object) -> int:
    """Unix milliseconds of `YYYY-MM-DDTHH:MM:SS.mmmZ`, 1970 to 9999, else `MalformedEntry`."""
    if not isinstance(text, str) or not _INSTANT.fullmatch(text):
        raise MalformedEntry("instant")
    try:
        since = datetime.fromisoformat(text) - _EPOCH
    except ValueError:
        raise MalformedEntry("instant") from None
    at_ms = since // timedelta(milliseconds=1)
    if at_ms < 0:
        raise MalformedEntry("instant")
    return at_ms


def _are_fields(value: Any) -> bool:
    return (
        type(value) is tuple
        and len(value) <= FIELDS_MAX
        and all(type(field) is str and _FIELD.fullmatch(field) for field in value)
        and len(set(value)) == len(value)
    )


@dataclass(frozen=True, slots=True)
class Shape:
    """What a member may hold, how it is written to JSON, and how it is read from there."""

    holds: Callable[[Any], bool]
    write: Callable[[Any], Any] = lambda value: value
    read: Callable[[Any], Any] = lambda value: value

    def check(self, name: str, value: object) -> None:
        if not self.holds(value):
            raise MalformedEntry(name)


def integer(least: int, most: int) -> Shape:
    return Shape(lambda value: type(value) is int and least <= value <= most)  # a bool is no number


def listed(words: tuple[str, ...]) -> Shape:
    return Shape(lambda value: type(value) is str and value in words)


def binary(length: int) -> Shape:
    return Shape(lambda value: type(value) is bytes and len(value) == length, b64u, unb64u)


ID = binary(ID_BYTES)
DIGEST = binary(32)
LEAF_DATA = binary(LEAF_DATA_BYTES)
ENTRY_ID = Shape(_is_entry_id, entry_id_text, parse_entry_id)
INSTANT = Shape(integer(0, INSTANT_MAX).holds, instant_text, parse_instant)
TEXT = Shape(lambda value: type(value) is str and 1 <= len(value) <= TEXT_CHARACTERS_MAX)
FLAG = Shape(lambda value: type(value) is bool)
FIELDS = Shape(_are_fields, list, lambda value: tuple(value) if type(value) is list else value)
