"""Answers of the population register: whose they are, and what is refused as a whole."""

import copy
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalogue.brp import person_from_answer
from catalogue.brp_doubts import PARTS
from catalogue.kinds import LANGUAGES
from catalogue.numbers import passes_eleven_test
from tests.builders import NOON_MS
from tests.catalogue.answers import (
    BSN,
    CANARY,
    CATALOGUE,
    DEMO_AGENCY,
    FICTIONAL,
    refusal,
)

# The official fictional persons


@pytest.fixture(scope="session")
def official(shared: Callable[[str], Path]) -> list[dict[str, Any]]:
    document = json.loads(shared("data/brp_personen.json").read_text("utf-8"))
    people: list[dict[str, Any]] = document["personen"]
    return people


def test_all_448_official_persons_load_with_values_that_pass(
    official: list[dict[str, Any]],
) -> None:
    assert len(official) == 448
    to_come = []
    for person in official:
        found = person_from_answer({"personen": [person]}, person["burgerservicenummer"])
        assert found == person_from_answer(person, person["burgerservicenummer"])
        for field, given in found.values.items():
            if given == "2919-06-06":  # of an address: a slip of the register's, which is refused
                to_come.append(field)
            else:
                assert CATALOGUE[field].check(given, NOON_MS) == given
    assert to_come == ["address.resident_since"]


def test_the_official_persons_fill_every_field_that_the_register_knows(
    official: list[dict[str, Any]],
) -> None:
    filled: Counter[str] = Counter()
    for person in official:
        filled.update(person_from_answer(person, person["burgerservicenummer"]).values.keys())
    assert set(filled) == set(PARTS)
    assert filled["identity.full_name"] == 447  # one person has no known name
    assert filled["identity.birth_date"] == 447  # and of one the birth is missing
    assert filled["household.partner_name"] == 116


def test_a_number_that_two_official_persons_have_gives_nobody_s_data(
    official: list[dict[str, Any]],
) -> None:
    counted = Counter(person["burgerservicenummer"] for person in official)
    twice = [bsn for bsn, count in counted.items() if count > 1]
    assert len(twice) == 2
    for bsn in twice:
        assert refusal({"personen": official}, bsn) == "person_not_unique"


def test_our_fictional_person_is_none_of_the_official_ones(shared: Callable[[str], Path]) -> None:
    assert BSN not in shared("data/brp_personen.json").read_text("utf-8")


# Our fictional person and agency


def test_our_fictional_person_fills_every_field_that_the_register_knows() -> None:
    found = person_from_answer(FICTIONAL, BSN)
    assert dict(found.values) == {
        "identity.personal_administrative_number": BSN,
        "identity.full_name": "Noortje Eveline van Wilgenroos",
        "identity.given_name": "Noortje Eveline",
        "identity.initials": "N.E.",
        "identity.family_name": "van Wilgenroos-Zandoogje",
        "identity.family_name_birth": "van Wilgenroos",
        "identity.sex": "female",
        "identity.birth_date": "1988-02-29",
        "identity.birth_place": "Groningen",
        "identity.birth_country": "NL",
        "identity.nationality": ["NL", "BE"],
        "address.resident_address": "Grutto 12A-2, 9999ZZ Waterbeek",
        "address.resident_street": "Grutto",
        "address.resident_house_number": "12A-2",
        "address.resident_postal_code": "9999ZZ",
        "address.resident_city": "Waterbeek",
        "address.resident_country": "NL",
        "address.resident_since": "2019-08",
        "address.kind": "home",
        "household.partner_name": "Tobias Zandoogje",
        "household.children_names": ["Fien Zandoogje", "Mats Olivier Zandoogje"],
        "household.parents_names": ["Hélène Duinpieper", "Geert Jan van Wilgenroos"],
    }
    assert found.under_investigation == {"address.resident_since"}
    assert all(
        CATALOGUE[field].check(given, NOON_MS) == given for field, given in found.values.items()
    )


def test_the_demo_agency_asks_for_fields_of_the_catalogue_in_every_language() -> None:
    translated = [DEMO_AGENCY["names"]]
    for use in DEMO_AGENCY["intended_uses"]:
        asked = [field["id"] for field in use["fields"]]
        assert set(asked) <= CATALOGUE.keys()
        assert len(set(asked)) == len(asked)
        translated += [use["purpose"], use["consequence"]]
        translated += [field["why"] for field in use["fields"]]
    assert all(tuple(words) == LANGUAGES and all(words.values()) for words in translated)


