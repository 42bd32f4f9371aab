"""Checking the log: every entry computed again, and compared with what this browser saw before.

The server checks itself here, and the page says so: it names the command that trusts nobody.
"""

from fastapi import APIRouter, Request, Response

from api.proofs import Trees
from web import cookies
from web.auditor.checked import check_all
from web.auditor.looking import AuditorRoute, Looking
from web.auditor.seen import SEEN, Continued, continued
from web.auditor.unusual import unusual
from web.auditor.witnessed import witnessed
from web.pages import OpenedPages, words_for

router = APIRouter(route_class=AuditorRoute, tags=["pages"], include_in_schema=False)

ENTRIES_MAX = 20_000  # computed while somebody waits; a larger log is exported and checked outside
_YEAR_SECONDS = 365 * 86_400


@router.get("/auditor/check")
def check(request: Request, examiner: Looking, pages: OpenedPages, now: str = "") -> Response:
    """What was checked and found, once asked for; and how to check without this server."""
    vault, words = examiner.vault, words_for(request)
    logs = Trees(vault).logs
    size = sum(log.size for log in logs)
    too_large = size > ENTRIES_MAX
    checked = check_all(examiner) if now and not too_large else None
    seen = request.cookies.get(SEEN, "")
    goes_on = continued(vault, seen) if now else Continued("", "")
    published = vault.checkpoint() or ""
    response = pages.render(
        request,
        "auditor/check.html",
        size=size,
        too_large=too_large,
        checked=checked,
        seen=goes_on,
        witnesses=witnessed(vault, published),
        unusual=unusual(checked.anomalies, vault.registry(), words) if checked else [],
        published=published,
        origin=logs[-1].origin,
    )
    if goes_on.hold:
        cookies.set_cookie(response, SEEN, goes_on.hold, _YEAR_SECONDS)
    return response
