"""A registration is whole or refused, and a refusal names the place."""

import copy
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from catalogue.errors import BadRegistration
from catalogue.kinds import LANGUAGES
from catalogue.registration import (
    CREDENTIAL_BYTES_MAX,
    FIELDS_MAX,
    PUBLIC_KEY_BYTES_MAX,
    USES_MAX,
    Authority,
    Contact,
    HiddenReads,
    LegalBasis,
    agency_from_document,
    auditor_from_document,
    invited_from_document,
    officer_from_document,
    parse_registration,
    use_from_document,
)
from catalogue.shapes import HIDDEN_DAYS_MAX, NAME_CHARACTERS_MAX, TEXT_CHARACTERS_MAX
from crypto import jose
from crypto.encoding import b64u, canonical_json, parse_json

Document = dict[str, Any]

KEY = jose.public_jwk(jose.generate_key())
NO_DAYS = (0, -1, HIDDEN_DAYS_MAX + 1, 2**60, 1.5, "90", True, None)
KNOWN_FIELDS = frozenset({"identity.given_name", "identity.birth_date", "address.home"})


def _texts(text: str) -> Document:
    return {language: f"{text} ({language})" for language in LANGUAGES}


def _document() -> Document:
    """A registration that says everything that can be said."""
    return {
        "id": "https://agency.example.be",
        "names": _texts("Agency"),
        "contact": {
            "email": "privacy@agency.example.be",
            "phone": "+32 2 123 45 67",
            "url": "https://agency.example.be/contact",
        },
        "data_protection_authority": {
            "name": "Gegevensbeschermingsautoriteit",
            "country": "BE",
            "url": "https://www.gegevensbeschermingsautoriteit.be/",
            "email": "contact@apd-gba.be",
        },
        "jwks": {"keys": [KEY]},
        "officer_required": True,
        "intended_uses": [
            {
                "id": "move-house",
                "purpose": _texts("Register a new address"),
                "legal_basis": {"kind": "consent"},
                "fields": [
                    {"id": "identity.given_name", "mandatory": True, "why": _texts("Who")},
                    {"id": "address.home", "mandatory": False, "why": _texts("From where")},
                ],
                "consequence": _texts("You bring papers"),
                "retention": "P1Y",
                "privacy_policy": "https://agency.example.be/privacy?lang=nl#top",
            },
            {
                "id": "urn:example:fraud",
                "purpose": _texts("Look into fraud"),
                "legal_basis": {"kind": "law", "reference": "Wet van 8 augustus 1983, art. 5"},
                "fields": [{"id": "identity.birth_date", "mandatory": True, "why": _texts("Age")}],
                "consequence": _texts("The law asks for it"),
                "retention": "P30D",
                "privacy_policy": "https://agency.example.be/privacy",
                "hidden_reads": {"legal_basis": "Wetboek, art. 126nd", "days_max": 90},
            },
        ],
    }


def _refused(change: Callable[[Document], object], path: str) -> BadRegistration:
    document = _document()
    change(document)
    with pytest.raises(BadRegistration) as caught:
        parse_registration(document, KNOWN_FIELDS)
    assert caught.value.path == path
    assert caught.value.code == "bad_registration"
    assert "None" not in caught.value.why
    return caught.value


def _set(document: Document, path: str, value: Any) -> None:
    """Sets what stands at a path like `intended_uses.0.id`; `...` removes it."""
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = document
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value


