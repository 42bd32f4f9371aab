"""Unlocking with a passkey's secret, a key file or the recovery code; locking."""

from fastapi import APIRouter, Request, Response

from vault.caller import Stranger
from vault.errors import CannotUnlock
from web import cookies
from web.citizen import Owner, WalletRoute, end_quietly, let_in, let_out, own_path
from web.forms import Form, GivenForm
from web.pages import OpenedPages, OpenedVault, see
from web.wallet.secrets import RECOVERY, CountedFailures, fault_of, shown

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)


@router.get("/wallet/unlock")
def ask(
    request: Request, pages: OpenedPages, next: str = "", again: str = "", ended: str = ""
) -> Response:
    """The ways to unlock. `again`: what is asked for takes a fresh unlock."""
    return pages.render(
        request,
        "wallet/unlock.html",
        next=own_path(next),
        again=bool(again),
        ended=bool(ended),
        error=None,
        unlocked=False,
    )


@router.post("/wallet/unlock")
def unlock(
    request: Request,
    form: GivenForm,
    pages: OpenedPages,
    vault: OpenedVault,
    failures: CountedFailures,
) -> Response:
    """A session of its own, and then the page that was asked for. The one before it ends."""
    wanted = own_path(form.text("next", 2000))
    try:
        with failures:
            secret = shown(form)
            started = vault.unlock(Stranger(), secret)
    except CannotUnlock as error:
        return pages.render(
            request,
            "wallet/unlock.html",
            403,
            next=wanted,
            again=False,
            ended=False,
            error=_fault(error, form),
            unlocked=False,
        )
    end_quietly(vault, request.cookies.get(cookies.SESSION, ""))
    to = wanted if started.recovery_confirmed else "/wallet/recovery"
    return let_in(see(to), started, vault, secret)


def _fault(error: CannotUnlock, form: Form) -> str:
    """Which words the page has: for a code that was typed, or for a key."""
    if fault_of(error) == "other_code":
        return "other_code"
    return "code" if form.text(RECOVERY) else "key"


@router.get("/wallet/locked")
def locked(
    request: Request, pages: OpenedPages, vault: OpenedVault, next: str = "", unsaved: str = ""
) -> Response:
    """The vault was locked: because nothing happened for a while, or by the citizen. `unsaved`:
    a form was sent too late, and nothing came of it.

    What another site leads here comes without cookies, and locks nothing.
    """
    page = pages.render(
        request,
        "wallet/locked.html",
        unlocked=False,
        next=own_path(next),
        unsaved=bool(unsaved),
    )
    token = request.cookies.get(cookies.SESSION)
    if token is None:
        return page
    end_quietly(vault, token)
    return let_out(page)


@router.post("/wallet/lock")
def lock(_form: GivenForm, owner: Owner, vault: OpenedVault) -> Response:
    """Ends the session, here and on the server."""
    vault.log_out(owner)
    return let_out(see("/wallet/locked"))


@router.post("/wallet/still-here")
def still_here(_form: GivenForm, owner: Owner, vault: OpenedVault) -> Response:
    """The citizen answered the warning: nothing is locked, if the session still stands."""
    vault.overview(owner)
    return Response(status_code=204)
