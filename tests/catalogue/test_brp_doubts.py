"""What the population register is looking into is under investigation here, and nothing else."""

import copy
from typing import Any

import pytest

from catalogue.brp import person_from_answer
from tests.catalogue.answers import (
    BSN,
    CATALOGUE,
    FICTIONAL,
    imported,
)


def doubted(person: dict[str, Any]) -> frozenset[str]:
    return person_from_answer(person, BSN).under_investigation


@pytest.mark.parametrize(
    ("path", "flag", "expected"),
    [
        ("", "burgerservicenummer", {"identity.personal_administrative_number"}),
        ("", "geslacht", {"identity.sex"}),
        ("", "gemeenteVanInschrijving", {"address.resident_city"}),
        (
            "naam",
            "voornamen",
            {"identity.full_name", "identity.given_name", "identity.initials"},
        ),
        (
            "naam",
            "geslachtsnaam",
            {"identity.full_name", "identity.family_name", "identity.family_name_birth"},
        ),
        ("naam", "aanduidingNaamgebruik", {"identity.family_name"}),
        ("geboorte", "datum", {"identity.birth_date"}),
        ("geboorte", "plaats", {"identity.birth_place"}),
        ("geboorte", "land", {"identity.birth_country"}),
        ("nationaliteiten", "nationaliteit", {"identity.nationality"}),
        ("nationaliteiten", "type", {"identity.nationality"}),
        ("verblijfplaats", "functieAdres", {"address.kind"}),
        ("verblijfplaats", "datumVan", {"address.resident_since"}),
        (
            "verblijfplaats.verblijfadres",
            "huisnummer",
            {"address.resident_house_number", "address.resident_address"},
        ),
        (
            "verblijfplaats.verblijfadres",
            "officieleStraatnaam",
            {"address.resident_street", "address.resident_address"},
        ),
        (
            "verblijfplaats.verblijfadres",
            "postcode",
            {"address.resident_postal_code", "address.resident_address"},
        ),
        ("partners.naam", "geslachtsnaam", {"household.partner_name", "identity.family_name"}),
        ("partners", "soortVerbintenis", {"household.partner_name"}),
        ("kinderen.naam", "voornamen", {"household.children_names"}),
        ("kinderen", "burgerservicenummer", {"household.children_names"}),
        ("ouders.naam", "geslachtsnaam", {"household.parents_names"}),
        ("geboorte", "datumIngangOnderzoek", set()),
    ],
)
def test_a_value_made_of_a_doubted_part_is_under_investigation(
    path: str, flag: str, expected: set[str]
) -> None:
    person = copy.deepcopy(FICTIONAL["personen"][0])
    del person["verblijfplaats"]["inOnderzoek"]
    assert doubted(person) == set()
    holder: Any = person
    for step in filter(None, path.split(".")):
        holder = holder[step]
        holder = holder[-1] if isinstance(holder, list) else holder
    holder["inOnderzoek"] = {flag: True}
    assert doubted(person) == expected
    holder["inOnderzoek"] = {flag: False}
    assert doubted(person) == set()


def test_a_doubted_kind_of_residence_makes_the_whole_address_doubtful() -> None:
    person = copy.deepcopy(FICTIONAL["personen"][0])
    person["verblijfplaats"]["inOnderzoek"] = {"type": True}
    addresses = {field for field in CATALOGUE if field.startswith("address.")}
    assert doubted(person) == addresses


def test_an_address_where_the_person_is_known_not_to_live_is_doubtful() -> None:
    person = copy.deepcopy(FICTIONAL["personen"][0])
    person["verblijfplaats"]["indicatieVastgesteldVerblijftNietOpAdres"] = True
    assert doubted(person) == {field for field in CATALOGUE if field.startswith("address.")}


def test_a_doubted_partner_leaves_an_own_name_alone() -> None:
    person = copy.deepcopy(FICTIONAL["personen"][0])
    del person["verblijfplaats"]["inOnderzoek"]
    person["naam"]["aanduidingNaamgebruik"]["code"] = "E"
    person["partners"][0]["naam"]["inOnderzoek"] = {"geslachtsnaam": True}
    assert doubted(person) == {"household.partner_name"}


def test_a_doubted_part_without_a_value_names_no_field() -> None:
    assert imported(geboorte={"inOnderzoek": {"datum": True}}).under_investigation == set()
