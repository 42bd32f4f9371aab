"""What the parts of a registration must look like: texts, ids, addresses, keys.

A refusal says what is expected, and never what stands there.
"""

import copy
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator, ValidationError
from pydantic_core import PydanticCustomError

from crypto.encoding import unb64u
from crypto.errors import Malformed
from crypto.jose import parse_jwk

NAME_CHARACTERS_MAX = 120
TEXT_CHARACTERS_MAX = 600
HIDDEN_DAYS_MAX = 1_830  # five years; nobody waits longer to see who read
_URI = r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]"
_FIELD_PART = "[a-z][a-z0-9_]{0,63}"
_KEY_ID = re.compile(r"[!-~]{1,256}")
_FRENCH_SPACES = str.maketrans("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}", "  ")
_JWK_KEYS = ("kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops")


def wrong(why: str, *place: str | int) -> ValidationError:
    """The refusal of what stands at `place` below the value that is looked at."""
    fault = PydanticCustomError("registration", why)
    return ValidationError.from_exception_data("", [{"type": fault, "loc": place, "input": None}])


def _must(be: str, holds: Callable[[Any], object]) -> BeforeValidator:
    """A check of the value as it came. Of several on one type the last is asked first."""

    def check(value: Any) -> Any:
        if not holds(value):
            raise wrong(f"must be {be}")
        return value

    return BeforeValidator(check)


def form(what: str, pattern: str) -> BeforeValidator:
    whole = re.compile(pattern).fullmatch
    return _must(what, lambda value: isinstance(value, str) and whole(value))


def text(most: int) -> BeforeValidator:
    what = f"text of 1 to {most} characters"
    return _must(what, lambda value: isinstance(value, str) and 1 <= len(value) <= most)


def list_of(least: int, most: int) -> BeforeValidator:
    what = f"a list of {least} to {most}"
    return _must(what, lambda value: isinstance(value, list) and least <= len(value) <= most)


def distinct(items: tuple[Any, ...]) -> tuple[Any, ...]:
    ids = [item.id for item in items]
    for index, one in enumerate(ids):
        if one in ids[:index]:
            raise wrong("has an id that stands here before", index)
    return items


def signing_key(jwk: Any) -> dict[str, Any]:
    """The members that are kept of a JWK: others may stand there (RFC 7517 §4)."""
    key_id = jwk.get("kid", "-") if isinstance(jwk, dict) else "-"
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise wrong("must be printable ASCII", "kid")
    try:
        parse_jwk(jwk)
    except Malformed:
        what = "a public signing key: EC P-256, RSA of 2048 to 4096 bits, or Ed25519"
        raise wrong(f"must be {what}") from None
    return copy.deepcopy({name: jwk[name] for name in _JWK_KEYS if name in jwk})


def binary(most: int) -> PlainValidator:
    def read(value: Any) -> bytes:
        try:
            if isinstance(value, str) and 1 <= len(raw := unb64u(value)) <= most:
                return raw
        except Malformed:
            pass
        raise wrong(f"must be 1 to {most} bytes in base64url")

    return PlainValidator(read)


# Control and direction characters could disguise a text. French has two spaces of its own.
ONE_LINE = _must(
    "one line of text without spaces around it",
    lambda text: text == text.strip() and text.translate(_FRENCH_SPACES).isprintable(),
)
Name = Annotated[str, ONE_LINE, text(NAME_CHARACTERS_MAX)]
Text = Annotated[str, ONE_LINE, text(TEXT_CHARACTERS_MAX)]
FLAG = _must("true or false", lambda value: isinstance(value, bool))
DAYS = _must(
    f"a number of days from 1 to {HIDDEN_DAYS_MAX}",
    lambda value: type(value) is int and 1 <= value <= HIDDEN_DAYS_MAX,
)
AGENCY_ID = form(
    "a URI, like https://agency.example.nl", rf"[a-z][a-z0-9+.-]{{1,30}}:{_URI}{{1,220}}"
)
OFFICER_ID = form("1 to 128 printable ASCII characters", "[!-~]([ -~]{0,126}[!-~])?")
USE_ID = form("a URI or a short name, like address-check", rf"[A-Za-z0-9]{_URI}{{0,199}}")
FIELD_ID = form("a field id, like identity.birth_date", rf"{_FIELD_PART}(\.{_FIELD_PART}){{1,4}}")
HTTPS = form(
    "an https URL", rf"https://[A-Za-z0-9.-]{{1,253}}(:[0-9]{{1,5}})?([/?#]{_URI}{{0,500}})?"
)
EMAIL = form(
    "an e-mail address",
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,185}\.[A-Za-z]{2,63}",
)
PHONE = form("a phone number in digits and spaces, like +32 2 123 45 67", r"\+?[0-9][0-9 ]{1,23}")
COUNTRY = form("an ISO 3166 country code of two capitals, like NL", "[A-Z]{2}")
RETENTION = form(
    "an ISO 8601 duration of whole days, like P1Y or P30D",
    "P([0-9]{1,4}W|(?=[0-9])([0-9]{1,4}Y)?([0-9]{1,4}M)?([0-9]{1,4}D)?)",
)
