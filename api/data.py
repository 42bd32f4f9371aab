"""Reading granted fields, after their entry is in the log (docs/agency.md, 3 Read)."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Header, Query
from pydantic import ConfigDict, Field

from api.bodies import StrictRoute
from api.credentials import OFFICER_HEADER, AccessToken, OpenedVault, ProofHeader
from api.described import documented
from api.shapes import Answer, day
from vault.reading import Released

router = APIRouter(route_class=StrictRoute, tags=["data"])

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

    @classmethod
    def of(cls, released: Released) -> Self:
        statement = released.statement
        return cls(
            value=statement.value,
            source=statement.source,
            stated_at=day(statement.stated_at),
            status=statement.status if released.is_current else SUPERSEDED,
            valid_from=statement.valid_from,
            valid_until=statement.valid_until,
        )


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


FieldNames = Annotated[
    str,
    Query(
        description="The fields to read, with commas between them, each once.",
        max_length=FIELDS_CHARACTERS_MAX,
        pattern=r"^[^,]+(,[^,]+)*$",
    ),
]
OfficerHeader = Annotated[
    str | None,
    Header(
        alias=OFFICER_HEADER,
        description="Who asks, in the agency's own words. Or the claim `officer` of the proof.",
    ),
]


@router.get(
    DATA_PATH,
    response_model_exclude_none=True,
    responses=documented(400, 401, 403, 409, 429, 500, 503),
)
def read(
    presented: AccessToken,
    proof: ProofHeader,
    fields: FieldNames,
    vault: OpenedVault,
    _officer: OfficerHeader = None,
) -> Data:
    """Read granted fields: all that are named, or none"""
    holder = presented.prove(proof, DATA_PATH, vault)
    released = vault.read(holder, fields.split(","))
    return Data(data={name: ReadValue.of(one) for name, one in released.items()})
