"""An auditor's officer, from the invitation to the checked file, in a real browser."""

import io

from playwright.sync_api import Page, expect

from audit.entry import Event
from evidence.archive import Reader
from evidence.cosignature import parse_verifier
from evidence.examination import verify_export
from evidence.export import POLICY
from operate.examining import Window, read
from tests.browser.authenticators import authenticator
from tests.browser.chromium import DESK
from tests.browser.conftest import NewContext
from tests.browser.keyboard import walk
from tests.browser.looking import axe, overflowing, overflowing_with_large_text
from tests.browser.stage import AUDITOR, Stage
from tests.browser.watching import Watch
from vault import caller
from web import cookies

PAGES = ("/auditor", "/auditor/entries", "/auditor/entries?show=1", "/auditor/entry?at=1.7",
         "/auditor/pictures?show=1", "/auditor/check?now=1", "/auditor/export")  # fmt: skip


def test_from_the_invitation_to_the_checked_file(desk: Page, stage: Stage) -> None:
    vault, url = stage.site.store.vault, stage.site.url
    code = vault.invite_officer(caller.Operator(), AUDITOR, "k.vandijk", "Karel van Dijk", 3600)
    authenticator(desk)
    desk.goto(f"{url}/auditor/enrol#{code}")
    desk.get_by_role("button").first.click()
    desk.get_by_role("link", name="Sign in").click()
    desk.get_by_role("button", name="Sign in with my passkey").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("See what happened, and check it")
    assert "Karel van Dijk" in desk.locator("main").inner_text()

    desk.get_by_role("link", name="Look things up").click()
    desk.get_by_label("What happened").select_option("data.read")
    desk.get_by_role("button", name="Look, and have it recorded").click()
    rows = desk.locator("tbody tr")
    expect(rows).to_have_count(3)
    looks = len(vault_looks(stage))
    first = rows.first.inner_text()
    head = desk.get_by_role("columnheader", name="Place")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(rows.last).to_have_text(first.replace("\n", ""), use_inner_text=False)
    desk.get_by_role("columnheader", name="When").get_by_role("button").focus()
    desk.keyboard.press("Enter")
    expect(head).not_to_have_attribute("aria-sort", "descending")
    assert len(vault_looks(stage)) == looks, "sorting looks nothing up"
    rows.first.get_by_role("link").click()
    expect(desk.locator("main")).to_contain_text("It stands in the signed log")

    desk.goto(f"{url}/auditor/check")
    desk.get_by_role("button", name="Check now").click()
    expect(desk.locator("main")).to_contain_text("Everything fits")

    desk.goto(f"{url}/auditor/export")
    with desk.expect_download() as waiting:
        desk.get_by_role("button", name="Get the file").click()
    expect(desk.locator("[data-takeaway-status]")).to_contain_text("Done: ")
    assert waiting.value.suggested_filename == "vault-audit.zip"
    check(waiting.value.path().read_bytes())
    named = {one.officer for one in vault_looks(stage)[looks:] if one.action == "log.export"}
    assert {one.id for one in named if one} == {"k.vandijk"}

    desk.goto(f"{url}/auditor")
    desk.get_by_role("button", name="Sign out").click()
    desk.goto(f"{url}/auditor/entries")
    expect(desk).to_have_url(f"{url}/auditor/sign-in")
    held = {one["name"] for one in desk.context.cookies()}
    assert not held & {cookies.OFFICER, cookies.READING}


def vault_looks(stage: Stage) -> list[Event]:
    found = read(stage.site.store.vault.system, Window(most=10_000))
    events = [one.bodies[0] for one in found if one.bodies]
    return [one for one in events if one.action in {"log.read", "log.export"}]


def check(file: bytes) -> None:
    reader = Reader(io.BytesIO(file))
    lines = reader.read(POLICY, 10_000).decode().splitlines()
    keys = [parse_verifier(one.removeprefix("log ")) for one in lines if one.startswith("log ")]
    assert verify_export(reader, keys).findings == ()


def test_a_checkpoint_that_is_none_is_told_on_the_page(
    new_context: NewContext, stage: Stage, watch: Watch
) -> None:
    watch.forgive("400 .Bad Request")
    context = new_context(DESK)
    stage.let_in_officer(context, auditor=True)
    page = context.new_page()
    page.goto(stage.site.url + "/auditor/export")
    page.get_by_text("I have an earlier export").click()
    page.get_by_label("Checkpoint of the earlier export").fill("nonsense")
    page.get_by_role("button", name="Get the file").click()
    expect(page.get_by_role("alert")).to_contain_text("This is no checkpoint")
    assert page.get_by_label("Checkpoint of the earlier export").input_value() == "nonsense"


def test_every_page_works_without_javascript(new_context: NewContext, stage: Stage) -> None:
    context = new_context(DESK, java_script_enabled=False)
    stage.let_in_officer(context, auditor=True)
    page = context.new_page()
    page.goto(stage.site.url + "/auditor")
    page.get_by_role("link", name="Look things up").click()
    page.get_by_role("button", name="Look, and have it recorded").click()
    expect(page.locator("tbody tr").first).to_be_visible()
    assert page.locator("thead button").count() == 0
    page.locator("tbody th a").first.click()
    expect(page.locator("main")).to_contain_text("Is it genuine?")
    page.goto(stage.site.url + "/auditor/pictures")
    page.get_by_role("button", name="Look, and have it recorded").click()
    expect(page.locator("svg.picture")).to_have_count(4)
    page.goto(stage.site.url + "/auditor/check")
    page.get_by_role("button", name="Check now").click()
    expect(page.locator("main")).to_contain_text("Everything fits")
    page.goto(stage.site.url + "/auditor/export")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Get the file").click()
    check(waiting.value.path().read_bytes())


def test_every_page_is_open_to_everybody(new_context: NewContext, stage: Stage) -> None:
    context = new_context(DESK, color_scheme="dark", locale="de-DE")
    stage.let_in_officer(context, auditor=True)
    stage.speak(context, "de")
    page = context.new_page()
    for path in PAGES:
        page.goto(stage.site.url + path)
        assert axe(page) == []
        assert overflowing(page) == []
        assert overflowing_with_large_text(page) == []
        walk(page)
