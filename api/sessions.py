"""Sessions: unlocking a vault, and ending it."""

from http import HTTPStatus
from typing import Literal, Self

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field, JsonValue, model_validator

from api.bodies import StrictRoute
from api.credentials import Address, CountedByAddress, OpenedVault, Owner
from api.described import documented
from api.shapes import Answer, Asked, id_bytes, id_text, instant
from vault.caller import Stranger
from vault.methods import LABEL_CHARACTERS_MAX
from vault.sessions import SessionStarted, UnlockSecret

router = APIRouter(route_class=StrictRoute, tags=["sessions"])

# Base64url of exactly 32 bytes: the last of 43 characters holds four bits.
DEVICE_SECRET = r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$"  # noqa: S105 - a pattern
CODE_CHARACTERS_MAX = 120
DEVICE_LABEL = Field(
    None,
    repr=False,
    min_length=1,
    max_length=LABEL_CHARACTERS_MAX,
    description="What its owner calls the device. Kept encrypted.",
)
_SECRETS = ("device_secret", "recovery_code")
_ONE_OF: list[JsonValue] = [
    {"required": [one], "properties": {one: {"type": "string"}, other: {"type": "null"}}}
    for one, other in (_SECRETS, _SECRETS[::-1])
]


class Unlock(Asked):
    """Exactly one unlock secret."""

    model_config = ConfigDict(json_schema_extra={"oneOf": _ONE_OF})

    device_secret: str | None = Field(
        None,
        repr=False,
        pattern=DEVICE_SECRET,
        description="Base64url of 32 random bytes that the device keeps.",
    )
    recovery_code: str | None = Field(
        None,
        repr=False,
        min_length=1,
        max_length=CODE_CHARACTERS_MAX,
        description="As typed: case, spaces and hyphens do not matter.",
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.device_secret is None) == (self.recovery_code is None):
            raise ValueError("exactly one unlock secret")
        return self

    def secret(self) -> UnlockSecret:
        if self.device_secret is not None:
            return UnlockSecret.device(self.device_secret)
        return UnlockSecret.recovery(self.recovery_code or "")


class Session(Answer):
    """What the device keeps. The token is shown once."""

    token: str = Field(repr=False)
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme
    expires_at: str

    @classmethod
    def of(cls, started: SessionStarted) -> Self:
        return cls(token=started.token, expires_at=instant(started.expires_at))


class Unlocked(Answer):
    vault: str
    session: Session
    recovery_confirmed: bool = Field(description="False: nothing can be shared yet.")


@router.post(
    "/v1/sessions",
    status_code=HTTPStatus.CREATED,
    responses=documented(400, 403, 413, 415, 429, 500, 503),
)
def unlock(
    asked: Unlock, vault: OpenedVault, limits: CountedByAddress, address: Address
) -> Unlocked:
    """Unlock a vault"""
    with limits.count_failures(address):
        started = vault.unlock(Stranger(), asked.secret())
    return Unlocked(
        vault=id_text(started.vault_id),
        session=Session.of(started),
        recovery_confirmed=started.recovery_confirmed,
    )


@router.delete(
    "/v1/sessions/current",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=documented(401, 500, 503),
)
def log_out(owner: Owner, vault: OpenedVault) -> None:
    """End this session"""
    vault.log_out(owner)


@router.delete(
    "/v1/sessions/{session}",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=documented(401, 404, 500, 503),
)
def end(session: str, owner: Owner, vault: OpenedVault) -> None:
    """End a session of one's own on another device"""
    vault.end_session(owner, id_bytes(session))
