"""A citizen's data on the pages: found, stated, corrected, imported; hostile values stay text."""

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.builders import LANGUAGES
from tests.serving import Site
from tests.web.visiting import Visitor
from web.wallet.importing import ANSWER_CHARACTERS_MAX
from web.wallet.stating import typed_date, written_date

RECORD = (Path(__file__).resolve().parents[2] / "cli" / "fictional_person.json").read_text("utf-8")
BSN = str((json.loads(RECORD).get("personen") or [json.loads(RECORD)])[0]["burgerservicenummer"])


def fault(page: str, name: str) -> str:
    """What stands beside a part of a form."""
    found = re.search(rf'id="{name}-error">.*?</span> (.*?)</span></p>', page, re.DOTALL)
    return html.unescape(found[1]) if found else ""


# My data


def test_data_stands_by_theme_with_its_source_and_date(visitor: Visitor) -> None:
    page = visitor.get("/wallet/data").text
    assert "Canaria-Given" in page
    assert "14 March 1957" in page
    assert "Stated by yourself" in page
    assert page.index("Canaria-Given") < page.index("Canaria-City")


def test_search_finds_names_and_themes_and_never_values(visitor: Visitor) -> None:
    assert "Canaria-City" in visitor.get("/wallet/data?q=LIVE").text
    assert "Canaria-Given" not in visitor.get("/wallet/data?q=LIVE").text
    assert "Nothing in your vault has this name" in visitor.get("/wallet/data?q=canaria").text
    assert "Canaria-Given" in visitor.get("/wallet/data?q=F%C3%ACrst").text  # whatever the accents


def test_an_empty_vault_says_how_to_fill_it(site: Site) -> None:
    page = Visitor(site, site.store.citizen({})).get("/wallet/data").text
    assert "Your vault is empty" in page
    assert 'href="/wallet/import"' in page
    assert 'href="/wallet/data/add"' in page


def test_a_value_whose_time_is_over_says_so(visitor: Visitor) -> None:
    form = {"value": "Old Street 1", "valid_from": "2001", "valid_until": "31-12-2019"}
    assert visitor.post("/wallet/data/address.resident_street/edit", form).status_code == 303
    page = visitor.get("/wallet/data").text
    assert "valid from 2001 until 31 December 2019" in page
    assert page.count("No longer valid") == 1


# One field


def test_a_field_shows_who_may_read_it_and_who_did(site: Site, visitor: Visitor) -> None:
    agency = site.store.agency("https://reader.example")
    made = visitor.citizen.offer(agency, ["identity.given_name"])  # type: ignore[union-attr]
    token = agency.redeem(made.code).token
    agency.read(token, ["identity.given_name"])
    page = visitor.get("/wallet/data/identity.given_name").text
    assert page.count("Agency of the tests") == 2
    other = visitor.get("/wallet/data/identity.birth_place").text
    assert "Nobody can read this now." in other
    assert "Nobody read this lately." in other


def test_a_correction_is_the_value_and_the_old_one_is_history(visitor: Visitor) -> None:
    path = "/wallet/data/identity.given_name"
    answer = visitor.post(path + "/edit", {"value": "Corrected"})
    assert answer.headers["location"] == path + "?saved=1"
    now, _, before = visitor.get(path).text.partition("earlier statement")
    assert "Corrected" in now
    assert "Canaria-Given" not in now
    assert "Canaria-Given" in before


STATED: list[tuple[str, Any, Any]] = [
    ("identity.full_name", "  Noor  ", "Noor"),
    ("identity.birth_date", "14-3-1957", "1957-03-14"),
    ("identity.birth_date", "3/1957", "1957-03"),
    ("identity.birth_date", "1957", "1957"),
    ("identity.birth_date", "xxxx", "XXXX"),
    ("identity.sex", "female", "female"),
    ("identity.birth_country", "BE", "BE"),
    ("identity.nationality", ["NL", "", "BE", ""], ["NL", "BE"]),
    ("household.children_names", "Ada\r\n\r\n Bo ", ["Ada", "Bo"]),
    ("contact.email_address", "noor@example.org", "noor@example.org"),
    ("identity.birth_date", "21-11-2026", "2026-11-21"),  # a newborn's
    ("identity.personal_administrative_number", "9999.42.037", "999942037"),
    ("identity.personal_administrative_number", "85.07.30-033.28", "85073003328"),
    ("identity.personal_administrative_number", "DE 12 345 678 901", "DE 12 345 678 901"),
    ("identity.personal_administrative_number", "NL 999942037", "999942037"),
    ("contact.mobile_phone_number", "+31 6 1234 5678", "+31612345678"),
    ("contact.mobile_phone_number", "+31 (0)6-12 34 56 78", "+31612345678"),
    ("contact.mobile_phone_number", "0031 6 12345678", "+31612345678"),
    ("contact.mobile_phone_number", "00 32 (470) 12.34.56", "+32470123456"),
    ("contact.language", "fr", "fr"),
]


