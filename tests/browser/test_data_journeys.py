"""A citizen's data, activity, report and copy in a real browser: with and without modules."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import DESK, PHONE
from tests.browser.conftest import NewContext
from tests.browser.looking import axe, overflowing, overflowing_with_large_text
from tests.browser.stage import Stage
from tests.browser.tour import RECORD
from tests.browser.watching import Watch
from tests.builders import AgencyDesk, Citizen
from tests.serving import Site

EVIL = "<img src=x onerror=document.title='run'>\"'&"
LONG = "Ö😀W" * 40


@pytest.fixture
def own(site: Site, stage: Stage) -> Stage:
    """The same offices, with a citizen of this test alone."""
    citizen = site.store.citizen({"identity.full_name": "Noortje", "identity.birth_date": "1957"})
    return Stage(site, citizen, stage.agency, stage.use)


def open_page(new_context: NewContext, stage: Stage, path: str, **options: object) -> Page:
    context = new_context(**options)  # type: ignore[arg-type]
    stage.speak(context, "en")
    stage.let_in(context)
    page = context.new_page()
    page.goto(stage.site.url + path)
    return page


def test_values_are_hidden_and_shown_at_once_also_for_who_listens(
    own: Stage, new_context: NewContext
) -> None:
    page = open_page(new_context, own, "/wallet/data")
    value = page.locator("[data-value='identity.full_name']")
    page.get_by_role("button", name="Hide all values").click()
    expect(value).to_have_css("filter", re.compile("blur"))
    expect(value).to_have_attribute("aria-hidden", "true")
    page.get_by_role("button", name="Show all values").click()
    expect(value).to_have_css("filter", "none")
    assert value.get_attribute("aria-hidden") is None
    assert axe(page) == []


def test_a_mistake_is_told_first_and_a_correction_makes_history_by_keyboard(
    own: Stage, new_context: NewContext, watch: Watch
) -> None:
    watch.forgive("400")
    page = open_page(new_context, own, "/wallet/data/identity.birth_date")
    page.get_by_role("link", name="Correct it").press("Enter")
    field = page.get_by_label("Date of birth")
    expect(field).to_have_value("1957")
    field.fill("31-2-1957")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # from the summary to the field
    expect(page.locator("#value")).to_be_focused()
    expect(page.locator("#value")).to_have_value("31-2-1957")
    assert axe(page) == []
    page.locator("#value").fill("14-3-1957")
    page.locator("#value").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("It is in your vault")
    expect(page.locator(".fields .value").first).to_have_text("14 March 1957")
    page.locator("summary", has_text="1 earlier statement").press("Enter")
    expect(page.locator(".fields .value").last).to_have_text("1957")


def test_a_file_is_read_here_looked_at_and_put_in(
    own: Stage, new_context: NewContext, tmp_path: Path
) -> None:
    page = open_page(new_context, own, "/wallet/data")
    page.get_by_role("link", name="Take from the population register").click()
    large = tmp_path / "large.json"
    large.write_text("x" * 100_001)
    page.get_by_label("Choose the file").set_input_files(large)
    expect(page.locator("#file-said")).to_contain_text("too large")
    expect(page.locator("#answer")).to_have_value("")
    record = tmp_path / "answer.json"
    record.write_text(RECORD)
    page.get_by_label("Choose the file").set_input_files(record)
    expect(page.locator("#file-said")).to_contain_text("The file was read.")
    found = json.loads(RECORD)
    bsn = (found.get("personen") or [found])[0]["burgerservicenummer"]
    page.get_by_label("Your citizen service number").fill(bsn)
    page.get_by_role("button", name="See what it says").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Is this right?")
    expect(page.get_by_text("In your vault now: Noortje")).to_be_visible()
    page.locator("input[value='identity.full_name']").uncheck()
    page.get_by_role("button", name="Put it into my vault").click()
    expect(page.get_by_role("status").first).to_contain_text("were put into your vault")
    assert own.citizen.values()["identity.full_name"] == "Noortje"
    assert own.citizen.values()["identity.personal_administrative_number"] == bsn


def test_a_copy_is_fetched_once_and_the_link_is_nothing_elsewhere(
    own: Stage, new_context: NewContext, watch: Watch
) -> None:
    page = open_page(new_context, own, "/wallet/export")
    page.get_by_label("For another program").check()
    page.get_by_role("button", name="Make the link").click()
    expect(page.locator("[data-countdown]")).to_contain_text(re.compile("1[45] min"))
    link = page.get_by_role("link", name="Fetch the JSON file")
    href = own.site.url + str(link.get_attribute("href"))
    elsewhere = new_context(PHONE).new_page()
    elsewhere.goto(href)
    assert elsewhere.url.startswith(f"{own.site.url}/wallet/unlock?")
    with page.expect_download() as fetched:
        link.click()
    assert fetched.value.suggested_filename.endswith(".json")
    assert json.loads(fetched.value.path().read_text("utf-8"))["fields"]
    watch.forgive("410")
    page.goto(href)
    expect(page.get_by_role("heading", level=1)).to_have_text("This link was used already")
    page.get_by_role("link", name="Activity", exact=True).last.click()
    expect(page.get_by_text("You took a copy of your data", exact=True)).to_be_visible()
    refused = "You took a copy of your data – refused, nothing was given"
    expect(page.get_by_text(refused)).to_be_visible()


def test_activity_works_without_modules(stage: Stage, new_context: NewContext) -> None:
    page = open_page(new_context, stage, "/wallet/activity", java_script_enabled=False)
    page.locator("details", has_text="Filter").locator("summary").click()
    page.get_by_label("What happened").select_option("reads")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".card .entries .what")).to_have_count(3)
    page.get_by_role("link", name="read your data").last.click()
    expect(page.get_by_text("l.peeters")).to_be_visible()
    page.get_by_role("link", name="Something is wrong: report it").click()
    page.get_by_label("They ask for too much").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="The data protection authority")).to_be_visible()
    expect(page.get_by_label("Copy this text")).to_have_value(re.compile("more data than you need"))
    page.goto(stage.site.url + "/wallet/activity")
    page.get_by_role("button", name="I have seen it").click()
    expect(page.get_by_text("Look at this first")).to_have_count(0)


def test_the_log_and_the_data_are_fit_for_paper(stage: Stage, new_context: NewContext) -> None:
    for _ in range(3):
        stage.citizen.unlock()
    page = open_page(new_context, stage, "/wallet/activity")
    folded = page.locator(".entries details a").first
    expect(folded).to_be_hidden()
    page.emulate_media(media="print")
    expect(folded).to_be_visible()
    for gone in (".ways", ".actions", "form.no-print", ".foot ul"):
        for part in page.locator(gone).all():
            expect(part).to_be_hidden()
    expect(page.locator(".card .entries .what").first).to_be_visible()
    page.goto(stage.site.url + "/wallet/data")
    expect(page.locator("[data-value]").first).to_be_visible()
    expect(page.get_by_role("button", name="Hide all values")).to_be_hidden()


def test_what_is_hostile_is_text_and_the_layout_holds(site: Site, new_context: NewContext) -> None:
    values = {"identity.full_name": EVIL, "identity.family_name": LONG[:100], "address.kind": "a"}
    values.pop("address.kind")
    citizen = site.store.citizen(values)
    agency = site.store.agency(
        "https://evil.example",
        dict.fromkeys(values, True),
        names=dict.fromkeys(("nl", "fr", "de", "en"), (EVIL + LONG)[:120]),
    )
    stage = Stage(site, citizen, agency, {"fields": []})
    _read(stage, agency, citizen, values)
    for scheme in ("light", "dark"):
        page = open_page(new_context, stage, "/wallet/activity?kind=reads", color_scheme=scheme)
        entry = page.locator(".card .entries a").first.get_attribute("href") or ""
        place = entry.rpartition("/")[2]
        for path in (
            "/wallet/activity",
            entry,
            f"/wallet/report?entry={place}&reason=other",
            "/wallet/data",
            "/wallet/data/identity.full_name",
            "/wallet/data/identity.family_name/edit",
        ):
            page.goto(site.url + path)
            assert page.title() != "run"
            assert page.locator("main img").count() == 0
            assert axe(page) == []
            assert overflowing(page) == []
            assert overflowing_with_large_text(page) == []


def _read(stage: Stage, agency: AgencyDesk, citizen: Citizen, fields: dict[str, str]) -> None:
    token = agency.redeem(citizen.offer(agency, list(fields)).code).token
    stage.use["fields"] = [{"id": name, "mandatory": True} for name in fields]
    stage._read(token, officer="<script>document.title='run'</script>")


def test_a_page_on_a_wide_screen_has_no_violation(stage: Stage, new_context: NewContext) -> None:
    page = open_page(new_context, stage, "/wallet/activity/check", size=DESK)
    expect(page.get_by_text("Checked: nothing is missing")).to_be_visible()
    assert axe(page) == []
