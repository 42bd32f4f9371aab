"""What an agency registers before it may ask for anything (the shape of EU TS5 WalletRelyingParty).

An `Agency` or `IntendedUse` exists only if its registration is whole: every key is known, every
text is there in four languages, nothing exceeds its maximum, every field is of the catalogue. Each
carries the `document` that the registry stores, defaults filled in; reading that document back
passes the same checks. A refusal names the place: `intended_uses[0].fields[2].why.nl`.
"""

import copy
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from consent.errors import BadRegistration
from crypto.errors import Malformed
from crypto.jose import PublicJwk, parse_jwk, parse_jwks

LANGUAGES = ("nl", "fr", "de", "en")
NAME_CHARACTERS_MAX = 120
TEXT_CHARACTERS_MAX = 600
USES_MAX = 100
FIELDS_MAX = 100

Texts = Mapping[str, str]  # one text for each of LANGUAGES
Document = dict[str, Any]

_URI = r"A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-"
_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")
_AGENCY_ID = re.compile(rf"[a-z][a-z0-9+.-]{{1,30}}:[{_URI}]{{1,220}}")
_USE_ID = re.compile(rf"[A-Za-z0-9][{_URI}]{{0,199}}")
_FIELD_ID = re.compile(r"[a-z][a-z0-9_]{0,63}(\.[a-z][a-z0-9_]{0,63}){1,4}")
_HTTPS = re.compile(rf"https://[A-Za-z0-9.-]{{1,253}}(:[0-9]{{1,5}})?([/?#][{_URI}]{{0,500}})?")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,185}\.[A-Za-z]{2,63}")
_PHONE = re.compile(r"\+?[0-9][0-9 ]{1,23}")
_KEY_ID = re.compile(r"[!-~]{1,256}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_RETENTION = re.compile(r"P([0-9]{1,4}W|(?=[0-9])([0-9]{1,4}Y)?([0-9]{1,4}M)?([0-9]{1,4}D)?)")
_FRENCH_SPACES = str.maketrans("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}", "  ")

_AGENCY_KEYS = ("id", "names", "contact", "data_protection_authority", "jwks")
_AGENCY_OPTIONAL_KEYS = ("officer_required", "hidden_reads")
_USE_REST = ("consequence", "retention", "privacy_policy")
_USE_KEYS = ("id", "purpose", "legal_basis", "fields", *_USE_REST)
_JWK_KEYS = ("kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops")


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a citizen reaches the agency."""

    email: str
    phone: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class Authority:
    """The data protection authority where a citizen complains about the agency."""

    name: str
    country: str
    url: str | None
    email: str | None


@dataclass(frozen=True, slots=True)
class Agency:
    """A registered agency; its `id` is also its OAuth client id."""

    id: str
    names: Texts
    contact: Contact
    authority: Authority
    jwks: tuple[PublicJwk, ...]
    officer_required: bool
    hidden_reads: tuple[str, ...]
    document: Document = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """`consent`, or the `law` whose reference makes the use mandatory."""

    kind: str
    reference: str | None


@dataclass(frozen=True, slots=True)
class UseField:
    """One catalogue field of a use, whether the use needs it, and why."""

    id: str
    mandatory: bool
    why: Texts


@dataclass(frozen=True, slots=True)
class IntendedUse:
    """What one agency may ask for one purpose. Never edited: revoked and replaced."""

    id: str
    agency_id: str
    purpose: Texts
    legal_basis: LegalBasis
    fields: tuple[UseField, ...]
    consequence: Texts
    retention: str
    privacy_policy: str
    document: Document = field(repr=False, compare=False)

    @property
    def legal_basis_text(self) -> str:
        """`consent`, or the reference of the law."""
        return self.legal_basis.reference or self.legal_basis.kind


@dataclass(frozen=True, slots=True)
class Registration:
    """One agency and the uses it registers with it."""

    agency: Agency
    uses: tuple[IntendedUse, ...]


def parse_registration(document: object, known_fields: Collection[str]) -> Registration:
    """Reads what an agency hands in, as parsed JSON; raises `BadRegistration`.

    `known_fields` are the field ids of the catalogue.
    """
    at = _At("", document).keys((*_AGENCY_KEYS, "intended_uses"), _AGENCY_OPTIONAL_KEYS)
    uses_at = at.pop("intended_uses").elements(1, USES_MAX)
    agency = _agency(at)
    uses = tuple(_use(agency.id, use_at.keys(_USE_KEYS)) for use_at in uses_at)
    _refuse_duplicates(uses_at, tuple(use.id for use in uses))
    for use_at, use in zip(uses_at, uses, strict=True):
        for index, used in enumerate(use.fields):
            if used.id not in known_fields:
                raise BadRegistration(
                    f"{use_at.path}.fields[{index}].id", "is not a field of the catalogue"
                )
    lawful = {use.id for use in uses if use.legal_basis.kind == "law"}
    for index, use_id in enumerate(agency.hidden_reads):
        if use_id not in lawful:
            raise BadRegistration(
                f"hidden_reads[{index}]", "must be the id of an intended use here, based on a law"
            )
    return Registration(agency, uses)


def agency_from_document(document: object) -> Agency:
    """The agency that a stored `Agency.document` holds; raises `BadRegistration`."""
    return _agency(_At("", document).keys(_AGENCY_KEYS, _AGENCY_OPTIONAL_KEYS))


def use_from_document(document: object) -> IntendedUse:
    """The use that a stored `IntendedUse.document` holds; raises `BadRegistration`."""
    at = _At("", document).keys((*_USE_KEYS, "agency_id"))
    return _use(_agency_id(at.pop("agency_id")), at)


def _agency(at: "dict[str, _At]") -> Agency:
    agency_id = _agency_id(at["id"])
    jwks = _jwks(at["jwks"])
    officer_required = at["officer_required"].flag() if "officer_required" in at else False
    hidden_at = at["hidden_reads"].elements(0, USES_MAX) if "hidden_reads" in at else []
    hidden_reads = tuple(_use_id(use_at) for use_at in hidden_at)
    _refuse_duplicates(hidden_at, hidden_reads)
    return Agency(
        id=agency_id,
        names=at["names"].texts(NAME_CHARACTERS_MAX),
        contact=_contact(at["contact"].keys(("email",), ("phone", "url"))),
        authority=_authority(
            at["data_protection_authority"].keys(("name", "country"), ("url", "email"))
        ),
        jwks=jwks,
        officer_required=officer_required,
        hidden_reads=hidden_reads,
        document=_document(at)
        | {
            # A JWK may carry members of other standards (RFC 7517 §4): they are not kept.
            "jwks": {"keys": [_kept_members(jwk) for jwk in at["jwks"].value["keys"]]},
            "officer_required": officer_required,
            "hidden_reads": list(hidden_reads),
        },
    )


def _use(agency_id: str, at: "dict[str, _At]") -> IntendedUse:
    fields_at = at["fields"].elements(1, FIELDS_MAX)
    fields = tuple(_field(one.keys(("id", "mandatory", "why"))) for one in fields_at)
    _refuse_duplicates(fields_at, tuple(one.id for one in fields))
    return IntendedUse(
        id=_use_id(at["id"]),
        agency_id=agency_id,
        purpose=at["purpose"].texts(),
        legal_basis=_legal_basis(at["legal_basis"]),
        fields=fields,
        consequence=at["consequence"].texts(),
        retention=at["retention"].match(
            _RETENTION, "an ISO 8601 duration of whole days, like P1Y or P30D"
        ),
        privacy_policy=_https(at["privacy_policy"]),
        document=_document(at) | {"agency_id": agency_id},
    )


def _field(at: "dict[str, _At]") -> UseField:
    return UseField(
        id=at["id"].match(_FIELD_ID, "a field id, like identity.birth_date"),
        mandatory=at["mandatory"].flag(),
        why=at["why"].texts(),
    )


def _legal_basis(at: "_At") -> LegalBasis:
    parts = at.keys(("kind",), ("reference",))
    kind = parts["kind"].value
    if kind == "consent" and "reference" not in parts:
        return LegalBasis("consent", None)
    if kind == "law" and "reference" in parts:
        reference = parts["reference"].text(TEXT_CHARACTERS_MAX)
        if reference.casefold() != "consent":
            return LegalBasis("law", reference)
    raise at.wrong('must be {"kind": "consent"} or {"kind": "law", "reference": the law\'s name}')


def _contact(at: "dict[str, _At]") -> Contact:
    return Contact(
        email=_email(at["email"]),
        phone=at["phone"].match(_PHONE, "a phone number in digits and spaces, like +32 2 123 45 67")
        if "phone" in at
        else None,
        url=_https(at["url"]) if "url" in at else None,
    )


def _authority(at: "dict[str, _At]") -> Authority:
    return Authority(
        name=at["name"].text(NAME_CHARACTERS_MAX),
        country=at["country"].match(_COUNTRY, "an ISO 3166 country code of two capitals, like NL"),
        url=_https(at["url"]) if "url" in at else None,
        email=_email(at["email"]) if "email" in at else None,
    )


def _jwks(at: "_At") -> tuple[PublicJwk, ...]:
    keys_at = at.keys(("keys",))["keys"].elements(1, 8)
    for key_at in keys_at:
        if isinstance(key_at.value, dict) and "kid" in key_at.value:
            key_at.keys(("kid",), tuple(key_at.value))["kid"].match(_KEY_ID, "printable ASCII")
        try:
            parse_jwk(key_at.value)
        except Malformed:
            raise key_at.wrong(
                "must be a public signing key: EC P-256, RSA of 2048 to 4096 bits, or Ed25519"
            ) from None
    try:
        return parse_jwks(at.value)
    except Malformed:
        raise at.wrong("must give each of its keys another kid") from None


def _kept_members(jwk: Document) -> Document:
    return {name: jwk[name] for name in _JWK_KEYS if name in jwk}


def _document(at: "dict[str, _At]") -> Document:
    # A copy, so that what the caller does to its own objects changes nothing here.
    return {name: copy.deepcopy(one.value) for name, one in at.items()}


def _refuse_duplicates(places: "list[_At]", ids: tuple[str, ...]) -> None:
    for index, one in enumerate(ids):
        if one in ids[:index]:
            raise places[index].wrong("has an id that stands here before")


def _agency_id(at: "_At") -> str:
    return at.match(_AGENCY_ID, "a URI, like https://agency.example.nl")


def _use_id(at: "_At") -> str:
    return at.match(_USE_ID, "a URI or a short name, like address-check")


def _https(at: "_At") -> str:
    return at.match(_HTTPS, "an https URL")


def _email(at: "_At") -> str:
    return at.match(_EMAIL, "an e-mail address")


@dataclass(frozen=True, slots=True)
class _At:
    """A JSON value and the path of the place it stands at."""

    path: str
    value: Any

    def wrong(self, why: str) -> BadRegistration:
        return BadRegistration(self.path, why)

    def keys(self, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> "dict[str, _At]":
        """The places in an object that has all the required keys and no unknown ones."""
        if not isinstance(self.value, dict):
            raise self.wrong("must be an object")
        for name in self.value:
            if name not in (*required, *optional):
                # The name is named only where it can be no more than a slip of the pen.
                if isinstance(name, str) and _KEY.fullmatch(name):
                    raise self._under(name).wrong("is an unknown key")
                raise self.wrong("has an unknown key")
        for name in required:
            if name not in self.value:
                raise self._under(name).wrong("is missing")
        return {name: self._under(name) for name in self.value}

    def elements(self, least: int, most: int) -> "list[_At]":
        if not isinstance(self.value, list) or not least <= len(self.value) <= most:
            raise self.wrong(f"must be a list of {least} to {most}")
        return [_At(f"{self.path}[{index}]", one) for index, one in enumerate(self.value)]

    def texts(self, characters_max: int = TEXT_CHARACTERS_MAX) -> Texts:
        at = self.keys(LANGUAGES)
        return MappingProxyType({name: at[name].text(characters_max) for name in LANGUAGES})

    def text(self, characters_max: int) -> str:
        """Text of one line, without control or direction characters that could disguise it."""
        text = self.value
        if not isinstance(text, str) or not 1 <= len(text) <= characters_max:
            raise self.wrong(f"must be text of 1 to {characters_max} characters")
        if text != text.strip() or not text.translate(_FRENCH_SPACES).isprintable():
            raise self.wrong("must be one line of text without spaces around it")
        return text

    def match(self, pattern: re.Pattern[str], what: str) -> str:
        if not isinstance(self.value, str) or not pattern.fullmatch(self.value):
            raise self.wrong(f"must be {what}")
        return self.value

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("must be true or false")
        return self.value

    def _under(self, name: str) -> "_At":
        return _At(f"{self.path}.{name}" if self.path else name, self.value.get(name))
