"""The published checkpoint of the audit log (docs/audit.md, 6 Checkpoints). Public."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from api.bodies import StrictRoute
from api.credentials import OpenedVault
from api.described import documented
from vault.errors import NotFound

router = APIRouter(route_class=StrictRoute, tags=["audit"])


@router.get(
    "/audit/checkpoint",
    response_class=PlainTextResponse,
    responses=documented(404, 500),
)
def checkpoint(vault: OpenedVault) -> str:
    """The newest published checkpoint, as a signed note"""
    note = vault.checkpoint()
    if note is None:
        raise NotFound("No checkpoint was published yet.", "no_checkpoint")
    return note
