"""Activity on the pages: who, when, which fields, why; proved in words; and how to report it."""

import html
import re
from typing import Any
from urllib.parse import unquote

import pytest

from evidence.own import NOT_SHOWN
from tests.builders import PERSON, AgencyDesk, Citizen, whole_log
from tests.serving import Site
from tests.web.visiting import Visitor
from vault import activities
from vault.activities import LOOKED_AT_MAX, Entry
from vault.errors import InvalidGrant, VaultError
from vault.recording import OWNER, draft
from vault.sequencer import Item
from vault.sessions import open_session
from vault.steps import sql
from web.wallet import proved
from web.wallet.activity import ALARMS_SHOWN, HIDDEN
from web.wallet.filters import KINDS

FIELDS = ["identity.given_name", "identity.birth_date"]
EVIL = "<b onclick=x()>Agency & \"Co\" 'Ö😀'</b>"
PLACE = re.compile(r'href="/wallet/activity/(\d+\.\d+)"')


@pytest.fixture(scope="module")
def agency(site: Site) -> AgencyDesk:
    return site.store.agency("https://reader.example")


def read(citizen: Citizen, agency: AgencyDesk, officer: str | None = None) -> None:
    token = agency.redeem(citizen.offer(agency, FIELDS).code).token
    agency.read(token, FIELDS, officer=officer)


def alarm(citizen: Citizen, agency: AgencyDesk) -> None:
    made = citizen.offer(agency, FIELDS)
    agency.read(agency.redeem(made.code).token, FIELDS)
    with pytest.raises(InvalidGrant):
        agency.redeem(made.code)


def lines(page: str) -> list[str]:
    """What happened, newest first."""
    found = re.findall(r'<p class="what">(?:<span.*?</span>)?<a [^>]*>(.*?)</a>', page)
    return [html.unescape(one) for one in found]


def test_what_a_citizen_did_again_and_again_is_folded_and_all_of_it_is_there(
    visitor: Visitor, citizen: Citizen, agency: AgencyDesk
) -> None:
    for _ in range(3):
        citizen.unlock()
    read(citizen, agency)
    for _ in range(2):
        citizen.unlock()
    for _ in range(3):
        with pytest.raises(VaultError):
            agency.redeem(citizen.offer(agency, FIELDS).code, "1234")
    for _ in range(2):
        citizen.unlock()
        visitor.come_back()
        page = visitor.get("/wallet/activity").text

    folded = re.findall(r"<summary>You opened your vault or looked.*?, (\d+) times", page)
    assert folded == ["4", "3"], "no two in a row, and no office's act"
    places = PLACE.findall(page)
    assert len(places) == len(set(places)) == len(whole_log(citizen.vault, citizen.owner))
    assert lines(page).count("Your vault was opened") == 7
    assert "<summary>You opened" not in visitor.get("/wallet/activity?kind=opening").text


def test_a_read_stands_there_with_office_officer_fields_and_purpose_and_no_value(
    visitor: Visitor, citizen: Citizen, agency: AgencyDesk
) -> None:
    read(citizen, agency, "l.peeters")
    page = visitor.get("/wallet/activity?kind=reads").text
    assert lines(page) == ["Agency of the tests read your data"]
    assert "Testing" in page
    assert "First names, Date of birth" in page
    assert "l.peeters" in page
    place = PLACE.findall(page)[0]
    for shown in (page, visitor.get(f"/wallet/activity/{place}").text):
        assert not any(value in shown for value in PERSON.values())
    entry = visitor.get(f"/wallet/activity/{place}").text
    for what in ("l.peeters", "You gave permission", "Testing", "desk@agency.example", place):
        assert what in entry
    assert "It stands in the log as it was written." in entry


def test_an_offer_names_the_office_that_it_is_for(
    visitor: Visitor, citizen: Citizen, agency: AgencyDesk
) -> None:
    citizen.offer(agency, FIELDS)
    assert "You made a code for Agency of the tests" in lines(visitor.get("/wallet/activity").text)


def test_alarms_come_first_until_they_were_seen(
    visitor: Visitor, citizen: Citizen, agency: AgencyDesk
) -> None:
    alarm(citizen, agency)
    page = visitor.get("/wallet/activity").text
    assert page.index("Look at this first") < page.index("Checked:")
    entry = re.findall(r'name="entry" value="([^"]+)"', page)[0]
    assert visitor.post("/wallet/activity/seen", {"entry": entry}).status_code == 303
    page = visitor.get("/wallet/activity").text
    assert "Look at this first" not in page
    assert "Alarm, seen" in page
    other = site_visitor_of_somebody_else(visitor)
    assert other.post("/wallet/activity/seen", {"entry": entry}).status_code == 404


def site_visitor_of_somebody_else(visitor: Visitor) -> Visitor:
    return Visitor(visitor.site, visitor.site.store.citizen())


