"""What each part of an answer of the population register becomes, and what is refused."""

from typing import Any

import pytest

from catalogue.brp_codes import COUNTRIES, NATIONALITIES
from catalogue.fitting import fitting
from tests.builders import NOON_MS
from tests.catalogue.answers import BSN, CANARY, CATALOGUE, imported, refusal, value

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
        {"type": "Datum", "datum": "1985"},
        {"type": "Datum", "datum": 19850412},
        {"type": "JaarDatum", "jaar": "1985"},
        {"type": "JaarDatum", "jaar": True},
        {"type": "JaarMaandDatum", "jaar": 1985},
        {"type": "JaarMaandDatum", "jaar": 1985, "maand": True},
    ],
)
def test_a_date_of_another_shape_is_refused(date: dict[str, Any]) -> None:
    answer = {"burgerservicenummer": BSN, "geboorte": {"datum": date}}
    assert refusal(answer) == "not_a_register_answer"


@pytest.mark.parametrize(
    ("date", "code"),
    [
        ({"type": "Datum", "datum": "1985-02-30"}, "bad_date"),
        ({"type": "Datum", "datum": "0000-00-00"}, "bad_date"),
        ({"type": "JaarMaandDatum", "jaar": 1985, "maand": 13}, "bad_date"),
        ({"type": "JaarMaandDatum", "jaar": 1985, "maand": -1}, "bad_date"),
        ({"type": "JaarDatum", "jaar": 0}, "bad_date"),
        ({"type": "JaarDatum", "jaar": 2988}, "date_to_come"),
        ({"type": "JaarDatum", "jaar": 1}, "date_too_long_ago"),
    ],
)
def test_a_day_that_can_not_be_is_left_out_and_keeps_nothing_else_out(
    date: dict[str, Any], code: str
) -> None:
    found = imported(geboorte={"datum": date, "plaats": {"omschrijving": "Utrecht"}})
    fits = fitting(CATALOGUE, found.values, NOON_MS)
    assert fits.left_out == {"identity.birth_date": code}
    assert fits.values == {
        "identity.personal_administrative_number": BSN,
        "identity.birth_place": "Utrecht",
    }


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
