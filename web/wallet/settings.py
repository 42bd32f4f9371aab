"""Settings: keys and devices, where the vault is open, language, locking, erasing."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from api.shapes import id_bytes
from crypto.encoding import b64u
from vault.errors import Refused
from vault.methods import MethodInfo
from vault.overviews import Overview
from vault.vault import Vault
from web import cookies
from web.citizen import Owner, WalletRoute, let_out
from web.forms import GivenForm
from web.pages import OpenedPages, OpenedVault, see, words_for
from web.words import LANGUAGES, words

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)
ERASE_WORD = "ERASE"


@dataclass(frozen=True, slots=True)
class ShownKey:
    """One way to unlock: what it is called, since when, whether it opened this session."""

    id: str
    kind: str
    label: str | None
    created_at: int
    confirmed_at: int | None
    is_this: bool


@router.get("/wallet/settings")
def settings(
    request: Request, owner: Owner, pages: OpenedPages, vault: OpenedVault, done: str = ""
) -> Response:
    """All that can be set, with what it is now. `done`: what was just done, in one word."""
    found = vault.overview(owner)
    keys = keys_shown(request, found)
    return pages.render(
        request,
        "wallet/settings.html",
        here="settings",
        done=done,
        devices=[one for one in keys if one.kind == "device"],
        sheets=[one for one in keys if one.kind == "recovery"],
        sessions=[(b64u(one.id), one) for one in reversed(found.sessions)],
    )


def keys_shown(request: Request, found: Overview) -> list[ShownKey]:
    used = request.cookies.get(cookies.KEY, "")
    return [_shown(one, used) for one in found.methods]


def _shown(one: MethodInfo, used: str) -> ShownKey:
    id_ = b64u(one.id)
    return ShownKey(id_, one.kind, one.label, one.created_at, one.confirmed_at, id_ == used)


@router.post("/wallet/settings/sessions/end")
def end_session(form: GivenForm, owner: Owner, vault: OpenedVault) -> Response:
    """Locks the vault on another device, or here."""
    wanted = id_bytes(form.text("session"))
    is_this = any(one.current and one.id == wanted for one in vault.overview(owner).sessions)
    vault.end_session(owner, wanted)
    return let_out(see("/wallet/locked")) if is_this else see("/wallet/settings?done=locked")


@router.get("/wallet/settings/erase")
def ask_erase(request: Request, owner: Owner, pages: OpenedPages, vault: OpenedVault) -> Response:
    """What goes, what stays and why. To be here takes a fresh unlock already."""
    check_fresh(vault, owner)
    return _ask_erase(request, pages, vault, None)


def _ask_erase(
    request: Request, pages: OpenedPages, vault: OpenedVault, fault: str | None
) -> Response:
    years = round(vault.system.settings.audit_retention_days / 365.25)
    word = words_for(request).gettext("ERASE")
    return pages.render(
        request,
        "wallet/erase.html",
        400 if fault else 200,
        here="settings",
        fault=fault,
        years=years,
        word=word,
    )


@router.post("/wallet/settings/erase")
def erase(
    request: Request, form: GivenForm, owner: Owner, pages: OpenedPages, vault: OpenedVault
) -> Response:
    """Erases the vault, once the word is typed."""
    typed = form.text("word").casefold()
    if typed not in {words(code).gettext(ERASE_WORD).casefold() for code in LANGUAGES}:
        return _ask_erase(request, pages, vault, "word")
    ended = vault.erase(owner)
    return let_out(see("/wallet/erased" + ("" if ended.recorded else "?log=later")))


@router.get("/wallet/erased")
def erased(request: Request, pages: OpenedPages, log: str = "") -> Response:
    """The vault is gone."""
    return pages.render(request, "wallet/erased.html", unlocked=False, later=log == "later")


def check_fresh(vault: Vault, owner: Owner) -> None:
    """Before a page that ends in a weighty step: `Refused`, as the step itself would be."""
    age_ms = vault.system.clock.now_ms() - vault.overview(owner).unlocked_at
    if age_ms > vault.system.settings.fresh_unlock_seconds * 1000:
        raise Refused("Unlock the vault again first.", "unlock_too_old")
