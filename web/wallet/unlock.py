"""Unlocking with a passkey's secret or the recovery code; locking."""

from fastapi import APIRouter, Request, Response

from api.credentials import Address, CountedByAddress
from vault.caller import Stranger
from vault.errors import CannotUnlock
from vault.sessions import UnlockSecret
from web.citizen import Owner, WalletRoute, let_in, let_out, own_path
from web.forms import Form, GivenForm
from web.pages import OpenedPages, OpenedVault, see

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)


@router.get("/wallet/unlock")
def ask(request: Request, pages: OpenedPages, next: str = "", again: str = "") -> Response:
    """The ways to unlock. `again`: what is asked for takes a fresh unlock."""
    return pages.render(
        request, "wallet/unlock.html", next=own_path(next), again=bool(again), unlocked=False
    )


@router.post("/wallet/unlock")
def unlock(
    request: Request,
    form: GivenForm,
    pages: OpenedPages,
    vault: OpenedVault,
    limits: CountedByAddress,
    address: Address,
) -> Response:
    """A session, and then the page that was asked for."""
    wanted = own_path(form.text("next", 2000))
    try:
        with limits.count_failures(address):
            started = vault.unlock(Stranger(), _secret(form))
    except CannotUnlock:
        error = "recovery_code" if form.text("recovery_code") else "passkey"
        return pages.render(
            request,
            "wallet/unlock.html",
            403,
            next=wanted,
            again=False,
            error=error,
            unlocked=False,
        )
    return let_in(see(wanted if started.recovery_confirmed else "/wallet/recovery"), started, vault)


@router.get("/wallet/locked")
def locked(request: Request, pages: OpenedPages) -> Response:
    """The vault was locked: because nothing happened for a while, or by the citizen."""
    return let_out(pages.render(request, "wallet/locked.html", unlocked=False))


@router.post("/wallet/lock")
def lock(_form: GivenForm, owner: Owner, vault: OpenedVault) -> Response:
    """Ends the session, here and on the server."""
    vault.log_out(owner)
    return let_out(see("/wallet/locked"))


@router.post("/wallet/still-here")
def still_here(_form: GivenForm, _owner: Owner) -> Response:
    """The citizen answered the warning: nothing is locked."""
    return Response(status_code=204)


def _secret(form: Form) -> UnlockSecret:
    typed = form.text("recovery_code")
    return (
        UnlockSecret.recovery(typed) if typed else UnlockSecret.device(form.text("device_secret"))
    )
