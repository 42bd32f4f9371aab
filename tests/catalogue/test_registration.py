"""A registration that is whole is read, and reads back as it was."""

import copy
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from catalogue.errors import BadRegistration
from catalogue.registration import (
    CREDENTIAL_BYTES_MAX,
    PUBLIC_KEY_BYTES_MAX,
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
from crypto.encoding import b64u, canonical_json, parse_json
from tests.catalogue.registrations import (
    KEY,
    KNOWN_FIELDS,
    Document,
    put_at,
    texts,
    whole,
)


def test_a_whole_registration_is_read() -> None:
    registration = parse_registration(whole(), KNOWN_FIELDS)
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
    document = whole()
    for path in (
        "officer_required",
        "intended_uses.1.hidden_reads",
        "contact.phone",
        "contact.url",
        "data_protection_authority.url",
        "data_protection_authority.email",
    ):
        put_at(document, path, ...)
    registration = parse_registration(document, KNOWN_FIELDS)
    agency = registration.agency
    assert not agency.officer_required
    assert {use.hidden_reads for use in registration.uses} == {None}
    assert all("hidden_reads" not in use.document for use in registration.uses)
    assert agency.contact.phone is agency.contact.url is None
    assert agency.authority.url is agency.authority.email is None
    assert agency.document["officer_required"] is False


def test_stored_documents_give_the_same_agency_and_uses() -> None:
    registration = parse_registration(whole(), KNOWN_FIELDS)
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
    registration = parse_registration(whole(), KNOWN_FIELDS)
    agencies: list[Any] = [None, [], {}, {**registration.agency.document, "extra": 1}]
    for bad in agencies:
        with pytest.raises(BadRegistration):
            agency_from_document(bad)
    use = registration.uses[0].document
    uses: list[Any] = [None, {}, {**use, "extra": 1}, {**use, "agency_id": "x"}, whole()]
    for bad in uses:
        with pytest.raises(BadRegistration):
            use_from_document(bad)


def test_a_field_that_leaves_the_catalogue_does_not_break_stored_uses() -> None:
    use = parse_registration(whole(), KNOWN_FIELDS).uses[0]
    renamed = copy.deepcopy(use.document)
    renamed["fields"][0]["id"] = "identity.of_long_ago"
    assert use_from_document(renamed).fields[0].id == "identity.of_long_ago"


AUDITOR = {"id": "https://auditor.example", "names": texts("Auditor"), "jwks": {"keys": [KEY]}}
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
    document = whole()
    registration = parse_registration(document, KNOWN_FIELDS)
    before = canonical_json(registration.agency.document)
    document["names"]["nl"] = "Other"
    document["jwks"]["keys"].clear()
    document["intended_uses"][0]["fields"].clear()
    assert canonical_json(registration.agency.document) == before
    assert len(registration.uses[0].document["fields"]) == 2
    assert registration.agency.names["nl"] == "Agency (nl)"


def test_what_the_caller_changes_in_a_key_later_changes_nothing_here() -> None:
    document = whole()
    operations = ["verify"]
    key = {**document["jwks"]["keys"][0], "key_ops": operations}
    document["jwks"] = {"keys": [key]}
    agency = parse_registration(document, KNOWN_FIELDS).agency
    operations.append("sign")
    assert agency.document["jwks"]["keys"][0]["key_ops"] == ["verify"]


def test_values_are_frozen() -> None:
    agency = parse_registration(whole(), KNOWN_FIELDS).agency
    with pytest.raises(FrozenInstanceError):
        agency.id = "https://other.example"  # type: ignore[misc]
    with pytest.raises(TypeError):
        agency.names["nl"] = "Other"  # type: ignore[index]


def test_members_of_a_key_that_nothing_here_uses_are_not_kept() -> None:
    document = whole()
    document["jwks"]["keys"][0] = {**KEY, "x5t": "x" * 10_000, "nested": {"float": 1.5}}
    agency = parse_registration(document, KNOWN_FIELDS).agency
    assert agency.document["jwks"] == {"keys": [KEY]}
    assert canonical_json(agency.document)
