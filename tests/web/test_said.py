"""What a page says is so: of a vault that is new, of a code that is dead, of who is named."""

import os
import re
from pathlib import Path

import httpx
import pytest

from api.places import place_text
from crypto.encoding import b64u
from tests.browser.stage import VALUES, Stage
from tests.builders import Citizen
from tests.serving import Site, served
from tests.web.browsing import Browser, text
from tests.web.officers import Officer, browser_of
from tests.web.visiting import Visitor
from vault import caller
from vault.activities import Page
from vault.errors import InvalidGrant
from vault.offering import OfferMade
from vault.sessions import UnlockSecret


def test_the_first_page_promises_no_more_than_there_is(browser: Browser) -> None:
    said = text(browser.get("/"))
    assert "In your vault lies what you put there." in said
    assert "A law may let a look stay hidden for a time. Then you see it later." in said


def test_at_the_third_wrong_digits_the_officer_hears_that_the_code_is_over(stage: Stage) -> None:
    made, officer = _spoken(stage)
    wrong = "1234" if made.tx_code != "1234" else "4321"
    for _ in range(2):
        said = text(officer.post("/desk/redeem", code=made.code, tx_code=wrong))
        assert "This code and these digits do not fit" in said
    last = officer.post("/desk/redeem", code=made.code, tx_code=wrong)
    assert "The code is over now. Ask for a new one." in text(last)
    assert made.code not in last.text
    after = text(officer.post("/desk/redeem", code=made.code, tx_code=made.tx_code or ""))
    assert "This code gives no access" in after


def test_what_is_not_four_digits_uses_up_no_try(stage: Stage) -> None:
    made, officer = _spoken(stage)
    before = len(stage.citizen.vault.activity(stage.citizen.owner).entries)
    for typed in ("12a", "123", "12 34", "\u0661\u0662\u0663\u0664"):
        said = text(officer.post("/desk/redeem", code=made.code, tx_code=typed))
        assert "These are not four digits" in said
    assert len(stage.citizen.vault.activity(stage.citizen.owner).entries) == before
    assert 'pattern="[0-9]{4}"' in officer.get("/desk").text
    page = officer.post("/desk/redeem", code=made.code, tx_code=made.tx_code or "")
    assert VALUES["identity.full_name"] in page.text


def test_what_a_clerk_typed_stays_to_be_mended_if_it_begins_as_such_a_code(stage: Stage) -> None:
    made, officer = _spoken(stage)
    digits = made.tx_code or ""
    slip = made.code[:-1] + ("0" if made.code[-1] != "0" else "1")
    grouped = f"vgi {slip[3:10]} {slip[10:]}".lower()
    for typed, error in ((grouped, "gives no access"), (f"{grouped}9", "not a whole code")):
        page = officer.post("/desk/redeem", code=typed, tx_code=digits)
        assert error in text(page)
        code = slip + typed.removeprefix(grouped)
        assert "".join(re.findall(r'name="code" type="text" value="([^"]*)"', page.text)) == (
            f"VG1 {' '.join(re.findall('.{1,4}', code[3:]))}"
        )
        assert "This is what you typed: VG1 " in text(page)
        assert page.headers["cache-control"] == "no-store"
        assert f'value="{digits}"' not in page.text
    recovery = stage.citizen.recovery_code
    address = f"{stage.site.url}/S#{slip}"
    for other in (recovery, "VG1 " + recovery * 2, address, f"{address}9", "https://else/#" + slip):
        shown = officer.post("/desk/redeem", code=other).text
        assert 'name="code" type="text" value=""' in shown
        assert other not in shown
    # A scanner that types goes on behind what was kept.
    whole = officer.post("/desk/redeem", code=f"{grouped}{stage.site.url}/S#{made.code}")
    assert "The citizen has four digits to say" in text(whole)
    assert VALUES["identity.full_name"] in officer.post(
        "/desk/redeem", code=made.code, tx_code=digits
    ).text  # fmt: skip


def test_in_practice_what_a_camera_opens_says_so_too(tmp_path: Path) -> None:
    with served(tmp_path, practice=True) as site:
        page = httpx.get(f"{site.url}/S")
        assert "Practice: these people do not exist" in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'none';")


