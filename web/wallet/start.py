"""First run: a key that only the citizen has, then the paper for when it is lost, typed back."""

from fastapi import APIRouter, Request, Response

from api.credentials import Address, CountedByAddress
from vault.agencies import parse_invite
from vault.caller import Stranger
from vault.sessions import UnlockSecret
from web.citizen import Owner, WalletRoute, let_in
from web.forms import GivenForm
from web.pages import OpenedPages, OpenedVault, see

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)


@router.get("/wallet/start")
def start(request: Request, pages: OpenedPages, vault: OpenedVault) -> Response:
    """Make a vault: what it takes, in two lines."""
    return pages.render(
        request, "wallet/start.html", registration=vault.system.settings.registration
    )


@router.post("/wallet/start")
def create(
    request: Request,
    form: GivenForm,
    pages: OpenedPages,
    vault: OpenedVault,
    limits: CountedByAddress,
    address: Address,
) -> Response:
    """The vault is made; its two codes are shown on this page, and never again."""
    limits.count_registration(address)
    device = UnlockSecret.device(form.text("device_secret"))
    made = vault.create(Stranger(), device, parse_invite(form.text("invitation") or None))
    page = pages.render(
        request, "wallet/sheet.html", recovery_code=made.recovery_code, unlocked=False
    )
    return let_in(page, made.session, vault)


@router.get("/wallet/recovery")
def type_back(request: Request, _owner: Owner, pages: OpenedPages) -> Response:
    """The recovery code is typed back: proof that it was written down."""
    return pages.render(request, "wallet/recovery.html")


@router.post("/wallet/recovery")
def confirm(form: GivenForm, owner: Owner, vault: OpenedVault) -> Response:
    vault.confirm_recovery(owner, form.text("recovery_code"))
    return see("/wallet")
