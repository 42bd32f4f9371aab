"""A copy of everything: the form that was chosen, and a page that knows that the link is used."""

from contextlib import ExitStack

from playwright.sync_api import Page, expect

from tests.browser.people import make_citizen
from tests.browser.stage import Stage, later
from tests.browser.watching import Watch
from tests.serving import Site
from web.wallet.export import COPIES


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


def test_a_link_that_gives_no_copy_yet_is_not_called_used(
    phone: Page, stage: Stage, watch: Watch
) -> None:
    watch.forgive("503")
    stage.let_in(phone.context)
    phone.goto(f"{stage.site.url}/wallet/export?format=json")
    phone.get_by_role("button", name="Make the link").click()
    with ExitStack() as others:
        for other in range(COPIES.most):
            others.enter_context(COPIES.held_by(other))
        phone.get_by_role("link", name="Fetch the JSON file").click()
        expect(phone.get_by_role("heading", level=1)).to_contain_text("It is busy")
        expect(phone.get_by_text("Your link still works")).to_be_visible()
    with phone.expect_download() as fetched:
        phone.get_by_role("link", name="Try again").click()
    assert fetched.value.suggested_filename.endswith(".json")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your copy is on its way")


def test_once_the_link_is_followed_the_page_says_so(phone: Page, stage: Stage) -> None:
    stage.let_in(phone.context)
    phone.goto(f"{stage.site.url}/wallet/export?format=json")
    phone.get_by_role("button", name="Make the link").click()
    with phone.expect_download() as fetched:
        phone.get_by_role("link", name="Fetch the JSON file").click()
    assert fetched.value.suggested_filename.endswith(".json")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your copy is on its way")
    expect(phone.get_by_role("heading", level=1)).to_be_focused()
    expect(phone.get_by_text("This link works")).to_have_count(0)
    phone.get_by_role("link", name="Make another link").click()
    expect(phone.get_by_label("For another program")).to_be_checked()
