"""What an agency registers before it may ask for anything (the shape of EU TS5 WalletRelyingParty).

The classes are the document, member by member, and pydantic reads it into them: every key is known,
every text is there in four languages, nothing exceeds its maximum, no id stands twice. An `Agency`
and an `IntendedUse` give the `document` that the registry stores, defaults filled in; reading that
document back passes the same checks. A refusal names the place, and never what stands there:
`intended_uses[0].fields[2].why.nl`.
"""

import copy
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SkipValidation,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from catalogue.errors import BadRegistration
from crypto.encoding import b64u, unb64u
from crypto.errors import Malformed
from crypto.jose import PublicJwk, parse_jwk, parse_jwks

LANGUAGES = ("nl", "fr", "de", "en")
NAME_CHARACTERS_MAX = 120
TEXT_CHARACTERS_MAX = 600
USES_MAX = 100
FIELDS_MAX = 100
CREDENTIAL_BYTES_MAX = 1023  # WebAuthn §4, credential id
PUBLIC_KEY_BYTES_MAX = 2048  # in COSE; of RSA with 4096 bits some 530
HIDDEN_DAYS_MAX = 1_830  # five years; nobody waits longer to see who read

Document = dict[str, Any]
T = TypeVar("T")

_URI = r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]"
_FIELD_PART = "[a-z][a-z0-9_]{0,63}"
_NAME_OF_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")
_KEY_ID = re.compile(r"[!-~]{1,256}")
_FRENCH_SPACES = str.maketrans("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}", "  ")
_UNKNOWN_KEY = "has an unknown key"
_REASONS = {  # pydantic's names of faults, in our words
    "missing": "is missing",
    "unexpected_keyword_argument": "is an unknown key",
    "string_unicode": _UNKNOWN_KEY,  # one that is no text
    "dataclass_type": "must be an object",
}
_JWK_KEYS = ("kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops")


def _wrong(why: str, *place: str | int) -> ValidationError:
    """The refusal of what stands at `place` below the value that is looked at."""
    fault = PydanticCustomError("registration", why)
    return ValidationError.from_exception_data("", [{"type": fault, "loc": place, "input": None}])


def _must(be: str, holds: Callable[[Any], object]) -> BeforeValidator:
    """A check of the value as it came. Of several on one type the last is asked first."""

    def check(value: Any) -> Any:
        if not holds(value):
            raise _wrong(f"must be {be}")
        return value

    return BeforeValidator(check)


def _form(what: str, pattern: str) -> BeforeValidator:
    whole = re.compile(pattern).fullmatch
    return _must(what, lambda value: isinstance(value, str) and whole(value))


def _text(most: int) -> BeforeValidator:
    what = f"text of 1 to {most} characters"
    return _must(what, lambda value: isinstance(value, str) and 1 <= len(value) <= most)


def _list(least: int, most: int) -> BeforeValidator:
    what = f"a list of {least} to {most}"
    return _must(what, lambda value: isinstance(value, list) and least <= len(value) <= most)


def _distinct(items: tuple[Any, ...]) -> tuple[Any, ...]:
    ids = [item.id for item in items]
    for index, one in enumerate(ids):
        if one in ids[:index]:
            raise _wrong("has an id that stands here before", index)
    return items


def _signing_key(jwk: Any) -> Document:
    """The members that are kept of a JWK: others may stand there (RFC 7517 §4)."""
    key_id = jwk.get("kid", "-") if isinstance(jwk, dict) else "-"
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise _wrong("must be printable ASCII", "kid")
    try:
        parse_jwk(jwk)
    except Malformed:
        what = "a public signing key: EC P-256, RSA of 2048 to 4096 bits, or Ed25519"
        raise _wrong(f"must be {what}") from None
    return copy.deepcopy({name: jwk[name] for name in _JWK_KEYS if name in jwk})


def _binary(most: int) -> PlainValidator:
    def read(value: Any) -> bytes:
        try:
            if isinstance(value, str) and 1 <= len(raw := unb64u(value)) <= most:
                return raw
        except Malformed:
            pass
        raise _wrong(f"must be 1 to {most} bytes in base64url")

    return PlainValidator(read)


