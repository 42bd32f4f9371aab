"""At the counter: a code is taken, its data is shown, and goes from the screen when done.

Every look is a read, and names the officer to the citizen. One citizen at a time in one browser.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from catalogue.registration import IntendedUse
from vault import caller
from vault.errors import BadInput, InvalidGrant, InvalidToken, NotFound
from vault.officers import OfficerSession
from vault.reading import Released
from vault.vault import Vault
from web import qr
from web.desk.showing import Reading, begun, forget, held, keep, rows_of, trace
from web.forms import GivenForm
from web.names import agency_name
from web.officers import Officer, OfficerRoute, look
from web.pages import OpenedPages, OpenedVault, Pages, language_of, see, words_for
from web.slips import folded, to_mend
from web.wallet.shown import period_text

router = APIRouter(route_class=OfficerRoute, tags=["pages"], include_in_schema=False)

CODE_CHARACTERS_MAX = 400
SHOWN_SECONDS = 180  # then the values leave the screen; another look is another read
TEST_CODE = "VG1" + "TEST" * 8 + "TS"
"""For trying a scanner: has the form of a code and is none."""
_READER = {"reader": "vendor/zxing_reader.js", "wasm": "vendor/zxing_reader.wasm"}
_CODE = re.compile(r"VG1[0-9A-HJKMNP-TV-Z]{34}")
_DIGITS = re.compile(r"[0-9]{4}")
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)


@router.get("/desk")
def desk(request: Request, officer: Officer, pages: OpenedPages, vault: OpenedVault) -> Response:
    """Ready for the next citizen; or a citizen is open here still."""
    session = look(request, vault, officer)
    return _ask(request, pages, vault, session)


@router.get("/desk/scanner")
def scanner(request: Request, officer: Officer, pages: OpenedPages, vault: OpenedVault) -> Response:
    """A code that opens nothing, to try a hand scanner or the camera with."""
    look(request, vault, officer)
    picture = qr.inline(f"{vault.system.settings.url.upper()}/S#{TEST_CODE}")
    return pages.render(
        request, "desk/scanner.html", here="scanner", picture=picture, code=TEST_CODE
    )


@router.post("/desk/redeem")
async def redeem(
    request: Request, form: GivenForm, officer: Officer, pages: OpenedPages, vault: OpenedVault
) -> Response:
    """Redeems a code, once, and reads what it gives."""
    session = await run_in_threadpool(look, request, vault, officer)
    typed = form.text("code", CODE_CHARACTERS_MAX)
    code = code_in(typed, vault)
    digits, before = form.text("tx_code", 8), held(request)
    if code is None:
        return _ask(request, pages, vault, session, error="shape", code=_to_mend(typed))
    if code == TEST_CODE:
        return _ask(request, pages, vault, session, error="test")
    if before is not None and before.code == trace(code):
        return _ask(request, pages, vault, session, error="again")
    if digits and not _DIGITS.fullmatch(digits):  # not sent: it would count as a wrong try
        return _ask(request, pages, vault, session, error="no-digits", code=code)
    agency = await run_in_threadpool(vault.agency_of, officer)
    try:
        redeemed, _ = await run_in_threadpool(vault.redeem, agency, code, digits or None)
    except BadInput:
        wants = "not-wanted" if digits else "digits"
        return _ask(request, pages, vault, session, error=wants, code=code)
    except InvalidGrant as refusal:
        again = {"wrong_tx_code": code, "invalid_grant": _to_mend(typed)}.get(refusal.code, "")
        return _ask(request, pages, vault, session, error=refusal.code, code=again)
    use = vault.registry().registered(session.officer.party, redeemed.terms.use).use
    if use is None:
        raise NotFound("This use is not registered any more.")
    return await _show(request, officer, pages, vault, begun(redeemed, code, use))


@router.post("/desk/look")
async def look_again(
    request: Request, form: GivenForm, officer: Officer, pages: OpenedPages, vault: OpenedVault
) -> Response:
    """Another look at the same citizen's data: another read, which the citizen sees."""
    session = await run_in_threadpool(look, request, vault, officer)
    reading = held(request)
    if reading is None or not reading.token or reading.id != form.text("of"):
        return _ask(request, pages, vault, session, error="gone")
    return await _show(request, officer, pages, vault, reading)


