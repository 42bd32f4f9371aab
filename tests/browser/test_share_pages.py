"""The code on a phone: how it looks, how long it lives, what is left of it; news in all tabs."""

import pytest
from playwright.sync_api import Page, expect

from crypto.code import GRANT, group_code
from tests.browser.chromium import PHONE, apart
from tests.browser.conftest import NewContext
from tests.browser.looking import axe
from tests.browser.people import choose, code_on, make_agency, make_citizen, share
from tests.browser.stage import Stage, later
from tests.browser.watching import Watch
from tests.serving import Site

OVER = "This code is over. Nothing was shared with it."


@pytest.fixture
def mine(phone: Page, stage: Stage) -> Page:
    """The phone of somebody whose vault is open."""
    stage.let_in(phone.context)
    return phone


def test_the_code_is_large_and_dark_on_light_in_a_dark_room(
    stage: Stage, new_context: NewContext
) -> None:
    context = new_context(PHONE, color_scheme="dark", has_touch=True, is_mobile=True)
    stage.let_in(context)
    page = context.new_page()
    code = share(page, stage.site, stage.agency, tx_code=1)
    assert page.locator("#code").inner_text().split() == group_code(GRANT, code).split()
    box = page.locator(".qr svg").bounding_box()
    assert box is not None
    assert box["width"] >= 0.6 * PHONE["width"]
    colours = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
    assert page.locator(".qr").evaluate(colours) == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    assert len(page.locator("[data-tx-code]").inner_text()) == 4
    assert axe(page) == []


def test_a_code_that_is_over_leaves_the_screen_and_a_new_one_costs_nothing(
    mine: Page, stage: Stage
) -> None:
    mine.clock.install()
    first = share(mine, stage.site, stage.agency)
    mine.clock.run_for(90_000)
    expect(mine.locator("[data-offer-aloud]")).to_have_text("30 seconds left")
    mine.clock.run_for(40_000)
    expect(mine.locator("[data-offer-said]")).to_contain_text(OVER)
    expect(mine.locator(".qr, #code")).to_have_count(0)
    assert first not in "".join(mine.content().split())
    mine.get_by_role("button", name="New code").click()
    mine.locator("[data-offer-left]").wait_for()
    assert code_on(mine) != first


def test_the_time_that_is_left_does_not_hang_on_the_clock_of_the_phone(
    mine: Page, stage: Stage
) -> None:
    mine.clock.set_fixed_time("2001-01-01T00:00:00Z")
    share(mine, stage.site, stage.agency)
    expect(mine.locator("[data-offer-left]")).to_contain_text("11")


def test_a_long_time_asks_for_the_key_again_and_keeps_the_choices(phone: Page, site: Site) -> None:
    make_citizen(phone, site)
    agency = make_agency(site)
    with later(site, 400):
        choose(phone, site, agency, seconds=365 * 86_400, reads=0, fields="contact.email_address")
        phone.get_by_role("button", name="Make the code").click()
        expect(phone.get_by_text("Open your vault again first")).to_be_visible()
        phone.get_by_role("button", name="Open with my passkey").click()
        expect(phone.get_by_role("heading", name="Is this right?")).to_be_visible()
        expect(phone.get_by_text("noortje@example.org")).to_be_visible()
        expect(phone.get_by_text("1 year", exact=True)).to_be_visible()
        phone.get_by_role("button", name="Make the code").click()
        assert code_on(phone)


def test_a_form_that_is_sent_again_makes_no_second_code(mine: Page, stage: Stage) -> None:
    choose(mine, stage.site, stage.agency)
    form = mine.locator("form[action='/wallet/share']")
    fields = form.evaluate("form => [...new FormData(form)].map((pair) => pair.map(String))")
    mine.get_by_role("button", name="Make the code").click()
    first = code_on(mine)
    waiting = _waiting(stage)
    send = """async (fields) => {
      const body = new URLSearchParams(fields);
      const sent = await fetch('/wallet/share', {method: 'POST', body});
      return [sent.url, await sent.text()];
    }"""
    _, page = mine.evaluate(send, fields)
    assert "data-offer" in page
    assert _waiting(stage) == waiting  # the second took the place of the first
    with pytest.raises(Exception, match="code"):
        stage.agency.redeem(first)
    newest = stage.site.store.vault.grants(stage.citizen.owner)[0]
    assert newest.state == "offered"


def test_an_office_that_is_not_registered_for_it_cannot_be_shared_with(
    mine: Page, stage: Stage, watch: Watch
) -> None:
    watch.forgive("404")
    mine.goto(f"{stage.site.url}/wallet/share/choose?agency=https://x.example&use=none")
    expect(mine.get_by_role("heading", level=1)).to_have_text("There is no such page")


def test_eight_tabs_hold_one_connection_and_all_hear(
    new_context: NewContext, stage: Stage, watch: Watch
) -> None:
    context = new_context(PHONE)
    stage.let_in(context)
    made = stage.citizen.offer(stage.agency, stage.mandatory, reads_max=5)
    token = stage.agency.redeem(made.code).token
    tabs = [context.new_page() for _ in range(8)]
    for tab in tabs:
        tab.goto(f"{stage.site.url}/wallet/access")
        expect(tab.locator("[data-live]")).to_have_attribute("data-state", "live")
    streams = [one for one in watch.requests if one.url.endswith("/wallet/events")]
    assert len(streams) == 1
    apart(lambda: stage.agency.read(token, stage.mandatory))
    for tab in tabs:
        line = tab.get_by_role("log").get_by_role("listitem")
        expect(line).to_contain_text(["Municipality of Waterbeek reads your data now."])
    tabs[0].close()  # it held the connection: another one takes over
    expect(tabs[1].locator("[data-live]")).to_have_attribute("data-state", "live")
    tabs[1].get_by_role("listitem").filter(has_text="Read 1×").get_by_role(
        "button", name="Take back"
    ).click()
    expect(tabs[1].get_by_text("cannot read any more").first).to_be_visible()
    expect(tabs[1].get_by_text("They said that they keep it for 1 year")).to_be_visible()
    # Whoever held the connection went to another page: what was missed shows on the cards.
    card = tabs[7].get_by_role("listitem").filter(has_text="Read 1×").first
    expect(card).to_contain_text("Ended")
    expect(card.get_by_role("button")).to_have_count(0)


def _waiting(stage: Stage) -> int:
    found = stage.site.store.vault.grants(stage.citizen.owner)
    return sum(one.state == "offered" for one in found)
