"""The phone is gone: whoever holds the paper blocks the vault."""

import os
import re

import pytest

from crypto.encoding import b64u
from tests.serving import Site, served
from tests.web.browsing import Browser, is_open, text
from vault import caller
from vault.sessions import UnlockSecret


def test_whoever_holds_the_paper_blocks_the_vault(site: Site, browser: Browser) -> None:
    secret = b64u(os.urandom(32))
    made = site.store.vault.create(caller.Stranger(), UnlockSecret.device(secret), None)
    wrong = browser.post("/lost", block_code=made.block_code[:-1] + "*")
    assert wrong.status_code == 400
    assert "Nothing was blocked" in text(wrong)
    other = browser.post("/lost", block_code=made.recovery_code)
    assert "This is the recovery code." in text(other)
    assert is_open(site.store.vault, made.session.token)

    first = browser.post("/lost", block_code=made.block_code.lower())
    assert first.status_code == 200
    assert not is_open(site.store.vault, made.session.token)
    since = re.search(r"Blocked since (\d+ \w+ \d+ \d\d:\d\d)", text(first))
    assert since is not None
    assert since[0] in text(browser.post("/lost", block_code=made.block_code))
    assert browser.post("/wallet/unlock", device_secret=secret).status_code == 403
    assert browser.post("/wallet/unlock", recovery_code=made.recovery_code).status_code == 303
    browser.post("/wallet/recovery", recovery_code=made.recovery_code)
    assert "No device opens your vault" in text(browser.get("/wallet"))
    assert "There is 1 alarm" in text(browser.get("/wallet"))


def test_a_block_code_with_a_slip_stays_to_be_mended_and_a_recovery_code_never_does(
    site: Site, browser: Browser
) -> None:
    citizen = site.store.citizen()
    slip = f"bc {citizen.recovery_code[:-1]}*".lower()
    refused = browser.post("/lost", block_code=slip)
    groups = re.findall(".{5}", citizen.recovery_code.replace("-", "")[:-1] + "*")
    assert f'value="BC {" ".join(groups)}"' in refused.text
    assert f"This is what you typed: BC {' '.join(groups)}" in text(refused)
    assert "put it right here" in text(refused)
    assert refused.headers["cache-control"] == "no-store"
    for typed in (citizen.recovery_code, citizen.recovery_code[:-1] + "*"):
        for path, name in (
            ("/lost", "block_code"),
            ("/wallet/unlock", "recovery_code"),
            ("/wallet/unlock", "device_secret"),
        ):
            answer = browser.post(path, **{name: typed, "next": "/wallet"})
            if answer.status_code == 303:
                continue
            assert typed not in answer.text
            assert typed[:29] not in answer.text, "all but a letter"
    browser.unlock(citizen)
    for path in ("/wallet/recovery", "/wallet/settings/keys/add"):
        answer = browser.post(path, recovery_code=slip[3:], proof="code")
        assert answer.status_code >= 400
        assert slip[3:] not in answer.text


def test_a_recovery_code_that_begins_as_a_block_code_comes_back_on_no_page(
    browser: Browser,
) -> None:
    recovery = "BC0G4-0R40M-30E20-91R66-5P5F7-7Q9VK"  # no prefix: one in a thousand begins so
    for typed in (recovery, recovery[:-1], recovery[:-8], recovery + "0"):
        refused = browser.post("/lost", block_code=typed)
        assert refused.status_code == 400
        assert "0G4" not in refused.text


def test_codes_can_not_be_tried_for_ever(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served(tmp_path_factory.mktemp("limits"), unlock_failures_per_hour=2) as site:
        browser, citizen = Browser(site), site.store.citizen()
        with browser.http:
            statuses = [browser.post("/lost", block_code="BC 1").status_code for _ in range(4)]
            assert statuses == [400, 400, 429, 429]
            many = browser.post("/wallet/unlock", recovery_code="1")
            assert many.status_code == 429
            assert "Too many attempts" in text(many)
            assert re.search(r"Wait \d+ minutes?\.", text(many))
            assert browser.unlock(citizen).status_code == 303  # the right key is never refused
