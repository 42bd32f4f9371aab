"""One field: what it is now and was, who may read it, who did; stating it anew."""

from typing import Annotated, Any

from babel import Locale
from fastapi import APIRouter, Query, Request, Response

from catalogue.kinds import Field
from vault import caller
from vault.activities import Page
from vault.errors import NotFound
from vault.fields import OwnValue
from vault.statement import SELF
from vault.vault import Vault
from web.citizen import Owner, WalletRoute
from web.forms import GivenForm
from web.names import agency_of
from web.pages import OpenedPages, OpenedVault, is_for_language, language_of, see, words_for
from web.wallet import stating
from web.wallet.data import shown_value, themes_found
from web.wallet.lines import Teller
from web.wallet.phones import Offered
from web.wallet.shown import grants_shown

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)

_READS_SHOWN = 5
_HISTORY_SHOWN = 50


@router.get("/wallet/data/add")
def choose(
    request: Request,
    owner: Owner,
    pages: OpenedPages,
    vault: OpenedVault,
    q: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Which data to add: every field of the catalogue that has no value yet."""
    language, catalogue = language_of(request), vault.system.catalogue
    free = catalogue.keys() - vault.values(owner).keys()
    themes = [
        (theme, [(field.id, field.labels[language]) for field in fields])
        for theme, fields in themes_found(request, vault, free, q)
    ]
    return pages.render(request, "wallet/field_add.html", here="data", themes=themes, q=q.strip())


@router.get("/wallet/data/{field}")
def show(
    request: Request,
    field: str,
    owner: Owner,
    pages: OpenedPages,
    vault: OpenedVault,
    saved: str = "",
) -> Response:
    """The value with its history, who may read it now, and who did."""
    known = _known(vault, field)
    versions = _versions(vault, owner, field)
    if not versions:
        return see(f"/wallet/data/{field}/edit")
    running = [
        one for one in grants_shown(request, vault, owner) if one.is_open and field in one.field_ids
    ]
    source = versions[0].statement.source
    return pages.render(
        request,
        "wallet/field.html",
        here="data",
        field=field,
        label=known.labels[language_of(request)],
        now_is=shown_value(request, vault, versions[0]),
        before=[shown_value(request, vault, one) for one in versions[1 : _HISTORY_SHOWN + 1]],
        earlier=len(versions) - 1,
        running=running,
        reads=_reads(request, vault, owner, field),
        is_own=source == SELF,
        contact=agency_of(vault.registry(), source),
        saved=bool(saved),
    )


@router.get("/wallet/data/{field}/edit")
def edit(
    request: Request, field: str, owner: Owner, pages: OpenedPages, vault: OpenedVault
) -> Response:
    """The form to state it, with what is stated now."""
    known, versions = _known(vault, field), _versions(vault, owner, field)
    parts: dict[str, Any] = {"value": "", "valid_from": "", "valid_until": ""}
    if versions:
        now = versions[0].statement
        parts = {
            "value": stating.prefilled(known, now.value),
            "valid_from": stating.written_date(now.valid_from or ""),
            "valid_until": stating.written_date(now.valid_until or ""),
        }
    return _form(request, pages, known, parts, {}, is_new=not versions)


@router.post("/wallet/data/{field}/edit")
def put(
    request: Request,
    field: str,
    form: GivenForm,
    owner: Owner,
    pages: OpenedPages,
    vault: OpenedVault,
) -> Response:
    """States it. What is wrong is said beside it, and what was typed stays."""
    known, versions = _known(vault, field), _versions(vault, owner, field)
    if is_for_language(request, form.text("lang")):
        return _form(request, pages, known, stating.typed(known, form), {}, is_new=not versions)
    new, faults = stating.stated(known, form, vault.system.clock.now_ms())
    if new is None:
        typed = stating.typed(known, form) | {"offered": stating.phones_offered(known, form)}
        return _form(request, pages, known, typed, faults, is_new=not versions, status=400)
    vault.put(owner, [new])
    return see(f"/wallet/data/{field}?saved=1")


def _form(
    request: Request,
    pages: OpenedPages,
    field: Field,
    parts: dict[str, Any],
    faults: dict[str, str],
    *,
    is_new: bool,
    status: int = 200,
) -> Response:
    language, gettext = language_of(request), words_for(request).gettext
    value = parts["value"]
    several = stating.lines_of_countries(value) if field.type == "country_list" else [value]
    options = []
    if field.type in {"country", "country_list", "language"}:
        options = stating.options(field, language, several)
    return pages.render(
        request,
        "wallet/edit.html",
        status,
        here="data",
        field=field,
        label=field.labels[language],
        choices=[(code, labels[language]) for code, labels in field.choices.items()],
        options=options,
        parts=parts,
        phones=_phones(parts.get("offered", []), language) if faults else [],
        several=several,
        faults={name: gettext(stating.fault_text(code)) for name, code in faults.items()},
        is_new=is_new,
    )


def _phones(offered: list[Offered], language: str) -> list[tuple[str, str, str]]:
    """Each with the name of its country, to choose from."""
    countries = Locale(language).territories
    return [(one.number, one.shown, countries[one.country]) for one in offered]


def _known(vault: Vault, field: str) -> Field:
    found = vault.system.catalogue.get(field)
    if found is None:
        raise NotFound("There is no such field in the catalogue.")
    return found


def _versions(vault: Vault, owner: caller.Owner, field: str) -> list[OwnValue]:
    """Every version, newest first; none for a field without a value."""
    try:
        return vault.history(owner, field)
    except NotFound:
        return []


def _reads(request: Request, vault: Vault, owner: caller.Owner, field: str) -> list[Any]:
    """The last reads of it, among the newest lines of the log."""
    found = vault.activity(
        owner,
        Page(
            most=_READS_SHOWN,
            wanted=lambda entry: (
                entry.event.action == "data.read" and field in (entry.event.fields_given or ())
            ),
        ),
    )
    return [*map(Teller(request, vault, owner).tell, found.entries)]
