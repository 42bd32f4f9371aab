"""A new officer's passkey signs a challenge that we made: for this browser and invitation, now."""

import re

import httpx
import pytest

from crypto.encoding import b64u, unb64u
from tests.browser.stage import Stage, later
from tests.serving import Site
from tests.web.passkey import Passkey
from tests.web.visiting import Visitor
from vault import caller
from vault.errors import Refused
from vault.officers import CHALLENGE_SECONDS
from vault.vault import Vault
from web import cookies

MADE = "You can sign in now"
REFUSED = "This passkey cannot be used"
LATE = "This took too long"
GONE = "This invitation does not work, or not any more"


@pytest.fixture
def browser(site: Site) -> Visitor:
    return Visitor(site)


def invite(stage: Stage, name: str) -> str:
    vault, agency = stage.site.store.vault, stage.agency.id
    return vault.invite_officer(caller.Operator(), agency, name, "Lotte Peeters", 3600)


@pytest.fixture
def invitation(stage: Stage, request: pytest.FixtureRequest) -> str:
    return invite(stage, f"o-{abs(hash(request.node.name))}")


@pytest.fixture
def passkey(site: Site) -> Passkey:
    return Passkey(site.url)


def challenge_on(answer: httpx.Response) -> str:
    return str(re.findall(r'name="challenge" value="([^"]+)"', answer.text)[0])


def asked(browser: Visitor, invitation: str) -> str:
    """The challenge on the page that says who the invitation makes one."""
    return challenge_on(browser.post("/desk/enrol", {"invitation": invitation}))


def enrol(browser: Visitor, invitation: str, challenge: str, credential: str) -> httpx.Response:
    form = {"invitation": invitation, "challenge": challenge, "credential": credential}
    return browser.post("/desk/enrol", form)


def officers(stage: Stage) -> int:
    return len(stage.site.store.vault.registry().officers)


def test_who_signs_our_challenge_is_an_officer_and_signs_in(
    stage: Stage, browser: Visitor, invitation: str, passkey: Passkey
) -> None:
    challenge = asked(browser, invitation)
    assert MADE in enrol(browser, invitation, challenge, passkey.made(challenge)).text
    signed = challenge_on(browser.get("/desk/sign-in"))
    form = {"challenge": signed, "credential": passkey.signed(signed)}
    answer = browser.post("/desk/sign-in", form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")


def refused(answer: httpx.Response, why: str = REFUSED) -> None:
    assert answer.status_code == 403
    assert why in answer.text
    assert MADE not in answer.text


def test_a_challenge_that_the_form_made_up_is_refused(
    stage: Stage, browser: Visitor, invitation: str, passkey: Passkey
) -> None:
    asked(browser, invitation)
    before = officers(stage)
    for challenge in ("", "A", "AAAA", b64u(bytes(56)), b64u(b"x" * 200)):
        refused(enrol(browser, invitation, challenge, passkey.made(challenge)))
    ours = bytearray(unb64u(asked(browser, invitation)))
    for place in (0, len(ours) // 2, len(ours) - 1):
        changed = bytearray(ours)
        changed[place] ^= 1
        made_up = b64u(bytes(changed))
        refused(enrol(browser, invitation, made_up, passkey.made(made_up)))
    assert officers(stage) == before


def test_the_authenticator_has_to_have_signed_the_one_that_is_shown(
    browser: Visitor, invitation: str, passkey: Passkey
) -> None:
    first, second = asked(browser, invitation), asked(browser, invitation)
    assert first != second
    refused(enrol(browser, invitation, second, passkey.made(first)))
    refused(enrol(browser, invitation, second, passkey.signed(second)))  # of a signing in


ODD: list[dict[str, object]] = [
    {"fmt": "packed", "attStmt": {"alg": -7, "sig": b"x", "x5c": 5}},
    {"fmt": "packed", "attStmt": {"alg": -7, "sig": b"x", "x5c": [5]}},
    {"fmt": "fido-u2f", "attStmt": {"sig": b"x", "x5c": {"a": b""}}},
    {"fmt": "android-safetynet", "attStmt": {"ver": "1", "response": 5}},
    {"fmt": "apple", "attStmt": {"x5c": True}},
    {"fmt": "none", "attStmt": 5},
    {"authData": 5},
    {"key": {}},
    {"key": {1: 2, 3: -7, -1: 1, -2: bytes(32)}},
    {"key": 5},
]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_parts_of_a_passkey_of_another_type_are_refused_and_no_fault_of_ours(
    stage: Stage, browser: Visitor, invitation: str, passkey: Passkey, odd: dict[str, object]
) -> None:
    challenge, before = asked(browser, invitation), officers(stage)
    refused(enrol(browser, invitation, challenge, passkey.made(challenge, **odd)))
    assert officers(stage) == before


def test_a_challenge_is_of_the_browser_that_was_asked(
    site: Site, browser: Visitor, invitation: str, passkey: Passkey
) -> None:
    challenge = asked(browser, invitation)
    refused(enrol(Visitor(site), invitation, challenge, passkey.made(challenge)))
    assert browser.held[cookies.FORM]
    assert MADE in enrol(browser, invitation, challenge, passkey.made(challenge)).text


def test_a_challenge_is_of_one_invitation_and_used_up_with_it(
    stage: Stage, browser: Visitor, invitation: str, passkey: Passkey
) -> None:
    other, challenge = invite(stage, "other"), asked(browser, invitation)
    refused(enrol(browser, other, challenge, passkey.made(challenge)))
    assert MADE in enrol(browser, invitation, challenge, passkey.made(challenge)).text
    before = officers(stage)
    refused(enrol(browser, invitation, challenge, passkey.made(challenge)), GONE)
    another = Passkey(passkey.url)
    refused(enrol(browser, invitation, challenge, another.made(challenge)), GONE)
    assert officers(stage) == before


def test_a_challenge_is_for_enrolling_or_for_signing_in(
    stage: Stage, browser: Visitor, invitation: str, passkey: Passkey
) -> None:
    to_sign_in = challenge_on(browser.get("/desk/sign-in"))
    refused(enrol(browser, invitation, to_sign_in, passkey.made(to_sign_in)))
    challenge = asked(browser, invitation)
    assert MADE in enrol(browser, invitation, challenge, passkey.made(challenge)).text
    form = {"challenge": challenge, "credential": passkey.signed(challenge)}
    assert browser.post("/desk/sign-in", form).status_code == 403


def test_a_challenge_is_over_after_five_minutes(
    site: Site, browser: Visitor, invitation: str, passkey: Passkey
) -> None:
    challenge = asked(browser, invitation)
    credential = passkey.made(challenge)
    with later(site, CHALLENGE_SECONDS):
        refused(enrol(browser, invitation, challenge, credential), LATE)
    with later(site, CHALLENGE_SECONDS - 30):
        assert MADE in enrol(browser, invitation, challenge, credential).text


def test_another_process_of_the_installation_takes_it(
    site: Site, browser: Visitor, invitation: str
) -> None:
    shown = asked(browser, invitation)
    who, tied, signed = caller.Stranger(), browser.held[cookies.FORM], unb64u(shown)
    with Vault.open(site.store.settings, site.store.clock) as another:
        another.check_officer_enrolment(who, invitation, tied, signed)
        for code, held in ((invitation + "A", tied), (invitation, tied + "A")):
            with pytest.raises(Refused):
                another.check_officer_enrolment(who, code, held, signed)
