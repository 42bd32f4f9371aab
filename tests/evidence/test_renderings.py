"""Renderings of an export: a table that runs nothing, and lines in the shape of two standards."""

import csv
import io
from dataclasses import replace
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from pydantic import BaseModel, ConfigDict

from audit.entry import Actor, Chain, Event, Officer
from crypto.encoding import parse_json
from evidence import dataverwerking, fhir, spreadsheet
from tests.audit.logbook import NOW, ORIGIN, entry_id, fixed
from tests.evidence.exports import AGENCY, event_of

SUBJECT = fixed("subject", 16)
CHAIN = Chain(SUBJECT, "open", 1)
READ = event_of(0)
EVENTS = [
    *(event_of(number) for number in range(10)),
    Event(entry_id(20), NOW, "log.export", "permitted", Actor("auditor", "https://a.example")),
    Event(entry_id(21), NOW, "registry.add", "permitted", Actor("operator"), count=3),
    Event(entry_id(22), NOW, "vault.unlock", "failed", Actor("owner"), reason="damaged"),
    replace(READ, legal_basis="Wet BRP", officer=None),
]
EVIL = [
    "=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "|calc", "%0a",
    "x;=1", "x,\t=1", "\uff1d1", "a\nb", "a\r\n=b", '"=1"', "x\u202ey",
]  # fmt: skip


def table(*events: Event) -> list[dict[str, str]]:
    rows = (spreadsheet.row(at, event, CHAIN) for at, event in enumerate(events))
    raw = spreadsheet.heading() + b"".join(rows)
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


# CSV


def test_the_table_opens_in_a_csv_reader_with_every_entry_in_a_row() -> None:
    rows = table(*EVENTS)
    assert len(rows) == len(EVENTS)
    assert rows[0]["fields_given"] == "identity.given_name address.resident_city"
    assert (rows[0]["officer"], rows[0]["actor_id"]) == ("j.devries", AGENCY)
    assert rows[1]["reason"] == "not_granted"


def test_the_table_begins_with_a_mark_and_every_line_ends_with_crlf() -> None:
    raw = spreadsheet.heading() + spreadsheet.row(0, READ, CHAIN)
    assert raw.startswith(b"\xef\xbb\xbfindex,at,")
    assert raw.count(b"\r\n") == raw.count(b"\n") == 2


@pytest.mark.parametrize("evil", EVIL)
def test_no_cell_begins_like_a_formula_wherever_a_reader_cuts(evil: str) -> None:
    event = replace(
        READ,
        actor=Actor("agency", evil),
        officer=Officer(evil, "agency"),
        intended_use=evil,
        legal_basis=evil,
    )
    raw = spreadsheet.row(0, event, CHAIN).decode()
    assert raw.count("\n") == 1
    for delimiter in (",", ";", "\t"):
        (cells,) = csv.reader(io.StringIO(raw, newline=""), delimiter=delimiter)
        for cell in cells:
            assert not cell.strip().startswith(tuple("=+-@|%\uff1d")), cell
    (row,) = table(event)
    assert row["officer"].replace("'", "")[-1] == evil[-1]


def test_harmless_text_stays_as_it_is() -> None:
    for text in ("Wet BRP - art. 3", "a=b", "Gemeente 's-Hertogenbosch", "naïve façade", "x@y.nl"):
        assert spreadsheet.harmless(text) == text


# Logboek Dataverwerkingen


class Pair(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    key: str
    value: str | int


class Resource(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    attributes: list[Pair]


class LogLine(BaseModel):
    """The interface of the component Logboek, field by field."""

    model_config = ConfigDict(extra="forbid", strict=True)
    trace_id: str
    span_id: str
    status_code: int
    name: str
    start_time: int
    end_time: int
    parent_span_id: str | None = None
    foreign_operation: dict[str, str] | None = None
    resource: Resource | None = None
    attributes: list[Pair]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event.action} {event.outcome}")
def test_a_line_has_the_fields_of_a_logboek(event: Event) -> None:
    line = LogLine.model_validate_json(dataverwerking.row(ORIGIN, 7, event, CHAIN))
    assert (len(bytes.fromhex(line.trace_id)), len(bytes.fromhex(line.span_id))) == (16, 8)
    assert line.status_code == {"denied": 0, "permitted": 1, "failed": 2}[event.outcome]
    assert line.start_time == line.end_time == event.at
    attributes = {pair.key: pair.value for pair in line.attributes}
    assert ":" in str(attributes["dpl.core.processing_activity_id"])  # a URI
    about_citizen = event.action in {"data.read", "vault.unlock"}
    assert ("dpl.core.data_subject_id" in attributes) == about_citizen


def test_the_status_of_a_line_is_that_of_the_call() -> None:
    codes = {
        event.outcome: parse_json(dataverwerking.row(ORIGIN, 0, event, CHAIN))["status_code"]
        for event in EVENTS
    }
    assert codes == {"permitted": 1, "denied": 0, "failed": 2}  # a refusal is no fault of a server


# FHIR


def resource(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = parse_json(fhir.row(ORIGIN, event, CHAIN))
    return found


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event.action} {event.outcome}")
def test_a_line_is_an_audit_event_of_fhir(event: Event) -> None:
    AuditEvent.model_validate(resource(event))


def test_a_release_follows_the_profile_of_a_disclosure_at_its_source() -> None:
    """The rules of IHE BALP PrivacyDisclosure.Source 1.1.4, one by one."""
    for event in (READ, EVENTS[-1]):
        made = resource(event)
        assert made["meta"]["profile"] == [fhir.DISCLOSURE]
        assert made["type"]["code"] == "110106"
        assert sum(one["code"] == "disclose" for one in made["subtype"]) == 1
        assert (made["action"], made["outcome"]) == ("R", "0")
        by_code = {one["type"]["coding"][0]["code"]: one for one in made["agent"]}
        assert len(by_code) == len(made["agent"]) >= 2
        assert by_code["110153"]["who"] == made["source"]["observer"]
        assert by_code["110153"]["network"]
        assert by_code["110152"]["who"]["identifier"]["value"] == AGENCY
        assert by_code["110152"]["network"]
        people = [one for one in made["entity"] if one["type"]["code"] == "1"]
        (citizen,) = people
        assert citizen["role"]["code"] == "1"
        assert citizen["what"]["type"] == "Patient"
        assert len(made["entity"]) == 1 + len(event.fields_given or ())
    assert "429577009" in str(resource(READ))  # by consent: the citizen allowed it
    assert "429577009" not in str(resource(EVENTS[-1]))  # by law: nobody was asked


def test_a_refusal_is_no_disclosure_and_an_operators_act_has_no_patient() -> None:
    refused = resource(EVENTS[1])
    assert "meta" not in refused
    assert (refused["outcome"], refused["outcomeDesc"]) == ("4", "not_granted")
    assert "Patient" not in str(resource(EVENTS[11]))
