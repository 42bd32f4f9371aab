"""My data: by theme, each with its source and date."""

from fastapi import APIRouter, Request, Response

from web.citizen import Owner, WalletRoute
from web.names import value_text
from web.pages import OpenedPages, OpenedVault, language_of, words_for

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)


@router.get("/wallet/data")
def data(request: Request, owner: Owner, pages: OpenedPages, vault: OpenedVault) -> Response:
    """Every field that has a value, under its theme."""
    catalogue, held = vault.system.catalogue, vault.values(owner)
    language, words = language_of(request), words_for(request)
    themes = [
        (
            theme.labels[language],
            [
                (
                    field,
                    held[field.id],
                    value_text(catalogue, field.id, held[field.id].statement.value, words),
                )
                for field in fields
                if field.id in held
            ],
        )
        for theme, fields in catalogue.by_theme()
    ]
    return pages.render(
        request,
        "wallet/data.html",
        here="data",
        themes=[(label, rows) for label, rows in themes if rows],
    )
