"""`ldv.ndjson`: entries in the shape of Logboek Dataverwerkingen (Logius), one line each.

Derived from the openings and not signed. Of a grant all entries are one trace. The data subject is
the log's own name for a vault, which leads nowhere without the installation's keys.
"""

from typing import Any
from urllib.parse import quote

from audit.entry import Chain, Event
from crypto.encoding import b64u
from evidence.entries import is_about_a_citizen
from evidence.lines import line

STATUS_UNSET, STATUS_OK, STATUS_ERROR = 0, 1, 2
_STATUS = {"permitted": STATUS_OK, "denied": STATUS_UNSET, "failed": STATUS_ERROR}
SUBJECT_TYPE = "urn:burgerkluis:subject"


def row(origin: str, index: int, event: Event, chain: Chain) -> bytes:
    """The line of one entry."""
    citizen = b64u(chain.subject) if is_about_a_citizen(event) else None
    attributes = {
        "dpl.core.processing_activity_id": _activity(event),
        "dpl.core.data_subject_id": citizen,
        "dpl.core.data_subject_id_type": citizen and SUBJECT_TYPE,
        "dpl.burgerkluis.outcome": event.outcome,
        "dpl.burgerkluis.actor": event.actor.kind,
        "dpl.burgerkluis.actor_id": event.actor.id,
        "dpl.burgerkluis.reason": event.reason,
        "dpl.burgerkluis.index": index,
    }
    written: dict[str, Any] = {
        "trace_id": (event.grant or event.id).hex(),
        "span_id": event.id[8:].hex(),
        "status_code": _STATUS[event.outcome],
        "name": event.action,
        "start_time": event.at,
        "end_time": event.at,
        "resource": {"attributes": _pairs({"service.name": origin})},
        "attributes": _pairs(attributes),
    }
    return line(written)


def _activity(event: Event) -> str:
    """A URI of what it was done for: the registered use, else the kind of act."""
    use = event.intended_use
    if use is None:
        return f"urn:burgerkluis:action:{event.action}"
    if ":" in use:
        return use
    return f"{event.actor.id or 'urn:burgerkluis:use'}#{quote(use, safe='')}"


def _pairs(members: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in members.items() if value is not None]
