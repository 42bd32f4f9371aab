"""Looking things up: entries that fit a search, page by page, and one of them with all it says."""

from fastapi import APIRouter, Request, Response

from api.places import place_of, place_text
from audit.entry import ACTIONS, OUTCOMES
from evidence.anomalies import anomalies_of
from vault.errors import NotFound
from vault.registry import Snapshot
from web.auditor import words as told
from web.auditor.filters import Filters
from web.auditor.looking import AuditorRoute, Looking, Window
from web.auditor.proved import proofs_of
from web.auditor.shown import Teller
from web.auditor.unusual import unusual
from web.names import agency_name
from web.pages import OpenedPages, language_of, words_for
from web.words import Words

router = APIRouter(route_class=AuditorRoute, tags=["pages"], include_in_schema=False)

PAGE_ENTRIES = 100
SEARCHED_ENTRIES = 1000  # gone through for a page of a search: most of them don't fit
Options = list[tuple[str, str]]


@router.get("/auditor/entries")
def entries(request: Request, examiner: Looking, pages: OpenedPages) -> Response:
    """A form, and what fits. Nothing is looked at, and recorded, before somebody asks."""
    words, vault = words_for(request), examiner.vault
    filters = Filters.of(request.query_params, vault.system.clock.now_ms())
    selection = None if filters.faults else filters.selection
    most = PAGE_ENTRIES if selection and selection.is_all else SEARCHED_ENTRIES
    found = examiner.look(filters.window(most)) if filters.is_asked else []
    teller = Teller(vault, words)
    last = place_text((found[-1].log, found[-1].index)) if len(found) == most else ""
    return pages.render(
        request,
        "auditor/entries.html",
        filters=filters,
        options=options(teller.registry, words, language_of(request)),
        rows=[teller.tell(one) for one in found if selection and selection.holds(one)],
        scanned=len(found),
        next=filters.link(after=last) if last else "",
        unusual=unusual(anomalies_of(found), teller.registry, words),
    )


@router.get("/auditor/entry")
def entry(request: Request, examiner: Looking, pages: OpenedPages, at: str = "") -> Response:
    """All that one entry says, and what was computed of it just now."""
    place = place_of(at)
    if place is None:
        raise NotFound("There is no such entry.")
    found = examiner.look(Window((place[0], place[1] - 1), place, most=1))
    if not found:
        raise NotFound("There is no such entry.")
    vault = examiner.vault
    return pages.render(
        request,
        "auditor/entry.html",
        entry=Teller(vault, words_for(request)).tell(found[0]),
        proofs=proofs_of(vault, found[0]),
    )


def options(registry: Snapshot, words: Words, language: str) -> dict[str, Options]:
    """What can be chosen in the form, in words, by name; agencies also after they were revoked."""
    say, every = words.gettext, ("", words.gettext("All"))
    agencies = {row.id for row in registry.rows if row.kind == "agency"}
    uses: dict[str, list[str]] = {}
    for (agency, use), found in registry.uses.items():
        purpose = f"{found.purpose[language]} ({agency_name(registry, agency, language)})"
        uses.setdefault(use, []).append(purpose)
    named = sorted((agency_name(registry, one, language), one) for one in agencies)
    return {
        "agency": [every, *((one, name) for name, one in named)],
        "use": [every, *sorted((use, " / ".join(names)) for use, names in uses.items())],
        "action": [every, *((one, say(told.ACTIONS[one])) for one in ACTIONS)],
        "outcome": [every, *((one, say(told.OUTCOMES[one])) for one in OUTCOMES)],
    }
