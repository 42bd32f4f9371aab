"""What an agency registers before it may ask for anything (the shape of EU TS5 WalletRelyingParty).

The classes are the document, member by member, and pydantic reads it into them: every key is known,
every text is there in four languages, nothing exceeds its maximum, no id stands twice. An `Agency`
and an `IntendedUse` give the `document` that the registry stores, defaults filled in; reading that
document back passes the same checks.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Generic, TypeVar

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SkipValidation,
    TypeAdapter,
)

from catalogue.documents import Document, read, write
from catalogue.errors import BadRegistration
from catalogue.shapes import (
    AGENCY_ID,
    COUNTRY,
    DAYS,
    EMAIL,
    FIELD_ID,
    FLAG,
    HTTPS,
    OFFICER_ID,
    ONE_LINE,
    PHONE,
    RETENTION,
    TEXT_CHARACTERS_MAX,
    USE_ID,
    Name,
    Text,
    binary,
    distinct,
    form,
    list_of,
    signing_key,
    text,
    wrong,
)
from crypto.encoding import b64u
from crypto.errors import Malformed
from crypto.jose import PublicJwk, parse_jwks

USES_MAX = 100
FIELDS_MAX = 100
CREDENTIAL_BYTES_MAX = 1023  # WebAuthn §4, credential id
PUBLIC_KEY_BYTES_MAX = 2048  # in COSE; of RSA with 4096 bits some 530

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Texts(Generic[T]):
    """One text for each of `catalogue.kinds.LANGUAGES`."""

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

    email: Annotated[str, EMAIL]
    phone: Annotated[str | None, PHONE] = None
    url: Annotated[str | None, HTTPS] = None


@dataclass(frozen=True, slots=True)
class Authority:
    """The data protection authority where a citizen complains about the agency."""

    name: Name
    country: Annotated[str, COUNTRY]
    url: Annotated[str | None, HTTPS] = None
    email: Annotated[str | None, EMAIL] = None


@dataclass(frozen=True)
class KeySet:
    """The agency's JWK Set: public keys for signing, each under another `kid`."""

    keys: Annotated[tuple[Annotated[Document, PlainValidator(signing_key)], ...], list_of(1, 8)]

    def __post_init__(self) -> None:
        _ = self.parsed

    @cached_property
    def parsed(self) -> tuple[PublicJwk, ...]:
        try:
            return parse_jwks({"keys": [*self.keys]})
        except Malformed:
            raise wrong("must give each of its keys another kid") from None


@dataclass(frozen=True, kw_only=True)
class _Party:
    """Whoever signs in with a registered key; its `id` is also its OAuth client id."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # and so of all that stands in it
    id: Annotated[str, AGENCY_ID]
    names: Texts[Name]
    key_set: Annotated[KeySet, Field(alias="jwks")]

    @property
    def jwks(self) -> tuple[PublicJwk, ...]:
        return self.key_set.parsed


@dataclass(frozen=True, kw_only=True)
class Auditor(_Party):
    """Who may read the whole log, and no value."""

    @property
    def document(self) -> Document:
        return write(_AUDITOR, self)


@dataclass(frozen=True, kw_only=True)
class Agency(_Party):
    """A registered agency, which has intended uses."""

    contact: Contact
    authority: Annotated[Authority, Field(alias="data_protection_authority")]
    officer_required: Annotated[bool, FLAG] = False

    @property
    def document(self) -> Document:
        return write(_AGENCY, self)


@dataclass(frozen=True, kw_only=True)
class Invited:
    """Who may become an officer: a person that acts for an agency or auditor in the pages."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    id: Annotated[str, OFFICER_ID]
    name: Annotated[str, Name]
    party: Annotated[str, AGENCY_ID]
    role: Annotated[str, form("agency or auditor", "agency|auditor")]

    @property
    def document(self) -> Document:
        return write(_INVITED, self)


@dataclass(frozen=True, kw_only=True)
class Officer(Invited):
    """An officer with a passkey: its WebAuthn credential id, and its public key in COSE."""

    credential_id: Annotated[bytes, binary(CREDENTIAL_BYTES_MAX), PlainSerializer(b64u)]
    public_key: Annotated[bytes, binary(PUBLIC_KEY_BYTES_MAX), PlainSerializer(b64u)]

    @property
    def document(self) -> Document:
        return write(_OFFICER, self)


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """`consent`, or the `law` whose reference makes the use mandatory."""

    kind: Annotated[str, SkipValidation]
    reference: Annotated[str | None, ONE_LINE, text(TEXT_CHARACTERS_MAX)] = None

    def __post_init__(self) -> None:
        law = None if self.reference is None else self.reference.casefold()
        named = law not in {None, "consent"}
        if not (self.kind == "law" and named) and not (self.kind == "consent" and law is None):
            forms = '{"kind": "consent"} or {"kind": "law", "reference": the law\'s name}'
            raise wrong(f"must be {forms}")


@dataclass(frozen=True, slots=True)
class UseField:
    """One catalogue field of a use, whether the use needs it, and why."""

    id: Annotated[str, FIELD_ID]
    mandatory: Annotated[bool, FLAG]
    why: Texts[Text]


@dataclass(frozen=True, slots=True)
class HiddenReads:
    """The right to read, under a grant, without the citizen seeing it for so many days at most."""

    legal_basis: Text
    days_max: Annotated[int, DAYS]


@dataclass(frozen=True, kw_only=True)
class Use:
    """What an agency may ask for one purpose, as it registers it."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # and so of all that stands in it
    id: Annotated[str, USE_ID]
    purpose: Texts[Text]
    legal_basis: LegalBasis
    fields: Annotated[tuple[UseField, ...], list_of(1, FIELDS_MAX), AfterValidator(distinct)]
    consequence: Texts[Text]
    retention: Annotated[str, RETENTION]
    privacy_policy: Annotated[str, HTTPS]
    hidden_reads: HiddenReads | None = None

    def __post_init__(self) -> None:
        if self.hidden_reads is not None and self.legal_basis.kind != "law":
            raise wrong("is for a use that is based on a law", "hidden_reads")


@dataclass(frozen=True, kw_only=True)
class IntendedUse(Use):
    """A registered use of one agency. Never edited: revoked and replaced."""

    agency_id: Annotated[str, AGENCY_ID]

    @property
    def legal_basis_text(self) -> str:
        """`consent`, or the reference of the law."""
        return self.legal_basis.reference or self.legal_basis.kind

    @property
    def document(self) -> Document:
        return write(_USE, self)


@dataclass(frozen=True, kw_only=True)
class _Handed(Agency):
    """All that an agency hands in: itself and its uses."""

    intended_uses: Annotated[tuple[Use, ...], list_of(1, USES_MAX), AfterValidator(distinct)]


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
    parts = dict(vars(read(_HANDED, document)))
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
    return read(_AUDITOR, document)


def agency_from_document(document: object) -> Agency:
    """The agency that a stored `Agency.document` holds; raises `BadRegistration`."""
    return read(_AGENCY, document)


def invited_from_document(document: object) -> Invited:
    """Who is invited, as a document has it; raises `BadRegistration`."""
    return read(_INVITED, document)


def officer_from_document(document: object) -> Officer:
    """The officer that a document holds; raises `BadRegistration`."""
    return read(_OFFICER, document)


def use_from_document(document: object) -> IntendedUse:
    """The use that a stored `IntendedUse.document` holds; raises `BadRegistration`."""
    return read(_USE, document)
