"""Inside the doors, in a real browser: keys and sheets, the lost phone, the idle lock, no
connection, a place among a phone's apps.
"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.authenticators import authenticator
from tests.browser.chromium import DESK, PHONE
from tests.browser.conftest import NewContext
from tests.browser.keyboard import go_to
from tests.browser.looking import axe
from tests.browser.stage import Stage
from tests.browser.watching import Watch
from tests.serving import Site
from vault import caller
from vault.clock import SystemClock
from vault.errors import CannotUnlock
from vault.sessions import UnlockSecret
from web.citizen import IDLE_SECONDS

FIRST_LOAD_BYTES_MAX = 100_000


def test_keys_are_added_named_and_taken_away(
    site: Site, stage: Stage, new_context: NewContext, watch: Watch
) -> None:
    citizen = site.store.citizen()
    context = new_context(PHONE)
    Stage(site, citizen, stage.agency, stage.use).let_in(context)
    page = context.new_page()
    authenticator(page)
    page.goto(site.url + "/wallet/settings")
    page.get_by_role("link", name="Add a key").click()
    page.get_by_label("A name for the new key").fill("Tablet <b>in</b> the kitchen")
    code = page.locator("#recovery_code")
    expect(code).to_be_hidden()
    page.get_by_label("My recovery code").check()
    code.fill(citizen.recovery_code)
    page.get_by_role("button", name="Add the key").click()
    expect(page.get_by_text("The new key opens your vault from now on.")).to_be_visible()
    expect(page.get_by_text("Tablet <b>in</b> the kitchen").first).to_be_visible()

    # By the passkey that is there, a second one; then a key file.
    for name, key in (("Laptop", "passkey"), ("Stick", "file")):
        page.goto(f"{site.url}/wallet/settings/keys/add?key={key}")
        page.get_by_label("A name for the new key").fill(name)
        if key == "file":
            with page.expect_download() as saved:
                page.get_by_role("button", name="Save the key file").click()
            file = Path(saved.value.path())
            page.get_by_label("Choose the file that you just saved").set_input_files(file)
        page.get_by_role("button", name="Add the key").click()
        expect(page.get_by_text("The new key opens your vault from now on.")).to_be_visible()
    keys = page.locator("ul.fields").first.locator("li")
    expect(keys).to_have_count(4)
    expect(keys.filter(has_text="This one")).to_have_count(1)
    assert axe(page) == []

    page.get_by_role("link", name=re.compile("Take away.*Laptop")).click()
    expect(page.get_by_text("It opens your vault never again")).to_be_visible()
    page.get_by_role("button", name="Take it away").click()
    expect(page.get_by_text("That key opens your vault no more.")).to_be_visible()
    expect(keys).to_have_count(3)
    for body in re.findall(r"POST .*", watch.sent()):
        assert "device_secret" not in body or "/keys/add" in body


def test_the_sheet_fits_one_page_of_paper(
    site: Site, stage: Stage, new_context: NewContext
) -> None:
    citizen = site.store.citizen()
    context = new_context(DESK)
    Stage(site, citizen, stage.agency, stage.use).let_in(context)
    page = context.new_page()
    page.goto(site.url + "/wallet/settings/sheet")
    page.get_by_label("My recovery code").check()
    page.locator("#recovery_code").fill(citizen.recovery_code)
    page.get_by_role("button", name="Make a new sheet").click()
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    page.emulate_media(media="print")
    for part in ("[data-recovery-code]", "[data-block-code]", ".print-only"):
        expect(page.locator(part)).to_be_visible()
    for part in ("Save as PDF", "Print"):
        expect(page.get_by_role("button", name=part)).to_be_hidden()
    expect(page.get_by_text("I have written it down")).to_be_hidden()
    paper = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1


def test_a_lost_phone_is_shut_out_from_a_borrowed_one_without_javascript(
    site: Site, phone: Page, new_context: NewContext, watch: Watch
) -> None:
    watch.forgive("status of 40[03]")
    authenticator(phone)
    phone.goto(site.url + "/wallet/start")
    phone.get_by_role("button", name="Make my passkey").click()
    block = " ".join(phone.locator("[data-block-code]").inner_text().split())
    code = " ".join(phone.locator("[data-recovery-code]").inner_text().split())

    borrowed = new_context(PHONE, java_script_enabled=False).new_page()
    borrowed.goto(site.url)
    borrowed.get_by_role("link", name="I lost my phone: block my vault").click()
    for typed, said in [("BC 1234", "This block code is not right"), (code, "the recovery code")]:
        borrowed.get_by_label("Block code").fill(typed)
        borrowed.get_by_role("button", name="Block the vault").click()
        expect(borrowed.locator(".errors")).to_contain_text("Nothing was blocked")
        expect(borrowed.locator(".fault")).to_contain_text(said)
    borrowed.get_by_label("Block code").fill(block)
    borrowed.get_by_role("button", name="Block the vault").click()
    expect(borrowed.get_by_text(re.compile(r"Blocked since \d+ \w+ \d{4}"))).to_be_visible()

    phone.goto(site.url + "/wallet/settings")
    expect(phone.get_by_text("Your vault was locked")).to_be_visible()
    phone.get_by_role("button", name="Open with my passkey").click()
    expect(phone.get_by_text("This key opens no vault here")).to_be_visible()
    phone.get_by_label("Recovery code").fill(code)
    phone.get_by_role("button", name="Open with my recovery code").click()
    expect(phone.get_by_role("heading", name="Type your recovery code")).to_be_visible()
    phone.get_by_label("Recovery code").fill(code)
    phone.get_by_role("button", name="Check it").click()
    expect(phone.get_by_text("No device opens your vault")).to_be_visible()
    assert axe(phone) == []


def test_erasing_by_keyboard_alone(site: Site, stage: Stage, new_context: NewContext) -> None:
    citizen = site.store.citizen()
    context = new_context(DESK)
    Stage(site, citizen, stage.agency, stage.use).let_in(context)
    page = context.new_page()
    page.goto(site.url + "/wallet/settings")
    go_to(page, "Erase my vault")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Erase my vault")).to_be_visible()
    go_to(page, "Type ERASE")
    page.keyboard.type("erase")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your vault is erased")).to_be_visible()
    with pytest.raises(CannotUnlock):
        site.store.vault.unlock(caller.Stranger(), UnlockSecret.device(citizen.device_secret))
    page.go_back()
    page.reload()
    expect(page.get_by_role("heading", name="Open my vault")).to_be_visible()


def test_a_page_that_is_left_alone_asks_and_then_shows_nothing(
    site: Site, stage: Stage, new_context: NewContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = new_context(PHONE)
    stage.let_in(context)
    page = context.new_page()
    page.clock.install()
    page.goto(site.url + "/wallet/data")
    expect(page.get_by_text("Waterbeek").first).to_be_visible()
    question = page.locator("dialog#idle")
    page.clock.run_for((IDLE_SECONDS - 65) * 1000)
    assert not question.is_visible()
    # The phone's clock is set back an hour: the time that is left does not grow by it.
    page.evaluate("() => { const real = Date.now; Date.now = () => real() - 3_600_000; }")
    page.clock.run_for(10_000)
    expect(question).to_be_visible()
    assert axe(page) == []
    with page.expect_response("**/wallet/still-here") as answer:
        page.get_by_role("button", name="Yes, continue").click()
    assert answer.value.status == 204
    expect(question).to_be_hidden()

    system = SystemClock()
    later = (IDLE_SECONDS + 60) * 1000
    monkeypatch.setattr(site.store.clock, "now_ms", lambda: system.now_ms() + later)
    page.clock.run_for((IDLE_SECONDS + 2) * 1000)
    expect(page.get_by_role("heading", name="Your vault is locked")).to_be_visible()
    assert "Waterbeek" not in page.content()
    expect(page.get_by_role("link", name="Open my vault")).to_have_attribute(
        "href", "/wallet/unlock?next=/wallet/data"
    )


def test_an_officers_page_warns_too(site: Site, stage: Stage, new_context: NewContext) -> None:
    context = new_context(DESK)
    stage.let_in_officer(context)
    page = context.new_page()
    page.clock.install()
    page.goto(site.url + "/desk")
    page.clock.run_for((site.store.settings.officer_idle_seconds - 50) * 1000)
    question = page.locator("dialog#idle")
    expect(question).to_contain_text("you are signed out")
    with page.expect_response("**/desk/still-here") as answer:
        page.get_by_role("button", name="Yes, continue").click()
    assert answer.value.status == 204
    page.clock.run_for((site.store.settings.officer_idle_seconds - 50) * 1000)
    page.get_by_role("button", name="Lock now").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_wallet_can_be_installed_and_says_so_when_there_is_no_connection(
    site: Site, new_context: NewContext, watch: Watch
) -> None:
    watch.forgive("ERR_INTERNET_DISCONNECTED")
    context = new_context(PHONE, locale="nl-NL")
    page = context.new_page()
    page.goto(site.url)
    page.wait_for_function("() => navigator.serviceWorker.controller")
    session = context.new_cdp_session(page)
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"] == site.url + "/app.nl.webmanifest"
    found = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {one["errorId"] for one in found} <= {"in-incognito"}  # as every page of a test
    context.set_offline(True)
    page.goto(site.url + "/wallet/share")
    expect(page.get_by_role("heading", name="Geen verbinding")).to_be_visible()
    assert axe(page) == []
    context.set_offline(False)
    page.get_by_role("link", name="Probeer opnieuw").click()
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("Geen verbinding")


def test_the_first_page_is_small(site: Site, phone: Page) -> None:
    requests: list[Request] = []

    def keep(request: Request) -> None:
        requests.append(request)

    phone.on("request", keep)
    phone.goto(site.url, wait_until="load")
    sizes = [one.sizes()["responseBodySize"] for one in requests]  # each waits for its end
    assert min(sizes) > 0
    assert sum(sizes) < FIRST_LOAD_BYTES_MAX


def test_what_is_not_there_is_said_in_words(site: Site, phone: Page, watch: Watch) -> None:
    watch.forgive("status of 404")
    for path in ("/wallet/nowhere", "/desk/nowhere", "/auditor/nowhere"):
        phone.goto(site.url + path)
        expect(phone.get_by_role("heading", name="There is no such page")).to_be_visible()
        expect(phone.get_by_text("Nothing was changed and nothing was shared.")).to_be_visible()
        assert axe(phone) == []