# Control and direction characters could disguise a text. French has two spaces of its own.
_ONE_LINE = _must(
    "one line of text without spaces around it",
    lambda text: text == text.strip() and text.translate(_FRENCH_SPACES).isprintable(),
)
_NAME = Annotated[str, _ONE_LINE, _text(NAME_CHARACTERS_MAX)]
_TEXT = Annotated[str, _ONE_LINE, _text(TEXT_CHARACTERS_MAX)]
_FLAG = _must("true or false", lambda value: isinstance(value, bool))
_DAYS = _must(
    f"a number of days from 1 to {HIDDEN_DAYS_MAX}",
    lambda value: type(value) is int and 1 <= value <= HIDDEN_DAYS_MAX,
)
_AGENCY_ID = _form(
    "a URI, like https://agency.example.nl", rf"[a-z][a-z0-9+.-]{{1,30}}:{_URI}{{1,220}}"
)
_OFFICER_ID = _form("1 to 128 printable ASCII characters", "[!-~]([ -~]{0,126}[!-~])?")
_USE_ID = _form("a URI or a short name, like address-check", rf"[A-Za-z0-9]{_URI}{{0,199}}")
_FIELD_ID = _form("a field id, like identity.birth_date", rf"{_FIELD_PART}(\.{_FIELD_PART}){{1,4}}")
_HTTPS = _form(
    "an https URL", rf"https://[A-Za-z0-9.-]{{1,253}}(:[0-9]{{1,5}})?([/?#]{_URI}{{0,500}})?"
)
_EMAIL = _form(
    "an e-mail address",
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,185}\.[A-Za-z]{2,63}",
)
_PHONE = _form("a phone number in digits and spaces, like +32 2 123 45 67", r"\+?[0-9][0-9 ]{1,23}")
_COUNTRY = _form("an ISO 3166 country code of two capitals, like NL", "[A-Z]{2}")
_RETENTION = _form(
    "an ISO 8601 duration of whole days, like P1Y or P30D",
    "P([0-9]{1,4}W|(?=[0-9])([0-9]{1,4}Y)?([0-9]{1,4}M)?([0-9]{1,4}D)?)",
)


@dataclass(frozen=True, slots=True)
class Texts(Generic[T]):
    """One text for each of `LANGUAGES`."""

    nl: T
    fr: T
    de: T
    en: T

    def __getitem__(self, language: str) -> T:
        text: T = getattr(self, language)
        return text


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a citizen reaches the agency."""

    email: Annotated[str, _EMAIL]
    phone: Annotated[str | None, _PHONE] = None
    url: Annotated[str | None, _HTTPS] = None


@dataclass(frozen=True, slots=True)
class Authority:
    """The data protection authority where a citizen complains about the agency."""

    name: _NAME
    country: Annotated[str, _COUNTRY]
    url: Annotated[str | None, _HTTPS] = None
    email: Annotated[str | None, _EMAIL] = None


@dataclass(frozen=True)
class KeySet:
    """The agency's JWK Set: public keys for signing, each under another `kid`."""

    keys: Annotated[tuple[Annotated[Document, PlainValidator(_signing_key)], ...], _list(1, 8)]

    def __post_init__(self) -> None:
        _ = self.parsed

    @cached_property
    def parsed(self) -> tuple[PublicJwk, ...]:
        try:
            return parse_jwks({"keys": [*self.keys]})
        except Malformed:
            raise _wrong("must give each of its keys another kid") from None


@dataclass(frozen=True, kw_only=True)
class _Party:
    """Whoever signs in with a registered key; its `id` is also its OAuth client id."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # and so of all that stands in it
    id: Annotated[str, _AGENCY_ID]
    names: Texts[_NAME]
    key_set: Annotated[KeySet, Field(alias="jwks")]

    @property
    def jwks(self) -> tuple[PublicJwk, ...]:
        return self.key_set.parsed


@dataclass(frozen=True, kw_only=True)
class Auditor(_Party):
    """Who may read the whole log, and no value."""

    @property
    def document(self) -> Document:
        return _write(_AUDITOR, self)


@dataclass(frozen=True, kw_only=True)
class Agency(_Party):
    """A registered agency, which has intended uses."""

    contact: Contact
    authority: Annotated[Authority, Field(alias="data_protection_authority")]
    officer_required: Annotated[bool, _FLAG] = False

    @property
    def document(self) -> Document:
        return _write(_AGENCY, self)


@dataclass(frozen=True, kw_only=True)
class Invited:
    """Who may become an officer: a person that acts for an agency or auditor in the pages."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    id: Annotated[str, _OFFICER_ID]
    name: Annotated[str, _NAME]
    party: Annotated[str, _AGENCY_ID]
    role: Annotated[str, _form("agency or auditor", "agency|auditor")]

    @property
    def document(self) -> Document:
        return _write(_INVITED, self)


@dataclass(frozen=True, kw_only=True)
class Officer(Invited):
    """An officer with a passkey: its WebAuthn credential id, and its public key in COSE."""

    credential_id: Annotated[bytes, _binary(CREDENTIAL_BYTES_MAX), PlainSerializer(b64u)]
    public_key: Annotated[bytes, _binary(PUBLIC_KEY_BYTES_MAX), PlainSerializer(b64u)]

    @property
    def document(self) -> Document:
        return _write(_OFFICER, self)


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """`consent`, or the `law` whose reference makes the use mandatory."""

    kind: Annotated[str, SkipValidation]
    reference: Annotated[str | None, _ONE_LINE, _text(TEXT_CHARACTERS_MAX)] = None

    def __post_init__(self) -> None:
        law = None if self.reference is None else self.reference.casefold()
        named = law not in {None, "consent"}
        if not (self.kind == "law" and named) and not (self.kind == "consent" and law is None):
            forms = '{"kind": "consent"} or {"kind": "law", "reference": the law\'s name}'
            raise _wrong(f"must be {forms}")


