"""One kind of data in a vault, and the one test that each value of it passes before it is signed or
sealed. What that returns is JSON without floats, its text in NFC (docs/catalogue.md).
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from catalogue import edtf
from catalogue.errors import BadInput
from catalogue.lifetime import check_lifetime
from catalogue.numbers import checked_number
from crypto.encoding import INTEGER_MAX, canonical_json

JsonValue = str | int | bool | None | list["JsonValue"] | dict[str, "JsonValue"]
Labels = Mapping[str, str]

LANGUAGES = ("nl", "fr", "de", "en")
VALUE_BYTES_MAX = 65536  # of one value, in canonical JSON (docs/catalogue.md)
LIST_ITEMS_MAX = 100


class BadValue(BadInput):
    """A value its field does not take. `why` says what is expected and never repeats the value."""

    code = "bad_value"

    def __init__(self, field_id: str, code: str, why: str) -> None:
        super().__init__(f"{field_id}: {why}", code)
        self.field = field_id
        self.why = why


@dataclass(frozen=True, slots=True)
class Theme:
    """A heading that fields stand under."""

    id: str
    labels: Labels = field(hash=False)


@dataclass(frozen=True, slots=True)
class Field:
    """One kind of data in a vault: the unit of choice and of access."""

    id: str
    type: str
    theme: str
    sensitivity: str
    value_bytes_max: int
    labels: Labels = field(hash=False)
    choices: Mapping[str, Labels] = field(hash=False)
    pid: str | None = None
    brp: str | None = None
    numbers: tuple[str, ...] = ()  # of a code: national numbers that it may be (catalogue.numbers)
    lifetime: bool = False  # of a date: a day in the life of somebody who lives now

    def check(self, value: object, now_ms: int) -> JsonValue:
        """The value as it is kept: text in NFC without spaces around it, everything valid today.

        Raises `BadValue`. Checking what was returned gives the same again.
        """
        checked = _CHECKS[self.type](self, value)
        try:
            if self.numbers:
                checked = checked_number(str(checked), self.numbers)
            if self.lifetime:
                check_lifetime(edtf.parse(str(checked)), now_ms)
        except BadInput as fault:
            raise BadValue(self.id, fault.code, str(fault)) from None
        if len(canonical_json(checked)) > self.value_bytes_max:
            raise BadValue(self.id, "too_long", f"at most {self.value_bytes_max} bytes fit here")
        return checked


# What a value of each type must be

_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNWRITABLE = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})
_CODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ./-]*[A-Za-z0-9])?")
_COUNTRY = re.compile(r"[A-Z]{2}|brp:[0-9]{4}")
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}@[^\W_][\w-]{0,62}(?:\.[^\W_][\w-]{0,62})+")
_PHONE = re.compile(r"\+(?!3[12]0)[1-9][0-9]{6,14}")  # no Dutch or Belgian number begins with 0
_PHONE_SPACING = str.maketrans("", "", " -.()/")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Z]{2})?")


def _text(kind: Field, value: object) -> str:
    if not isinstance(value, str):
        raise BadValue(kind.id, "wrong_type", "text is expected")
    # Before any work that grows with the length: NFC joins at most four characters into one.
    if len(value) > 4 * kind.value_bytes_max:
        raise BadValue(kind.id, "too_long", f"at most {kind.value_bytes_max} bytes fit here")
    text = unicodedata.normalize("NFC", value).strip()
    if not text:
        raise BadValue(kind.id, "empty", "there must be something in it")
    # Line ends and marks that turn the reading direction could make a page show what is not there.
    if any(unicodedata.category(c) in _UNWRITABLE or c in _BIDI_CONTROLS for c in text):
        raise BadValue(kind.id, "bad_characters", "only characters that can be seen, on one line")
    # Spaces of other scripts and marks that have no width: a page would show nothing at all.
    if all(unicodedata.category(c)[0] in "CZ" for c in text):
        raise BadValue(kind.id, "empty", "there must be something in it")
    return text


def _matching(pattern: re.Pattern[str], code: str, why: str) -> Callable[[Field, object], str]:
    def check(kind: Field, value: object) -> str:
        text = _text(kind, value)
        if not pattern.fullmatch(text):
            raise BadValue(kind.id, code, why)
        return text

    return check


def _date(kind: Field, value: object) -> str:
    try:
        return str(edtf.parse(_text(kind, value)))
    except edtf.BadDate as error:
        raise BadValue(kind.id, "bad_date", str(error)) from None


def _choice(kind: Field, value: object) -> str:
    text = _text(kind, value)
    if text not in kind.choices:
        raise BadValue(kind.id, "unknown_choice", f"one of {', '.join(kind.choices)} is expected")
    return text


def _integer(kind: Field, value: object) -> int:
    # `type`, because True is an int to isinstance.
    if type(value) is not int:
        raise BadValue(kind.id, "wrong_type", "a whole number is expected")
    if abs(value) > INTEGER_MAX:
        raise BadValue(kind.id, "too_large", "the number is too large")
    return value


def _phone(kind: Field, value: object) -> str:
    number = _text(kind, value).replace("(0)", "").translate(_PHONE_SPACING)
    if not _PHONE.fullmatch(number):
        raise BadValue(kind.id, "bad_phone", "a number starts with + and the country, then digits")
    return number


def _list_of(item: Callable[[Field, object], str]) -> Callable[[Field, object], JsonValue]:
    def check(kind: Field, value: object) -> JsonValue:
        if not isinstance(value, list):
            raise BadValue(kind.id, "wrong_type", "a list is expected")
        if not value:
            raise BadValue(kind.id, "empty", "there must be something in it")
        if len(value) > LIST_ITEMS_MAX:
            raise BadValue(kind.id, "too_many", f"at most {LIST_ITEMS_MAX} items fit here")
        return [item(kind, each) for each in value]

    return check


_country = _matching(
    _COUNTRY, "bad_country", "a country is two capital letters, or brp: and four digits"
)

_CHECKS: Mapping[str, Callable[[Field, object], JsonValue]] = MappingProxyType(
    {
        "text": _text,
        "text_list": _list_of(_text),
        "code": _matching(_CODE, "bad_code", "letters, digits, spaces and . / - in between"),
        "choice": _choice,
        "integer": _integer,
        "date": _date,
        "country": _country,
        "country_list": _list_of(_country),
        "language": _matching(
            _LANGUAGE, "bad_language", "a language is a code such as nl or fr-BE"
        ),
        "email": _matching(_EMAIL, "bad_email", "an address is a name, an @ and a domain"),
        "phone": _phone,
    }
)
TYPES = tuple(_CHECKS)
