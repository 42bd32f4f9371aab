"""A registration is refused at the place that is wrong, and nothing of it comes back."""

from typing import Any

import pytest

from catalogue.errors import BadRegistration
from catalogue.kinds import LANGUAGES
from catalogue.registration import FIELDS_MAX, USES_MAX, parse_registration
from catalogue.shapes import NAME_CHARACTERS_MAX, TEXT_CHARACTERS_MAX
from crypto import jose
from tests.catalogue.registrations import (
    KEY,
    KNOWN_FIELDS,
    NO_DAYS,
    Document,
    put_at,
    refused_at,
    whole,
)


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
    error = refused_at(lambda document: put_at(document, path, ...), _shown(path))
    assert error.why == "is missing"


@pytest.mark.parametrize("path", [*REQUIRED, "contact.phone", "contact.url", "officer_required"])
@pytest.mark.parametrize("value", [None, 5, 1.5, "\0", [None], {"x": 1}])
def test_nothing_of_another_type_passes(path: str, value: Any) -> None:
    document = whole()
    put_at(document, path, value)
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
    error = refused_at(
        lambda document: put_at(document, f"{parent}colour", "red"), _shown(f"{parent}colour")
    )
    assert error.why == "is an unknown key"


@pytest.mark.parametrize("key", ["x" * 41, "canary canary", "\ud800", 5])
def test_an_unknown_key_that_is_no_name_is_not_repeated(key: Any) -> None:
    error = refused_at(lambda document: document["contact"].update({key: 1}), "contact")
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
    error = refused_at(lambda document: put_at(document, path, value), _shown(path))
    assert error.why.startswith(("must ", "is not a field"))


def test_texts_and_lists_may_be_as_long_and_as_short_as_may_be() -> None:
    document = whole()
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
    document = whole()
    document["intended_uses"][0]["retention"] = retention
    assert parse_registration(document, KNOWN_FIELDS).uses[0].retention == retention


@pytest.mark.parametrize("phone", ["+32 2 123 45 67", "1700", "14 020", "02 123 45 67"])
def test_phone_numbers_may_be_short_or_national(phone: str) -> None:
    document = whole()
    document["contact"]["phone"] = phone
    assert parse_registration(document, KNOWN_FIELDS).agency.contact.phone == phone


def test_french_text_keeps_its_spaces() -> None:
    document = whole()
    text = "Pourquoi\N{NARROW NO-BREAK SPACE}? «\N{NO-BREAK SPACE}Parce que\N{NO-BREAK SPACE}»"
    document["intended_uses"][0]["purpose"]["fr"] = text
    assert parse_registration(document, KNOWN_FIELDS).uses[0].purpose["fr"] == text


def test_a_use_of_unknown_fields_is_refused() -> None:
    document = whole()
    with pytest.raises(BadRegistration) as caught:
        parse_registration(document, KNOWN_FIELDS - {"address.home"})
    assert str(caught.value) == ("intended_uses[0].fields[1].id: is not a field of the catalogue")


def test_an_id_stands_once() -> None:
    def same_use(document: Document) -> None:
        document["intended_uses"][1]["id"] = "move-house"

    def same_field(document: Document) -> None:
        document["intended_uses"][0]["fields"][1]["id"] = "identity.given_name"

    refused_at(same_use, "intended_uses[1]")
    refused_at(same_field, "intended_uses[0].fields[1]")


def test_only_a_use_that_a_law_asks_for_may_hide_its_reads() -> None:
    right = {"legal_basis": "Wetboek, art. 126nd", "days_max": 90}

    error = refused_at(
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
    refused_at(
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
    error = refused_at(
        lambda document: put_at(document, "intended_uses.0.legal_basis", basis),
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

    refused_at(many_uses, "intended_uses")
    refused_at(many_fields, "intended_uses[0].fields")


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
    refused_at(lambda document: document["jwks"].update(keys=keys), path)


def test_a_private_key_is_not_in_the_error() -> None:
    private = jose.generate_key()
    error = refused_at(lambda document: document["jwks"].update(keys=[private]), "jwks.keys[0]")
    assert private["d"] not in str(error)


def test_a_bad_value_is_not_in_the_error() -> None:
    error = refused_at(lambda document: document.update(id="canary canary"), "id")
    assert str(error) == "id: must be a URI, like https://agency.example.nl"


def test_no_traceback_of_a_refusal_leads_to_what_was_sent() -> None:
    error = refused_at(lambda document: document.update(names="canary"), "names")
    assert error.__context__ is error.__cause__ is None