def test_a_whole_registration_is_read() -> None:
    registration = parse_registration(_document(), KNOWN_FIELDS)
    agency = registration.agency
    assert agency.id == "https://agency.example.be"
    assert agency.names["nl"] == "Agency (nl)"
    assert agency.contact == Contact(
        "privacy@agency.example.be", "+32 2 123 45 67", "https://agency.example.be/contact"
    )
    assert agency.authority == Authority(
        "Gegevensbeschermingsautoriteit",
        "BE",
        "https://www.gegevensbeschermingsautoriteit.be/",
        "contact@apd-gba.be",
    )
    assert [key.thumbprint for key in agency.jwks] == [KEY["kid"]]
    assert agency.officer_required
    move, fraud = registration.uses
    assert move.hidden_reads is None
    assert fraud.hidden_reads == HiddenReads("Wetboek, art. 126nd", 90)
    assert move.agency_id == fraud.agency_id == agency.id
    assert move.purpose["de"] == "Register a new address (de)"
    assert [(used.id, used.mandatory) for used in move.fields] == [
        ("identity.given_name", True),
        ("address.home", False),
    ]
    assert move.fields[1].why["fr"] == "From where (fr)"
    assert move.retention == "P1Y"
    assert move.legal_basis == LegalBasis("consent", None)
    assert move.legal_basis_text == "consent"
    assert fraud.legal_basis_text == "Wet van 8 augustus 1983, art. 5"


def test_defaults_are_no_officer_and_no_hidden_reads() -> None:
    document = _document()
    for path in (
        "officer_required",
        "intended_uses.1.hidden_reads",
        "contact.phone",
        "contact.url",
        "data_protection_authority.url",
        "data_protection_authority.email",
    ):
        _set(document, path, ...)
    registration = parse_registration(document, KNOWN_FIELDS)
    agency = registration.agency
    assert not agency.officer_required
    assert {use.hidden_reads for use in registration.uses} == {None}
    assert all("hidden_reads" not in use.document for use in registration.uses)
    assert agency.contact.phone is agency.contact.url is None
    assert agency.authority.url is agency.authority.email is None
    assert agency.document["officer_required"] is False


def test_stored_documents_give_the_same_agency_and_uses() -> None:
    registration = parse_registration(_document(), KNOWN_FIELDS)
    agency, uses = registration.agency, registration.uses
    stored = parse_json(canonical_json(agency.document))
    assert agency_from_document(stored) == agency
    assert agency_from_document(stored).document == agency.document
    assert "intended_uses" not in stored
    for use in uses:
        stored = parse_json(canonical_json(use.document))
        assert stored["agency_id"] == agency.id
        assert use_from_document(stored) == use
        assert use_from_document(stored).document == use.document


def test_a_stored_document_passes_the_same_checks() -> None:
    registration = parse_registration(_document(), KNOWN_FIELDS)
    agencies: list[Any] = [None, [], {}, {**registration.agency.document, "extra": 1}]
    for bad in agencies:
        with pytest.raises(BadRegistration):
            agency_from_document(bad)
    use = registration.uses[0].document
    uses: list[Any] = [None, {}, {**use, "extra": 1}, {**use, "agency_id": "x"}, _document()]
    for bad in uses:
        with pytest.raises(BadRegistration):
            use_from_document(bad)


def test_a_field_that_leaves_the_catalogue_does_not_break_stored_uses() -> None:
    use = parse_registration(_document(), KNOWN_FIELDS).uses[0]
    renamed = copy.deepcopy(use.document)
    renamed["fields"][0]["id"] = "identity.of_long_ago"
    assert use_from_document(renamed).fields[0].id == "identity.of_long_ago"


AUDITOR = {"id": "https://auditor.example", "names": _texts("Auditor"), "jwks": {"keys": [KEY]}}
INVITED = {
    "id": "j.jansen",
    "name": "Jo Jansen",
    "party": "https://agency.example.be",
    "role": "agency",
}
OFFICER = {**INVITED, "credential_id": b64u(b"credential"), "public_key": b64u(b"key")}
READERS: list[tuple[Callable[[object], Any], Document]] = [
    (auditor_from_document, AUDITOR),
    (invited_from_document, INVITED),
    (officer_from_document, OFFICER),
]


@pytest.mark.parametrize(("read", "document"), READERS)
def test_an_auditor_and_an_officer_read_back_as_they_were_written(
    read: Callable[[object], Any], document: Document
) -> None:
    found = read(parse_json(canonical_json(document)))
    assert found.document == document
    assert read(found.document) == found
    others: list[Any] = [None, [], {}, {**document, "extra": 1}, {**document, "id": ""}]
    for bad in others:
        with pytest.raises(BadRegistration):
            read(bad)