@pytest.mark.parametrize(("field", "typed", "kept"), STATED)
def test_every_type_is_stated_by_a_form_and_shown_again(
    visitor: Visitor, field: str, typed: Any, kept: Any
) -> None:
    answer = visitor.post(f"/wallet/data/{field}/edit", {"value": typed})
    assert answer.status_code == 303
    assert visitor.citizen is not None
    assert visitor.citizen.values()[field] == kept
    again = visitor.get(f"/wallet/data/{field}/edit")
    assert again.status_code == 200
    assert visitor.get(f"/wallet/data/{field}").status_code == 200


WRONG = [
    ("identity.full_name", "", "Fill something in."),
    ("identity.full_name", "a" * 2000, "This is too long"),
    ("identity.full_name", "a\u202eb", "One of these characters"),
    ("identity.birth_date", "31-2-1957", "This is no date that exists"),
    ("identity.birth_date", "yesterday", "We cannot read this date"),
    ("identity.birth_date", "14 march 1951", "We cannot read this date"),
    ("identity.birth_date", "14/03/51", "like 14-3-1957, 3-1957 or 1957"),
    ("identity.birth_date", "14/13/1951", "This is no date that exists"),
    ("identity.sex", "robot", "Choose one of these"),
    ("identity.birth_country", "", "Fill something in."),
    ("identity.nationality", "", "Fill something in."),
    ("contact.email_address", "noor", "Write an e-mail address"),
    ("identity.birth_date", "22-11-2996", "This day is still to come"),
    ("identity.birth_date", "2957", "This day is still to come"),
    ("identity.birth_date", "14-3-1757", "This is more than 130 years ago"),
    ("address.resident_since", "12-2996", "This day is still to come"),
    ("identity.personal_administrative_number", "999942038", "One of these figures is not right"),
    ("identity.personal_administrative_number", "99994203", "one figure too few or too many"),
    ("identity.personal_administrative_number", "85.07.30-033.82", "One of these figures"),
    (
        "identity.personal_administrative_number",
        "12 345 678 901",
        "go first: DE 12345678901",
    ),
    ("identity.personal_administrative_number", "1234567890", "go first: DE 12345678901"),
    ("contact.mobile_phone_number", "12345678", "Begin with + and the country"),
    ("contact.mobile_phone_number", "06 123456", "Begin with + and the country"),
    ("address.resident_postal_code", "1234?AB", "Use letters and figures only"),
]


@pytest.mark.parametrize(("field", "typed", "said"), WRONG)
def test_what_is_wrong_is_said_beside_it_and_nothing_is_lost(
    visitor: Visitor, field: str, typed: str, said: str
) -> None:
    assert visitor.citizen is not None
    before = visitor.citizen.values().get(field)
    answer = visitor.post(
        f"/wallet/data/{field}/edit", {"value": typed, "valid_from": "soon", "valid_until": "2030"}
    )
    assert answer.status_code == 400
    assert said in fault(answer.text, "value")
    assert "We cannot read this date" in fault(answer.text, "valid_from")
    assert fault(answer.text, "valid_until") == ""
    assert 'value="soon"' in answer.text
    assert 'value="2030"' in answer.text
    if typed and "choices" not in answer.text:
        assert f'value="{html.escape(typed)}"' in answer.text
    assert visitor.citizen.values().get(field) == before


