"""What is usual: how often agencies read, for what, at which hours, and what they ask too much."""

from fastapi import APIRouter, Request, Response

from web import pictures as drawn
from web.auditor import words as told
from web.auditor.asking import asked_by
from web.auditor.entries import options
from web.auditor.filters import Filters
from web.auditor.looking import AuditorRoute, Looking
from web.names import agency_name, purpose_of
from web.pages import OpenedPages, language_of, words_for
from web.words import ZONE

router = APIRouter(route_class=AuditorRoute, tags=["pages"], include_in_schema=False)

ENTRIES_MAX = 10_000  # gone through for one page: an export has them all


@router.get("/auditor/pictures")
def pictures(request: Request, examiner: Looking, pages: OpenedPages) -> Response:
    """Four pictures of a period, each with its table, and one of what was asked and not given."""
    words, vault = words_for(request), examiner.vault
    filters = Filters.of(request.query_params, vault.system.clock.now_ms())
    selection = None if filters.faults else filters.selection
    found = []
    if filters.is_asked:
        with examiner.slot():
            found = examiner.look(filters.window(ENTRIES_MAX))
    fitting = [one.bodies[0] for one in found if one.bodies and selection and selection.holds(one)]
    registry, language, say = vault.registry(), words.language, words.gettext

    def agency(id_: str) -> str:
        return agency_name(registry, id_, language)

    def use(agency_id: str, id_: str) -> str:
        return purpose_of(registry, agency_id, id_, language)

    shown = [
        drawn.reads_per_agency(fitting, agency, say),
        drawn.reads_per_use(fitting, use, say),
        drawn.reads_per_hour(fitting, say, ZONE),
        drawn.refusals_by_reason(fitting, lambda code: say(told.REASONS[code]), say),
    ]
    return pages.render(
        request,
        "auditor/pictures.html",
        filters=filters,
        options=options(registry, words, language_of(request)),
        pictures=shown if filters.is_asked else [],
        asked=asked_by(fitting, agency) if filters.is_asked else [],
        scanned=len(found),
        too_many=len(found) == ENTRIES_MAX,
    )
