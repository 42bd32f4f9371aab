"""The pair: shared on a phone, read at a desk, seen on the phone, taken back, and closed there."""

import re

from playwright.sync_api import Page, expect

from tests.browser.people import (
    code_on,
    log_of,
    make_agency,
    make_citizen,
    make_officer,
    share,
    take,
)
from tests.browser.watching import Watch
from tests.serving import Site

NAME = "Noortje van der Linden-Oosterhuis"


def test_from_a_new_vault_to_a_withdrawal_that_the_desk_sees(
    phone: Page, desk: Page, site: Site, watch: Watch
) -> None:
    agency = make_agency(site)
    make_officer(desk, site, agency.id)
    make_citizen(phone, site)

    phone.goto(f"{site.url}/wallet/share")
    phone.get_by_role("link", name="Give a parking permit to residents").click()
    expect(phone.get_by_text(NAME)).to_be_visible()
    phone.get_by_label(re.compile("noortje@example.org")).check()
    phone.get_by_label("as often as they like").check()
    phone.get_by_role("button", name="Continue").click()
    expect(phone.get_by_text("noortje@example.org")).to_be_visible()
    phone.get_by_role("button", name="Make the code").click()
    code = code_on(phone)
    expect(phone.locator("[data-live]")).to_have_attribute("data-state", "live")

    take(desk, code)
    expect(desk.get_by_text(NAME)).to_be_visible()
    expect(desk.get_by_text("noortje@example.org")).to_be_visible()
    expect(desk.get_by_text("not shared", exact=True)).to_have_count(1)  # no blame, no value

    expect(phone.locator("[data-offer-said]")).to_have_text(
        "Municipality of Waterbeek has scanned your code."
    )
    expect(phone.get_by_role("heading", name="Shared with")).to_be_visible()
    expect(phone.locator("[data-live]")).to_have_attribute("data-state", "live")
    desk.get_by_role("button", name="Look again").click()
    lines = phone.get_by_role("log").get_by_role("listitem")
    expect(lines.filter(has_text="Municipality of Waterbeek reads your data now.")).to_have_count(1)
    expect(phone.get_by_text("Read 2×")).to_be_visible()

    phone.get_by_role("button", name="Take back").click()
    expect(phone.get_by_text("Municipality of Waterbeek cannot read any more")).to_be_visible()
    expect(phone.get_by_text("What does not stop")).to_be_visible()
    expect(desk.locator("[data-over=ended]")).to_be_visible()
    expect(desk.get_by_text(NAME)).to_have_count(0)

    reads = [one.event for one in log_of(phone, site) if one.event.action == "data.read"]
    assert [bool(e.officer and e.officer.id.startswith("l.peeters")) for e in reads] == [True, True]
    _no_secret_was_in_an_address(watch, code)


def test_a_code_goes_from_the_phone_once_it_is_scanned(phone: Page, desk: Page, site: Site) -> None:
    agency = make_agency(site)
    make_officer(desk, site, agency.id)
    make_citizen(phone, site)
    code = share(phone, site, agency)
    take(desk, code)
    expect(phone.get_by_role("heading", name="Shared with")).to_be_visible()
    assert code not in phone.content().replace(" ", "")
    expect(phone.get_by_text("It was read as often as you allowed.")).to_be_visible()
    phone.go_back()
    assert code[:11] not in phone.content().replace("</span> <span>", "")


def _no_secret_was_in_an_address(watch: Watch, code: str) -> None:
    """The code is in one body, that of the desk; it and PRF's outcome are in no address."""
    for request in watch.requests:
        assert code not in request.url
        assert code not in (request.headers.get("referer") or "")
    sent = [one for one in watch.requests if code in (one.post_data or "").upper()]
    assert [one.url.rpartition("/")[2] for one in sent] == ["redeem"]
    assert not [one for one in watch.requests if '"results"' in (one.post_data or "")]
