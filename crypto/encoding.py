"""The only encoders and decoders of bytes and text: what they read they would write.

Written down in docs/format.md, 1 Encodings.

PAE joins parts without ambiguity. base64url is unpadded and canonical (RFC 4648 §5). JSON is
canonical (RFC 8785) without floats, duplicate keys or integers beyond 2^53. `pad` hides lengths.
"""

import base64
import binascii
import json
import re
import unicodedata
from json.encoder import encode_basestring as _quoted
from typing import Any, NoReturn

from crypto.errors import Malformed

INTEGER_MAX = 2**53 - 1
_PAD_BUCKETS = (256, 1024, 4096, 16384, 65536)
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


def u32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def u64(number: int) -> bytes:
    return number.to_bytes(8, "big")


_U32 = [u32(number) for number in range(256)]


def pae(*parts: bytes | str | int) -> bytes:
    """u32(n) || for each part: u32(length) || bytes. Text as NFC UTF-8, integers as u64."""
    encoded = [u32(len(parts))]
    for part in parts:
        data = part if type(part) is bytes else _part(part)
        encoded += (_U32[len(data)] if len(data) < 256 else u32(len(data)), data)
    return b"".join(encoded)


def _part(part: bytes | str | int) -> bytes:
    if type(part) is int:
        return part.to_bytes(8, "big")
    if isinstance(part, str):
        return (part if part.isascii() else unicodedata.normalize("NFC", part)).encode()
    if isinstance(part, bool):
        raise TypeError("a bool has no encoding in PAE")
    return u64(part) if isinstance(part, int) else bytes(part)


def unpae(blob: bytes) -> tuple[bytes, ...]:
    """The parts of a PAE, as bytes. Raises `Malformed` for anything that `pae` would not write."""
    parts, at = [], 4
    for _ in range(int.from_bytes(blob[:4], "big")):
        length = int.from_bytes(blob[at : at + 4], "big")
        part = blob[at + 4 : at + 4 + length]
        if len(part) != length or at + 4 > len(blob):
            raise Malformed("pae")
        parts.append(part)
        at += 4 + length
    if pae(*parts) != blob:
        raise Malformed("pae")
    return tuple(parts)


def b64u(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=").decode()


def unb64u(text: str, length: int | None = None) -> bytes:
    """Decodes unpadded canonical base64url, of exactly `length` bytes where that is given."""
    if not _BASE64URL.fullmatch(text):
        raise Malformed("base64url")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise Malformed("base64url") from None
    # Other spellings of the last character decode to the same bytes: one value, one spelling.
    if b64u(data) != text or (length is not None and len(data) != length):
        raise Malformed("base64url")
    return data


def canonical_json(value: Any) -> bytes:
    """RFC 8785. Raises `Malformed` for floats, large integers, lone surrogates and other types."""
    try:
        return _written(value).encode()
    except (TypeError, UnicodeEncodeError, RecursionError):  # the first: a key that is no text
        raise Malformed("json") from None


def _written(value: Any) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        ordered = sorted(value.items(), key=None if "".join(value).isascii() else _utf_16)
        members = [
            f"{_quoted(key)}:{_quoted(one) if type(one) is str else _written(one)}"
            for key, one in ordered
        ]
        return f"{{{','.join(members)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join([_quoted(x) if type(x) is str else _written(x) for x in value])}]"
    if value is None or isinstance(value, bool):
        return _CONSTANTS[value]
    if isinstance(value, int) and abs(value) <= INTEGER_MAX:
        return str(int(value))
    raise Malformed("json")


def _utf_16(member: tuple[str, Any]) -> bytes:
    """RFC 8785 §3.2.3: keys are ordered by their UTF-16 code units. ASCII is in that order."""
    return member[0].encode("utf-16-be", "surrogatepass")


def parse_json(raw: bytes | str) -> Any:
    """Strict JSON: UTF-8, no duplicate keys, floats, NaN or integers beyond 2^53."""
    try:
        text = raw.decode() if isinstance(raw, bytes) else raw
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise Malformed("json") from None
    if "\\u" in text:  # an escape may spell a lone surrogate, which no text encoding can write
        canonical_json(value)
    return value


def parse_canonical(raw: bytes) -> Any:
    """JSON that is already in its one canonical spelling, else `Malformed`."""
    value = parse_json(raw)
    if canonical_json(value) != raw:
        raise Malformed("canonical json")
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found


def _refuse(_: str) -> NoReturn:
    raise ValueError("not an integer")


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > INTEGER_MAX:
        raise ValueError("integer too large")
    return int(digits)


_CONSTANTS = {None: "null", True: "true", False: "false"}
_DECODER = json.JSONDecoder(
    object_pairs_hook=_no_duplicates,
    parse_float=_refuse,
    parse_constant=_refuse,
    parse_int=_integer,
)


def pad(plain: bytes) -> bytes:
    """plain || 0x80 || zeros, up to 256, 1024, 4096, 16384, 65536, then multiples of 65536."""
    needed = len(plain) + 1
    last = _PAD_BUCKETS[-1]
    size = next((b for b in _PAD_BUCKETS if needed <= b), -(-needed // last) * last)
    return (plain + b"\x80").ljust(size, b"\x00")


def unpad(padded: bytes) -> bytes:
    """Undoes `pad`; raises `Malformed` for bytes that `pad` would not have made."""
    plain, mark, _ = padded.rpartition(b"\x80")
    if not mark or pad(plain) != padded:
        raise Malformed("padding")
    return plain
