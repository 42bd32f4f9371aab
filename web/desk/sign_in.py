"""Becoming an officer by an invitation, signing in by passkey, signing out. Desk and auditor."""

from typing import Literal

from fastapi import APIRouter, Depends, Request, Response

from crypto.encoding import b64u
from vault.caller import Stranger
from vault.errors import Refused
from web import cookies
from web.forms import GivenForm
from web.officers import Officer, OfficerRoute, sign_out, start_session, verified_passkey
from web.pages import OpenedPages, OpenedVault, see

Area = Literal["desk", "auditor"]


async def _known(area: Area) -> Area:
    return area


router = APIRouter(
    route_class=OfficerRoute,
    tags=["pages"],
    include_in_schema=False,
    dependencies=[Depends(_known)],
)


@router.get("/{area}/enrol")
def invited(request: Request, pages: OpenedPages, vault: OpenedVault) -> Response:
    """The invitation stands in the fragment; a module brings it into the form."""
    challenge = b64u(vault.officer_challenge(Stranger()))
    return pages.render(request, "desk/enrol.html", challenge=challenge)


@router.post("/{area}/enrol")
def enrol(request: Request, form: GivenForm, pages: OpenedPages, vault: OpenedVault) -> Response:
    """Makes the passkey the officer's own."""
    found = verified_passkey(vault, form.text("credential", 20_000), form.text("challenge", 2000))
    officer = vault.enrol_officer(Stranger(), form.text("invitation", 2000), *found)
    return pages.render(request, "desk/enrolled.html", officer=officer)


@router.get("/{area}/sign-in")
def ask(request: Request, pages: OpenedPages, vault: OpenedVault) -> Response:
    challenge = b64u(vault.officer_challenge(Stranger()))
    return pages.render(request, "desk/sign_in.html", challenge=challenge, refused=False)


@router.post("/{area}/sign-in")
def sign_in(request: Request, form: GivenForm, pages: OpenedPages, vault: OpenedVault) -> Response:
    """A session for whoever holds a registered passkey."""
    try:
        session = start_session(
            vault, Stranger(), form.text("credential", 20_000), form.text("challenge", 2000)
        )
    except Refused:
        challenge = b64u(vault.officer_challenge(Stranger()))
        return pages.render(request, "desk/sign_in.html", 403, challenge=challenge, refused=True)
    answer = see("/desk" if session.officer.role == "agency" else "/auditor")
    cookies.set_cookie(answer, cookies.OFFICER, session.token)
    return answer


@router.post("/{area}/sign-out")
def leave(area: Area, _form: GivenForm, officer: Officer, vault: OpenedVault) -> Response:
    """Ends the session, here and on the server."""
    vault.end_officer_session(officer)
    return sign_out(see(f"/{area}/sign-in"))
