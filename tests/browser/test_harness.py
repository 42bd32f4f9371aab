"""The instruments of these tests notice what they are for."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.authenticators import (
    HMAC_SECRET_ONLY,
    WITH_PRF,
    WITHOUT_PRF,
    authenticator,
)
from tests.browser.keyboard import Stop, go_to, walk
from tests.browser.little import LittleSite, little_site
from tests.browser.looking import axe, overflowing, overflowing_with_large_text
from tests.browser.watching import Watch

GOOD = """<main><h1>Good</h1><p><a href="#x">One</a> and <button>Two</button></p>
<label>Three <input name="three"></label></main>"""
VISIBLE = "body { font-size: 1rem } :focus-visible { outline: 3px solid #06c }"


@pytest.fixture(scope="module")
def little() -> Iterator[LittleSite]:
    with little_site() as site:
        yield site


def test_axe_finds_no_fault_in_a_good_page_and_names_those_of_a_bad_one(
    desk: Page, little: LittleSite
) -> None:
    desk.goto(little.page("good", GOOD, style=VISIBLE))
    assert axe(desk) == []
    desk.goto(little.page("bad", '<main><h1>Bad</h1><img src="data:,"><input></main>'))
    assert {line.split(": ")[1] for line in axe(desk)} == {"image-alt", "label"}


def test_a_walk_names_every_stop(desk: Page, little: LittleSite) -> None:
    desk.goto(little.page("walk", GOOD, style=VISIBLE))
    assert walk(desk) == [Stop("One", "a"), Stop("Two", "button"), Stop("Three", "input")]
    go_to(desk, "Two")
    assert desk.evaluate("() => document.activeElement.textContent") == "Two"


@pytest.mark.parametrize(
    ("style", "fault"),
    [
        (":focus-visible { outline: none }", "can't be seen"),
        (f"{VISIBLE} main::after {{ content: ''; position: fixed; inset: 0 }}", "covered"),
    ],
)
def test_a_walk_fails_where_the_focus_is_lost(
    desk: Page, little: LittleSite, style: str, fault: str
) -> None:
    body = "<main><h1>Lost</h1><button>One</button></main><div></div>"
    style = style.replace("main::after", "div::after")
    desk.goto(little.page("lost", body, style=style))
    with pytest.raises(AssertionError, match=fault):
        walk(desk)


def test_a_trap_is_found(desk: Page, little: LittleSite) -> None:
    trap = """addEventListener("keydown", (event) => {
      if (event.key !== "Tab") return;
      event.preventDefault();
      const fresh = document.createElement("button");
      fresh.textContent = "Again";
      document.querySelector("main").replaceChildren(fresh);
      fresh.focus();
    });"""
    desk.goto(little.page("trap", GOOD, style=VISIBLE, script=trap))
    with pytest.raises(AssertionError, match="does not come out"):
        walk(desk, 8)


def test_what_is_too_wide_is_named(desk: Page, little: LittleSite) -> None:
    desk.goto(little.page("narrow", GOOD, style=VISIBLE))
    assert overflowing(desk) == overflowing_with_large_text(desk) == []
    wide = "<main><h1>Wide</h1><p id=wide>W</p><p id=words>W</p></main>"
    desk.goto(little.page("wide", wide, style="#wide { width: 500px } #words { width: 45rem }"))
    assert any('id="wide"' in line for line in overflowing(desk))
    assert desk.viewport_size == {"width": 1280, "height": 800}
    assert any('id="words"' in line for line in overflowing_with_large_text(desk))


def test_a_page_that_complains_is_noticed(desk: Page, little: LittleSite, watch: Watch) -> None:
    script = """document.querySelector("#evil").onclick = () => { throw new Error("oh no"); };
    try { document.querySelector("main").innerHTML = "<b>x</b>"; } catch { console.error("told"); }
    fetch("https://other.example/").catch(() => {});"""
    body = '<main><h1>Bad</h1><p style="color: red">x</p><button id="evil">Evil</button></main>'
    desk.goto(little.page("loud", body, script=script))
    desk.get_by_role("button").click()
    desk.wait_for_timeout(0)
    found = "\n".join(watch.unforgiven())
    for word in ("oh no", "told", "style-src", "connect-src", "TrustedHTML"):
        assert word in found, found
    watch.forgive(".")
    assert watch.unforgiven() == []


MAKE = """async () => {
  const salt = new Uint8Array(32);
  const made = await navigator.credentials.create({ publicKey: {
    rp: { id: location.hostname, name: "t" }, user: { id: salt, name: "n", displayName: "n" },
    challenge: salt, pubKeyCredParams: [{ type: "public-key", alg: -7 }],
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
    extensions: { prf: { eval: { first: salt } } } } });
  const at = made.getClientExtensionResults().prf;
  const got = await navigator.credentials.get({ publicKey: {
    challenge: salt, rpId: location.hostname, userVerification: "required",
    extensions: { prf: { eval: { first: salt } } } } });
  return [Boolean(at?.enabled), Boolean(at?.results),
          got.getClientExtensionResults().prf?.results?.first?.byteLength ?? 0];
}"""


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        (WITH_PRF, [True, True, 32]),
        (HMAC_SECRET_ONLY, [True, False, 32]),
        (WITHOUT_PRF, [False, False, 0]),
    ],
)
def test_passkeys_answer_as_their_kind_does(
    phone: Page, little: LittleSite, kind: dict[str, bool], answers: list[object]
) -> None:
    phone.goto(little.page("passkey", GOOD))
    keys = authenticator(phone, kind)
    assert phone.evaluate(MAKE) == answers
    assert len(keys.credentials()) == 1
    keys.forget()
    assert keys.credentials() == []
