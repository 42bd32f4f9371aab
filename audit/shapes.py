"""What a member of an entry may look like: ids, instants, texts, numbers, names.

Written down in docs/audit.md, 2 Entries.

Every check raises `MalformedEntry` with the member's name, never with what stood there.
"""

import re
from datetime import UTC, datetime, timedelta

from audit.errors import MalformedEntry

ID_BYTES = 16
LEAF_DATA_BYTES = 33
TEXT_CHARACTERS_MAX = 2048
FIELDS_MAX = 512
INSTANT_MAX = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_FIELD = re.compile(r"(?=.{1,128}\Z)[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def check_entry_id(entry_id: bytes) -> None:
    """16 bytes with the version and variant bits of UUIDv7."""
    check_bytes("id", entry_id, ID_BYTES)
    if entry_id[6] >> 4 != 7 or entry_id[8] >> 6 != 0b10:
        raise MalformedEntry("id")


def entry_id_text(entry_id: bytes) -> str:
    """An entry id as lower-case UUID text."""
    digits = entry_id.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def parse_entry_id(text: object) -> bytes:
    """The 16 bytes of a lower-case UUIDv7, else `MalformedEntry`."""
    if not isinstance(text, str) or not _UUID.fullmatch(text):
        raise MalformedEntry("id")
    entry_id = bytes.fromhex(text.replace("-", ""))
    check_entry_id(entry_id)
    return entry_id


def instant_text(at_ms: int) -> str:
    """Unix milliseconds as `YYYY-MM-DDTHH:MM:SS.mmmZ`."""
    at = _EPOCH + timedelta(milliseconds=at_ms)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03}Z"


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


def check_type(name: str, value: object, kind: type) -> None:
    if type(value) is not kind:
        raise MalformedEntry(name)


def check_listed(name: str, value: object, listed: tuple[str, ...]) -> None:
    if type(value) is not str or value not in listed:
        raise MalformedEntry(name)


def check_integer(name: str, value: object, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:  # a bool is no number
        raise MalformedEntry(name)


def check_bytes(name: str, value: object, length: int) -> None:
    if type(value) is not bytes or len(value) != length:
        raise MalformedEntry(name)


def check_text(name: str, value: object) -> None:
    if type(value) is not str or not 1 <= len(value) <= TEXT_CHARACTERS_MAX:
        raise MalformedEntry(name)


def check_fields(name: str, value: object) -> None:
    if type(value) is not tuple or len(value) > FIELDS_MAX:
        raise MalformedEntry(name)
    if not all(type(field) is str and _FIELD.fullmatch(field) for field in value):
        raise MalformedEntry(name)
    if len(set(value)) != len(value):
        raise MalformedEntry(name)
