"""Becoming an officer by an invitation, signing in by passkey, signing out. Desk and auditor."""

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Depends, Request, Response

from crypto.encoding import b64u
from vault.caller import Stranger
from vault.errors import Conflict, Refused
from vault.vault import Vault
from web import cookies
from web.forms import GivenForm
from web.officers import (
    Officer,
    OfficerRoute,
    bytes_of,
    party_name,
    sign_out,
    start_session,
    verified_passkey,
)
from web.pages import OpenedPages, OpenedVault, Pages, language_of, see

Area = Literal["desk", "auditor"]
_OF_THE_PASSKEY = {"bad_passkey", "passkey_in_use", "bad_challenge", "challenge_over"}


async def _known(area: Area) -> Area:
    return area


router = APIRouter(
    route_class=OfficerRoute,
    tags=["pages"],
    include_in_schema=False,
    dependencies=[Depends(_known)],
)


@router.get("/{area}/enrol")
def invited(request: Request, pages: OpenedPages) -> Response:
    """The invitation stands in the fragment; a module brings it into the form, or a person does."""
    return pages.render(request, "desk/enrol.html", refused=False)


@router.post("/{area}/enrol")
def enrol(request: Request, form: GivenForm, pages: OpenedPages, vault: OpenedVault) -> Response:
    """First whom the invitation makes an officer of what; then, with a passkey, the officer."""
    invitation, credential = form.text("invitation", 2000), form.text("credential", 20_000)
    try:
        if not credential:
            return _welcome(request, pages, vault, invitation)
        signed = bytes_of(form.text("challenge", 2000))
        vault.check_officer_enrolment(Stranger(), invitation, _browser(request), signed)
        found = verified_passkey(vault, credential, signed)
        officer = vault.enrol_officer(Stranger(), invitation, *found)
    except (Refused, Conflict) as error:
        refused = error.code if error.code in _OF_THE_PASSKEY else "invitation"
        return pages.render(request, "desk/enrol.html", 403, refused=refused)
    return pages.render(request, "desk/enrolled.html", officer=officer)


def _welcome(request: Request, pages: Pages, vault: Vault, invitation: str) -> Response:
    """Who the person becomes. Nothing is registered yet, and the invitation is not used up."""
    person = vault.read_invitation(Stranger(), invitation)
    return pages.render(
        request,
        "desk/invited.html",
        person=person,
        party=party_name(vault.registry(), person, language_of(request)),
        invitation=invitation,
        challenge=b64u(vault.officer_enrolment(Stranger(), invitation, _browser(request))),
    )


def _browser(request: Request) -> str:
    """What forms of this browser are tied to."""
    return request.cookies.get(cookies.FORM, "")


@router.get("/{area}/sign-in")
def ask(request: Request, pages: OpenedPages, vault: OpenedVault, ended: str = "") -> Response:
    """`ended`: there was a session, and it is over."""
    return _ask(request, pages, vault, ended=bool(ended))


def _ask(
    request: Request, pages: Pages, vault: Vault, status: int = 200, *, ended: bool = False
) -> Response:
    signed = b64u(vault.officer_challenge(Stranger()))
    refused = status >= HTTPStatus.BAD_REQUEST
    given = {"challenge": signed, "refused": refused, "ended": ended}
    return pages.render(request, "desk/sign_in.html", status, **given)


@router.post("/{area}/sign-in")
def sign_in(request: Request, form: GivenForm, pages: OpenedPages, vault: OpenedVault) -> Response:
    """A session for whoever holds a registered passkey."""
    try:
        session = start_session(
            vault, Stranger(), form.text("credential", 20_000), form.text("challenge", 2000)
        )
    except Refused:
        return _ask(request, pages, vault, HTTPStatus.FORBIDDEN)
    answer = see("/desk" if session.officer.role == "agency" else "/auditor")
    cookies.set_cookie(answer, cookies.OFFICER, session.token)
    cookies.drop_cookie(
        answer, cookies.READING
    )  # another session's: to use it would look like theft
    return answer


@router.post("/{area}/sign-out")
def leave(area: Area, _form: GivenForm, officer: Officer, vault: OpenedVault) -> Response:
    """Ends the session, here and on the server."""
    vault.end_officer_session(officer)
    return sign_out(see(f"/{area}/sign-in"))
