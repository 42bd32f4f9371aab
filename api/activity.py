"""The owner's own log, page by page, with what it takes to check it (`evidence/own.py`).

What an entry holds: docs/audit.md, 2 Entries.
"""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Self

from fastapi import APIRouter, Response
from pydantic import Field

from api.bodies import StrictRoute
from api.credentials import OpenedVault, Owner
from api.described import documented
from api.filters import ALARMS_MAX, Asked
from api.places import place_text
from api.proofs import ShownLog, Trees
from api.shapes import Answer, entry_id_bytes, id_text, instant
from audit.leaf import Opening
from audit.shapes import Place, entry_id_text
from crypto.encoding import b64u
from evidence.own import NOT_SHOWN, OwnEntry, gaps
from vault import activities
from vault.activities import Page
from vault.log import DEFERRED, OPEN, Tally

router = APIRouter(route_class=StrictRoute, tags=["activity"])


class Actor(Answer):
    kind: str
    id: str | None = None


class Officer(Answer):
    id: str
    stated_by: str


class OpeningOfEntry(Answer):
    """The bytes that the leaf commits to, in base64url (docs/audit.md, 4 Leaves and openings)."""

    n1: str
    event: str
    n2: str
    chain: str

    @classmethod
    def of(cls, opening: Opening) -> Self:
        return cls(
            **{name: b64u(getattr(opening, name)) for name in ("n1", "event", "n2", "chain")}
        )


class Entry(Answer):
    """One line of the log. Names of fields, never a value."""

    log: int
    index: int = Field(description="The place in the log of all vaults: others stand between.")
    number: int = Field(description="Of this vault's entries in its class, from 1 without a gap.")
    deferred: bool | None = Field(None, description="It was hidden for a time, by law.")
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
    opening: OpeningOfEntry
    proof: list[str] = Field(description="From the leaf to the root of its log's checkpoint.")

    @classmethod
    def of(cls, entry: activities.Entry, trees: Trees) -> Self:
        event, alarm = entry.event, bool(entry.chain.alarm)
        return cls(
            log=entry.log,
            index=entry.index,
            number=entry.chain.subject_seq,
            deferred=True if entry.chain.class_ == "deferred" else None,
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
            opening=OpeningOfEntry.of(entry.opening),
            proof=[b64u(node) for node in trees.inclusion(entry.log, entry.index)],
        )


class LogShown(Answer):
    """One of the logs. There is a second one only after a restore that lost entries."""

    log: int
    origin: str
    checkpoint: str = Field(description="A signed note; proofs lead to its root.")
    consistency: list[str] | None = Field(None, description="From `since_size` to it.")
    begins: OpeningOfEntry | None = Field(
        None, description="Its first entry: from what it goes on."
    )
    proof: list[str] | None = Field(None, description="That `begins` is the first entry.")

    @classmethod
    def of(cls, log: ShownLog, trees: Trees, since: Place | None) -> Self:
        consistency = trees.consistency(log.number, since)
        begins = None if log.begins is None else OpeningOfEntry.of(log.begins)
        return cls(
            log=log.number,
            origin=log.origin,
            checkpoint=log.note,
            consistency=None if consistency is None else [b64u(node) for node in consistency],
            begins=begins,
            proof=begins and [b64u(node) for node in trees.inclusion(log.number, 0)],
        )


class Counts(Answer):
    """Over all that is shown, not only this page."""

    entries: int
    reads: int = Field(description="Permitted reads that were shown at once.")
    refusals: int = Field(description="Of agencies.")
    deferred: int = Field(description="Reads, and refused ones, that were hidden for a time.")


class Begins(Answer):
    """How far back it goes."""

    number: int = Field(description="The oldest entry that is left; 1: nothing has gone.")
    at: str

    @classmethod
    def of(cls, entry: activities.Entry) -> Self:
        return cls(number=entry.chain.subject_seq, at=instant(entry.event.at))


class NotShown(Answer):
    code: str
    what: str


class Activity(Answer):
    alarms: list[Entry] = Field(description="With the first page: those that nobody has seen.")
    entries: list[Entry] = Field(description="Newest first.")
    next: str | None = Field(None, description="`before` of the next page; absent at the end.")
    counts: Counts
    begins: Begins | None = None
    not_shown: list[NotShown] = Field(description="What is never in this list, and why.")
    damaged: list[str] = Field(description="What does not fit, in words. Empty is good.")
    logs: list[LogShown]


@router.get(
    "/v1/me/activity",
    response_model_exclude_none=True,
    responses=documented(400, 401, 500, 503),
)
def activity(asked: Asked, owner: Owner, vault: OpenedVault) -> Activity:
    """A page of what was logged about the vault, newest first, with proofs"""
    found = vault.activity(owner, asked.page())
    shown, after = list(found.entries[: asked.limit]), found.after
    if len(found.entries) > asked.limit:
        after = shown[-1].log, shown[-1].index
    first = asked.is_first
    alarms = vault.activity(owner, Page("alarms", ALARMS_MAX)).entries if first else ()
    oldest = vault.activity(owner, Page("oldest", 1)).entries
    trees = Trees(vault)  # after the entries: its checkpoints are of logs that hold them
    since = asked.since_size
    if since is not None:
        held = asked.since_log or trees.logs[-1].number, since
    return Activity(
        alarms=[Entry.of(entry, trees) for entry in alarms],
        entries=[Entry.of(entry, trees) for entry in shown],
        next=None if after is None else place_text(after),
        counts=_counts(found),
        begins=next((Begins.of(entry) for entry in oldest), None),
        not_shown=[NotShown(code=code, what=what) for code, what in NOT_SHOWN.items()],
        damaged=[*_damage(asked, found, oldest, trees)],
        logs=[LogShown.of(log, trees, None if since is None else held) for log in trees.logs],
    )


@router.post(
    "/v1/me/activity/{entry}/acknowledge",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=documented(401, 404, 500),
)
def acknowledge(entry: str, owner: Owner, vault: OpenedVault) -> None:
    """Say that an alarm was seen"""
    vault.acknowledge(owner, entry_id_bytes(entry))


def _counts(found: activities.Activity) -> Counts:
    seen, _ = found.tallies.get(OPEN, (Tally(), 0))
    deferred, hidden = found.tallies.get(DEFERRED, (Tally(), 0))
    shown = deferred.seq - hidden
    return Counts(
        entries=seen.seq + shown, reads=seen.reads, refusals=seen.refusals, deferred=shown
    )


def _damage(
    asked: Asked, found: activities.Activity, oldest: Sequence[activities.Entry], trees: Trees
) -> Iterator[str]:
    """What does not fit among the entries that were looked at, and at both ends of all."""
    for log, index in found.damaged:
        yield f"entry {index} of log {log} can't be opened, or is not the one in the log"
    if not asked.is_whole:
        return
    yield from map(str, gaps(OwnEntry(e.log, e.index, e.opening, ()) for e in found.entries))
    last = found.tallies.get(OPEN, (Tally(), 0))[0]
    newest = next((e for e in found.entries if e.chain.class_ == OPEN), None)
    if asked.is_first and newest is not None and newest.opening.leaf_data() != last.leaf:
        yield f"the newest entry there is number {newest.chain.subject_seq}, and not {last.seq}"
    begins = oldest[0].chain.subject_seq if oldest else last.seq + 1
    if begins > 1 and not any(log.opened_from for log in trees.logs):
        yield f"something is missing before number {begins}"


def _names(fields: tuple[str, ...] | None) -> list[str] | None:
    return None if fields is None else list(fields)