@pytest.mark.parametrize(
    ("member", "most"),
    [("credential_id", CREDENTIAL_BYTES_MAX), ("public_key", PUBLIC_KEY_BYTES_MAX)],
)
def test_the_two_parts_of_a_passkey_are_bytes_up_to_a_most(member: str, most: int) -> None:
    for length in (1, most):
        officer = officer_from_document({**OFFICER, member: b64u(bytes(length))})
        assert getattr(officer, member) == bytes(length)
    others: list[Any] = [b64u(bytes(most + 1)), "", "AA==", "no base64", b"AA", None, 5]
    for bad in others:
        with pytest.raises(BadRegistration) as refused:
            officer_from_document({**OFFICER, member: bad})
        assert str(refused.value) == f"{member}: must be 1 to {most} bytes in base64url"


def test_what_the_caller_changes_later_changes_nothing_here() -> None:
    document = _document()
    registration = parse_registration(document, KNOWN_FIELDS)
    before = canonical_json(registration.agency.document)
    document["names"]["nl"] = "Other"
    document["jwks"]["keys"].clear()
    document["intended_uses"][0]["fields"].clear()
    assert canonical_json(registration.agency.document) == before
    assert len(registration.uses[0].document["fields"]) == 2
    assert registration.agency.names["nl"] == "Agency (nl)"


def test_what_the_caller_changes_in_a_key_later_changes_nothing_here() -> None:
    document = _document()
    operations = ["verify"]
    key = {**document["jwks"]["keys"][0], "key_ops": operations}
    document["jwks"] = {"keys": [key]}
    agency = parse_registration(document, KNOWN_FIELDS).agency
    operations.append("sign")
    assert agency.document["jwks"]["keys"][0]["key_ops"] == ["verify"]


def test_values_are_frozen() -> None:
    agency = parse_registration(_document(), KNOWN_FIELDS).agency
    with pytest.raises(FrozenInstanceError):
        agency.id = "https://other.example"  # type: ignore[misc]
    with pytest.raises(TypeError):
        agency.names["nl"] = "Other"  # type: ignore[index]


def test_members_of_a_key_that_nothing_here_uses_are_not_kept() -> None:
    document = _document()
    document["jwks"]["keys"][0] = {**KEY, "x5t": "x" * 10_000, "nested": {"float": 1.5}}
    agency = parse_registration(document, KNOWN_FIELDS).agency
    assert agency.document["jwks"] == {"keys": [KEY]}
    assert canonical_json(agency.document)


@pytest.mark.parametrize("document", [None, [], "x", 5, True])
def test_a_registration_is_an_object(document: object) -> None:
    with pytest.raises(BadRegistration) as caught:
        parse_registration(document, KNOWN_FIELDS)
    assert str(caught.value) == "the document: must be an object"


REQUIRED = [
    "id",
    "names",
    "names.nl",
    "names.fr",
    "names.de",
    "names.en",
    "contact",
    "contact.email",
    "data_protection_authority",
    "data_protection_authority.name",
    "data_protection_authority.country",
    "jwks",
    "jwks.keys",
    "intended_uses",
    "intended_uses.0.id",
    "intended_uses.0.purpose",
    "intended_uses.0.purpose.de",
    "intended_uses.0.legal_basis",
    "intended_uses.0.legal_basis.kind",
    "intended_uses.0.fields",
    "intended_uses.0.fields.1.id",
    "intended_uses.0.fields.1.mandatory",
    "intended_uses.0.fields.1.why",
    "intended_uses.0.fields.1.why.fr",
    "intended_uses.0.consequence",
    "intended_uses.0.consequence.en",
    "intended_uses.0.retention",
    "intended_uses.0.privacy_policy",
]


def _shown(path: str) -> str:
    """`intended_uses.0.id` as an error shows it."""
    return "".join(f"[{s}]" if s.isdigit() else f".{s}" for s in path.split(".")).removeprefix(".")


@pytest.mark.parametrize("path", REQUIRED)
def test_what_is_required_is_missed_by_name(path: str) -> None:
    error = _refused(lambda document: _set(document, path, ...), _shown(path))
    assert error.why == "is missing"


