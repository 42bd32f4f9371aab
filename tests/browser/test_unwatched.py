"""What a page does while it cannot listen, and while nobody looks or too many do."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.chromium import apart
from tests.browser.people import take
from tests.browser.stage import VALUES, Stage
from tests.browser.watching import Watch

NAME = VALUES["identity.full_name"]
STREAM, POLL = "**/wallet/events", "**/wallet/events/since?*"
LIVE = "[data-live]"
HIDDEN = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def mine(phone: Page, stage: Stage) -> Page:
    """The phone of somebody whose vault is open, with a clock to turn."""
    stage.let_in(phone.context)
    phone.clock.install()
    return phone


def refuse(route: Route) -> None:
    route.fulfill(status=502)


def hold_back(route: Route) -> None:
    """Says nothing at all, like a proxy that waits for the end of what has none."""


@pytest.mark.parametrize("fault", [refuse, hold_back])
def test_where_no_stream_comes_through_the_server_is_asked_until_one_does(
    mine: Page, stage: Stage, watch: Watch, fault: Callable[[Route], None]
) -> None:
    watch.forgive("502")
    made = stage.citizen.offer(stage.agency, stage.mandatory, reads_max=5)
    token = stage.agency.redeem(made.code).token
    mine.route(STREAM, fault)
    mine.goto(f"{stage.site.url}/wallet/access")
    gives_up_ms = 8_000 if fault is hold_back else 0  # more would give up the question as well
    mine.clock.run_for(gives_up_ms)
    expect(mine.locator(LIVE)).to_have_attribute("data-state", "polling")
    expect(mine.locator(LIVE)).to_have_text("Updated every 15 seconds")

    apart(lambda: stage.agency.read(token, stage.mandatory))
    mine.clock.run_for(8_000)
    mine.clock.run_for(gives_up_ms)
    expect(mine.get_by_role("listitem").filter(has_text="Read 1×")).to_have_count(1)

    mine.unroute(STREAM)
    mine.clock.run_for(8_000)
    expect(mine.locator(LIVE)).to_have_attribute("data-state", "live")


def test_where_no_answer_comes_either_it_is_said_and_tried_again(mine: Page, stage: Stage) -> None:
    for path in (STREAM, POLL):
        mine.route(path, hold_back)
    mine.goto(f"{stage.site.url}/wallet/access")
    mine.clock.run_for(8_000)
    mine.clock.run_for(8_000)
    expect(mine.locator(LIVE)).to_have_attribute("data-state", "lost")
    for path in (STREAM, POLL):
        mine.unroute(path)
    mine.clock.run_for(9_000)
    expect(mine.locator(LIVE)).to_have_attribute("data-state", "live")


@pytest.mark.parametrize("fault", [refuse, hold_back])
def test_access_that_ends_leaves_the_desk_also_where_no_stream_comes_through(
    desk: Page, stage: Stage, watch: Watch, fault: Callable[[Route], None]
) -> None:
    watch.forgive("502")
    stage.let_in_officer(desk.context)
    made = stage.citizen.unlock().offer(stage.agency, stage.mandatory, reads_max=5)
    desk.route("**/desk/events?*", fault)
    desk.clock.install()
    desk.goto(f"{stage.site.url}/desk")
    take(desk, made.code)
    expect(desk.get_by_text(NAME)).to_be_visible()
    stage.site.store.vault.end_grant(stage.citizen.owner, made.grant_id)
    desk.clock.run_for(8_000)  # it has been told: it stands; or it is told now
    desk.clock.run_for(5_000 if fault is refuse else 0)
    expect(desk.locator("[data-over=ended]")).to_be_visible()
    assert NAME not in desk.content()


def test_values_are_veiled_after_half_a_minute_in_the_background(mine: Page, stage: Stage) -> None:
    mine.goto(f"{stage.site.url}/wallet/data")
    value = mine.locator("[data-value]").first
    shown = value.evaluate("e => getComputedStyle(e).filter")
    mine.evaluate(HIDDEN, True)
    mine.clock.run_for(29_000)
    mine.evaluate(HIDDEN, False)
    assert value.evaluate("e => getComputedStyle(e).filter") == shown, "a short look elsewhere"
    mine.evaluate(HIDDEN, True)
    mine.clock.run_for(31_000)
    mine.evaluate(HIDDEN, False)
    assert value.evaluate("e => getComputedStyle(e).filter") != shown
    mine.keyboard.press("Shift")
    assert value.evaluate("e => getComputedStyle(e).filter") == shown


def test_all_values_are_hidden_at_once_from_eyes_and_ears(mine: Page, stage: Stage) -> None:
    mine.goto(f"{stage.site.url}/wallet/data")
    values = mine.locator("[data-value]")
    mine.get_by_role("button", name="Hide all values").click()
    assert set(values.evaluate_all("all => all.map((e) => e.ariaHidden)")) == {"true"}
    mine.get_by_role("button", name="Show all values").click()
    assert set(values.evaluate_all("all => all.map((e) => e.ariaHidden)")) == {None}
