"""A hand scanner that types as an American keyboard, on a computer set to AZERTY or to QWERTY."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from crypto.code import GRANT, encode_code
from crypto.secret import Secret
from tests.browser.little import LittleSite, little_site

CODE = encode_code(GRANT, Secret(bytes(range(7, 27))))
BODY = """<main><h1>Desk</h1>
<form id="form" action="/sent.html"><label>Code <input id="typed" name="typed"></label></form>
<p id="code"></p><p id="other"></p></main>"""
SCRIPT = """import { listen } from "/js/wedge.js";
const add = (id, text) => { document.getElementById(id).textContent += text; };
window.stopListening = listen(document, (code) => add("code", `[${code}]`), {
  onOther: () => add("other", "[other]"), gapMs: 1000,
});
const form = document.querySelector("#form");
form.addEventListener("submit", (event) => { event.preventDefault(); add("other", "[sent]"); });"""

AMERICAN = {
    " ": ("Space", False), "-": ("Minus", False), ".": ("Period", False), "/": ("Slash", False),
    ":": ("Semicolon", True), "#": ("Digit3", True),
}  # fmt: skip
AZERTY_LETTERS = {"A": "Q", "Q": "A", "Z": "W", "W": "Z", "M": "?"}
AZERTY_PLAIN = {
    "Digit0": "à", "Digit1": "&", "Digit2": "é", "Digit3": '"', "Digit4": "'", "Digit5": "(",
    "Digit6": "§", "Digit7": "è", "Digit8": "!", "Digit9": "ç", "Minus": ")", "Period": ":",
    "Slash": "=",
}  # fmt: skip
AZERTY_SHIFTED = {"Semicolon": "M", "Digit3": "3"}


def key_of(character: str) -> tuple[str, bool]:
    """Which key of an American keyboard types it, and whether with Shift."""
    if character.isalpha():
        return f"Key{character.upper()}", character.isupper()
    return (f"Digit{character}", False) if character.isdigit() else AMERICAN[character]


def azerty(character: str) -> str:
    """What a computer set to Belgian AZERTY makes of that key."""
    code, shift = key_of(character)
    if character.isalpha():
        return AZERTY_LETTERS.get(character.upper(), character)
    return (AZERTY_SHIFTED if shift else AZERTY_PLAIN).get(code, character)


def scanned(page: Page, text: str, *, on_azerty: bool = False, end: str = "Enter") -> None:
    """Keys as the browser's own input, one after the other."""
    session = page.context.new_cdp_session(page)
    for character in text:
        code, shift = key_of(character)
        shown = azerty(character) if on_azerty else character
        event: dict[str, Any] = {
            "key": shown, "text": shown, "code": code, "modifiers": 8 if shift else 0,
        }  # fmt: skip
        session.send("Input.dispatchKeyEvent", {"type": "keyDown", **event})
        session.send("Input.dispatchKeyEvent", {"type": "keyUp", **event})
    if end:
        page.keyboard.press(end)


@pytest.fixture(scope="module")
def little() -> Iterator[LittleSite]:
    with little_site() as site:
        site.page("desk", BODY, script=SCRIPT)
        yield site


@pytest.fixture
def counter(desk: Page, little: LittleSite) -> Page:
    desk.goto(f"{little.url}/desk.html")
    desk.wait_for_function("() => 'stopListening' in window")
    return desk


def text(site: LittleSite) -> str:
    return f"{site.url.upper()}/S#{CODE}"


@pytest.mark.parametrize("on_azerty", [False, True])
@pytest.mark.parametrize("end", ["Enter", "Tab", ""])
def test_a_scanned_code_is_heard_with_nothing_focused(
    counter: Page, little: LittleSite, on_azerty: bool, end: str
) -> None:
    scanned(counter, text(little), on_azerty=on_azerty, end=end)
    expect(counter.locator("#code")).to_have_text(f"[{CODE}]")
    expect(counter.locator("#other")).to_be_empty()


