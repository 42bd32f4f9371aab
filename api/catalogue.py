"""Which fields a vault can hold. Public."""

from fastapi import APIRouter
from pydantic import Field

from api.bodies import StrictRoute
from api.credentials import OpenedVault
from api.described import documented
from api.shapes import Answer

router = APIRouter(route_class=StrictRoute, tags=["catalogue"])

Labels = dict[str, str]


class Theme(Answer):
    id: str
    labels: Labels


class FieldKind(Answer):
    id: str
    theme: str
    type: str
    sensitivity: str
    value_bytes_max: int
    labels: Labels
    choices: dict[str, Labels] | None = Field(None, description="What a `choice` may be.")


class Catalogue(Answer):
    themes: list[Theme]
    fields: list[FieldKind]


@router.get(
    "/v1/catalogue",
    response_model_exclude_none=True,
    responses=documented(500),
)
async def catalogue(vault: OpenedVault) -> Catalogue:
    """Themes and fields, in the order to show them"""
    found = vault.system.catalogue
    return Catalogue(
        themes=[Theme(id=theme.id, labels=dict(theme.labels)) for theme in found.themes],
        fields=[
            FieldKind(
                id=field.id,
                theme=field.theme,
                type=field.type,
                sensitivity=field.sensitivity,
                value_bytes_max=field.value_bytes_max,
                labels=dict(field.labels),
                choices={name: dict(labels) for name, labels in field.choices.items()} or None,
            )
            for _, fields in found.by_theme()
            for field in fields
        ],
    )
