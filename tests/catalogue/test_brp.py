"""Answers of the population register: what each part becomes, and what is refused."""

import copy
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalogue.brp import Imported, person_from_answer
from catalogue.brp_answer import BadAnswer
from catalogue.brp_codes import COUNTRIES, NATIONALITIES
from catalogue.brp_doubts import PARTS
from catalogue.fields import load_catalogue
from catalogue.kinds import LANGUAGES
from catalogue.numbers import passes_eleven_test
from tests.builders import NOON_MS

ROOT = Path(__file__).resolve().parents[2]
FICTIONAL = json.loads((ROOT / "cli" / "fictional_person.json").read_text("utf-8"))
DEMO_AGENCY = json.loads((ROOT / "cli" / "demo_agency.json").read_text("utf-8"))
CATALOGUE = load_catalogue()
BSN = "999942037"
CANARY = "KANARIE-7QX"


def imported(**parts: Any) -> Imported:
    return person_from_answer({"burgerservicenummer": BSN, **parts}, BSN)


def value(field: str, **parts: Any) -> Any:
    return imported(**parts).values.get(field)


def refusal(answer: object, bsn: str = BSN) -> str:
    with pytest.raises(BadAnswer) as refused:
        person_from_answer(answer, bsn)
    assert CANARY not in f"{refused.value!r}"
    return refused.value.code


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


# Dates


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ({"type": "Datum", "datum": "1985-04-12", "langFormaat": "12 april 1985"}, "1985-04-12"),
        ({"type": "JaarMaandDatum", "jaar": 1985, "maand": 4}, "1985-04"),
        ({"type": "JaarDatum", "jaar": 1985}, "1985"),
        ({"type": "JaarDatum", "jaar": 500}, "0500"),
        ({"type": "DatumOnbekend", "onbekend": True}, "XXXX"),
        ({}, None),
    ],
)
def test_a_date_says_as_much_as_the_register_knows(
    date: dict[str, Any], expected: str | None
) -> None:
    assert value("identity.birth_date", geboorte={"datum": date}) == expected


@pytest.mark.parametrize(
    "date",
    [
        {"datum": "1985-04-12"},
        {"type": CANARY},
        {"type": "Datum"},
        {"type": "Datum", "datum": "1985-02-30"},
        {"type": "Datum", "datum": "1985"},
        {"type": "Datum", "datum": 19850412},
        {"type": "JaarDatum", "jaar": 0},
        {"type": "JaarDatum", "jaar": "1985"},
        {"type": "JaarDatum", "jaar": True},
        {"type": "JaarMaandDatum", "jaar": 1985},
        {"type": "JaarMaandDatum", "jaar": 1985, "maand": 13},
        {"type": "JaarMaandDatum", "jaar": 1985, "maand": True},
    ],
)
def test_a_date_of_another_shape_is_refused(date: dict[str, Any]) -> None:
    answer = {"burgerservicenummer": BSN, "geboorte": {"datum": date}}
    assert refusal(answer) == "not_a_register_answer"


# Names

OWN = {"voornamen": "Noor", "voorvoegsel": "van", "geslachtsnaam": "Wilgenroos"}
PARTNER = {"naam": {"voornamen": "Tobias", "voorvoegsel": "de", "geslachtsnaam": "Zandoog"}}
ENDED = {"ontbindingHuwelijkPartnerschap": {"datum": {"type": "DatumOnbekend"}}}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, "van Wilgenroos"),
        ("E", "van Wilgenroos"),
        ("P", "de Zandoog"),
        ("V", "de Zandoog-van Wilgenroos"),
        ("N", "van Wilgenroos-de Zandoog"),
    ],
)
def test_the_family_name_is_the_one_in_use(usage: str | None, expected: str) -> None:
    name = {**OWN, "aanduidingNaamgebruik": {"code": usage}} if usage else OWN
    found = imported(naam=name, partners=[PARTNER]).values
    assert found["identity.family_name"] == expected
    assert found["identity.family_name_birth"] == "van Wilgenroos"


def test_the_name_of_a_former_partner_can_stay_in_use() -> None:
    name = {**OWN, "aanduidingNaamgebruik": {"code": "P"}}
    found = imported(naam=name, partners=[{**PARTNER, **ENDED}]).values
    assert found["identity.family_name"] == "de Zandoog"
    assert "household.partner_name" not in found


