"""First run: a key that only the citizen has, then the paper for when it is lost, typed back."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from api.credentials import Address, CountedByAddress
from vault.agencies import parse_invite
from vault.caller import Stranger
from vault.errors import BadInput, CannotUnlock, Conflict, Refused
from web.citizen import Owner, WalletRoute, let_in
from web.forms import GivenForm
from web.pages import OpenedPages, OpenedVault, as_file, is_for_language, see, words_for
from web.papers.recovery import BadCode, recovery_sheet
from web.papers.typeset import PRESSES, CannotTypeset
from web.wallet.data import tongue_for
from web.wallet.secrets import (
    RECOVERY,
    CountedFailures,
    chosen_key,
    device_name,
    fault_of,
    new_device,
)

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)
_CODE_CHARACTERS_MAX = 100


@router.get("/wallet/start")
def start(
    request: Request, pages: OpenedPages, vault: OpenedVault, key: str = "passkey"
) -> Response:
    """Make a vault: what it takes, in two lines. `key`: passkey or file."""
    return _ask(request, pages, vault, key=key, label=device_name(request))


def _ask(
    request: Request, pages: OpenedPages, vault: OpenedVault, status: int = 200, **given: Any
) -> Response:
    frame = {"key": "passkey", "label": "", "invitation": "", "fault": None}
    mode = vault.system.settings.registration
    return pages.render(
        request, "wallet/start.html", status, unlocked=False, registration=mode, **frame | given
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
    """The vault is made; its two codes are shown on this page, and never again.

    What was typed, an invitation among it, comes in the body of a form and is in no address.
    """
    label, invitation = form.text("label"), form.text("invitation")
    given: dict[str, Any] = {"key": chosen_key(form), "label": label, "invitation": invitation}
    if is_for_language(request, form.text("lang")):
        return _ask(request, pages, vault, **given)
    limits.count_registration(address)
    try:
        device = new_device(form)
        made = vault.create(Stranger(), device, parse_invite(invitation or None), label or None)
    except Conflict:  # sent twice: the vault is there, and its codes are shown no second time
        return see("/wallet/recovery")
    except (BadInput, CannotUnlock, Refused) as error:
        return _ask(request, pages, vault, 400, **given, fault=error.code)
    page = show_sheet(request, pages, made.recovery_code, made.block_code, is_first=True)
    return let_in(page, made.session, vault, device)


def show_sheet(
    request: Request, pages: OpenedPages, recovery: str, block: str, *, is_first: bool
) -> Response:
    """The page with both codes: the only one that ever shows them."""
    return pages.render(
        request,
        "wallet/sheet.html",
        recovery_code=recovery,
        block_code=block,
        is_first=is_first,
        unlocked=False,
        leave_to="/wallet/recovery",
    )


@router.post("/wallet/sheet.pdf")
def paper(request: Request, form: GivenForm, owner: Owner, vault: OpenedVault) -> Response:
    """The sheet as PDF. The codes come with the question, and nothing of them stays here."""
    settings, clock = vault.system.settings, vault.system.clock
    try:
        with PRESSES.held_by(vault.overview(owner).vault_id):
            sheet = recovery_sheet(
                form.text(RECOVERY, _CODE_CHARACTERS_MAX),
                form.text("block_code", _CODE_CHARACTERS_MAX),
                tongue_for(request),
                settings.url,
                clock.now_ms(),
            )
    except BadCode:
        raise BadInput("There are no codes for this sheet.", "bad_form") from None
    except CannotTypeset:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE) from None
    name = words_for(request).gettext("recovery-sheet")
    headers = as_file(f"burgerkluis-{name}.pdf")
    return Response(sheet, media_type="application/pdf", headers=headers)


@router.get("/wallet/recovery")
def type_back(request: Request, _owner: Owner, pages: OpenedPages) -> Response:
    """The recovery code is typed back: proof that it was written down."""
    return pages.render(request, "wallet/recovery.html", fault=None)


@router.post("/wallet/recovery")
def confirm(
    request: Request,
    form: GivenForm,
    owner: Owner,
    pages: OpenedPages,
    vault: OpenedVault,
    failures: CountedFailures,
) -> Response:
    try:
        with failures:
            vault.confirm_recovery(owner, form.text(RECOVERY))
    except (CannotUnlock, Refused) as error:
        fault = "other_vault" if isinstance(error, Refused) else fault_of(error)
        return pages.render(request, "wallet/recovery.html", 400, fault=fault)
    sheets = [one for one in vault.overview(owner).methods if one.kind == "recovery"]
    return see("/wallet" if len(sheets) == 1 else "/wallet/settings#sheets")
