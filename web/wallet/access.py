"""Who has access: every offer and grant, and taking it back in one act."""

from fastapi import APIRouter, Request, Response

from api.shapes import id_bytes
from crypto.encoding import b64u
from vault.vault import Vault
from web.citizen import Owner, WalletRoute
from web.forms import GivenForm
from web.pages import OpenedPages, OpenedVault, see, words_for
from web.wallet.shown import ShownGrant, grants_shown, period_text

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)


@router.get("/wallet/access")
def access(
    request: Request, owner: Owner, pages: OpenedPages, vault: OpenedVault, ended: str = ""
) -> Response:
    """What is open first, then what was. `ended`: what was taken back just now, to confirm it."""
    found = grants_shown(request, vault, owner)
    taken = next((one for one in found if one.id == ended and not one.is_open), None)
    return pages.render(
        request,
        "wallet/access.html",
        here="access",
        running=[one for one in found if one.is_open],
        over=[one for one in found if not one.is_open],
        taken=taken,
        kept=_kept(request, taken, vault),
    )


@router.post("/wallet/access/end")
def end(form: GivenForm, owner: Owner, vault: OpenedVault) -> Response:
    """Takes one back, at once. To do it twice does no harm."""
    grant = form.text("grant")
    vault.end_grant(owner, id_bytes(grant))
    return see(f"/wallet/access?ended={b64u(id_bytes(grant))}")


def _kept(request: Request, taken: ShownGrant | None, vault: Vault) -> dict[str, str]:
    """What an agency that has read may keep, and where one asks for it to be deleted."""
    if taken is None or taken.is_new or taken.use is None:
        return {}
    agency = vault.registry().agencies.get(taken.agency_id)
    return {
        "period": period_text(taken.use.retention, words_for(request)),
        "policy": taken.use.privacy_policy,
        "email": (agency and agency.contact.email) or "",
    }