def test_the_alarm_of_wrong_digits_says_that_nobody_got_anything(site: Site, stage: Stage) -> None:
    made, _ = _spoken(stage)
    wrong = "1234" if made.tx_code != "1234" else "4321"
    for _ in range(3):
        with pytest.raises(InvalidGrant):
            stage.agency.redeem(made.code, wrong)
    said = _alarm_of(site, stage.citizen, "grant.end")
    assert "A code was stopped: the four digits were wrong three times" in said
    assert "Nobody got anything. This code is of no use any more." in said
    assert "Access ended" not in said
    assert "Something happened that should not happen" not in said


def test_a_block_is_the_act_of_whoever_has_the_paper(site: Site, browser: Browser) -> None:
    device = UnlockSecret.device(b64u(os.urandom(32)))
    made = site.store.vault.create(caller.Stranger(), device, None)
    browser.post("/lost", block_code=made.block_code)
    opened = browser.post("/wallet/unlock", recovery_code=made.recovery_code)
    assert opened.status_code == 303
    page = browser.get("/wallet/activity?kind=opening")
    where = re.findall(r'<a href="(/wallet/activity/[^"]+)">All devices', page.text)
    assert "Who somebody with your block code" in text(browser.get(where[0]))


def test_the_code_that_was_typed_back_is_answered(site: Site, browser: Browser) -> None:
    device = UnlockSecret.device(b64u(os.urandom(32)))
    made = site.store.vault.create(caller.Stranger(), device, None)
    browser.post("/wallet/unlock", recovery_code=made.recovery_code)
    browser.post("/wallet/recovery", recovery_code=made.recovery_code)
    assert "Done: now you can share" in text(browser.get("/wallet"))
    turned = site.store.clock.now_ms() + 61_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site.store.clock, "now_ms", lambda: turned)
        assert "Done: now you can share" not in text(browser.get("/wallet"))


def test_a_first_value_has_nothing_before_it(visitor: Visitor) -> None:
    field, before = "/wallet/data/contact.email_address", "What was there before stays"
    visitor.post(f"{field}/edit", {"value": "noor@example.org"})
    first = visitor.get(f"{field}?saved=1").text
    assert "It is in your vault" in first
    assert before not in first
    visitor.post(f"{field}/edit", {"value": "noor@example.net"})
    assert before in visitor.get(f"{field}?saved=1").text


def test_a_used_code_can_be_reported(visitor: Visitor, stage: Stage) -> None:
    assert "Somebody used my code" in visitor.get("/wallet/report").text
    letter = visitor.get(f"/wallet/report?agency={stage.agency.id}&reason=used_code").text
    assert "Somebody used a code of mine for your office" in letter
    assert "Take the access back at once" in letter


def test_an_officer_hears_that_citizens_see_the_id(stage: Stage, browser: Browser) -> None:
    assert "Citizens see it, and not your name." in text(browser.get("/desk/sign-in"))
    made = stage.citizen.offer(stage.agency, stage.mandatory, reads_max=5)
    page = browser_of(stage, stage.agency.id, "o.7").post("/desk/redeem", code=made.code)
    assert "with your id, o.7, and the citizen sees it" in text(page)
    reads = Page(most=1, wanted=lambda entry: entry.event.action == "data.read")
    event = stage.citizen.vault.activity(stage.citizen.owner, reads).entries[0].event
    assert event.officer is not None
    assert event.officer.id == "o.7"


def _alarm_of(site: Site, citizen: Citizen, action: str) -> str:
    """The page of the newest alarm of this kind."""
    found = citizen.vault.activity(citizen.owner, Page("alarms")).entries
    place = next((one.log, one.index) for one in found if one.event.action == action)
    return text(Visitor(site, citizen).get(f"/wallet/activity/{place_text(place)}"))


def _spoken(stage: Stage) -> tuple[OfferMade, Officer]:
    """A code with four digits to say, and somebody at the counter."""
    stage.citizen.unlock()
    made = stage.citizen.offer(stage.agency, stage.mandatory, with_tx_code=True)
    return made, browser_of(stage, stage.agency.id)