def test_a_scanner_set_to_the_computers_own_layout_is_heard(
    counter: Page, little: LittleSite
) -> None:
    """Its characters are right, and its keys are those of AZERTY."""
    counter.evaluate(
        """(text) => {
          const keys = { A: "KeyQ", Q: "KeyA", Z: "KeyW", W: "KeyZ", M: "Semicolon" };
          for (const key of [...text, "Enter"]) {
            const code = key.length > 1 ? key : keys[key] ?? (/[A-Z]/.test(key) ? `Key${key}` : "");
            const event = new KeyboardEvent("keydown", { key, code, bubbles: true });
            document.body.dispatchEvent(event);
          }
        }""",
        text(little),
    )
    expect(counter.locator("#code")).to_have_text(f"[{CODE}]")


def test_what_a_scanner_typed_into_a_field_is_taken_out_and_not_sent(
    counter: Page, little: LittleSite
) -> None:
    counter.get_by_label("Code").fill("begun")
    counter.get_by_label("Code").focus()
    scanned(counter, text(little), on_azerty=True)
    expect(counter.locator("#code")).to_have_text(f"[{CODE}]")
    expect(counter.get_by_label("Code")).to_have_value("begun")
    expect(counter.locator("#other")).to_be_empty()


def test_a_code_of_another_address_is_neither_heard_nor_sent(counter: Page) -> None:
    counter.get_by_label("Code").focus()
    scanned(counter, f"HTTPS://OTHER.EXAMPLE/S#{CODE}")
    expect(counter.locator("#other")).to_have_text("[other]")
    expect(counter.get_by_label("Code")).to_have_value("")
    expect(counter.locator("#code")).to_be_empty()


def test_a_barcode_of_something_else_stays_where_it_was_typed(counter: Page) -> None:
    counter.get_by_label("Code").focus()
    scanned(counter, "012345678901234567890123", end="")
    expect(counter.locator("#other")).to_have_text("[other]")
    expect(counter.get_by_label("Code")).to_have_value("012345678901234567890123")


def test_a_person_who_types_is_not_noticed(counter: Page) -> None:
    counter.get_by_label("Code").focus()
    counter.keyboard.type("VG1 7K3M 9Q0T")
    counter.keyboard.press("Enter")
    expect(counter.locator("#other")).to_have_text("[sent]")
    expect(counter.get_by_label("Code")).to_have_value("VG1 7K3M 9Q0T")
    expect(counter.locator("#code")).to_be_empty()


def test_two_scans_are_two_codes(counter: Page, little: LittleSite) -> None:
    scanned(counter, text(little))
    scanned(counter, CODE, on_azerty=True)
    expect(counter.locator("#code")).to_have_text(f"[{CODE}][{CODE}]")


CODES: list[tuple[str, str | None]] = [
    (CODE, CODE),
    (CODE.lower(), CODE),
    (f"VG1 {CODE[3:7]}-{CODE[7:]} ", CODE),
    (CODE.replace("0", "O"), CODE),
    (f"{{here}}/S#{CODE}", CODE),
    (f"{{here}}/s#{CODE}", CODE),
    (f"{{here}}/elsewhere#{CODE}", None),
    (f"https://other.example/S#{CODE}", None),
    (f"javascript:/S#{CODE}", None),
    (f"{{here}}/S?{CODE}", None),
    (CODE[:-1], None),
    (CODE + "0", None),
    (CODE[:-1] + "U", None),
    ("VG2" + CODE[3:], None),
    ("", None),
]


def test_what_counts_as_a_code(counter: Page, little: LittleSite) -> None:
    found = counter.evaluate(
        "async (all) => all.map((await import('/js/grantcode.js')).codeIn)",
        [said.replace("{here}", little.url) for said, _ in CODES],
    )
    assert found == [wanted for _, wanted in CODES]