PHONE = "/wallet/data/contact.mobile_phone_number/edit"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("06 12345678", {"+31612345678": "+31 6 12345678 (Netherlands)"}),
        ("(06) 12-34.56 78", {"+31612345678": "+31 6 12345678 (Netherlands)"}),
        ("+31 06 12345678", {"+31612345678": "+31 6 12345678 (Netherlands)"}),
        ("02/123.45.67", {"+3221234567": "+32 212 345 67 (Belgium)"}),
        ("020 1234567", {"+31201234567": "+31 201 234 567 (Netherlands)"}),
        (
            "0470 12 34 56",
            {
                "+31470123456": "+31 470 123 456 (Netherlands)",
                "+32470123456": "+32 470 12 34 56 (Belgium)",
            },
        ),
    ],
)
def test_a_number_without_its_country_is_offered_in_full_and_never_guessed(
    visitor: Visitor, typed: str, shown: dict[str, str]
) -> None:
    assert visitor.citizen is not None
    asked = visitor.post(PHONE, {"value": typed, "valid_from": "2020"})
    assert asked.status_code == 400
    assert "The country is missing" in fault(asked.text, "meant")
    assert f'value="{typed}"' in asked.text
    assert 'value="2020"' in asked.text
    pattern = r'name="meant" value="([^"]+)"[^>]*>\s*<label[^>]*>([^<]+)</label><span[^>]*>([^<]+)<'
    offers = re.findall(pattern, asked.text)
    assert {number: f"{label} ({country})" for number, label, country in offers} == shown
    assert 'name="meant" value="other"' in asked.text
    assert " checked" not in asked.text
    assert "contact.mobile_phone_number" not in visitor.citizen.values()
    for number in shown:
        assert visitor.post(PHONE, {"value": typed, "meant": number}).status_code == 303
        assert visitor.citizen.values()["contact.mobile_phone_number"] == number
    other = visitor.post(PHONE, {"value": typed, "meant": "other"})
    assert "Begin with + and the country" in fault(other.text, "value")


def test_a_number_that_was_not_offered_is_not_taken(visitor: Visitor) -> None:
    answer = visitor.post(PHONE, {"value": "06 87654321", "meant": "+31612345678"})
    assert answer.status_code == 400
    assert "+31 6 87654321" in answer.text


def test_a_time_that_ends_before_it_begins_is_told_in_words(visitor: Visitor) -> None:
    form = {"value": "Old Street 1", "valid_from": "3-2026", "valid_until": "31-12-2025"}
    answer = visitor.post("/wallet/data/address.resident_street/edit", form)
    assert answer.status_code == 400
    assert "before the day it is valid from" in fault(answer.text, "valid_until")


def test_dates_are_written_and_read_in_one_way() -> None:
    for edtf in ("1957-03-14", "1957-03", "1957", "XXXX"):
        assert typed_date(written_date(edtf)) == edtf


def test_an_unknown_field_is_no_page(visitor: Visitor) -> None:
    for path in ("/wallet/data/no.such", "/wallet/data/no.such/edit"):
        assert visitor.get(path).status_code == 404
    assert visitor.post("/wallet/data/no.such/edit", {"value": "x"}).status_code == 404


# Import


def test_an_answer_of_the_register_is_shown_before_it_is_put_in(site: Site) -> None:
    citizen = site.store.citizen({"identity.given_name": "Mine"})
    visitor = Visitor(site, citizen)
    form = {"answer": RECORD, "bsn": f" {BSN[:4]} {BSN[4:]} "}
    page = visitor.post("/wallet/import/preview", form)
    assert page.status_code == 200
    assert citizen.values() == {"identity.given_name": "Mine"}  # nothing yet
    assert "In your vault now: Mine" in page.text
    offered = re.findall(r'name="fields" value="([^"]+)"', page.text)
    chosen = [name for name in offered if name != "identity.given_name"]
    answer = visitor.post("/wallet/import", {**form, "fields": chosen})
    assert answer.headers["location"] == f"/wallet/data?imported={len(chosen)}"
    held = citizen.values()
    assert set(held) == set(offered)
    assert held["identity.given_name"] == "Mine"


