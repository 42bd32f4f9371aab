"""Taking the log along: one zip, made while it is sent, which `kluis audit verify` checks."""

from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from api.proofs import Trees
from audit.errors import AuditError, BadNote
from audit.note import parse_checkpoint
from crypto.encoding import INTEGER_MAX
from evidence.export import compose
from web.auditor.looking import AuditorRoute, Looking
from web.forms import GivenForm
from web.pages import OpenedPages, as_file

router = APIRouter(route_class=AuditorRoute, tags=["pages"], include_in_schema=False)

NAME = "vault-audit.zip"
_NOTE_CHARACTERS_MAX = 16_384


@router.get("/auditor/export")
def export(request: Request, examiner: Looking, pages: OpenedPages) -> Response:
    """What one gets, and the button. Nothing is recorded before it is used."""
    return _page(request, examiner, pages)


@router.post("/auditor/export")
def send(request: Request, form: GivenForm, examiner: Looking, pages: OpenedPages) -> Response:
    """The zip itself; it is an entry, with the officer's name, before the first byte leaves."""
    previous = form.text("previous", _NOTE_CHARACTERS_MAX)
    try:
        before = _before(previous)
    except AuditError:
        return _page(request, examiner, pages, 400, previous=previous)
    examined = examiner.examine("log.export")
    headers = as_file(NAME) | {"Kluis-Entries": str(examined.total)}
    parts: Iterator[bytes] = compose(examined, before)
    return StreamingResponse(parts, media_type="application/zip", headers=headers)


def _page(
    request: Request, examiner: Looking, pages: OpenedPages, status: int = 200, previous: str = ""
) -> Response:
    size = sum(log.size for log in Trees(examiner.vault).logs)
    return pages.render(
        request, "auditor/export.html", status, size=size, previous=previous, name=NAME
    )


def _before(previous: str) -> tuple[int, bytes] | None:
    """Size and root of a `checkpoint` file, as pasted: forms end lines otherwise than files do."""
    if not previous:
        return None
    text = previous.replace("\r\n", "\n").partition("\n\n")[0].strip() + "\n"
    found = parse_checkpoint(text)
    if found.size > INTEGER_MAX:  # no manifest could hold it (RFC 8785)
        raise BadNote("checkpoint size")
    return found.size, found.root