@pytest.mark.parametrize("path", [*REQUIRED, "contact.phone", "contact.url", "officer_required"])
@pytest.mark.parametrize("value", [None, 5, 1.5, "\0", [None], {"x": 1}])
def test_nothing_of_another_type_passes(path: str, value: Any) -> None:
    document = _document()
    _set(document, path, value)
    with pytest.raises(BadRegistration) as caught:
        parse_registration(document, KNOWN_FIELDS)
    within = caught.value.path.startswith(_shown(path))
    # A legal basis is judged as a whole.
    assert within or caught.value.path == "intended_uses[0].legal_basis"


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "names.",
        "contact.",
        "data_protection_authority.",
        "jwks.",
        "intended_uses.0.",
        "intended_uses.0.legal_basis.",
        "intended_uses.0.fields.0.",
        "intended_uses.0.fields.0.why.",
    ],
)
def test_unknown_keys_are_refused_by_name(parent: str) -> None:
    error = _refused(
        lambda document: _set(document, f"{parent}colour", "red"), _shown(f"{parent}colour")
    )
    assert error.why == "is an unknown key"


@pytest.mark.parametrize("key", ["x" * 41, "canary canary", "\ud800", 5])
def test_an_unknown_key_that_is_no_name_is_not_repeated(key: Any) -> None:
    error = _refused(lambda document: document["contact"].update({key: 1}), "contact")
    assert error.why == "has an unknown key"


LONG_HOST = "https://" + "a" * 254

BAD_VALUES: list[tuple[str, Any]] = [
    ("id", ""),
    ("id", "agency"),
    ("id", "https://agency.example/a b"),
    ("id", "https://agency.example/<script>"),
    ("id", "https://agency.example/\n"),
    ("id", "https://" + "a" * 220),
    ("id", "HTTPS://agency.example"),
    ("names.nl", ""),
    ("names.nl", " "),
    ("names.nl", " Agency"),
    ("names.nl", "Agency\n"),
    ("names.nl", "Agency\nTwo"),
    ("names.nl", "Agency \N{RIGHT-TO-LEFT OVERRIDE}knaB"),
    ("names.nl", "Agen\N{ZERO WIDTH SPACE}cy"),
    ("names.nl", "Agency \ud800"),
    ("names.nl", "x" * (NAME_CHARACTERS_MAX + 1)),
    ("contact.email", "privacy"),
    ("contact.email", "a@b"),
    ("contact.email", "a b@agency.example"),
    ("contact.email", "a@agency.example>"),
    ("contact.email", "a@" + "b" * 300 + ".example"),
    ("contact.phone", "call us"),
    ("contact.phone", "+"),
    ("contact.phone", "+\N{ARABIC-INDIC DIGIT THREE} 2"),
    ("contact.phone", "1" * 26),
    ("contact.url", "http://agency.example"),
    ("contact.url", "javascript:alert(1)"),
    ("contact.url", 'https://agency.example/"onclick'),
    ("contact.url", "https://user@agency.example/"),
    ("contact.url", LONG_HOST),
    ("contact.url", "https://agency.example/" + "a" * 501),
    ("data_protection_authority.country", "be"),
    ("data_protection_authority.country", "BEL"),
    ("data_protection_authority.name", "x" * (NAME_CHARACTERS_MAX + 1)),
    ("data_protection_authority.url", "ftp://authority.example"),
    ("data_protection_authority.email", "authority"),
    ("officer_required", 1),
    ("officer_required", "true"),
    ("intended_uses", []),
    ("intended_uses.0.id", ""),
    ("intended_uses.0.id", "a b"),
    ("intended_uses.0.id", "-a"),
    ("intended_uses.0.id", "x" * 201),
    ("intended_uses.0.purpose.en", "x" * (TEXT_CHARACTERS_MAX + 1)),
    ("intended_uses.0.fields", []),
    ("intended_uses.0.fields.1.id", "address.home.away"),
    ("intended_uses.0.fields.1.id", "address"),
    ("intended_uses.0.fields.1.id", "Address.Home"),
    ("intended_uses.0.fields.1.mandatory", 0),
    ("intended_uses.0.fields.1.why.en", ""),
    ("intended_uses.0.consequence.en", "x" * (TEXT_CHARACTERS_MAX + 1)),
    ("intended_uses.0.retention", "P"),
    ("intended_uses.0.retention", "1Y"),
    ("intended_uses.0.retention", "P1"),
    ("intended_uses.0.retention", "PT1H"),
    ("intended_uses.0.retention", "P1D1Y"),
    ("intended_uses.0.retention", "P1W1D"),
    ("intended_uses.0.retention", "P-1D"),
    ("intended_uses.0.retention", "P1.5Y"),
    ("intended_uses.0.retention", "P10000Y"),
    ("intended_uses.0.retention", "P\N{ARABIC-INDIC DIGIT ONE}D"),
    ("intended_uses.0.retention", "one year"),
    ("intended_uses.0.privacy_policy", "http://agency.example/privacy"),
    ("intended_uses.0.privacy_policy", "agency.example/privacy"),
]


