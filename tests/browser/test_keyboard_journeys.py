"""Every journey by the keyboard alone: no mouse is touched, from the first page to the last.

Tab goes on until the focus stands on what a person would take; Enter or the space bar takes it.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.authenticators import authenticator
from tests.browser.chromium import DESK
from tests.browser.conftest import NewContext
from tests.browser.keyboard import go_to
from tests.browser.people import code_on, invite, put
from tests.browser.stage import AUDITOR, VALUES, Stage
from vault import caller
from vault.reading import parse_access_token

pytestmark = pytest.mark.slow


def press(page: Page, name: str, then: str) -> None:
    """Goes to a link or button by Tab and takes it; the page of that heading follows."""
    go_to(page, name)
    page.keyboard.press("Enter")
    arrive(page, then)


def arrive(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", name=re.compile(heading), level=1)).to_be_visible()
    page.wait_for_load_state()


def tick(page: Page, name: str) -> None:
    go_to(page, name)
    page.keyboard.press("Space")


def write(page: Page, name: str, text: str) -> None:
    """Goes to a field by Tab, and types over what stands there."""
    go_to(page, name)
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def test_a_citizen_makes_a_vault_shares_and_takes_back(phone: Page, stage: Stage) -> None:
    authenticator(phone)
    agency, site = stage.agency, stage.site
    phone.goto(site.url)
    press(phone, "Make a vault", "Make a vault")
    write(phone, "A name for this key", "My phone")
    press(phone, "Make my passkey", "Your recovery sheet")
    code = " ".join(phone.locator("[data-recovery-code]").inner_text().split())
    press(phone, "I have written it down", "Type your recovery code")
    write(phone, "Recovery code", code)
    press(phone, "Check it", "My vault")
    put(phone, site, VALUES)

    press(phone, "Share something", "Who do you want to share with")
    press(phone, "Give a parking permit to residents", "What do you share")
    tick(phone, "noortje@example.org")
    press(phone, "Continue", "Is this right")
    press(phone, "Make the code", "Show this code")
    token = parse_access_token(agency.redeem(code_on(phone)).token)
    arrive(phone, "Shared with")
    holder = caller.TokenHolder(token, agency.proof(), None)
    assert agency.vault.stands(holder)
    go_to(phone, "Take back")
    phone.keyboard.press("Enter")
    expect(phone.get_by_text("cannot read any more").first).to_be_visible()
    assert not agency.vault.stands(holder)

    press(phone, "Settings", "Settings")
    press(phone, "Lock my vault", "Your vault is locked")
    press(phone, "Open my vault", "Open my vault")
    press(phone, "Open with my passkey", "My vault")


def test_a_citizen_adds_looks_back_reports_and_takes_a_copy(phone: Page, stage: Stage) -> None:
    stage.let_in(phone.context)
    phone.goto(stage.site.url + "/wallet")
    press(phone, "My data", "My data")
    press(phone, "Add something", "What do you want to add")
    write(phone, "Search by name", "phone")
    press(phone, "Search", "What do you want to add")
    press(phone, "Mobile phone number", "Add: Mobile phone number")
    write(phone, "Mobile phone number", "+32 470 12 34 56")
    press(phone, "Put it into my vault", "Mobile phone number")
    expect(phone.get_by_text("470")).to_be_visible()

    press(phone, "Activity", "Activity")
    press(phone, "Municipality of Waterbeek", ".")
    press(phone, "Something is wrong", "Something is wrong")
    tick(phone, "I did not share this")
    press(phone, "Continue", "Something is wrong")
    expect(phone.get_by_label("Copy this text")).to_be_visible()

    phone.goto(stage.site.url + "/wallet/export")
    go_to(phone, "To read and print")
    phone.keyboard.press("ArrowDown")
    press(phone, "Make the link", "Your copy is ready")
    with phone.expect_download() as copy:
        go_to(phone, "Fetch")
        phone.keyboard.press("Enter")
    assert copy.value.suggested_filename.endswith(".json")


def test_an_officer_signs_in_and_an_auditor_looks_checks_and_takes_the_log_along(
    new_context: NewContext, stage: Stage
) -> None:
    desk = new_context(DESK).new_page()
    authenticator(desk)
    desk.goto(f"{stage.site.url}/auditor/enrol#{invite(stage.site, AUDITOR)}")
    press(desk, "Make my passkey", "You can sign in now")
    press(desk, "Sign in", "Sign in")
    press(desk, "Sign in with my passkey", "See what happened")
    press(desk, "Look things up", "Look things up")
    press(desk, "Look, and have it recorded", "Look things up")
    go_to(desk, "When")
    desk.keyboard.press("Enter")
    press(desk, "1.1", "Entry 1.1")
    desk.goto(f"{stage.site.url}/auditor")
    press(desk, "Check the log", "Check the log")
    go_to(desk, "Check now")
    desk.keyboard.press("Enter")
    expect(desk.get_by_text("Everything fits")).to_be_visible()
    press(desk, "Overview", "See what happened")
    press(desk, "Take the log along", "Take the log along")
    with desk.expect_download() as log:
        go_to(desk, "Get the file")
        desk.keyboard.press("Enter")
    assert log.value.suggested_filename == "vault-audit.zip"
    press(desk, "Overview", "See what happened")
    press(desk, "Sign out", "Sign in")
