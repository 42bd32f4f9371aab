"""What a citizen granted: one agency, one intended use, chosen fields, how often.

How it is kept: docs/format.md, 7 Grants.
Until when stands in the grant's row, because the database must find what has expired.
"""

from dataclasses import dataclass, field
from typing import Any

from crypto.encoding import canonical_json, pad, parse_canonical, unpad
from crypto.errors import Malformed

TX_CODE_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a grant. `reads_max` None: any number. `tx_code` None: none was asked for."""

    agency: str
    use: str
    fields: tuple[str, ...]
    reads_max: int | None
    follow: bool
    tx_code: str | None = field(default=None, repr=False)

    def encode(self) -> bytes:
        """Canonical JSON, padded: the length would hint at the agency and the fields."""
        body: dict[str, Any] = {
            "agency": self.agency,
            "use": self.use,
            "fields": list(self.fields),
            "limits": {} if self.reads_max is None else {"reads": self.reads_max},
            "follow": self.follow,
        }
        if self.tx_code is not None:
            body["tx_code"] = self.tx_code
        return pad(canonical_json(body))

    @classmethod
    def decode(cls, blob: bytes) -> "Terms":
        """The terms of `encode`'s bytes; raises `Malformed`."""
        body = parse_canonical(unpad(blob))
        try:
            terms = cls(
                agency=body["agency"],
                use=body["use"],
                fields=tuple(body["fields"]),
                reads_max=body["limits"].get("reads"),
                follow=body["follow"],
                tx_code=body.get("tx_code"),
            )
        except (AttributeError, KeyError, TypeError):
            raise Malformed("terms") from None
        if terms.encode() != blob:  # a member too many, or one that is written in another way
            raise Malformed("terms")
        return terms
