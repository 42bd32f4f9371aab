"""A citizen's data as JSON, format `burgerkluis-export/1` (docs/export.md, its schema beside it).

Names are those of the API. Every instant is UTC in RFC 3339, every validity date EDTF. The log's
entries hold names of fields and never a value; secrets, codes and tokens are nowhere.
"""

import json
from typing import Any

from api.grants import Grant
from audit.shapes import instant_text
from crypto.encoding import b64u
from vault.activities import Entry
from vault.fields import OwnValue
from vault.methods import MethodInfo
from web.papers.gathering import Export, Party

FORMAT = "burgerkluis-export/1"
Object = dict[str, Any]


def export_json(export: Export) -> bytes:
    """The whole export as UTF-8 JSON, indented for whoever opens it in an editor."""
    document = {
        "format": FORMAT,
        "made_at": instant_text(export.made_at),
        "made_by": export.url,
        "language": export.language,
        "fields": [_field(export, field) for field in export.values],
        "grants": [Grant.of(one).model_dump(exclude_none=True) for one in export.grants],
        "agencies": [_agency(party) for party in export.parties.values()],
        "activity": {
            "whole": export.log_is_whole,
            "hidden_by_law": export.hidden,
            "damaged": [{"log": log, "index": index} for log, index in export.damaged],
            "entries": [_entry(entry) for entry in export.entries],
        },
        "methods": [_method(method) for method in export.methods],
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2).encode() + b"\n"


def _field(export: Export, field_id: str) -> Object:
    field = export.catalogue[field_id]
    return _present(
        field=field_id,
        label=field.labels[export.language],
        theme=field.theme,
        type=field.type,
        sensitivity=field.sensitivity,
        eu_pid_attribute=field.pid,
        values=[_value(version) for version in export.values[field_id]],
    )


def _value(version: OwnValue) -> Object:
    stated = version.statement
    return _present(
        version=version.seq,
        current=version.is_current,
        value=stated.value,
        source=stated.source,
        stated_at=instant_text(stated.stated_at),
        status=stated.status,
        valid_from=stated.valid_from,
        valid_until=stated.valid_until,
    )


def _agency(party: Party) -> Object:
    told = party.agency.document
    kept = ("names", "contact", "data_protection_authority")
    return {
        "agency": party.agency.id,
        "revoked": party.is_revoked,
        **{name: told[name] for name in kept},
        "uses": [
            {
                "use": use.id,
                "revoked": use.id in party.revoked_uses,
                "legal_basis": use.legal_basis_text,
                **{name: use.document[name] for name in ("purpose", "retention", "privacy_policy")},
            }
            for use in party.uses
        ],
    }


def _entry(entry: Entry) -> Object:
    """As the log has it, but for what is reserved there (docs/audit.md, 2 Entries)."""
    alarm, event = entry.chain.alarm, entry.event.members()
    event.pop("on_behalf_of", None)
    return _present(
        log=entry.log,
        index=entry.index,
        number=entry.chain.subject_seq,
        deferred=True if entry.chain.class_ == "deferred" else None,
        **event,
        alarm=alarm or None,
        acknowledged=entry.acknowledged if alarm else None,
    )


def _method(method: MethodInfo) -> Object:
    confirmed = method.confirmed_at
    return _present(
        method=b64u(method.id),
        kind=method.kind,
        created_at=instant_text(method.created_at),
        confirmed_at=None if confirmed is None else instant_text(confirmed),
    )


def _present(**members: Any) -> Object:
    """The members that are there: what is absent is left out, as in the API."""
    return {name: member for name, member in members.items() if member is not None}
