"""A citizen's data as JSON, format `burgerkluis-export/1` (docs/export.md, its schema beside it).

Names are those of the API. Every instant is UTC in RFC 3339, every validity date EDTF. The log's
entries hold names of fields and never a value; secrets, codes and tokens are nowhere.
"""

import json
from typing import Any

from audit.shapes import entry_id_text, instant_text
from crypto.encoding import b64u
from vault.activities import Entry
from vault.fields import OwnValue
from vault.methods import MethodInfo
from vault.overviews import GrantInfo
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
        "grants": [_grant(grant) for grant in export.grants],
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


def _grant(info: GrantInfo) -> Object:
    return _present(
        grant=b64u(info.grant_id),
        agency=info.terms.agency,
        use=info.terms.use,
        fields=list(info.terms.fields),
        state=info.state,
        created_at=instant_text(info.created_at),
        offer_ends=instant_text(info.offer_ends),
        not_after=instant_text(info.not_after),
        reads_used=info.reads_used,
        reads_max=info.terms.reads_max,
        follow=info.terms.follow,
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
    event, alarm = entry.event, entry.chain.alarm
    return _present(
        log=entry.log,
        index=entry.index,
        number=entry.chain.subject_seq,
        deferred=True if entry.chain.class_ == "deferred" else None,
        id=entry_id_text(event.id),
        at=instant_text(event.at),
        action=event.action,
        outcome=event.outcome,
        actor=_present(kind=event.actor.kind, id=event.actor.id),
        reason=event.reason,
        officer=event.officer and {"id": event.officer.id, "stated_by": event.officer.stated_by},
        intended_use=event.intended_use,
        legal_basis=event.legal_basis,
        grant=None if event.grant is None else b64u(event.grant),
        fields_requested=_names(event.fields_requested),
        fields_given=_names(event.fields_given),
        fields_unknown=event.fields_unknown,
        count=event.count,
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


def _names(fields: tuple[str, ...] | None) -> list[str] | None:
    return None if fields is None else list(fields)


def _present(**members: Any) -> Object:
    """The members that are there: what is absent is left out, as in the API."""
    return {name: member for name, member in members.items() if member is not None}