def test_the_catalogue_says_of_each_mapped_field_where_it_comes_from() -> None:
    assert {field for field, each in CATALOGUE.items() if each.brp} == set(PARTS)


# The number


@pytest.mark.parametrize("bsn", [BSN, "999990019", "111222333", "123456782"])
def test_a_number_that_passes_the_eleven_test(bsn: str) -> None:
    assert passes_eleven_test(bsn)


@pytest.mark.parametrize(
    "bsn",
    [
        *("999942038", "123456789", "000000000", "", "99994203", "9999420377", "99994203a"),
        *(" 99942037", "999942037\n", "٩٩٩٩٤٢٠٣٧", "99994203-"),
    ],
)
def test_a_number_that_fails_the_eleven_test_is_refused(bsn: str) -> None:
    assert not passes_eleven_test(bsn)
    assert refusal(FICTIONAL, bsn) == "bad_bsn"


def test_one_wrong_digit_or_two_swapped_neighbours_are_found() -> None:
    for at in range(9):
        for digit in "0123456789":
            typed = BSN[:at] + digit + BSN[at + 1 :]
            assert passes_eleven_test(typed) is (typed == BSN)
        typed = BSN[:at] + BSN[at : at + 2][::-1] + BSN[at + 2 :]
        assert passes_eleven_test(typed) is (typed == BSN)


# Answers that are refused as a whole


@pytest.mark.parametrize(
    "answer",
    [
        *(None, 3, "text", [], {}, {"type": "RaadpleegMetBurgerservicenummer"}),
        *({"personen": None}, {"personen": {}}, {"personen": [BSN]}, {"status": 403}),
    ],
)
def test_something_else_than_an_answer_is_refused(answer: object) -> None:
    assert refusal(answer) == "not_a_register_answer"


def test_an_answer_about_somebody_else_is_refused() -> None:
    assert refusal({"personen": []}) == "person_not_in_answer"
    assert refusal(FICTIONAL, "999990019") == "person_not_in_answer"
    assert refusal({"personen": [{"naam": {"voornamen": CANARY}}]}) == "person_not_in_answer"


def test_a_person_is_found_among_others() -> None:
    other = {"burgerservicenummer": "999990019"}
    answer = {"personen": [other, *FICTIONAL["personen"]]}
    assert person_from_answer(answer, BSN) == person_from_answer(FICTIONAL, BSN)


def test_an_answer_that_holds_a_number_twice_is_refused() -> None:
    assert refusal({"personen": FICTIONAL["personen"] * 2}) == "person_not_unique"


@pytest.mark.parametrize(
    "parts",
    [
        {"naam": CANARY},
        {"naam": {"voornamen": 3}},
        {"naam": {"adellijkeTitelPredicaat": CANARY}},
        {"geslacht": CANARY},
        {"geboorte": {"plaats": CANARY}},
        {"geboorte": {"land": {"code": CANARY}}},
        {"nationaliteiten": {"type": "Nationaliteit"}},
        {"nationaliteiten": [{"type": CANARY}]},
        {"nationaliteiten": [{}]},
        {"verblijfplaats": {"type": CANARY}},
        {"verblijfplaats": {"verblijfadres": {"postcode": "9999ZZ"}}},
        {"verblijfplaats": {"type": "Adres", "verblijfadres": {"huisnummer": CANARY}}},
        {"verblijfplaats": {"type": "Adres", "verblijfadres": {"huisnummer": 1.5}}},
        {"partners": [CANARY]},
        {"kinderen": {"naam": {}}},
        {"ouders": [{"naam": CANARY}]},
        {"naam": {"voornamen": "Noor", "inOnderzoek": CANARY}},
    ],
)
def test_a_part_of_another_shape_is_refused(parts: dict[str, Any]) -> None:
    assert refusal({"burgerservicenummer": BSN, **parts}) == "not_a_register_answer"


def test_an_import_changes_nothing_in_the_answer() -> None:
    before = copy.deepcopy(FICTIONAL)
    person_from_answer(FICTIONAL, BSN)
    assert before == FICTIONAL
