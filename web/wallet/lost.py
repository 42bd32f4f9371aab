"""The page for when the phone is gone: the block code from the paper, on any device, no login."""

from fastapi import APIRouter, Request, Response

from vault.caller import Stranger
from vault.errors import CannotUnlock
from vault.sessions import UnlockSecret
from web.citizen import WalletRoute
from web.forms import GivenForm
from web.pages import OpenedPages, OpenedVault
from web.slips import to_mend
from web.wallet.secrets import CountedFailures, fault_of

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)


@router.get("/lost")
def lost(request: Request, pages: OpenedPages) -> Response:
    """What the block code does and does not do, and where to type it."""
    return pages.render(request, "wallet/lost.html", fault=None, typed="")


@router.post("/lost")
def block(
    request: Request,
    form: GivenForm,
    pages: OpenedPages,
    vault: OpenedVault,
    failures: CountedFailures,
) -> Response:
    """Shuts the devices out, and says since when. To do it twice changes nothing.

    A code that was refused stays to be mended: a block code opens nothing.
    """
    typed = form.text("block_code")
    try:
        with failures:
            at = vault.block(Stranger(), UnlockSecret.block(typed))
    except CannotUnlock as error:
        found = {"fault": fault_of(error), "typed": to_mend(typed, "BC", 5)}
        return pages.render(request, "wallet/lost.html", 400, **found)
    return pages.render(request, "wallet/blocked.html", at=at)
