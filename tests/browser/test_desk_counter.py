"""At the counter: every way to take a code, and every way in which data leaves the screen."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import segno
from playwright.sync_api import Page, expect

from crypto.encoding import unb64u
from tests.browser.authenticators import authenticator
from tests.browser.chromium import DESK
from tests.browser.conftest import NewContext
from tests.browser.keyboard import go_to
from tests.browser.people import NO_CODE, invite, make_agency, take
from tests.browser.stage import VALUES, Stage, later
from tests.browser.test_wedge import azerty, key_of
from tests.browser.watching import Watch
from tests.programs import missing
from vault.offering import OfferMade
from web import cookies
from web.vendor import FILES

NAME = VALUES["identity.full_name"]
TYPE_FAST = """(keys) => {
  for (const init of keys) {
    const event = new KeyboardEvent('keydown', {bubbles: true, cancelable: true, ...init});
    (document.activeElement ?? document.body).dispatchEvent(event);
  }
}"""


@pytest.fixture
def counter(desk: Page, stage: Stage) -> Page:
    """A desk where somebody is signed in."""
    stage.let_in_officer(desk.context)
    desk.goto(f"{stage.site.url}/desk")
    return desk


def offer(stage: Stage, **choice: Any) -> OfferMade:
    stage.citizen.unlock()
    return stage.citizen.offer(stage.agency, stage.mandatory, **choice)


def needs_reader() -> None:
    for file in FILES.values():
        if not file.is_file():
            missing("no zxing-wasm: make test installs it where npm can be reached")


def test_a_hand_scanner_on_azerty_needs_no_click(counter: Page, stage: Stage) -> None:
    made = offer(stage)
    counter.get_by_role("link", name="Try your scanner").focus()  # not in the field
    keys = [
        {"key": azerty(one), "code": key_of(one)[0], "shiftKey": key_of(one)[1]}
        for one in made.qr_text(stage.site.url)
    ]
    counter.evaluate(TYPE_FAST, [*keys, {"key": "Enter", "code": "Enter"}])
    expect(counter.get_by_text(NAME)).to_be_visible()


def test_the_camera_reads_the_code_of_a_phone(
    desk_with_camera: Callable[..., Page], stage: Stage, watch: Watch
) -> None:
    needs_reader()
    made = offer(stage)
    page = desk_with_camera(made.qr_text(stage.site.url), stage.site.url)
    stage.let_in_officer(page.context)
    page.goto(f"{stage.site.url}/desk")
    page.get_by_role("button", name="Start the camera").click()
    expect(page.get_by_text(NAME)).to_be_visible()
    assert not [one.url for one in watch.requests if made.code in one.url]


def test_a_photo_of_the_code_does_as_well(counter: Page, stage: Stage, tmp_path: Path) -> None:
    needs_reader()
    photo = tmp_path / "photo.png"
    segno.make_qr(offer(stage).qr_text(stage.site.url)).save(str(photo), scale=8, border=4)
    counter.get_by_label("Or a photo of the code").set_input_files(photo)
    expect(counter.get_by_text(NAME)).to_be_visible()


def test_a_scanner_can_be_tried_without_a_citizen(counter: Page, stage: Stage) -> None:
    counter.goto(f"{stage.site.url}/desk/scanner")
    counter.wait_for_function("() => !document.querySelector('[data-try-said]:not([hidden])')")
    code = counter.locator("[data-try]").get_attribute("data-try") or ""
    keys = [{"key": one, "code": key_of(one)[0], "shiftKey": key_of(one)[1]} for one in code]
    counter.evaluate(TYPE_FAST, [*keys, {"key": "Enter", "code": "Enter"}])
    expect(counter.get_by_text("Your scanner works")).to_have_count(2)  # seen, and said aloud
    counter.goto(f"{stage.site.url}/desk")
    take(counter, code)
    expect(counter.get_by_text("That was the code to try with.")).to_be_visible()


def test_by_keyboard_alone_with_digits_that_were_forgotten_first(
    counter: Page, stage: Stage
) -> None:
    made = offer(stage, with_tx_code=True)
    typed = made.code[:3].lower() + " " + made.code[3:]
    counter.keyboard.type(typed, delay=90)  # as a person: a scanner is faster
    counter.keyboard.press("Enter")
    expect(counter.get_by_text("The citizen has four digits to say")).to_be_visible()
    expect(counter.locator("[name=tx_code]")).to_be_focused()
    counter.keyboard.type(made.tx_code or "")
    go_to(counter, "Show the data")
    counter.keyboard.press("Enter")
    expect(counter.get_by_text(NAME)).to_be_visible()
    go_to(counter, "Done: clear the screen")
    counter.keyboard.press("Enter")
    expect(counter.get_by_role("heading", name="Scan or type the code")).to_be_visible()


def test_wrong_digits_and_wrong_codes_are_told_in_plain_words(counter: Page, stage: Stage) -> None:
    made = offer(stage, with_tx_code=True)
    take(counter, made.code, "4321" if made.tx_code == "1234" else "1234")
    expect(counter.get_by_text("This code and these digits do not fit")).to_be_visible()
    take(counter, made.code, made.tx_code or "")
    expect(counter.get_by_text(NAME)).to_be_visible()
    counter.get_by_role("button", name="Done").click()
    take(counter, made.code)
    expect(counter.get_by_text("You used this code already")).to_be_visible()
    take(counter, NO_CODE)
    expect(counter.get_by_text("The code is older than two minutes")).to_be_visible()
    expect(counter.get_by_text("Nothing was shown to you.")).to_be_visible()
    take(counter, "VG1 half")
    expect(counter.get_by_text("This code is too short: 4 of 34")).to_be_visible()
    take(counter, f"HTTPS://ELSEWHERE.EXAMPLE/S#{NO_CODE}")
    expect(counter.get_by_text("This is not a whole code")).to_be_visible()
    assert stage.citizen.unlock().alarms().count("second_use") == 1  # the stage's own


def test_what_was_shown_is_hidden_after_a_while_and_another_look_is_another_read(
    counter: Page, stage: Stage
) -> None:
    counter.clock.install()
    made = offer(stage, reads_max=3)
    take(counter, made.code)
    expect(counter.get_by_text(NAME)).to_be_visible()
    counter.clock.run_for(181_000)
    expect(counter.get_by_text("The data was hidden").first).to_be_visible()
    assert NAME not in counter.content()
    counter.get_by_role("button", name="Look again").click()
    expect(counter.get_by_text(NAME)).to_be_visible()
    grant = stage.site.store.vault.grants(stage.citizen.unlock().owner)[0]
    assert grant.reads_used == 2


def test_done_leaves_nothing_in_the_browser(counter: Page, stage: Stage) -> None:
    made = offer(stage)
    take(counter, made.code)
    expect(counter.get_by_text(NAME)).to_be_visible()
    expect(counter).to_have_url(f"{stage.site.url}/desk")  # reloading would send nothing again
    counter.get_by_role("button", name="Done").click()
    counter.wait_for_url(f"{stage.site.url}/desk")
    counter.go_back()
    assert NAME not in counter.content()
    kept = counter.evaluate(
        """async () => [
          localStorage.length, sessionStorage.length, (await indexedDB.databases()).length
        ]"""
    )
    assert kept == [0, 0, 0]
    held = {one["name"]: one["value"] for one in counter.context.cookies()}
    assert "va1_" not in _decoded(held.get(cookies.READING, ""))


def test_a_page_that_is_reloaded_redeems_nothing_twice(counter: Page, stage: Stage) -> None:
    take(counter, offer(stage, reads_max=3).code)
    expect(counter.get_by_text(NAME)).to_be_visible()
    counter.reload()
    expect(counter.get_by_text("A citizen is still open here")).to_be_visible()
    assert NAME not in counter.content()
    counter.get_by_role("button", name="Look again").click()
    expect(counter.get_by_text(NAME)).to_be_visible()
    assert stage.citizen.unlock().alarms().count("answer_lost") == 0


def test_an_officer_who_is_signed_out_elsewhere_sees_nothing_any_more(
    counter: Page, stage: Stage, watch: Watch
) -> None:
    watch.forgive("401")
    take(counter, offer(stage, reads_max=3).code)
    expect(counter.get_by_text(NAME)).to_be_visible()
    other = counter.context.new_page()
    other.goto(f"{stage.site.url}/desk")
    other.get_by_role("button", name="Sign out").click()
    expect(counter.get_by_text("You are not signed in any more").first).to_be_visible()
    assert NAME not in counter.content()


def test_access_that_runs_out_leaves_the_screen(counter: Page, stage: Stage) -> None:
    made = offer(stage, reads_max=3, duration_seconds=600)
    take(counter, made.code)
    expect(counter.get_by_text(NAME)).to_be_visible()
    with later(stage.site, 601):
        expect(counter.locator("[data-over=expired]")).to_be_visible()
        assert NAME not in counter.content()


def test_without_javascript_a_typed_code_does_it_all(new_context: NewContext, stage: Stage) -> None:
    context = new_context(DESK, java_script_enabled=False)
    stage.let_in_officer(context)
    page = context.new_page()
    page.goto(f"{stage.site.url}/desk")
    expect(page.get_by_role("button", name="Start the camera")).to_be_hidden()
    take(page, offer(stage, reads_max=3).code)
    expect(page.get_by_text(NAME)).to_be_visible()
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_text(NAME)).to_be_visible()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("heading", name="Scan or type the code")).to_be_visible()


def test_an_invitation_says_who_one_becomes_before_anything_is_made(
    desk: Page, stage: Stage, watch: Watch
) -> None:
    watch.forgive("403")
    key = authenticator(desk)
    code = invite(stage.site, stage.agency.id, "Marie-Claire D’Hondt")
    desk.goto(f"{stage.site.url}/desk/enrol#{code}")
    expect(desk.get_by_role("heading", name="Marie-Claire D’Hondt")).to_be_visible()
    expect(desk.get_by_text("Municipality of Waterbeek")).to_be_visible()
    assert code not in desk.url
    assert key.credentials() == []
    desk.get_by_role("button", name="Make my passkey").click()
    expect(desk.get_by_role("heading", name="You can sign in now")).to_be_visible()
    desk.goto(f"{stage.site.url}/desk/sign-in")
    desk.goto(f"{stage.site.url}/desk/enrol#{code}")
    expect(desk.get_by_text("This invitation does not work, or not any more")).to_be_visible()
    assert not [one.url for one in watch.requests if code in one.url.partition("#")[0]]


@pytest.mark.parametrize(
    "lacks",
    ["PublicKeyCredential.parseRequestOptionsFromJSON", "window.PublicKeyCredential"],
)
def test_a_browser_that_can_not_sign_an_officer_in_says_so(
    desk: Page, stage: Stage, watch: Watch, lacks: str
) -> None:
    desk.add_init_script(f"delete {lacks};")
    desk.goto(f"{stage.site.url}/desk/sign-in")
    desk.get_by_role("button", name="Sign in with my passkey").click()
    expect(desk.locator("[data-passkey-status]")).to_contain_text("does not know passkeys")
    assert [one for one in watch.requests if one.method == "POST"] == []


def test_the_desk_of_another_agency_gets_nothing(
    new_context: NewContext, counter: Page, stage: Stage
) -> None:
    other = Stage(stage.site, stage.citizen, make_agency(stage.site, "https://b.example", "B"), {})
    context = new_context(DESK)
    other.let_in_officer(context)
    page = context.new_page()
    page.goto(f"{stage.site.url}/desk")
    made = offer(stage, reads_max=5)
    take(page, made.code)
    expect(page.get_by_text("for another office: the citizen chooses yours, B.")).to_be_visible()
    take(counter, made.code)
    expect(counter.get_by_text(NAME)).to_be_visible()
    # What a thief of the cookie would have: it works in no other session.
    stolen = [one for one in counter.context.cookies() if one["name"] == cookies.READING]
    context.add_cookies(stolen)  # type: ignore[arg-type]
    page.goto(f"{stage.site.url}/desk")
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_text("The access has ended")).to_be_visible()
    assert NAME not in page.content()


def test_thirty_requests_with_one_code_give_one_result_at_most(counter: Page, stage: Stage) -> None:
    made = offer(stage, reads_max=5)
    held = "; ".join(f"{one['name']}={one['value']}" for one in counter.context.cookies())
    csrf = counter.locator("[name=csrf]").first.get_attribute("value")

    def redeem(_: int) -> str:
        sent = {"csrf": csrf, "code": made.code}
        return httpx.post(
            f"{stage.site.url}/desk/redeem", data=sent, headers={"Cookie": held}, timeout=30
        ).text

    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(redeem, range(30)))
    assert sum(NAME in one for one in answers) <= 1
    assert sum("data-redeem" in one for one in answers) >= 29
    alarms = stage.citizen.unlock().alarms()
    assert {"second_use", "answer_lost"} & {one for one in alarms[1:] if one}


def _decoded(cookie: str) -> str:
    return unb64u(cookie).decode() if cookie else ""
