"""What a page says is so: of a vault that is new, of a code that is dead, of who is named."""

from tests.web.browsing import Browser, text


def test_the_first_page_promises_no_more_than_there_is(browser: Browser) -> None:
    said = text(browser.get("/"))
    assert "In your vault lies what you put there." in said
    assert "A law may let a look stay hidden for a time. Then you see it later." in said
