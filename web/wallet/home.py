"""The way in, and what an unlocked vault shows first."""

from fastapi import APIRouter, Request, Response

from web import cookies
from web.citizen import Owner, WalletRoute
from web.pages import OpenedPages, OpenedVault, see
from web.wallet.shown import grants_shown

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)


@router.get("/")
def welcome(request: Request, pages: OpenedPages) -> Response:
    """What a vault is, in three sentences, and the two ways in."""
    if cookies.SESSION in request.cookies:
        return see("/wallet")
    return pages.render(request, "wallet/welcome.html")


@router.get("/wallet")
def home(request: Request, owner: Owner, pages: OpenedPages, vault: OpenedVault) -> Response:
    """Who may read now, and the few things one comes for."""
    running = [one for one in grants_shown(request, vault, owner) if one.is_open]
    return pages.render(request, "wallet/home.html", here="home", running=running)
