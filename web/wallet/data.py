"""My data: by theme, each with its source and date, found by its name."""

import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from catalogue.edtf import parse as parse_date
from catalogue.kinds import Field
from vault.fields import OwnValue
from vault.statement import SELF
from vault.vault import Vault
from web.citizen import Owner, WalletRoute
from web.names import agency_name
from web.pages import OpenedPages, OpenedVault, language_of, words_for
from web.papers.tongue import Tongue
from web.words import Words, today

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)


@dataclass(frozen=True, slots=True)
class ShownValue:
    """One version of a field in words. `source` is None for what the citizen stated."""

    field: str
    label: str
    text: str
    source: str | None
    stated_at: int
    is_doubted: bool
    valid_from: str | None
    valid_until: str | None
    is_over: bool
    is_current: bool


@router.get("/wallet/data")
def data(
    request: Request,
    owner: Owner,
    pages: OpenedPages,
    vault: OpenedVault,
    q: Annotated[str, Query(max_length=200)] = "",
    imported: Annotated[int | None, Query(ge=0, le=1000)] = None,
) -> Response:
    """Every field that has a value, under its theme; those whose name or theme has the words `q`.

    Only names are searched: what is typed here stands in the address, and a value must not.
    """
    held = vault.values(owner)
    themes = [
        (theme, [shown_value(request, vault, held[field.id]) for field in fields])
        for theme, fields in themes_found(request, vault, held, q)
    ]
    return pages.render(
        request,
        "wallet/data.html",
        here="data",
        themes=themes,
        q=q.strip(),
        imported=imported,
        is_empty=not held,
        found=sum(len(rows) for _, rows in themes),
    )


def themes_found(
    request: Request, vault: Vault, among: Collection[str], wanted: str
) -> Iterator[tuple[str, list[Field]]]:
    """Fields of these ids under their theme, those whose name or theme has the wanted words."""
    language = language_of(request)
    for theme, fields in vault.system.catalogue.by_theme():
        label = theme.labels[language]
        found = [
            one
            for one in fields
            if one.id in among and is_found(wanted, label, one.labels[language])
        ]
        if found:
            yield label, found


def is_found(wanted: str, *texts: str) -> bool:
    """Whether each word that is wanted is in there, whatever its capitals and accents."""
    within = _plain(" ".join(texts))
    return all(word in within for word in _plain(wanted).split())


def shown_value(request: Request, vault: Vault, own: OwnValue) -> ShownValue:
    """A version of a field as its owner reads it."""
    language, stated = language_of(request), own.statement
    field, tongue = vault.system.catalogue[stated.field], tongue_for(request)
    source = None
    if stated.source != SELF:
        source = agency_name(vault.registry(), stated.source, language)
    first, last = stated.valid_from, stated.valid_until
    return ShownValue(
        field=field.id,
        label=field.labels[language],
        text=tongue.value(field, stated.value),
        source=source,
        stated_at=stated.stated_at,
        is_doubted=stated.status == "under_investigation",
        valid_from=None if first is None else tongue.date(first),
        valid_until=None if last is None else tongue.date(last),
        is_over=last is not None and _is_over(last, vault.system.clock.now_ms()),
        is_current=own.is_current,
    )


def tongue_for(request: Request) -> Tongue:
    words: Words = words_for(request)
    return Tongue(words.language, words.gettext)


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in apart if not unicodedata.combining(one))


def _is_over(last: str, now_ms: int) -> bool:
    """Whether an EDTF date, as far as it is known, lies before today."""
    known, now = parse_date(last), today(now_ms)
    parts = [(known.year, now.year), (known.month, now.month), (known.day, now.day)]
    for part, part_now in parts:
        if part is None or part > part_now:
            return False
        if part < part_now:
            return True
    return False
