"""A code with a slip in it is told before it is sent, with its group, and stays to be mended."""

import random
import re

from playwright.sync_api import Locator, Page, expect

from crypto.code import BLOCK, GRANT, RECOVERY, encode_code, group_code
from crypto.secret import Secret
from tests.browser.stage import Stage
from tests.browser.watching import Watch
from tests.serving import Site
from web.desk.counter import TEST_CODE

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DICE = random.Random(20261122)  # noqa: S311 - of tests, the same each time


def other(letter: str) -> str:
    return DICE.choice(ALPHABET.replace(letter, ""))


def selected(field: Locator) -> str:
    return str(field.evaluate("one => one.value.slice(one.selectionStart, one.selectionEnd)"))


def said(phone: Page, field: Locator) -> str:
    """What stands beside the field, and is read out with it."""
    fault = phone.locator(".field.wrong .fault")
    expect(fault).to_have_count(1)
    assert fault.get_attribute("id") in (field.get_attribute("aria-describedby") or "").split()
    expect(field).to_be_focused()
    back = fault.locator(".typed-back").inner_text()
    assert back.replace(" ", "") == field.input_value().replace(" ", "").replace("-", "")
    return fault.locator("[data-typed-said]").inner_text()


def test_one_slip_is_told_with_its_group_and_what_was_typed_stays(
    phone: Page, site: Site, watch: Watch
) -> None:
    phone.goto(f"{site.url}/lost?lang=en")
    field, send = (
        phone.get_by_label("Block code"),
        phone.get_by_role("button", name="Block the vault"),
    )
    for _ in range(6):
        code = encode_code(BLOCK, Secret(DICE.randbytes(16)))[2:]
        at = DICE.randrange(30)
        wrong = code[:at] + other(code[at]) + code[at + 1 :]
        group = at // 5
        field.fill(f"bc {wrong.lower()}")
        send.click()
        text = wrong[group * 5 : group * 5 + 5]
        assert said(phone, field) == (
            f"Something is not right in group {group + 1}: {text}. Compare this group."
        )
        assert selected(field) == text
        assert field.input_value() == group_code(BLOCK, "BC" + wrong)
    assert not [request for request in watch.requests if request.method == "POST"]
    # Mended where it is selected; and what was said goes.
    phone.keyboard.type(code[group * 5 : group * 5 + 5])
    expect(phone.locator(".fault")).to_have_count(0)
    assert field.input_value() == group_code(BLOCK, "BC" + code)
    watch.forgive("400")
    send.click()
    expect(phone.get_by_role("heading", name="Nothing was blocked")).to_be_visible()


def test_each_kind_of_slip_has_its_words(phone: Page, site: Site) -> None:
    phone.goto(f"{site.url}/wallet/unlock?lang=en")
    phone.get_by_text("With my recovery code", exact=True).click()
    field = phone.get_by_label("Recovery code")
    code = encode_code(RECOVERY, Secret(bytes(range(7, 23))))
    swapped = code[:11] + code[12] + code[11] + code[13:]
    for typed, words in (
        (code[:7] + code[8:], "missing in group 2"),
        (code[:7] + "7" + code[7:], "too many in group 2"),
        (swapped, "Something is not right in group 3"),
        (code[:20] + "U" + code[21:], "“U” is in none of our codes. Look at group 5"),
        (code[:18], "too short: 18 of 30"),
        (code + "000", "too long: 33"),
        (code[::-1], "Something is not right in this code."),
        ("ü" + code[1:], "“Ü” is in none of our codes. Look at group 1"),
    ):
        field.fill(typed)
        field.press("Enter")
        assert words in said(phone, field)


def test_a_code_that_is_whole_is_sent_and_so_is_the_other_one_of_the_sheet(
    phone: Page, site: Site, stage: Stage, watch: Watch
) -> None:
    watch.forgive("403")
    phone.goto(f"{site.url}/wallet/unlock?lang=en")
    phone.get_by_text("With my recovery code", exact=True).click()
    phone.get_by_label("Recovery code").fill(encode_code(BLOCK, Secret(bytes(16))))
    phone.get_by_role("button", name="Open with my recovery code").click()
    expect(phone.get_by_text("This is the block code")).to_be_visible()
    phone.get_by_label("Recovery code").fill(stage.citizen.recovery_code.lower())
    phone.get_by_role("button", name="Open with my recovery code").click()
    expect(phone).to_have_url(re.compile("/wallet$"))


def test_a_clerk_is_told_of_a_slip_and_may_try_a_scanner(desk: Page, stage: Stage) -> None:
    stage.let_in_officer(desk.context)
    desk.goto(f"{stage.site.url}/desk?lang=en")
    field = desk.get_by_label("Code of the citizen")
    code = encode_code(GRANT, Secret(bytes(range(20))))
    field.fill(code[:-1] + other(code[-1]))
    field.press("Enter")
    assert said(desk, field).startswith("Something is not right in this code.")
    assert field.input_value().startswith("VG1 ")
    for typed, words in (
        (TEST_CODE, "Your scanner works"),
        (f"HTTPS://ELSEWHERE/S#{code}", "This is not a whole code"),
        (code, "This code gives no access"),
    ):
        desk.get_by_label("Code of the citizen").fill(typed)
        desk.get_by_label("Code of the citizen").press("Enter")
        expect(desk.get_by_text(words)).to_be_visible()
        expect(desk.get_by_label("Code of the citizen")).to_have_value("")
    desk.get_by_label("Code of the citizen").fill("VG1 7K3M")
    desk.evaluate("document.querySelector('form[data-redeem]').submit()")  # as without modules
    expect(desk.get_by_text("This is not a whole code")).to_be_visible()
    expect(desk.get_by_label("Code of the citizen")).to_have_value("VG1 7K3M")
    expect(desk.get_by_label("Code of the citizen")).to_be_focused()
