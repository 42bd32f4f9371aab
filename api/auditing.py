"""What an auditor reads: entries page by page, or the whole log as one file (docs/auditors.md).

Both are entries themselves, committed before anything leaves.
"""

import re
from typing import Annotated, Any, Self

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from api import activity
from api.bodies import StrictRoute
from api.credentials import OFFICER_HEADER, AccessToken, OpenedVault, ProofHeader
from api.described import documented
from api.places import PLACE, place_of, place_text
from api.problems import AUDIT_PATH
from api.shapes import Answer, id_bytes, id_text, instant_or_none
from audit.entry import ACTIONS, OUTCOMES
from audit.errors import MalformedEntry
from audit.shapes import entry_id_text, parse_instant
from evidence.anomalies import anomalies_of
from evidence.entries import Entry
from evidence.export import compose
from evidence.selection import Selection
from operate.examining import ALWAYS_MS, EVERYWHERE, WINDOW_ENTRIES, Window, examine, look
from vault.errors import BadInput

ENTRIES_PATH, EXPORT_PATH = AUDIT_PATH + "/entries", AUDIT_PATH + "/export"
ZIP = "application/zip"
_PREVIOUS = r"^[1-9][0-9]{0,14}\.[0-9a-f]{64}$"  # a size that JSON holds (RFC 8785)
_INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"
_TEXT_CHARACTERS_MAX = 2048

router = APIRouter(route_class=StrictRoute, tags=["audit"])

After = Annotated[
    str | None,
    Query(pattern=PLACE, description="Entries after this place: log and index, like 1.830."),
]
Until = Annotated[str | None, Query(pattern=PLACE, description="Entries up to this place.")]
From = Annotated[str | None, Query(alias="from", pattern=_INSTANT, description="Not before this.")]
To = Annotated[str | None, Query(alias="to", pattern=_INSTANT, description="Not after this.")]
Text = Annotated[str | None, Query(min_length=1, max_length=_TEXT_CHARACTERS_MAX)]
Action = Annotated[str | None, Query(pattern=f"^({'|'.join(map(re.escape, ACTIONS))})$")]
Outcome = Annotated[str | None, Query(pattern=f"^({'|'.join(OUTCOMES)})$")]
Limit = Annotated[
    int,
    Query(ge=1, le=WINDOW_ENTRIES, description="How many entries are gone through at most."),
]
Previous = Annotated[
    str | None,
    Query(pattern=_PREVIOUS, description="The export before: its size, a dot, its root in hex."),
]
OfficerHeader = Annotated[
    str | None,
    Header(alias=OFFICER_HEADER, description="Who looks, in the auditor's own words."),
]


class AuditedEntry(Answer):
    """One entry. `closed` in place of all else where it can't be opened any more."""

    place: str = Field(description="Log and index.")
    id: str
    closed: str | None = Field(None, description="erased, retention, missing or damaged.")
    at: str | None = None
    action: str | None = None
    outcome: str | None = None
    actor: activity.Actor | None = None
    reason: str | None = None
    officer: activity.Officer | None = None
    on_behalf_of: str | None = None
    intended_use: str | None = None
    legal_basis: str | None = None
    grant: str | None = None
    fields_requested: list[str] | None = None
    fields_given: list[str] | None = None
    fields_unknown: int | None = None
    count: int | None = None
    subject: str | None = Field(None, description="The log's name of a vault, or of the system.")
    subject_seq: int | None = None
    visible_after: str | None = None
    alarm: bool | None = None

    @classmethod
    def of(cls, entry: Entry) -> Self:
        place = {"place": place_text((entry.log, entry.index)), "id": entry_id_text(entry.entry_id)}
        if entry.bodies is None:
            return cls(**place, closed=entry.why_closed)
        event, chain = entry.bodies
        shown: dict[str, Any] = event.members() | {
            "subject": id_text(chain.subject),
            "subject_seq": chain.subject_seq,
            "visible_after": instant_or_none(chain.visible_after),
            "alarm": chain.alarm or None,
        }
        return cls(**(shown | place))


class Anomaly(Answer):
    """Something unusual, with the figures it rests on. It accuses nobody."""

    code: str
    what: str
    places: list[str] = Field(description="The entries it rests on, the first hundred.")


class Entries(Answer):
    """A page, oldest first."""

    entries: list[AuditedEntry]
    scanned: int = Field(description="How many entries were gone through.")
    next: str | None = Field(None, description="`after` of the next page, where there may be one.")
    anomalies: list[Anomaly] = Field(description="Of the entries gone through, not of all.")


@router.get(
    ENTRIES_PATH,
    response_model_exclude_none=True,
    responses=documented(400, 401, 409, 429, 500, 503),
)
def entries(
    presented: AccessToken,
    proof: ProofHeader,
    vault: OpenedVault,
    after: After = None,
    until: Until = None,
    from_: From = None,
    to: To = None,
    agency: Text = None,
    action: Action = None,
    outcome: Outcome = None,
    officer: Text = None,
    use: Text = None,
    subject: Text = None,
    limit: Limit = WINDOW_ENTRIES,
    _officer: OfficerHeader = None,
) -> Entries:
    """Go through the log, oldest first; it is an entry itself"""
    whose = None if subject is None else id_bytes(subject)
    selection = Selection(agency, action, outcome, officer, use, whose)
    window = Window(
        place_of(after or "") or (0, 0),
        place_of(until or "") or EVERYWHERE,
        (_instant(from_, ALWAYS_MS[0]), _instant(to, ALWAYS_MS[1])),
        limit,
    )
    holder = presented.prove(proof, ENTRIES_PATH, vault, of_auditor=True)
    found = look(vault, holder, window)
    return Entries(
        entries=[AuditedEntry.of(one) for one in found if selection.holds(one)],
        scanned=len(found),
        next=place_text((found[-1].log, found[-1].index)) if len(found) == limit else None,
        anomalies=[
            Anomaly(code=one.code, what=one.what, places=[*map(place_text, one.places)])
            for one in anomalies_of(found)
        ],
    )


@router.get(
    EXPORT_PATH,
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}},
            "headers": {
                "Kluis-Entries": {
                    "description": "How many entries it holds.",
                    "schema": {"type": "string"},
                }
            },
        },
        **documented(400, 401, 409, 429, 500, 503),
    },
)
def export(
    presented: AccessToken,
    proof: ProofHeader,
    vault: OpenedVault,
    previous: Previous = None,
    _officer: OfficerHeader = None,
) -> StreamingResponse:
    """All of the log as one zip, for `kluis audit verify`; it is an entry itself"""
    holder = presented.prove(proof, EXPORT_PATH, vault, of_auditor=True)
    examined = examine(vault, holder)
    before = None
    if previous is not None:
        size, _, root = previous.partition(".")
        before = int(size), bytes.fromhex(root)
    headers = {
        "Kluis-Entries": str(examined.total),
        "Content-Disposition": 'attachment; filename="vault-audit.zip"',
    }
    return StreamingResponse(compose(examined, before), media_type=ZIP, headers=headers)


def _instant(text: str | None, otherwise: int) -> int:
    try:
        return otherwise if text is None else parse_instant(text)
    except MalformedEntry:
        raise BadInput("from and to are instants, like 2026-11-21T18:00:00.000Z.") from None