@pytest.mark.parametrize(("path", "value"), BAD_VALUES)
def test_a_bad_value_is_refused_where_it_stands(path: str, value: Any) -> None:
    error = _refused(lambda document: _set(document, path, value), _shown(path))
    assert error.why.startswith(("must ", "is not a field"))


def test_texts_and_lists_may_be_as_long_and_as_short_as_may_be() -> None:
    document = _document()
    document["names"] = dict(zip(LANGUAGES, ["x", "x" * NAME_CHARACTERS_MAX] * 2, strict=True))
    keys = [jose.public_jwk(jose.generate_key()) for _ in range(8)]
    document["jwks"] = {"keys": keys}
    move, fraud = document["intended_uses"]
    move["purpose"] = dict.fromkeys(LANGUAGES, "x" * TEXT_CHARACTERS_MAX)
    known = [f"address.f{n}" for n in range(FIELDS_MAX)]
    move["fields"] = [{**move["fields"][0], "id": field} for field in known]
    document["intended_uses"] = [move, *({**fraud, "id": f"use-{n}"} for n in range(USES_MAX - 1))]
    registration = parse_registration(document, KNOWN_FIELDS.union(known))
    assert registration.agency.document["names"] == document["names"]
    assert registration.agency.document["jwks"]["keys"] == keys
    assert registration.uses[0].document["fields"] == move["fields"]
    assert len(registration.uses) == USES_MAX


@pytest.mark.parametrize("retention", ["P1Y", "P30D", "P6M", "P2W", "P1Y6M10D", "P0D", "P9999Y"])
def test_a_retention_is_a_duration_of_whole_days(retention: str) -> None:
    document = _document()
    document["intended_uses"][0]["retention"] = retention
    assert parse_registration(document, KNOWN_FIELDS).uses[0].retention == retention


@pytest.mark.parametrize("phone", ["+32 2 123 45 67", "1700", "14 020", "02 123 45 67"])
def test_phone_numbers_may_be_short_or_national(phone: str) -> None:
    document = _document()
    document["contact"]["phone"] = phone
    assert parse_registration(document, KNOWN_FIELDS).agency.contact.phone == phone


def test_french_text_keeps_its_spaces() -> None:
    document = _document()
    text = "Pourquoi\N{NARROW NO-BREAK SPACE}? «\N{NO-BREAK SPACE}Parce que\N{NO-BREAK SPACE}»"
    document["intended_uses"][0]["purpose"]["fr"] = text
    assert parse_registration(document, KNOWN_FIELDS).uses[0].purpose["fr"] == text


def test_a_use_of_unknown_fields_is_refused() -> None:
    document = _document()
    with pytest.raises(BadRegistration) as caught:
        parse_registration(document, KNOWN_FIELDS - {"address.home"})
    assert str(caught.value) == ("intended_uses[0].fields[1].id: is not a field of the catalogue")


def test_an_id_stands_once() -> None:
    def same_use(document: Document) -> None:
        document["intended_uses"][1]["id"] = "move-house"

    def same_field(document: Document) -> None:
        document["intended_uses"][0]["fields"][1]["id"] = "identity.given_name"

    _refused(same_use, "intended_uses[1]")
    _refused(same_field, "intended_uses[0].fields[1]")


