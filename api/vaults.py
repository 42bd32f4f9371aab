"""The vault as a whole: making one, looking at it, erasing it."""

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import Field

from api.bodies import StrictRoute
from api.credentials import Address, CountedByAddress, OpenedVault, Owner
from api.described import documented
from api.sessions import CODE_CHARACTERS_MAX, DEVICE_LABEL, DEVICE_SECRET, Session
from api.shapes import Answer, Asked, id_text, instant, instant_or_none
from vault.agencies import parse_invite
from vault.caller import Stranger
from vault.sessions import UnlockSecret

router = APIRouter(route_class=StrictRoute, tags=["vault"])


class NewVault(Asked):
    device_secret: str = Field(
        repr=False,
        pattern=DEVICE_SECRET,
        description="Base64url of 32 random bytes that the device keeps.",
    )
    invitation: str | None = Field(
        None, repr=False, min_length=1, max_length=CODE_CHARACTERS_MAX, description="As typed."
    )
    label: str | None = DEVICE_LABEL


class Created(Answer):
    vault: str
    recovery_code: str = Field(repr=False, description="Shown once: to write down.")
    block_code: str = Field(
        repr=False, description="Shown once, for the same sheet: blocks the vault, opens nothing."
    )
    session: Session


class RecoveryCode(Asked):
    recovery_code: str = Field(repr=False, min_length=1, max_length=CODE_CHARACTERS_MAX)


class BlockCode(Asked):
    block_code: str = Field(repr=False, min_length=1, max_length=CODE_CHARACTERS_MAX)


class Blocked(Answer):
    blocked_at: str


class Method(Answer):
    id: str
    kind: Literal["device", "recovery"]
    created_at: str
    confirmed_at: str | None = None
    label: str | None = None


class OpenSession(Answer):
    id: str
    unlocked_at: str
    expires_at: str
    current: bool = Field(description="The one that asks.")


class Overview(Answer):
    vault: str
    unlocked_at: str
    session_expires_at: str
    methods: list[Method]
    sessions: list[OpenSession]


class Erased(Answer):
    status: Literal["erased", "recorded_later"] = Field(
        description="`recorded_later`: nothing opens any more, and the log will say so later."
    )


@router.post(
    "/v1/vaults",
    status_code=HTTPStatus.CREATED,
    responses=documented(400, 403, 409, 413, 415, 429, 500, 503),
)
def create(
    asked: NewVault, vault: OpenedVault, limits: CountedByAddress, address: Address
) -> Created:
    """Make a vault"""
    limits.count_registration(address)
    device = UnlockSecret.device(asked.device_secret)
    made = vault.create(Stranger(), device, parse_invite(asked.invitation), asked.label)
    return Created(
        vault=id_text(made.session.vault_id),
        recovery_code=made.recovery_code,
        block_code=made.block_code,
        session=Session.of(made.session),
    )


@router.post(
    "/v1/vault/recovery",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=documented(400, 401, 403, 413, 415, 500, 503),
)
def confirm_recovery(asked: RecoveryCode, owner: Owner, vault: OpenedVault) -> None:
    """Type the recovery code back"""
    vault.confirm_recovery(owner, asked.recovery_code)


@router.get(
    "/v1/vault",
    response_model_exclude_none=True,
    responses=documented(401, 500),
)
def overview(owner: Owner, vault: OpenedVault) -> Overview:
    """The vault, this session, and the ways to unlock"""
    found = vault.overview(owner)
    return Overview(
        vault=id_text(found.vault_id),
        unlocked_at=instant(found.unlocked_at),
        session_expires_at=instant(found.session_expires_at),
        methods=[
            Method(
                id=id_text(method.id),
                kind="device" if method.kind == "device" else "recovery",
                created_at=instant(method.created_at),
                confirmed_at=instant_or_none(method.confirmed_at),
                label=method.label,
            )
            for method in found.methods
        ],
        sessions=[
            OpenSession(
                id=id_text(one.id),
                unlocked_at=instant(one.unlocked_at),
                expires_at=instant(one.expires_at),
                current=one.current,
            )
            for one in found.sessions
        ],
    )


@router.post("/v1/block", responses=documented(400, 403, 413, 415, 429, 500, 503))
def block(
    asked: BlockCode, vault: OpenedVault, limits: CountedByAddress, address: Address
) -> Blocked:
    """Shut all devices out, without login"""
    with limits.count_failures(address):
        at = vault.block(Stranger(), UnlockSecret.block(asked.block_code))
    return Blocked(blocked_at=instant(at))


@router.delete(
    "/v1/vault",
    responses={202: {"model": Erased}, **documented(401, 403, 409, 500, 503)},
)
def erase(owner: Owner, vault: OpenedVault, response: Response) -> Erased:
    """Erase the vault, for good"""
    if vault.erase(owner).recorded:
        return Erased(status="erased")
    response.status_code = HTTPStatus.ACCEPTED
    return Erased(status="recorded_later")
