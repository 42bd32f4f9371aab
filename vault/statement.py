"""A statement: what a value holds: the value, when and by whom it was stated.

Written down in docs/format.md, 6 Statements and values.

    0x00 || canonical JSON {field, value, stated_at, valid_from?, valid_until?, status}    the owner

A source's own signed statement (0x01) comes with deposits.
"""

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

from audit.errors import MalformedEntry
from audit.shapes import instant_text, parse_instant
from crypto.encoding import canonical_json, pad, parse_canonical, unpad
from crypto.errors import Malformed
from vault.errors import Damaged

STATUSES = ("stated", "under_investigation")
SELF = "self"
_BY_OWNER = b"\x00"
_KEYS = {"field", "value", "stated_at", "valid_from", "valid_until", "status"}


@dataclass(frozen=True, slots=True)
class Statement:
    """One stated value. `stated_at` is Unix milliseconds; validity dates are EDTF text."""

    field: str
    value: Any = dataclass_field(repr=False)
    stated_at: int
    status: str = "stated"
    valid_from: str | None = None
    valid_until: str | None = None
    source: str = SELF

    def encode(self) -> bytes:
        """Padded bytes, so that a stored value shows only a size bucket."""
        body = {
            "field": self.field,
            "value": self.value,
            "stated_at": instant_text(self.stated_at),
            "status": self.status,
        }
        for name in ("valid_from", "valid_until"):
            if getattr(self, name) is not None:
                body[name] = getattr(self, name)
        return pad(_BY_OWNER + canonical_json(body))

    @classmethod
    def decode(cls, padded: bytes) -> "Statement":
        try:
            plain = unpad(padded)
            body = parse_canonical(plain[1:])
            if plain[:1] != _BY_OWNER or not body.keys() <= _KEYS:
                raise Damaged("statement")
            body["stated_at"] = parse_instant(body["stated_at"])
            return cls(**body)
        except (Malformed, MalformedEntry, TypeError, KeyError, AttributeError):
            raise Damaged("statement") from None
