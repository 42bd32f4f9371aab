"""`fhir.ndjson`: entries as HL7 FHIR R4 AuditEvent, one line each.

Derived from the openings and not signed. A read that was released follows the IHE BALP profile
PrivacyDisclosure.Source 1.1: from the vault (source) to the agency (recipient), about a citizen,
one entity per field. Every other entry is an AuditEvent without a profile. People and agencies are
named by identifier: no Patient or Organization resource stands anywhere.
"""

from typing import Any

from audit.entry import Chain, Event
from audit.shapes import entry_id_text, instant_text
from crypto.encoding import b64u
from evidence.entries import is_about_a_citizen
from evidence.lines import line

DISCLOSURE = (
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PrivacyDisclosure.Source"
)
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_SNOMED = "http://snomed.info/sct"
_ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ENTITY_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_OUTCOMES = {"permitted": "0", "denied": "4", "failed": "8"}
_ACTIONS = {"create": "C", "add": "C", "put": "U", "read": "R", "export": "R", "erase": "D"}
_EXECUTE = "E"
_MACHINE, _URI = "1", "5"

Json = dict[str, Any]


def row(origin: str, event: Event, chain: Chain) -> bytes:
    """The line of one entry."""
    released = event.action == "data.read" and event.outcome == "permitted"
    made = _disclosure(origin, event, chain) if released else _activity(origin, event, chain)
    return line({name: value for name, value in made.items() if value})


def _common(origin: str, event: Event) -> Json:
    verb = event.action.rpartition(".")[2]
    return {
        "resourceType": "AuditEvent",
        "id": entry_id_text(event.id),
        "action": _ACTIONS.get(verb, _EXECUTE),
        "recorded": instant_text(event.at),
        "outcome": _OUTCOMES[event.outcome],
        "outcomeDesc": event.reason,
        "source": {"site": origin, "observer": _vault(origin)},
    }


def _disclosure(origin: str, event: Event, chain: Chain) -> Json:
    agents = [
        {
            "type": _concept(_DICOM, "110153", "Source Role ID"),
            "who": _vault(origin),
            "requestor": False,
            "network": {"address": origin.partition("/")[0], "type": _MACHINE},
        },
        {
            "type": _concept(_DICOM, "110152", "Destination Role ID"),
            "who": _by_uri(event.actor.id),
            "requestor": True,
            "network": {"address": event.actor.id or "unknown", "type": _URI},
            **({"policy": [f"urn:burgerkluis:grant:{b64u(event.grant)}"]} if event.grant else {}),
        },
    ]
    if event.legal_basis == "consent":
        agents.append(
            {
                "type": _concept(_SNOMED, "429577009", "Patient Advocate"),
                "who": _citizen(chain),
                "requestor": False,
            }
        )
    return {
        **_common(origin, event),
        "meta": {"profile": [DISCLOSURE]},
        "type": _coding(_DICOM, "110106", "Export"),
        "subtype": [
            _coding("http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "disclose"),
            _coding("http://hl7.org/fhir/restful-interaction", "read"),
        ],
        "purposeOfEvent": _purpose(event),
        "agent": [*agents, *_officer(event)],
        "entity": [_patient(chain), *(_field(name) for name in event.fields_given or ())],
    }


def _activity(origin: str, event: Event, chain: Chain) -> Json:
    who = event.actor.id and _by_uri(event.actor.id)
    actor = {"who": who or {"display": event.actor.kind}, "requestor": True}
    fields = event.fields_given or event.fields_requested or ()
    about = [_patient(chain)] if is_about_a_citizen(event) else []
    return {
        **_common(origin, event),
        "type": _coding(_DICOM, "110100", "Application Activity"),
        "subtype": [_coding("urn:burgerkluis:action", event.action)],
        "purposeOfEvent": _purpose(event),
        "agent": [actor, *_officer(event)],
        "entity": [*about, *map(_field, fields)],
    }


def _officer(event: Event) -> list[Json]:
    if event.officer is None:
        return []
    who = {
        "identifier": {"value": event.officer.id},
        "display": f"as {event.officer.stated_by} says",
    }
    kind = _concept("http://terminology.hl7.org/CodeSystem/extra-security-role-type", "humanuser")
    return [{"type": kind, "who": who, "requestor": False}]


def _purpose(event: Event) -> list[Json]:
    if event.intended_use is None:
        return []
    asked = _coding("http://terminology.hl7.org/CodeSystem/v3-ActReason", "PATRQT")
    coding = {"coding": [asked]} if event.legal_basis == "consent" else {}
    return [{**coding, "text": event.intended_use}]


def _patient(chain: Chain) -> Json:
    return {
        "what": _citizen(chain),
        "type": _coding(_ENTITY_TYPE, "1", "Person"),
        "role": _coding(_ENTITY_ROLE, "1", "Patient"),
    }


def _field(name: str) -> Json:
    return {
        "what": {"identifier": {"system": "urn:burgerkluis:field", "value": name}},
        "type": _coding(_ENTITY_TYPE, "2", "System Object"),
        "role": _coding(_ENTITY_ROLE, "4", "Domain Resource"),
    }


def _citizen(chain: Chain) -> Json:
    identifier = {"system": "urn:burgerkluis:subject", "value": b64u(chain.subject)}
    return {"type": "Patient", "identifier": identifier}


def _vault(origin: str) -> Json:
    return {"identifier": {"system": "urn:burgerkluis:origin", "value": origin}}


def _by_uri(id_: str | None) -> Json:
    return {"identifier": {"system": "urn:ietf:rfc:3986", "value": id_ or "unknown"}}


def _coding(system: str, code: str, display: str = "") -> Json:
    return {"system": system, "code": code, **({"display": display} if display else {})}


def _concept(system: str, code: str, display: str = "") -> Json:
    return {"coding": [_coding(system, code, display)]}
