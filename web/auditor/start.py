"""Where an auditor's officer begins. Nothing of the log is shown here, so nothing is recorded."""

from fastapi import APIRouter, Request, Response

from web.auditor.looking import AuditorRoute, Looking
from web.names import auditor_name
from web.pages import OpenedPages, language_of

router = APIRouter(route_class=AuditorRoute, tags=["pages"], include_in_schema=False)


@router.get("/auditor")
def start(request: Request, examiner: Looking, pages: OpenedPages) -> Response:
    """The four ways on."""
    registry = examiner.vault.registry()
    return pages.render(
        request,
        "auditor/start.html",
        officer=examiner.session.officer,
        auditor=auditor_name(registry, examiner.party, language_of(request)),
    )
