"""A copy of everything: the form that was chosen, and a page that knows that the link is used."""

from playwright.sync_api import Page, expect

from tests.browser.people import make_citizen
from tests.browser.stage import Stage, later
from tests.serving import Site


def test_the_form_of_a_copy_stays_chosen_over_an_unlock(phone: Page, site: Site) -> None:
    make_citizen(phone, site)
    with later(site, 400):
        phone.goto(f"{site.url}/wallet/export")
        phone.get_by_label("For another program").check()
        phone.get_by_role("button", name="Make the link").click()
        expect(phone.get_by_text("Open your vault again first")).to_be_visible()
        phone.get_by_role("button", name="Open with my passkey").click()
        expect(phone.get_by_label("For another program")).to_be_checked()
        phone.get_by_role("button", name="Make the link").click()
        expect(phone.get_by_role("link", name="Fetch the JSON file")).to_be_visible()


def test_once_the_link_is_followed_the_page_says_so(phone: Page, stage: Stage) -> None:
    stage.let_in(phone.context)
    phone.goto(f"{stage.site.url}/wallet/export?format=json")
    phone.get_by_role("button", name="Make the link").click()
    with phone.expect_download() as fetched:
        phone.get_by_role("link", name="Fetch the JSON file").click()
    assert fetched.value.suggested_filename.endswith(".json")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your copy was fetched")
    expect(phone.get_by_role("heading", level=1)).to_be_focused()
    expect(phone.get_by_text("This link works")).to_have_count(0)
    phone.get_by_role("link", name="Make another link").click()
    expect(phone.get_by_label("For another program")).to_be_checked()
