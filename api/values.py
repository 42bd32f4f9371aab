"""The owner's data: what is stated, and what was before."""

from http import HTTPStatus
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field, WithJsonSchema

from api.bodies import StrictRoute
from api.credentials import OpenedVault, Owner
from api.described import documented
from api.shapes import Answer, Asked, instant
from catalogue.kinds import LIST_ITEMS_MAX, VALUE_BYTES_MAX
from crypto.encoding import INTEGER_MAX
from vault.fields import NewValue, OwnValue

router = APIRouter(route_class=StrictRoute, tags=["values"])

VALUES_MAX = 500
FIELD_CHARACTERS_MAX = 128
DATE_CHARACTERS_MAX = 64

FieldId = Annotated[str, Field(min_length=1, max_length=FIELD_CHARACTERS_MAX)]
# What the catalogue's types take; which of these a field takes is the catalogue's to say.
_TEXT = {"type": "string", "maxLength": 4 * VALUE_BYTES_MAX}
_VALUE = [
    _TEXT,
    {"type": "integer", "minimum": -INTEGER_MAX, "maximum": INTEGER_MAX},
    {"type": "array", "items": _TEXT, "maxItems": LIST_ITEMS_MAX},
]
StatedValue = Annotated[Any, WithJsonSchema({"anyOf": _VALUE})]
EdtfDate = Annotated[str, Field(min_length=1, max_length=DATE_CHARACTERS_MAX)]


class Stated(Asked):
    """One field and what the owner states about it."""

    field: FieldId
    value: StatedValue = Field(repr=False, description="By the type of the field.")
    status: str = Field("stated", max_length=64)
    valid_from: EdtfDate | None = Field(None, description="EDTF, such as 2024-05.")
    valid_until: EdtfDate | None = None

    def new(self) -> NewValue:
        return NewValue(self.field, self.value, self.status, self.valid_from, self.valid_until)


class StatedTogether(Asked):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {"values": [{"field": "identity.birth_date", "value": "1985-12"}]}
        }
    )

    values: list[Stated] = Field(min_length=1, max_length=VALUES_MAX)


class Put(Answer):
    fields: list[str]


class Value(Answer):
    """One version of a field. `version` counts from 1."""

    value: Any = Field(repr=False)
    source: str
    stated_at: str
    status: str
    valid_from: str | None = None
    valid_until: str | None = None
    version: int

    @classmethod
    def of(cls, own: OwnValue) -> Self:
        statement = own.statement
        return cls(
            value=statement.value,
            source=statement.source,
            stated_at=instant(statement.stated_at),
            status=statement.status,
            valid_from=statement.valid_from,
            valid_until=statement.valid_until,
            version=own.seq,
        )


class Values(Answer):
    values: dict[str, Value]


class History(Answer):
    versions: list[Value]


@router.get(
    "/v1/values",
    response_model_exclude_none=True,
    responses=documented(401, 500),
)
def current(owner: Owner, vault: OpenedVault) -> Values:
    """The current value of every field that has one"""
    found = vault.values(owner)
    return Values(values={name: Value.of(own) for name, own in found.items()})


@router.post(
    "/v1/values",
    status_code=HTTPStatus.CREATED,
    responses=documented(400, 401, 409, 413, 415, 429, 500, 503),
)
def put(asked: StatedTogether, owner: Owner, vault: OpenedVault) -> Put:
    """State values: all of them or none"""
    fields = vault.put(owner, [stated.new() for stated in asked.values])
    return Put(fields=list(fields))


@router.get(
    "/v1/values/{field}",
    response_model_exclude_none=True,
    responses=documented(400, 401, 404, 500),
)
def history(
    field: Annotated[str, Path(max_length=FIELD_CHARACTERS_MAX)], owner: Owner, vault: OpenedVault
) -> History:
    """Every version of a field, newest first"""
    return History(versions=[Value.of(own) for own in vault.history(owner, field)])
