"""Ways to unlock a vault. Adding one takes an unlock secret, not a session."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from pydantic import Field

from api.bodies import StrictRoute
from api.credentials import Address, CountedByAddress, OpenedVault, Owner
from api.described import documented
from api.sessions import DEVICE_LABEL, DEVICE_SECRET, Unlock
from api.shapes import Answer, Asked, id_bytes, id_text
from vault.caller import Stranger
from vault.sessions import UnlockSecret

router = APIRouter(route_class=StrictRoute, tags=["methods"])


class NewMethod(Asked):
    unlock: Unlock
    device_secret: str | None = Field(
        None,
        repr=False,
        pattern=DEVICE_SECRET,
        description="Of the new device. Without it a new recovery code and block code are made.",
    )
    label: str | None = DEVICE_LABEL

    def secret(self) -> UnlockSecret | None:
        return None if self.device_secret is None else UnlockSecret.device(self.device_secret)


class Added(Answer):
    id: str
    recovery_code: str | None = Field(None, repr=False, description="Shown once.")
    block_code: str | None = Field(None, repr=False, description="Shown once; ends the old one.")


@router.post(
    "/v1/vault/methods",
    status_code=HTTPStatus.CREATED,
    response_model_exclude_none=True,
    responses=documented(400, 403, 409, 413, 415, 429, 500, 503),
)
def add(asked: NewMethod, vault: OpenedVault, limits: CountedByAddress, address: Address) -> Added:
    """Add a device, or make a new recovery code"""
    with limits.count_failures(address):
        added = vault.add_method(Stranger(), asked.unlock.secret(), asked.secret(), asked.label)
    return Added(
        id=id_text(added.id), recovery_code=added.recovery_code, block_code=added.block_code
    )


@router.delete(
    "/v1/vault/methods/{method}",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=documented(401, 403, 404, 409, 429, 500, 503),
)
def remove(method: str, owner: Owner, vault: OpenedVault) -> None:
    """Remove a way to unlock"""
    vault.remove_method(owner, id_bytes(method))
