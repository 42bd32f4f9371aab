"""A code that is of no use any more: what the phone says then, why, and what can be done."""

import pytest
from playwright.sync_api import Page, expect

from crypto.encoding import b64u
from tests.browser.chromium import apart
from tests.browser.people import code_on, share
from tests.browser.stage import Stage
from tests.browser.watching import Watch
from vault.errors import InvalidGrant

LEFT = ["New code", "To my vault"]  # what can be done with a code that is over


@pytest.fixture
def mine(phone: Page, stage: Stage) -> Page:
    """The phone of somebody whose vault is open."""
    stage.let_in(phone.context)
    return phone


def test_a_code_that_is_over_says_so_and_can_only_be_made_anew(mine: Page, stage: Stage) -> None:
    mine.clock.install()
    share(mine, stage.site, stage.agency)
    mine.clock.run_for(130_000)
    expect(mine.get_by_role("heading", level=1)).to_have_text("Nothing was shared")
    expect(mine.get_by_text("Nothing was shared with it")).to_be_visible()
    assert _ways(mine) == LEFT
    expect(mine.get_by_text("Stop, and nothing is shared")).to_have_count(0)


def test_three_times_wrong_digits_are_told_on_the_phone(mine: Page, stage: Stage) -> None:
    first = share(mine, stage.site, stage.agency, tx_code=1)
    expect(mine.locator("[data-live]")).to_have_attribute("data-state", "live")
    right = mine.locator("[data-tx-code]").inner_text()
    for _ in range(3):
        apart(lambda: _refused(stage, first, "4321" if right == "1234" else "1234"))
    expect(mine.get_by_role("alert")).to_contain_text("The four digits were wrong three times")
    expect(mine.get_by_role("alert")).to_contain_text("Nobody got anything.")
    expect(mine.get_by_role("heading", level=1)).to_have_text("Nothing was shared")
    assert _ways(mine) == LEFT
    mine.get_by_role("button", name="New code").click()
    assert code_on(mine) != first
    assert len(mine.locator("[data-tx-code]").inner_text()) == 4  # as it was chosen


def test_an_alarm_stands_where_the_good_news_stood(mine: Page, stage: Stage) -> None:
    code = share(mine, stage.site, stage.agency, reads=5)
    expect(mine.locator("[data-live]")).to_have_attribute("data-state", "live")
    apart(lambda: stage.agency.redeem(code))
    expect(mine.locator("main .notice.success")).to_contain_text("has scanned your code")
    expect(mine.locator("[data-live]")).to_have_attribute("data-state", "live")
    apart(lambda: _refused(stage, code, thumbprint="another-computer"))
    alarm = mine.get_by_role("alert")
    expect(alarm).to_contain_text("Your code was used a second time")
    expect(alarm).to_be_in_viewport()
    expect(mine.locator("main .notice.success")).to_have_count(0)


def test_an_alarm_that_nobody_listened_for_stands_there_too(
    mine: Page, stage: Stage, watch: Watch
) -> None:
    watch.forgive("502")
    made = stage.citizen.offer(stage.agency, stage.mandatory, reads_max=5)
    stage.agency.redeem(made.code)
    mine.clock.install()
    mine.route("**/wallet/events", lambda route: route.fulfill(status=502))
    mine.goto(f"{stage.site.url}/wallet/share/done?grant={b64u(made.grant_id)}")
    expect(mine.locator("main .notice.success")).to_contain_text("has scanned your code")
    apart(lambda: _refused(stage, made.code, thumbprint="another-computer"))
    mine.clock.run_for(20_000)
    expect(mine.get_by_role("alert")).to_contain_text("Your code was used a second time")


def test_a_code_that_was_scanned_in_its_last_second_is_not_called_unused(
    mine: Page, stage: Stage
) -> None:
    mine.clock.install()
    code = share(mine, stage.site, stage.agency)
    expect(mine.locator("[data-offer]")).to_be_visible()
    mine.clock.run_for(130_000)  # the phone's clock: the server's has not moved
    expect(mine.get_by_role("heading", level=1)).to_have_text("Nothing was shared")
    apart(lambda: stage.agency.redeem(code))
    expect(mine.locator("[data-offer-said]")).to_contain_text("has scanned your code")
    mine.clock.run_for(2_000)
    expect(mine.get_by_role("heading", level=1)).to_contain_text("Shared with")


def _ways(page: Page) -> list[str]:
    found = page.locator("main .actions .button:visible").all_inner_texts()
    return [one.strip() for one in found]


def _refused(stage: Stage, code: str, digits: str | None = None, **named: str) -> None:
    with pytest.raises(InvalidGrant):
        stage.agency.redeem(code, digits, **named)
