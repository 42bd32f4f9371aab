"""What was chosen stays chosen: in another language, without a connection; and what is missing is
said where one chooses.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import PHONE
from tests.browser.conftest import NewContext
from tests.browser.people import make_agency, make_citizen, put
from tests.browser.stage import VALUES, Stage
from tests.browser.watching import Watch
from tests.serving import Site

SPEAKS = "(it) => navigator.serviceWorker.controller?.scriptURL.endsWith(it)"


def test_another_language_keeps_what_was_chosen(phone: Page, stage: Stage) -> None:
    stage.let_in(phone.context)
    phone.goto(f"{stage.site.url}/wallet/share/choose?agency={stage.agency.id}&use=parking-permit")
    phone.locator("#seconds-86400").check()
    phone.get_by_label("I also say four digits").check()
    phone.locator("[name=fields]:enabled").first.check()
    phone.locator("details.languages summary").click()
    phone.locator("details.languages [lang=nl]").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Wat deelt u?")
    expect(phone.locator("#seconds-86400")).to_be_checked()
    expect(phone.locator("[name=tx_code]")).to_be_checked()
    expect(phone.locator("[name=fields]:enabled").first).to_be_checked()
    assert "lang=" not in phone.url


def test_without_javascript_too_another_language_keeps_what_was_chosen_and_typed(
    new_context: NewContext, stage: Stage, watch: Watch
) -> None:
    context = new_context(PHONE, java_script_enabled=False)
    stage.let_in(context)
    page = context.new_page()

    def speak(language: str, heading: str) -> None:
        page.locator("details.languages summary").click()
        page.locator(f"details.languages [lang={language}]").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)

    page.goto(f"{stage.site.url}/wallet/share/choose?agency={stage.agency.id}&use=parking-permit")
    page.locator("#seconds-86400").check()
    speak("nl", "Wat deelt u?")
    expect(page.locator("#seconds-86400")).to_be_checked()

    page.goto(f"{stage.site.url}/wallet/data/address.resident_street/edit")
    page.locator("#value").fill("Rue d'Été 7")
    speak("fr", "Ajouter : Rue")
    expect(page.locator("#value")).to_have_value("Rue d'Été 7")
    assert "Rue" not in page.url
    expect(page.locator(".fault")).to_have_count(0)
    watch.forgive("400")
    page.locator("#value").fill("")
    page.locator("#value").press("Enter")  # sends the form, and is no choice of a language
    expect(page.locator(".fault")).to_have_text(re.compile("Remplissez"))
    speak("en", "Add: Street")
    page.goto(f"{stage.site.url}/wallet/data/address.resident_street/edit")
    expect(page.get_by_role("heading", level=1)).to_have_text("Add: Street")


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "none"])
def test_another_language_keeps_what_was_typed_for_a_first_key_and_makes_none(
    new_context: NewContext, site: Site, watch: Watch, javascript: bool
) -> None:
    page = new_context(PHONE, java_script_enabled=javascript).new_page()
    page.add_init_script("delete window.PublicKeyCredential")  # a key that is asked for is told
    page.goto(f"{site.url}/wallet/start?key=file")
    page.locator("#label").fill("telefoon van Noor")
    page.locator("details.languages summary").click()
    page.locator("details.languages [lang=nl]").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Een kluis maken")
    expect(page.locator("#label")).to_have_value("telefoon van Noor")
    expect(page.locator("input[name=key]")).to_have_value("file")
    expect(page.locator("[data-passkey-status]")).to_have_text("")
    assert not any("Noor" in request.url for request in watch.requests)


def test_without_a_connection_the_page_speaks_as_the_person_chose(
    new_context: NewContext, site: Site, watch: Watch
) -> None:
    watch.forgive("ERR_INTERNET_DISCONNECTED")
    page = new_context(PHONE, locale="nl-NL").new_page()
    page.goto(site.url)
    page.wait_for_function(SPEAKS, arg="speaks=nl")
    page.goto(f"{site.url}/?lang=en")
    page.wait_for_function(SPEAKS, arg="speaks=en")
    page.context.set_offline(True)
    page.goto(f"{site.url}/help")
    expect(page.get_by_role("heading", level=1)).to_have_text("No connection")


def test_what_is_needed_and_not_there_is_said_where_one_chooses(phone: Page, site: Site) -> None:
    agency = make_agency(site)
    make_citizen(phone, site, {"contact.email_address": "noortje@example.org"})
    address = f"{site.url}/wallet/share/choose?agency={agency.id}&use={agency.use}"
    phone.goto(address)
    expect(phone.get_by_role("button", name="Continue")).to_have_count(0)
    expect(phone.get_by_text("Without it you cannot share this.").first).to_be_visible()
    phone.get_by_role("link", name="Add: Full name").first.click()
    expect(phone.get_by_role("heading", name="Add: Full name")).to_be_visible()
    put(
        phone,
        site,
        {name: VALUES[name] for name in VALUES if name.startswith(("identity", "address"))},
    )
    phone.goto(address)
    phone.get_by_role("button", name="Continue").click()
    expect(phone.get_by_role("heading", name="Is this right?")).to_be_visible()