@dataclass(frozen=True, slots=True)
class UseField:
    """One catalogue field of a use, whether the use needs it, and why."""

    id: Annotated[str, _FIELD_ID]
    mandatory: Annotated[bool, _FLAG]
    why: Texts[_TEXT]


@dataclass(frozen=True, slots=True)
class HiddenReads:
    """The right to read, under a grant, without the citizen seeing it for so many days at most."""

    legal_basis: Annotated[str, _ONE_LINE, _text(TEXT_CHARACTERS_MAX)]
    days_max: Annotated[int, _DAYS]


@dataclass(frozen=True, kw_only=True)
class Use:
    """What an agency may ask for one purpose, as it registers it."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # and so of all that stands in it
    id: Annotated[str, _USE_ID]
    purpose: Texts[_TEXT]
    legal_basis: LegalBasis
    fields: Annotated[tuple[UseField, ...], _list(1, FIELDS_MAX), AfterValidator(_distinct)]
    consequence: Texts[_TEXT]
    retention: Annotated[str, _RETENTION]
    privacy_policy: Annotated[str, _HTTPS]
    hidden_reads: HiddenReads | None = None

    def __post_init__(self) -> None:
        if self.hidden_reads is not None and self.legal_basis.kind != "law":
            raise _wrong("is for a use that is based on a law", "hidden_reads")


@dataclass(frozen=True, kw_only=True)
class IntendedUse(Use):
    """A registered use of one agency. Never edited: revoked and replaced."""

    agency_id: Annotated[str, _AGENCY_ID]

    @property
    def legal_basis_text(self) -> str:
        """`consent`, or the reference of the law."""
        return self.legal_basis.reference or self.legal_basis.kind

    @property
    def document(self) -> Document:
        return _write(_USE, self)


@dataclass(frozen=True, kw_only=True)
class _Handed(Agency):
    """All that an agency hands in: itself and its uses."""

    intended_uses: Annotated[tuple[Use, ...], _list(1, USES_MAX), AfterValidator(_distinct)]


@dataclass(frozen=True, slots=True)
class Registration:
    """One agency and the uses it registers with it."""

    agency: Agency
    uses: tuple[IntendedUse, ...]


_HANDED, _AGENCY, _USE = TypeAdapter(_Handed), TypeAdapter(Agency), TypeAdapter(IntendedUse)
_AUDITOR, _INVITED, _OFFICER = TypeAdapter(Auditor), TypeAdapter(Invited), TypeAdapter(Officer)


def parse_registration(document: object, known_fields: Collection[str]) -> Registration:
    """Reads what an agency hands in, as parsed JSON; raises `BadRegistration`.

    `known_fields` are the field ids of the catalogue.
    """
    parts = dict(vars(_read(_HANDED, document)))
    handed = parts.pop("intended_uses")
    agency = Agency(**parts)
    uses = tuple(IntendedUse(agency_id=agency.id, **vars(use)) for use in handed)
    for number, use in enumerate(uses):
        for index, used in enumerate(use.fields):
            if used.id not in known_fields:
                place = f"intended_uses[{number}].fields[{index}].id"
                raise BadRegistration(place, "is not a field of the catalogue")
    return Registration(agency, uses)


def auditor_from_document(document: object) -> Auditor:
    """The auditor that a document holds, as handed in or stored; raises `BadRegistration`."""
    return _read(_AUDITOR, document)


def agency_from_document(document: object) -> Agency:
    """The agency that a stored `Agency.document` holds; raises `BadRegistration`."""
    return _read(_AGENCY, document)


def invited_from_document(document: object) -> Invited:
    """Who is invited, as a document has it; raises `BadRegistration`."""
    return _read(_INVITED, document)


def officer_from_document(document: object) -> Officer:
    """The officer that a document holds; raises `BadRegistration`."""
    return _read(_OFFICER, document)


def use_from_document(document: object) -> IntendedUse:
    """The use that a stored `IntendedUse.document` holds; raises `BadRegistration`."""
    return _read(_USE, document)


def _read(shape: TypeAdapter[T], document: object) -> T:
    try:
        return shape.validate_python(document)
    except ValidationError as refused:
        fault = refused.errors(include_url=False, include_context=False, include_input=False)[0]
    # Raised out here: no traceback leads to pydantic's error, which holds what was sent.
    place, why = list(fault["loc"]), _REASONS.get(fault["type"], fault["msg"])
    if fault["type"] == "invalid_key" or (place and not _NAME_OF_KEY.fullmatch(str(place[-1]))):
        place.pop()  # a key is named only where it can be no more than a slip of the pen
        why = _UNKNOWN_KEY
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    raise BadRegistration("".join(steps).removeprefix("."), why)


def _write(shape: TypeAdapter[T], value: T) -> Document:
    written: Document = shape.dump_python(value, mode="json", by_alias=True, exclude_none=True)
    return written
