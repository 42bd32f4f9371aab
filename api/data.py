"""Reading granted fields, after their entry is in the log (docs/agency.md, 3 Read)."""

import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import ConfigDict, Field

from api.bodies import StrictRoute
from api.credentials import (
    OFFICER_HEADER,
    AccessToken,
    OpenedVault,
    Presented,
    ProofHeader,
    access_token,
    proof_header,
)
from api.described import documented
from api.shapes import Answer, day
from vault.reading import Released
from vault.vault import Vault

DATA_PATH = "/v1/data"
FIELDS_CHARACTERS_MAX = 8192
SUPERSEDED = "superseded"


class ReadValue(Answer):
    """A value with its source. Nothing beside the value helps to recognise the citizen elsewhere:
    what the citizen stated is dated by the day only.
    """

    value: Any = Field(repr=False)
    source: str
    stated_at: str
    status: str = Field(description=f"`{SUPERSEDED}` where a newer value exists.")
    valid_from: str | None = None
    valid_until: str | None = None


class Data(Answer):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "data": {
                    "identity.birth_date": {
                        "value": "1985-12",
                        "source": "self",
                        "stated_at": "2026-11-02",
                        "status": "stated",
                    }
                }
            }
        }
    )

    data: dict[str, ReadValue]


_FIELD_NAMES = re.compile(r"[^,]+(,[^,]+)*")
FieldNames = Annotated[
    str,
    Query(
        description="The fields to read, with commas between them, each once.",
        max_length=FIELDS_CHARACTERS_MAX,
        pattern=f"^{_FIELD_NAMES.pattern}$",
    ),
]
OfficerHeader = Annotated[
    str | None,
    Header(
        alias=OFFICER_HEADER,
        description="Who asks, in the agency's own words. Or the claim `officer` of the proof.",
    ),
]


class ReadRoute(StrictRoute):
    """The route that agencies call all day: a request of the right form goes to `_read` at once.

    Any other takes the long way through the declared parameters, and is refused there in words.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def quickly(request: Request) -> Response:
            query = request.query_params.multi_items()
            if len(query) != 1 or query[0][0] != "fields":
                return await handle(request)
            fields = query[0][1]
            if len(fields) > FIELDS_CHARACTERS_MAX or not _FIELD_NAMES.fullmatch(fields):
                return await handle(request)
            presented, proof = await access_token(request), await proof_header(request)
            answer = await _read(presented, proof, fields, request.app.state.vault)
            return JSONResponse(answer)

        return quickly


router = APIRouter(route_class=ReadRoute, tags=["data"])


@router.get(
    DATA_PATH,
    response_model_exclude_none=True,
    responses=documented(400, 401, 403, 409, 429, 500, 503),
)
async def read(
    presented: AccessToken,
    proof: ProofHeader,
    fields: FieldNames,
    vault: OpenedVault,
    _officer: OfficerHeader = None,
) -> Data:
    """Read granted fields: all that are named, or none"""
    return Data.model_validate(await _read(presented, proof, fields, vault))


async def _read(presented: Presented, proof: str, fields: str, vault: Vault) -> dict[str, Any]:
    holder = presented.prove(proof, DATA_PATH, vault)
    released = await vault.read(holder, fields.split(","), run_in_threadpool)
    return {"data": {name: _shown(one) for name, one in released.items()}}


def _shown(released: Released) -> dict[str, Any]:
    """A `ReadValue`, without the members that have nothing to say."""
    statement = released.statement
    shown = {
        "value": statement.value,
        "source": statement.source,
        "stated_at": day(statement.stated_at),
        "status": statement.status if released.is_current else SUPERSEDED,
        "valid_from": statement.valid_from,
        "valid_until": statement.valid_until,
    }
    return {name: one for name, one in shown.items() if one is not None}