def test_only_a_use_that_a_law_asks_for_may_hide_its_reads() -> None:
    right = {"legal_basis": "Wetboek, art. 126nd", "days_max": 90}

    error = _refused(
        lambda document: document["intended_uses"][0].update(hidden_reads=right),
        "intended_uses[0].hidden_reads",
    )

    assert error.why == "is for a use that is based on a law"


@pytest.mark.parametrize(
    ("right", "place"),
    [
        ({"legal_basis": "Wet"}, ".days_max"),
        ({"days_max": 90}, ".legal_basis"),
        ({"legal_basis": "", "days_max": 90}, ".legal_basis"),
        *(({"legal_basis": "Wet", "days_max": days}, ".days_max") for days in NO_DAYS),
        ({"legal_basis": "Wet", "days_max": 90, "always": True}, ".always"),
        (["urn:example:fraud"], ""),
        (True, ""),
    ],
)
def test_the_right_to_hide_names_its_law_and_how_many_days_at_most(
    right: object, place: str
) -> None:
    _refused(
        lambda document: document["intended_uses"][1].update(hidden_reads=right),
        f"intended_uses[1].hidden_reads{place}",
    )


@pytest.mark.parametrize(
    "basis",
    [
        {"kind": "law"},
        {"kind": "consent", "reference": "Wet"},
        {"kind": "interest"},
        {"kind": "law", "reference": ""},
        {"kind": "law", "reference": "consent"},
        {"kind": "law", "reference": "Consent"},
        {"kind": "law", "reference": "x" * (TEXT_CHARACTERS_MAX + 1)},
        {"kind": ["law"]},
    ],
)
def test_a_legal_basis_is_consent_or_a_law_with_its_name(basis: Document) -> None:
    error = _refused(
        lambda document: _set(document, "intended_uses.0.legal_basis", basis),
        "intended_uses[0].legal_basis"
        + (
            ".reference" if len(basis.get("reference", "x")) in (0, TEXT_CHARACTERS_MAX + 1) else ""
        ),
    )
    assert "must be" in error.why


def test_lists_have_a_most() -> None:
    def many_uses(document: Document) -> None:
        use = document["intended_uses"][0]
        document["intended_uses"] = [{**use, "id": f"use-{n}"} for n in range(USES_MAX + 1)]

    def many_fields(document: Document) -> None:
        use = document["intended_uses"][0]
        use["fields"] = use["fields"][:1] * (FIELDS_MAX + 1)

    _refused(many_uses, "intended_uses")
    _refused(many_fields, "intended_uses[0].fields")


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ([], "jwks.keys"),
        ([KEY] * 9, "jwks.keys"),
        ([KEY, None], "jwks.keys[1]"),
        ([KEY, {"kty": "oct", "k": "AA"}], "jwks.keys[1]"),
        ([KEY, {**KEY, "d": "AA"}], "jwks.keys[1]"),
        ([{**KEY, "kty": []}], "jwks.keys[0]"),
        ([{**KEY, "kid": "a\ud800"}], "jwks.keys[0].kid"),
        ([{**KEY, "kid": ""}], "jwks.keys[0].kid"),
        ([KEY, KEY], "jwks"),
    ],
)
def test_keys_are_public_signing_keys_each_with_its_kid(keys: list[Any], path: str) -> None:
    _refused(lambda document: document["jwks"].update(keys=keys), path)


def test_a_private_key_is_not_in_the_error() -> None:
    private = jose.generate_key()
    error = _refused(lambda document: document["jwks"].update(keys=[private]), "jwks.keys[0]")
    assert private["d"] not in str(error)


def test_a_bad_value_is_not_in_the_error() -> None:
    error = _refused(lambda document: document.update(id="canary canary"), "id")
    assert str(error) == "id: must be a URI, like https://agency.example.nl"


def test_no_traceback_of_a_refusal_leads_to_what_was_sent() -> None:
    error = _refused(lambda document: document.update(names="canary"), "names")
    assert error.__context__ is error.__cause__ is None
