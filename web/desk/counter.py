"""At the counter: a code is taken, its data is shown, and goes from the screen when done.

The access token stays with the officer's browser, in a cookie that no script reads, and works in
no session but the one that redeemed it. Every look is a read, and names the officer to the citizen.
"""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.data import SUPERSEDED
from catalogue.registration import IntendedUse
from vault.errors import InvalidGrant
from vault.reading import Released
from vault.vault import Vault
from web import cookies
from web.forms import GivenForm
from web.names import agency_name, field_label, value_text
from web.officers import Officer, OfficerRoute, look
from web.pages import OpenedPages, OpenedVault, language_of, see, words_for

router = APIRouter(route_class=OfficerRoute, tags=["pages"], include_in_schema=False)

CODE_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One field of the use, shared or not. Nobody is blamed for what is not."""

    label: str
    why: str
    mandatory: bool
    value: str | None = None
    source: str = ""
    stated_at: int = 0
    status: str = ""


@router.get("/desk")
def desk(request: Request, officer: Officer, pages: OpenedPages, vault: OpenedVault) -> Response:
    """Ready for the next citizen."""
    session = look(request, vault, officer)
    agency = agency_name(vault.registry(), session.officer.party, language_of(request))
    return pages.render(
        request, "desk/scan.html", here="scan", officer=session.officer, agency=agency, error=""
    )


@router.post("/desk/redeem")
async def redeem(
    request: Request, form: GivenForm, officer: Officer, pages: OpenedPages, vault: OpenedVault
) -> Response:
    """Redeems a code, once, and reads what it gives."""
    session = await run_in_threadpool(look, request, vault, officer)
    agency = await run_in_threadpool(vault.agency_of, officer)
    code, tx_code = form.text("code", CODE_CHARACTERS_MAX), form.text("tx_code", 8)
    name = agency_name(vault.registry(), session.officer.party, language_of(request))
    try:
        redeemed, _ = await run_in_threadpool(
            vault.redeem, agency, code.rpartition("#")[2], tx_code or None
        )
    except InvalidGrant:
        return pages.render(
            request, "desk/scan.html", 400, here="scan", officer=session.officer, agency=name,
            error="code",
        )  # fmt: skip
    holder = await run_in_threadpool(vault.holder_of, officer, redeemed.token)
    released, _ = await vault.read(holder, redeemed.fields, run_in_threadpool)
    use = vault.registry().registered(session.officer.party, redeemed.terms.use).use
    response = pages.render(
        request,
        "desk/result.html",
        here="scan",
        officer=session.officer,
        agency=name,
        use=use,
        rows=rows_of(request, vault, use, released),
        not_after=redeemed.not_after,
    )
    cookies.set_cookie(response, cookies.READING, redeemed.token)
    return response


@router.post("/desk/done")
def done(request: Request, _form: GivenForm, officer: Officer, vault: OpenedVault) -> Response:
    """The citizen is helped: nothing of it stays in this browser."""
    look(request, vault, officer)
    response = see("/desk")
    cookies.drop_cookie(response, cookies.READING)
    return response


def rows_of(
    request: Request, vault: Vault, use: IntendedUse | None, released: dict[str, Released]
) -> list[Row]:
    """Every field of the use, in its order, as shared or not."""
    if use is None:
        return []
    language, words, catalogue = language_of(request), words_for(request), vault.system.catalogue
    rows = []
    for one in use.fields:
        row = Row(field_label(catalogue, one.id, language), one.why[language], one.mandatory)
        found = released.get(one.id)
        if found is not None:
            statement = found.statement
            row = Row(
                row.label,
                row.why,
                row.mandatory,
                value_text(catalogue, one.id, statement.value, words),
                statement.source,
                statement.stated_at,
                statement.status if found.is_current else SUPERSEDED,
            )
        rows.append(row)
    return rows