def test_another_language_keeps_an_answer_and_what_was_ticked(site: Site) -> None:
    citizen = site.store.citizen({})
    visitor = Visitor(site, citizen)
    form = {"answer": RECORD, "bsn": BSN, "lang": "nl"}
    asked = visitor.post("/wallet/import", form).text
    assert f'value="{BSN}"' in asked
    assert '<html lang="nl">' in asked
    ticked = {**form, "fields": ["identity.full_name"]}
    page = visitor.post("/wallet/import/preview", ticked).text
    assert '<html lang="nl">' in page
    assert re.findall(r'value="([a-z_.]+)" checked', page) == ["identity.full_name"]
    assert citizen.values() == {}
    assert visitor.get("/wallet/import/preview").headers["location"] == "/wallet/import"


@pytest.mark.parametrize(
    ("day", "why"),
    [("2988-02-29", "this day is still to come"), ("1989-02-29", "there is no such day")],
)
def test_what_the_register_can_not_know_is_left_out_and_said(
    site: Site, day: str, why: str
) -> None:
    citizen = site.store.citizen({})
    visitor = Visitor(site, citizen)
    form = {"answer": RECORD.replace('"1988-02-29"', f'"{day}"'), "bsn": BSN}
    page = visitor.post("/wallet/import/preview", form).text
    said = page.split("so it is left out", 1)[1].split("</div>", 1)[0]
    assert f"<li>Date of birth: {why}</li>" in said
    assert 'value="identity.birth_date"' not in page
    chosen = ["identity.birth_date", "identity.full_name"]
    answer = visitor.post("/wallet/import", {**form, "fields": chosen})
    assert answer.headers["location"] == "/wallet/data?imported=1"
    assert [*citizen.values()] == ["identity.full_name"]


def test_an_import_of_nothing_puts_in_nothing(site: Site) -> None:
    citizen = site.store.citizen({})
    visitor = Visitor(site, citizen)
    answer = visitor.post("/wallet/import", {"answer": RECORD, "bsn": BSN})
    assert answer.headers["location"] == "/wallet/data?imported=0"
    assert "Nothing was put in" in visitor.get("/wallet/data?imported=0").text
    assert citizen.values() == {}


@pytest.mark.parametrize(
    ("answer", "bsn", "part", "said"),
    [
        ("", BSN, "answer", "Choose the file, or paste the text."),
        ("\x89PNG no json", BSN, "answer", "We can't read this."),
        ("[" * 50_000, BSN, "answer", "We can't read this."),
        ('{"personen": 1.5}', BSN, "answer", "We can't read this."),
        ("[]", BSN, "answer", "This is not an answer of the population register."),
        ('{"a": 1}', BSN, "answer", "This is not an answer of the population register."),
        (RECORD, "999990019", "bsn", "not about the person with this number"),
        (RECORD, "123456789", "bsn", "not a citizen service number"),
        (RECORD, "", "bsn", "not a citizen service number"),
        ("x" * (ANSWER_CHARACTERS_MAX + 1), BSN, "answer", "This is too large"),
    ],
)
def test_a_wrong_file_is_told_in_words(
    visitor: Visitor, answer: str, bsn: str, part: str, said: str
) -> None:
    for path in ("/wallet/import/preview", "/wallet/import"):
        page = visitor.post(path, {"answer": answer, "bsn": bsn, "fields": ["identity.full_name"]})
        assert page.status_code == 400
        assert said in fault(page.text, part)
    assert visitor.citizen is not None
    assert "identity.full_name" not in visitor.citizen.values()


# What is hostile stays text

HOSTILE = (
    "<script>document.title='run'</script>",
    '"><img src=x onerror="document.title=\'run\'">',
    "'-alert(1)-' & {{ 7*7 }} %(agency)s {0}",
    "\u0639\u0631\u0628\u064a \u200f\u200e\u05e9\u05dc\u05d5\u05dd",
    "😀𝒳𠜎",
    "W" * 250,
)


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_are_shown_as_they_are(site: Site, value: str) -> None:
    citizen = site.store.citizen({"identity.full_name": value})
    for language in LANGUAGES:
        visitor = Visitor(site, citizen, language)
        for path in (
            "/wallet/data",
            "/wallet/data/identity.full_name",
            "/wallet/data/identity.full_name/edit",
        ):
            page = visitor.get(path).text
            assert html.escape(value, quote=False) in page or html.escape(value) in page.replace(
                "&#34;", "&quot;"
            ).replace("&#39;", "&#x27;")
            assert "<script>" not in page
            assert "<img" not in page
    searched = Visitor(site, citizen).get("/wallet/data?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>" not in searched.text
