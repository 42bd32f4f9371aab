"""The way in, and what an unlocked vault shows first."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from vault.activities import Page
from vault.vault import Vault
from web import cookies
from web.citizen import Owner, WalletRoute
from web.names import agency_name
from web.pages import OpenedPages, OpenedVault, language_of, see
from web.wallet.shown import grants_shown

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)
_LATELY = 20  # entries among which the last read is looked for
_DEVICES_WANTED = 2
_SAID_MS = 60_000  # for so long home says that the recovery code was typed back


@dataclass(frozen=True, slots=True)
class LastRead:
    """Who read last, and when."""

    agency: str
    at: int


@router.get("/")
def welcome(request: Request, pages: OpenedPages) -> Response:
    """What a vault is, in three sentences, and the two ways in."""
    if cookies.SESSION in request.cookies:
        return see("/wallet")
    return pages.render(request, "wallet/welcome.html")


@router.get("/wallet")
def home(request: Request, owner: Owner, pages: OpenedPages, vault: OpenedVault) -> Response:
    """What is now: alarms first, who may read, who read last; then what one comes for."""
    found = vault.overview(owner)
    devices = [one for one in found.methods if one.kind == "device"]
    sheets = [one for one in found.methods if one.kind == "recovery" and one.confirmed_at]
    grants = grants_shown(request, vault, owner)
    since = vault.system.clock.now_ms() - _SAID_MS
    is_ready_now = not grants and [(one.confirmed_at or 0) > since for one in sheets] == [True]
    return pages.render(
        request,
        "wallet/home.html",
        here="home",
        is_ready_now=is_ready_now,
        running=[one for one in grants if one.is_open],
        alarms=len(vault.activity(owner, Page("alarms")).entries),
        last_read=_last_read(request, vault, owner),
        devices=len(devices),
        devices_wanted=_DEVICES_WANTED,
        has_sheet=bool(sheets),
    )


def _last_read(request: Request, vault: Vault, owner: Owner) -> LastRead | None:
    registry, language = vault.registry(), language_of(request)
    for entry in vault.activity(owner, Page(most=_LATELY)).entries:
        event = entry.event
        if event.action == "data.read" and event.outcome == "permitted" and event.actor.id:
            return LastRead(agency_name(registry, event.actor.id, language), event.at)
    return None