def test_without_a_known_partner_the_own_name_is_in_use() -> None:
    name = {**OWN, "aanduidingNaamgebruik": {"code": "V"}}
    assert value("identity.family_name", naam=name) == "van Wilgenroos"


def test_the_partner_is_the_one_of_a_marriage_that_has_not_ended() -> None:
    current = {"naam": {"voornamen": "Ada", "geslachtsnaam": "Eik"}}
    partners = [{**PARTNER, **ENDED}, current]
    assert value("household.partner_name", partners=partners) == "Ada Eik"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (OWN, "Noor van Wilgenroos"),
        ({**OWN, "volledigeNaam": "Noor van Wilgenroos"}, "Noor van Wilgenroos"),
        ({"geslachtsnaam": "Wilgenroos"}, "Wilgenroos"),
        ({"voornamen": "Noor", "geslachtsnaam": "."}, "Noor"),
        ({"voornamen": " Noor ", "geslachtsnaam": "Wilgenroos "}, "Noor Wilgenroos"),
        (
            {**OWN, "adellijkeTitelPredicaat": {"omschrijving": "barones", "soort": "titel"}},
            "Noor barones van Wilgenroos",
        ),
        (
            {**OWN, "adellijkeTitelPredicaat": {"omschrijving": "jonkvrouw", "soort": "predicaat"}},
            "jonkvrouw Noor van Wilgenroos",
        ),
        ({"geslachtsnaam": ".", "volledigeNaam": "."}, None),
        ({}, None),
    ],
)
def test_a_full_name_stands_in_the_order_of_the_register(
    name: dict[str, Any], expected: str | None
) -> None:
    assert value("identity.full_name", naam=name) == expected
    without = {key: part for key, part in name.items() if key != "volledigeNaam"}
    relatives = [expected] if expected else None
    assert value("household.parents_names", ouders=[{"naam": without}]) == relatives
    assert value("household.children_names", kinderen=[{"naam": without}, {}]) == relatives


@pytest.mark.parametrize(
    ("code", "expected"),
    [("M", "male"), ("V", "female"), ("O", "unknown"), ("?", None), ("", None)],
)
def test_the_sex_is_a_choice_of_the_catalogue(code: str, expected: str | None) -> None:
    assert value("identity.sex", geslacht={"code": code}) == expected


# Birth and nationality


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({"code": "0014", "omschrijving": "Groningen"}, "Groningen"),
        ({"omschrijving": "Paramaribo"}, "Paramaribo"),
        ({"code": "0014"}, None),
        ({"code": "0000", "omschrijving": "Onbekend"}, None),
    ],
)
def test_a_place_of_birth_is_a_name(place: dict[str, str], expected: str | None) -> None:
    assert value("identity.birth_place", geboorte={"plaats": place}) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("6030", "NL"),
        ("9089", "DE"),
        ("5106", "BQ"),
        ("9049", "SU"),
        ("9999", "brp:9999"),
        ("0000", None),
        ("", None),
    ],
)
def test_a_country_has_the_letters_of_iso_or_the_register_s_code(
    code: str, expected: str | None
) -> None:
    assert value("identity.birth_country", geboorte={"land": {"code": code}}) == expected


def test_every_code_of_the_tables_gives_a_value_that_passes() -> None:
    country, nationality = CATALOGUE["identity.birth_country"], CATALOGUE["identity.nationality"]
    assert len(COUNTRIES) == 251
    assert len(NATIONALITIES) == 196
    assert all(country.check(letters, NOON_MS) == letters for letters in COUNTRIES.values())
    assert nationality.check([*NATIONALITIES.values()][:40], NOON_MS)
    # One nationality per country; only a country that was split or renamed is there twice.
    assert len(set(NATIONALITIES.values())) == 195
    assert {*NATIONALITIES.values()} < {*COUNTRIES.values()}


def nationality(code: str) -> dict[str, Any]:
    return {"type": "Nationaliteit", "nationaliteit": {"code": code}}


