"""A copy of everything: a link that lives a quarter of an hour, works once, and here alone.

A link that gives nothing costs no work. The file is made before its link is spent, and leaves after
the log says so: a copy that could not be made costs no link.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType

from fastapi import APIRouter, Request, Response

from api.shapes import id_bytes, instant
from crypto.encoding import b64u
from vault.errors import BadInput, NotFound, Replayed
from vault.exporting import LINK_SECONDS
from web.citizen import Owner, WalletRoute
from web.faults import Busy
from web.forms import GivenForm
from web.pages import OpenedPages, OpenedVault, as_file, language_of
from web.papers.document import export_pdf
from web.papers.gathering import Export, gather
from web.papers.portable import export_json
from web.papers.tongue import Tongue
from web.papers.typeset import PRESSES, CannotTypeset
from web.slots import Slots
from web.wallet.data import tongue_for

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)

COPIES = Slots(4)  # to gather a long log takes a thread for seconds


def _pdf(export: Export, tongue: Tongue, vault_id: bytes) -> bytes:
    with PRESSES.held_by(vault_id):
        return export_pdf(export, tongue)


_Made = Callable[[Export, Tongue, bytes], bytes]
FORMATS: Mapping[str, tuple[str, _Made]] = MappingProxyType(
    {
        "pdf": ("application/pdf", _pdf),
        "json": ("application/json", lambda export, _tongue, _vault_id: export_json(export)),
    }
)


@router.get("/wallet/export")
def ask(request: Request, _owner: Owner, pages: OpenedPages, format: str = "") -> Response:
    """What a copy holds, and in which form. `format`: what was chosen before."""
    chosen = format if format in FORMATS else next(iter(FORMATS))
    return pages.render(request, "wallet/export.html", here="data", chosen=chosen)


@router.post("/wallet/export")
def make_link(
    request: Request, form: GivenForm, owner: Owner, pages: OpenedPages, vault: OpenedVault
) -> Response:
    """The link, on this page alone. Takes a fresh unlock."""
    format_ = form.text("format")
    if format_ not in FORMATS:
        raise BadInput("A copy is JSON or PDF.", "bad_form")
    request.state.form_stood_at = f"/wallet/export?format={format_}"  # and back, after an unlock
    now_ms = vault.system.clock.now_ms()
    link = vault.export_link(owner)
    return pages.render(
        request,
        "wallet/export_link.html",
        here="data",
        format=format_,
        href=f"/wallet/export/{b64u(link)}.{format_}",
        ends=now_ms + LINK_SECONDS * 1000,
    )


@router.get("/wallet/export/{link}.{format}")
def download(
    request: Request,
    link: str,
    format: str,
    owner: Owner,
    pages: OpenedPages,
    vault: OpenedVault,
) -> Response:
    """The copy, once; then, or too late, or for anybody else, a page that says so."""
    if format not in FORMATS:
        raise NotFound("There is no copy in this form.")
    media_type, made = FORMATS[format]
    try:
        vault.check_export(owner, id_bytes(link))
        vault_id = vault.overview(owner).vault_id
        with COPIES.held_by(vault_id):
            export = gather(vault, owner, language_of(request))
            content = made(export, tongue_for(request), vault_id)
        vault.record_export(owner, id_bytes(link))
    except (NotFound, Replayed) as gone:
        state = "used" if isinstance(gone, Replayed) else "over"
        return _no_copy(request, pages, state, HTTPStatus.GONE)
    except (Busy, CannotTypeset) as error:
        state = error.code if isinstance(error, Busy) else "failed"
        return _no_copy(request, pages, state, HTTPStatus.SERVICE_UNAVAILABLE)
    name = f"burgerkluis-{instant(export.made_at)[:10]}.{format}"
    return Response(content, media_type=media_type, headers=as_file(name))


def _no_copy(request: Request, pages: OpenedPages, state: str, status: int) -> Response:
    return pages.render(
        request,
        "wallet/export_none.html",
        status,
        here="data",
        state=state,
        again=request.url.path,
    )
