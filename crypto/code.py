"""Codes that people read, say and type: Crockford base32 with a checksum (docs/format.md, 3 Codes).

A recovery code (`RC`) and a block code (`BC`) are 16 bytes and 22 check bits in 30 characters; a
grant code (`VG1`) is 20 bytes and 10 check bits in 34. A typing mistake is found before anything is
looked up.
"""

from dataclasses import dataclass

from crypto.errors import Malformed
from crypto.primitives import sha256
from crypto.secret import Secret

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_LOOKALIKES = str.maketrans("OIL", "011", " -")


@dataclass(frozen=True, slots=True)
class CodeKind:
    """What a code of this kind holds, and how it is shown."""

    prefix: str
    secret_bytes: int
    check_bits: int
    group: int
    shows_prefix: bool

    @property
    def characters(self) -> int:
        return (self.secret_bytes * 8 + self.check_bits) // 5


RECOVERY = CodeKind("RC", secret_bytes=16, check_bits=22, group=5, shows_prefix=False)
BLOCK = CodeKind("BC", secret_bytes=16, check_bits=22, group=5, shows_prefix=True)
GRANT = CodeKind("VG1", secret_bytes=20, check_bits=10, group=4, shows_prefix=True)


def encode_code(kind: CodeKind, secret: Secret) -> str:
    """The code without grouping, with its prefix where the kind shows one."""
    data = secret.reveal()
    if len(data) != kind.secret_bytes:
        raise Malformed("code")
    number = int.from_bytes(data, "big") << kind.check_bits | _checksum(kind, data)
    digits = [_ALPHABET[number >> 5 * i & 31] for i in reversed(range(kind.characters))]
    return (kind.prefix if kind.shows_prefix else "") + "".join(digits)


def decode_code(kind: CodeKind, text: str) -> Secret:
    """Reads what a person typed: case, O/0, I/L/1, spaces and hyphens do not matter.

    Raises `Malformed` for any other slip, the prefix or the checksum included.
    """
    if len(text) > 4 * kind.characters or not text.isascii():
        raise Malformed("code")
    folded = text.upper().translate(_LOOKALIKES)
    if kind.shows_prefix:
        if not folded.startswith(kind.prefix):
            raise Malformed("code")
        folded = folded[len(kind.prefix) :]
    if len(folded) != kind.characters or not set(folded) <= _VALUES.keys():
        raise Malformed("code")
    number = 0
    for character in folded:
        number = number << 5 | _VALUES[character]
    data = (number >> kind.check_bits).to_bytes(kind.secret_bytes, "big")
    if number & (1 << kind.check_bits) - 1 != _checksum(kind, data):
        raise Malformed("code")
    return Secret(data)


def group_code(kind: CodeKind, code: str) -> str:
    """The code in groups, as it is shown: `VG1 7K3M 9Q0T ...` or `000G4-0R40M-...`."""
    prefix = kind.prefix if kind.shows_prefix else ""
    body = code[len(prefix) :]
    groups = [body[i : i + kind.group] for i in range(0, len(body), kind.group)]
    return " ".join([prefix, *groups]) if prefix else "-".join(groups)


def _checksum(kind: CodeKind, data: bytes) -> int:
    digest = sha256(b"KLUIS1/" + kind.prefix.encode() + data)
    return int.from_bytes(digest[:4], "big") >> 32 - kind.check_bits