@pytest.mark.parametrize(
    ("query", "there", "gone"),
    [
        ("kind=reads", "read your data", "used your code"),
        ("kind=sharing", "used your code", "read your data"),
        ("kind=data", "You put data in", "used your code"),
        ("kind=opening", "Your vault was made", "used your code"),
        ("office=https://reader.example", "read your data", "You put data in"),
        ("field=identity.birth_date", "read your data", "Your vault was made"),
        ("outcome=permitted", "read your data", "nothing is missing"),
        ("since=2000-01-01", "read your data", "Nothing was found"),
    ],
)
def test_each_filter_leaves_what_is_asked_for(
    visitor: Visitor, citizen: Citizen, agency: AgencyDesk, query: str, there: str, gone: str
) -> None:
    read(citizen, agency)
    page = visitor.get(f"/wallet/activity?{query}").text
    listed = " / ".join(lines(page)) + page.split("<h2>About this list")[0][:0]
    assert there in listed
    assert gone not in listed


@pytest.mark.parametrize(
    "query", ["outcome=denied", "until=2001-01-01", "since=2099-12-31", "field=address.kind"]
)
def test_what_is_not_there_is_said(visitor: Visitor, query: str) -> None:
    page = visitor.get(f"/wallet/activity?{query}").text
    assert lines(page) == []
    assert "Nothing was found." in page


def test_what_means_nothing_in_the_address_does_no_harm(visitor: Visitor) -> None:
    for query in ("since=2026-13-45", "before=x", "before=1", "kind=zz&outcome=zz", "until=0"):
        assert visitor.get(f"/wallet/activity?{query}").status_code == 200
    assert "This is no day that exists." in visitor.get("/wallet/activity?since=2026-13-45").text
    for place in ("0", "1.", "x", "1.99999999", "9" * 40 + ".1"):
        assert visitor.get(f"/wallet/activity/{place}").status_code == 404


def test_pages_hold_every_line_once(visitor: Visitor, citizen: Citizen) -> None:
    for _ in range(60):
        citizen.put({"identity.given_name": "Again"})
    found: list[str] = []
    path = "/wallet/activity"
    while path:
        page = visitor.get(path).text
        found += PLACE.findall(page)
        older = re.search(r'href="(/wallet/activity\?before=[^"]+)"', page)
        path = html.unescape(older[1]) if older else ""
    assert len(found) == len(set(found)) > 62
    assert "nothing is missing between these lines" in visitor.get("/wallet/activity").text


def test_a_filter_looks_at_so_much_of_a_long_list_and_says_that_it_goes_on(
    site: Site,
    visitor: Visitor,
    citizen: Citizen,
    agency: AgencyDesk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    citizen.offer(agency, FIELDS)
    system, opened = site.store.vault.system, list[object]()
    key = open_session(system, citizen.owner, site.store.clock.now_ms()).context.audit_key
    now_ms = site.store.clock.now_ms()
    items = [Item(draft(now_ms, "value.put", OWNER), key) for _ in range(LOOKED_AT_MAX + 10)]
    for recorded in [system.sequencer.submit(one) for one in items]:
        recorded.result(30)
    real = activities._open

    def counted(*given: Any) -> Entry | None:
        opened.append(given)
        return real(*given)

    monkeypatch.setattr(activities, "_open", counted)
    found, path, pages = list[str](), "/wallet/activity?kind=sharing", 0
    while path:
        opened.clear()
        page = visitor.get(path).text
        assert len(opened) <= LOOKED_AT_MAX + ALARMS_SHOWN + 1
        found += lines(page)
        more = re.search(r'href="(/wallet/activity\?kind=[^"]+)"[^>]*>Go on looking', page)
        assert ("Nothing was found so far." in page) is (more is not None)
        path, pages = html.unescape(more[1]) if more else "", pages + 1
    assert (found, pages) == (["You made a code for Agency of the tests"], 2)


def test_nobody_sees_the_lines_of_another(
    site: Site, visitor: Visitor, citizen: Citizen, agency: AgencyDesk
) -> None:
    read(citizen, agency)
    place = PLACE.findall(visitor.get("/wallet/activity?kind=reads").text)[0]
    other = Visitor(site, site.store.citizen())
    assert other.get(f"/wallet/activity/{place}").status_code == 404
    assert other.get(f"/wallet/report?entry={place}").status_code == 404


# Proof


def test_a_whole_list_is_checked_and_says_by_whom(visitor: Visitor) -> None:
    page = visitor.get("/wallet/activity").text
    assert "Checked: nothing is missing, nothing was changed" in page
    assert "This server checked its own log." in page
    key = visitor.site.store.vault.system.settings.origin
    assert f"kluis wallet activity --verify --key {key}" in page
    assert "That is the whole list." in visitor.get("/wallet/activity/check").text


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM audit_opening WHERE idx = :idx",
        "UPDATE audit_opening SET opening = substr(opening, 1, 40) WHERE idx = :idx",
    ],
)
def test_a_line_that_somebody_took_out_or_changed_is_told(
    site: Site, visitor: Visitor, citizen: Citizen, change: str
) -> None:
    citizen.put({"identity.given_name": "A"})
    middle = int(PLACE.findall(visitor.get("/wallet/activity?kind=data").text)[-1].split(".")[1])
    with site.store.vault.system.main.write() as connection:
        connection.execute(sql(change), {"idx": middle})
    for path in ("/wallet/activity", "/wallet/activity/check"):
        page = visitor.get(path).text
        assert "Something in this list does not fit" in page
        assert "Checked:" not in page


