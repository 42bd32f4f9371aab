"""Adding and taking away what opens the vault: devices, key files, recovery sheets."""

from typing import Any

from fastapi import APIRouter, Request, Response

from api.shapes import id_bytes
from vault.caller import Stranger
from vault.errors import BadInput, CannotUnlock, Conflict, NotFound, Refused
from vault.sessions import UnlockSecret
from web.citizen import Owner, WalletRoute
from web.forms import Form, GivenForm
from web.pages import OpenedPages, OpenedVault, see
from web.wallet.secrets import (
    CountedFailures,
    chosen_key,
    device_name,
    fault_of,
    new_device,
    shown,
    unlock_again,
)
from web.wallet.settings import check_fresh, keys_shown
from web.wallet.start import show_sheet

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)
_SETTINGS = "/wallet/settings"


@router.get("/wallet/settings/keys/add")
def ask_add(request: Request, _owner: Owner, pages: OpenedPages, key: str = "passkey") -> Response:
    """A further device: first a key that is there, then the new one."""
    return _ask_add(request, pages, key=key, label="")


def _ask_add(request: Request, pages: OpenedPages, status: int = 200, **given: Any) -> Response:
    frame = {"key": "passkey", "label": "", "fault": None, "guess": device_name(request)}
    return pages.render(request, "wallet/key_add.html", status, here="settings", **frame | given)


@router.post("/wallet/settings/keys/add")
def add(
    request: Request,
    form: GivenForm,
    owner: Owner,
    pages: OpenedPages,
    vault: OpenedVault,
    failures: CountedFailures,
) -> Response:
    """Adds a device's key. The session that was shown a key to goes on as a fresh one."""
    label = form.text("label")
    try:
        new, present = new_device(form), _present(form)
        unlock_again(request, vault, owner, present, failures)
    except (CannotUnlock, Refused) as error:
        given = {"key": chosen_key(form), "label": label}
        return _ask_add(request, pages, 400, **given, fault=fault_of(error))
    try:
        vault.add_method(Stranger(), present, new, label or None)
    except (BadInput, Conflict) as error:
        fault = {"bad_label": "bad_label", "secret_in_use": "in_use"}.get(error.code)
        if fault is None:
            raise
        return _ask_add(request, pages, 400, key=chosen_key(form), fault=fault)
    return see(f"{_SETTINGS}?done=added")


@router.get("/wallet/settings/sheet")
def ask_sheet(request: Request, _owner: Owner, pages: OpenedPages) -> Response:
    """A new recovery sheet: why, and with which key."""
    return pages.render(request, "wallet/sheet_new.html", here="settings", fault=None)


@router.post("/wallet/settings/sheet")
def new_sheet(
    request: Request,
    form: GivenForm,
    owner: Owner,
    pages: OpenedPages,
    vault: OpenedVault,
    failures: CountedFailures,
) -> Response:
    """Makes both codes anew, and shows them once. The block code before them blocks no more."""
    try:
        present = _present(form)
        unlock_again(request, vault, owner, present, failures)
    except (CannotUnlock, Refused) as error:
        fault = fault_of(error)
        return pages.render(request, "wallet/sheet_new.html", 400, here="settings", fault=fault)
    added = vault.add_method(Stranger(), present, None)
    codes = added.recovery_code or "", added.block_code or ""
    return show_sheet(request, pages, *codes, is_first=False)


@router.get("/wallet/settings/keys/remove")
def ask_remove(
    request: Request, owner: Owner, pages: OpenedPages, vault: OpenedVault, key: str = ""
) -> Response:
    """Which one, and what follows. To be here takes a fresh unlock already."""
    check_fresh(vault, owner)
    return _ask_remove(request, owner, pages, vault, key, fault=None)


def _ask_remove(
    request: Request,
    owner: Owner,
    pages: OpenedPages,
    vault: OpenedVault,
    key: str,
    fault: str | None,
) -> Response:
    keys = keys_shown(request, vault.overview(owner))
    found = next((one for one in keys if one.id == key), None)
    if found is None:
        raise NotFound("This vault has no such way to unlock it.")
    status = 400 if fault else 200
    return pages.render(
        request, "wallet/key_remove.html", status, here="settings", key=found, fault=fault
    )


@router.post("/wallet/settings/keys/remove")
def remove(
    request: Request, form: GivenForm, owner: Owner, pages: OpenedPages, vault: OpenedVault
) -> Response:
    """Takes a key away, for good; all other sessions end with it."""
    key = form.text("key")
    try:
        vault.remove_method(owner, id_bytes(key))
    except Refused as error:
        if error.code != "last_method":
            raise
        return _ask_remove(request, owner, pages, vault, key, fault="last_method")
    return see(f"{_SETTINGS}?done=removed")


def _present(form: Form) -> UnlockSecret:
    return shown(form, "unlock_secret")