@router.get("/desk/redeem")
@router.get("/desk/look")
def ready() -> Response:
    """What was shown stood on the answer to a form: here one begins with the next."""
    return see("/desk")


@router.post("/desk/done")
def done(request: Request, _form: GivenForm, officer: Officer, vault: OpenedVault) -> Response:
    """The citizen is helped: nothing of it stays in this browser."""
    look(request, vault, officer)
    response = see("/desk")
    forget(response, held(request))
    return response


def code_in(text: str, vault: Vault) -> str | None:
    """The code in what was scanned or typed; None for what has not the form of one of ours.

    A scanner that types adds to what stands in the field: the address at the end is what counts.
    """
    begins = [found.start() for found in _ADDRESS.finditer(text)]
    address, mark, after = text[begins[-1] if begins else 0 :].rpartition("#")
    if mark and _host(address.lower()) != _host(vault.system.settings.url):
        return None
    code = folded(after)
    return code if _CODE.fullmatch(code) else None


def _to_mend(typed: str) -> str:
    """Such a code lives for two minutes, and for this office alone."""
    return to_mend(typed, "VG1", 4)


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).netloc
    except ValueError:  # such as http://[
        return None


async def _show(
    request: Request, officer: Officer, pages: Pages, vault: Vault, reading: Reading
) -> Response:
    """Reads, and shows what was read. Access that has ended meanwhile shows nothing."""
    session = await run_in_threadpool(look, request, vault, officer)
    holder = await run_in_threadpool(vault.holder_of, officer, reading.token)
    try:
        use, released = await _read(vault, session.officer.party, holder, reading)
    except InvalidToken:
        page = _ask(request, pages, vault, session, error="closed")
        forget(page, reading)
        return page
    stands = await run_in_threadpool(vault.stands, holder)
    page = pages.render(
        request,
        "desk/result.html",
        here="scan",
        **_who(request, vault, session),
        use=use,
        rows=rows_of(request, vault, use, released),
        reading=reading,
        stands=stands is not None,
        retention=period_text(use.retention, words_for(request)),
        left_seconds=max(0, reading.not_after - vault.system.clock.now_ms()) // 1000,
        shown_seconds=SHOWN_SECONDS,
    )
    keep(page, reading)
    return page


async def _read(
    vault: Vault, agency: str, holder: caller.TokenHolder, reading: Reading
) -> tuple[IntendedUse, dict[str, Released]]:
    use = vault.registry().registered(agency, reading.use).use
    if use is None:  # revoked meanwhile
        raise InvalidToken
    released, _ = await vault.read(holder, reading.fields(use), run_in_threadpool)
    return use, released


def _ask(
    request: Request,
    pages: Pages,
    vault: Vault,
    session: OfficerSession,
    error: str = "",
    code: str = "",
) -> Response:
    """The page that takes a code. `code`: what the field keeps."""
    reading = held(request)
    return pages.render(
        request,
        "desk/scan.html",
        here="scan",
        **_who(request, vault, session),
        error=error,
        code=code,
        still_open=reading.id if reading and reading.token and error in {"", "again"} else "",
        scanner={name: pages.statics.url(path) for name, path in _READER.items()}
        if set(_READER.values()) <= pages.statics.files.keys()
        else {},
    )


def _who(request: Request, vault: Vault, session: OfficerSession) -> dict[str, Any]:
    name = agency_name(vault.registry(), session.officer.party, language_of(request))
    return {"officer": session.officer, "agency": name}
