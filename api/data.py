"""Reading granted fields, after their entry is in the log (docs/agency.md, 3 Read)."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import ConfigDict, Field
from pydantic_core import to_json
from starlette.types import ASGIApp, Receive, Scope, Send

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
from api.problems import DATA_PATH, TokenMissing, problem_of
from api.receipts import DESCRIPTION, receipt
from api.shapes import Answer, day
from consent.errors import ConsentError
from vault.errors import VaultError
from vault.reading import Released
from vault.system import in_step
from vault.vault import Vault

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
                },
                "receipt": "c2sp.org/tlog-proof@v1\nextra AAAAAw...\nindex 4711\n...",
            }
        }
    )

    data: dict[str, ReadValue]
    receipt: str = Field(description=DESCRIPTION)


_NAME = rb"[a-z0-9_.-]{1,128}"
_PLAIN_QUERY = re.compile(rb"fields=(%b(?:(?:,|%%2[Cc])%b){0,60})" % (_NAME, _NAME))
_COMMA = re.compile(rb"%2[Cc]")
FieldNames = Annotated[
    str,
    Query(
        description="The fields to read, with commas between them, each once.",
        max_length=FIELDS_CHARACTERS_MAX,
        pattern="^[^,]+(,[^,]+)*$",
    ),
]
OfficerHeader = Annotated[
    str | None,
    Header(
        alias=OFFICER_HEADER,
        description="Who asks, in the agency's own words. Or the claim `officer` of the proof.",
    ),
]


router = APIRouter(route_class=StrictRoute, tags=["data"])


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
    await in_step()
    released, placed = await vault.read(holder, fields.split(","), run_in_threadpool)
    data = {name: _shown(one) for name, one in released.items()}
    return {"data": data, "receipt": receipt(placed)}


class QuickRead:
    """The way of a read past what FastAPI does for a route, as agencies read all day.

    Only for a request of the plain form; any other goes to the declared route, and is refused there
    in words.
    """

    def __init__(self, app: ASGIApp, vault: Vault) -> None:
        self._app = app
        self._vault = vault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _PLAIN_QUERY.fullmatch(scope.get("query_string", b""))
        is_read = scope["type"] == "http" and scope["path"] == DATA_PATH
        if not is_read or scope["method"] != "GET" or asked is None:
            await self._app(scope, receive, send)
            return
        request, fields = Request(scope), _COMMA.sub(b",", asked[1]).decode()
        try:
            presented, proof = await access_token(request), await proof_header(request)
            answer = to_json(await _read(presented, proof, fields, self._vault))
        except (VaultError, ConsentError, TokenMissing) as error:
            await problem_of(error, self._vault.system.settings.url)(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


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
