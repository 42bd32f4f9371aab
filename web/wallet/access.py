"""Who has access: every offer and grant, and taking it back."""

from fastapi import APIRouter, Request, Response

from api.shapes import id_bytes
from web.citizen import Owner, WalletRoute
from web.forms import GivenForm
from web.pages import OpenedPages, OpenedVault, see
from web.wallet.shown import grants_shown

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)


@router.get("/wallet/access")
def access(request: Request, owner: Owner, pages: OpenedPages, vault: OpenedVault) -> Response:
    """What is open first, then what was."""
    found = grants_shown(request, vault, owner)
    return pages.render(
        request,
        "wallet/access.html",
        here="access",
        running=[one for one in found if one.is_open],
        over=[one for one in found if not one.is_open],
    )


@router.post("/wallet/access/end")
def end(form: GivenForm, owner: Owner, vault: OpenedVault) -> Response:
    """Takes one back, at once."""
    vault.end_grant(owner, id_bytes(form.text("grant")))
    return see("/wallet/access")
