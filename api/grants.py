"""Grants: who may read what until when, and taking it back."""

from http import HTTPStatus
from typing import Literal, Self

from fastapi import APIRouter, Response
from pydantic import Field

from api.bodies import StrictRoute
from api.credentials import OpenedVault, Owner
from api.described import documented
from api.shapes import Answer, id_bytes, id_text, instant
from vault.overviews import GrantInfo

router = APIRouter(route_class=StrictRoute, tags=["grants"])


class Grant(Answer):
    grant: str
    agency: str
    use: str
    fields: list[str]
    state: str = Field(description="`offered`, `active` or `ended`.")
    created_at: str
    offer_ends: str
    not_after: str
    reads_used: int
    reads_max: int | None = None
    follow: bool

    @classmethod
    def of(cls, info: GrantInfo) -> Self:
        return cls(
            grant=id_text(info.grant_id),
            agency=info.terms.agency,
            use=info.terms.use,
            fields=list(info.terms.fields),
            state=info.state,
            created_at=instant(info.created_at),
            offer_ends=instant(info.offer_ends),
            not_after=instant(info.not_after),
            reads_used=info.reads_used,
            reads_max=info.terms.reads_max,
            follow=info.terms.follow,
        )


class Grants(Answer):
    grants: list[Grant]


class GrantEnded(Answer):
    status: Literal["ended", "recorded_later"] = Field(
        description="`recorded_later`: nothing opens any more, and the log will say so later."
    )


@router.get(
    "/v1/grants",
    response_model_exclude_none=True,
    responses=documented(401, 500),
)
def grants(owner: Owner, vault: OpenedVault) -> Grants:
    """Every offer and grant, newest first"""
    return Grants(grants=[Grant.of(info) for info in vault.grants(owner)])


@router.delete(
    "/v1/grants/{grant}",
    responses={202: {"model": GrantEnded}, **documented(401, 404, 500)},
)
def end(grant: str, owner: Owner, vault: OpenedVault, response: Response) -> GrantEnded:
    """End an offer or grant: the next request is refused"""
    if vault.end_grant(owner, id_bytes(grant)).recorded:
        return GrantEnded(status="ended")
    response.status_code = HTTPStatus.ACCEPTED
    return GrantEnded(status="recorded_later")
