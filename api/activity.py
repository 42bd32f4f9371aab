"""The owner's own log: who did what, checked against its leaves.

What an entry holds: docs/audit.md, 2 Entries.
"""

from http import HTTPStatus
from typing import Self

from fastapi import APIRouter, Response
from pydantic import Field

from api.bodies import StrictRoute
from api.credentials import OpenedVault, Owner
from api.described import documented
from api.shapes import Answer, entry_id_bytes, id_text, instant
from audit.shapes import entry_id_text
from vault import activities

router = APIRouter(route_class=StrictRoute, tags=["activity"])


class Actor(Answer):
    kind: str
    id: str | None = None


class Officer(Answer):
    id: str
    stated_by: str


class Entry(Answer):
    """One line of the log. Names of fields, never a value."""

    index: int
    id: str
    at: str
    action: str
    outcome: str
    actor: Actor
    reason: str | None = None
    officer: Officer | None = None
    intended_use: str | None = None
    legal_basis: str | None = None
    grant: str | None = None
    fields_requested: list[str] | None = None
    fields_given: list[str] | None = None
    fields_unknown: int | None = None
    count: int | None = None
    alarm: bool | None = Field(None, description="Shown first, until acknowledged.")
    acknowledged: bool | None = None

    @classmethod
    def of(cls, entry: activities.Entry) -> Self:
        event, alarm = entry.event, bool(entry.chain.alarm)
        return cls(
            index=entry.index,
            id=entry_id_text(event.id),
            at=instant(event.at),
            action=event.action,
            outcome=event.outcome,
            actor=Actor(kind=event.actor.kind, id=event.actor.id),
            reason=event.reason,
            officer=event.officer
            and Officer(id=event.officer.id, stated_by=event.officer.stated_by),
            intended_use=event.intended_use,
            legal_basis=event.legal_basis,
            grant=None if event.grant is None else id_text(event.grant),
            fields_requested=_names(event.fields_requested),
            fields_given=_names(event.fields_given),
            fields_unknown=event.fields_unknown,
            count=event.count,
            alarm=alarm or None,
            acknowledged=entry.acknowledged if alarm else None,
        )


class Activity(Answer):
    entries: list[Entry]
    reads: int = Field(description="How many permitted reads there were.")
    damaged: list[str] = Field(description="What does not fit the log, in words. Empty is good.")


@router.get(
    "/v1/activity",
    response_model_exclude_none=True,
    responses=documented(401, 500, 503),
)
def activity(owner: Owner, vault: OpenedVault) -> Activity:
    """Everything that was logged about the vault, newest first"""
    found = vault.activity(owner)
    entries = [Entry.of(entry) for entry in found.entries]
    return Activity(entries=entries, reads=found.reads, damaged=list(found.damaged))


@router.post(
    "/v1/activity/{entry}/acknowledge",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=documented(401, 404, 500),
)
def acknowledge(entry: str, owner: Owner, vault: OpenedVault) -> None:
    """Say that an alarm was seen"""
    vault.acknowledge(owner, entry_id_bytes(entry))


def _names(fields: tuple[str, ...] | None) -> list[str] | None:
    return None if fields is None else list(fields)