@pytest.mark.parametrize(
    ("nationalities", "expected"),
    [
        ([nationality("0001")], ["NL"]),
        ([nationality("0001"), nationality("0339")], ["NL", "TR"]),
        ([nationality("0001"), nationality("0001")], ["NL"]),
        ([nationality("0065")], ["brp:0065"]),
        ([nationality("0499")], ["brp:0499"]),
        ([{"type": "Staatloos"}], ["brp:0499"]),
        ([{"type": "BehandeldAlsNederlander"}], ["brp:0002"]),
        ([{"type": "VastgesteldNietNederlander"}], ["brp:0500"]),
        ([{"type": "NationaliteitOnbekend"}], None),
        ([nationality("0000")], None),
        ([], None),
    ],
)
def test_nationalities_are_a_list_of_countries(
    nationalities: list[dict[str, Any]], expected: list[str] | None
) -> None:
    assert value("identity.nationality", nationaliteiten=nationalities) == expected


# Residence


def residence(kind: str, **address: Any) -> dict[str, Any]:
    person = {"verblijfplaats": {"type": kind, "verblijfadres": address}}
    found = imported(**person).values
    return {
        field.removeprefix("address."): given
        for field, given in found.items()
        if field.startswith("address.")
    }


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"huisnummer": 12}, "12"),
        ({"huisnummer": 12, "huisletter": "a"}, "12a"),
        ({"huisnummer": 12, "huisnummertoevoeging": "bis"}, "12-bis"),
        ({"huisnummer": 12, "huisletter": "A", "huisnummertoevoeging": "-2"}, "12A-2"),
        ({"huisnummer": 12, "aanduidingBijHuisnummer": {"code": "to"}}, "tegenover 12"),
        ({"huisnummer": 12, "aanduidingBijHuisnummer": {"code": "by"}}, "bij 12"),
        ({}, None),
    ],
)
def test_a_house_number_has_its_letter_and_addition(
    parts: dict[str, Any], expected: str | None
) -> None:
    found = residence("Adres", officieleStraatnaam="Grutto", **parts)
    assert found.get("resident_house_number") == expected
    assert found["resident_address"] == f"Grutto {expected or ''}".strip()


def test_an_address_has_its_parts_and_one_line() -> None:
    assert residence(
        "Adres",
        korteStraatnaam="Gruttostr",
        officieleStraatnaam="Gruttostraat",
        huisnummer=12,
        postcode="9999ZZ",
        woonplaats="Waterbeek",
    ) == {
        "resident_address": "Gruttostraat 12, 9999ZZ Waterbeek",
        "resident_street": "Gruttostraat",
        "resident_house_number": "12",
        "resident_postal_code": "9999ZZ",
        "resident_city": "Waterbeek",
        "resident_country": "NL",
    }
    assert residence("Adres", korteStraatnaam="Gruttostr")["resident_street"] == "Gruttostr"


def test_without_a_place_the_municipality_stands_in() -> None:
    found = imported(
        gemeenteVanInschrijving={"code": "9901", "omschrijving": "Waterbeek"},
        verblijfplaats={"type": "Adres", "verblijfadres": {"postcode": "9999ZZ"}},
    ).values
    assert found["address.resident_city"] == "Waterbeek"
    assert found["address.resident_address"] == "9999ZZ Waterbeek"


def test_a_location_is_described() -> None:
    found = imported(
        gemeenteVanInschrijving={"code": "9901", "omschrijving": "Waterbeek"},
        verblijfplaats={
            "type": "Locatie",
            "functieAdres": {"code": "B", "omschrijving": "briefadres"},
            "verblijfadres": {"locatiebeschrijving": "Naast de derde brug"},
        },
    ).values
    assert found["address.resident_address"] == "Naast de derde brug, Waterbeek"
    assert found["address.resident_country"] == "NL"
    assert found["address.kind"] == "letters"


def test_an_address_abroad_is_its_lines_and_its_country() -> None:
    assert residence(
        "VerblijfplaatsBuitenland",
        regel1="1 Example Street",
        regel2="Exampletown",
        regel3="Kent",
        land={"code": "6039", "omschrijving": "Verenigd Koninkrijk"},
    ) == {
        "resident_address": "1 Example Street, Exampletown, Kent",
        "resident_country": "GB",
    }


def test_an_unknown_residence_has_no_values() -> None:
    person = {
        "gemeenteVanInschrijving": {"code": "9901", "omschrijving": "Waterbeek"},
        "verblijfplaats": {
            "type": "VerblijfplaatsOnbekend",
            "datumVan": {"type": "Datum", "datum": "2020-01-01"},
        },
    }
    assert [*imported(**person).values] == ["identity.personal_administrative_number"]
    assert residence("Adres") == {"resident_country": "NL"}


# Under investigation


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
