"""What a page says is so: of a vault that is new, of a code that is dead, of who is named."""

from tests.browser.stage import VALUES, Stage
from tests.web.browsing import Browser, text
from tests.web.officers import Officer, browser_of
from vault.offering import OfferMade


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
    page = officer.post("/desk/redeem", code=made.code, tx_code=made.tx_code or "")
    assert VALUES["identity.full_name"] in page.text


def _spoken(stage: Stage) -> tuple[OfferMade, Officer]:
    """A code with four digits to say, and somebody at the counter."""
    stage.citizen.unlock()
    made = stage.citizen.offer(stage.agency, stage.mandatory, with_tx_code=True)
    return made, browser_of(stage, stage.agency.id)