def test_a_newest_line_that_is_gone_is_told(site: Site, visitor: Visitor) -> None:
    newest = PLACE.findall(visitor.get("/wallet/activity").text)[0].split(".")[1]
    with site.store.vault.system.main.write() as connection:
        connection.execute(sql("DELETE FROM audit_opening WHERE idx = :i"), {"i": int(newest)})
    assert "Something in this list does not fit" in visitor.get("/wallet/activity").text


def test_only_so_many_check_everything_at_once(visitor: Visitor) -> None:
    with proved.CHECKS.held_by("one"), proved.CHECKS.held_by("two"):
        answer = visitor.get("/wallet/activity/check")
    assert answer.status_code == 503
    assert "It is busy for a moment" in answer.text


def test_lines_that_do_not_open_count_as_looked_at(
    site: Site, visitor: Visitor, citizen: Citizen, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(12):
        citizen.put({"identity.given_name": "A"})
    first = int(PLACE.findall(visitor.get("/wallet/activity").text)[-1].split(".")[1])
    with site.store.vault.system.main.write() as connection:
        connection.execute(sql("UPDATE audit_opening SET opening = :no WHERE idx >= :first"),
                           {"no": b"x", "first": first})  # fmt: skip
    monkeypatch.setattr(proved, "ENTRIES_MAX", 4)
    monkeypatch.setattr(proved, "_AT_A_TIME", 2)
    page = visitor.get("/wallet/activity/check").text
    assert page.count("can&#39;t be opened") == 4
    assert "Something in this list does not fit" in page


def test_what_is_not_shown_is_told_of_each_kind() -> None:
    assert set(HIDDEN) == set(NOT_SHOWN)
    assert set(KINDS) == {"reads", "sharing", "data", "opening", "log"}


# Report


def test_a_report_names_who_to_tell_and_a_letter_without_a_value(
    visitor: Visitor, citizen: Citizen, agency: AgencyDesk
) -> None:
    read(citizen, agency, "l.peeters")
    place = PLACE.findall(visitor.get("/wallet/activity?kind=reads").text)[0]
    assert "We send nothing and keep nothing." in visitor.get(f"/wallet/report?entry={place}").text
    page = visitor.get(f"/wallet/report?entry={place}&reason=too_much").text
    assert "desk@agency.example" in page
    assert "Authority" in page
    letter = html.unescape(re.findall(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)[0])
    for part in ("more data than you need", "l.peeters", "Testing", "First names, Date of birth"):
        assert part in letter
    mail = html.unescape(re.findall(r'href="(mailto:[^"]+)"', page)[0])
    assert mail.startswith("mailto:desk@agency.example?subject=")
    assert unquote(mail.partition("&body=")[2]) == letter.replace("\n", "\r\n")
    assert not any(value in page for value in PERSON.values())


def test_a_report_without_a_line_asks_which_office(visitor: Visitor, agency: AgencyDesk) -> None:
    assert "Which office is it about?" in visitor.get("/wallet/report").text
    page = visitor.get(f"/wallet/report?agency={agency.id}&reason=other").text
    assert "desk@agency.example" in page
    for query in ("agency=nobody&reason=other", f"agency={agency.id}&reason=zz", "reason=other"):
        assert "What is wrong?" in visitor.get(f"/wallet/report?{query}").text


# Hostile names


def test_hostile_names_of_offices_purposes_and_officers_stay_text(
    site: Site, citizen: Citizen
) -> None:
    evil = site.store.agency(
        "https://evil.example", names=dict.fromkeys(("nl", "fr", "de", "en"), EVIL)
    )
    read(citizen, evil, "<script>x()</script> \"'")
    for language in ("nl", "en"):
        visitor = Visitor(site, citizen, language)
        listed = visitor.get("/wallet/activity?kind=reads").text
        place = PLACE.findall(listed)[0]
        for path in (
            "/wallet/activity",
            f"/wallet/activity/{place}",
            f"/wallet/report?entry={place}",
            f"/wallet/report?entry={place}&reason=not_me",
            "/wallet/data/identity.given_name",
        ):
            page = visitor.get(path).text
            assert "Agency &amp;" in page, path
            assert "<b onclick" not in page
            assert "<script>" not in page
