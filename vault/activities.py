"""The owner's own log: every entry about the vault, opened and checked against its leaf."""

from collections.abc import Sequence
from dataclasses import dataclass

from audit.entry import Chain, Event, decode_chain, decode_event
from audit.errors import AuditError
from crypto.errors import CannotOpen
from vault import caller
from vault.errors import NotFound
from vault.log import StoredOpening
from vault.recording import OWNER, draft
from vault.sequencer import Item
from vault.sessions import OpenVault, open_session
from vault.steps import Step, sql
from vault.system import System

_READ_AGAIN_MS = 5 * 60_000
_LOG_READ = sql(
    "UPDATE session SET log_read_at = :now WHERE vault_id = :vault AND session_id = :session"
)
_SEEN = sql("SELECT entry_id FROM acknowledged WHERE vault_id = :vault")
_SEE = sql(
    "INSERT INTO acknowledged (vault_id, entry_id) VALUES (:vault, :entry) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the owner's log."""

    index: int
    event: Event
    chain: Chain
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class Activity:
    """The owner's entries, newest first. `damaged`: what does not fit, in plain words; empty is
    good. `reads`: how many permitted reads there were.
    """

    entries: tuple[Entry, ...]
    reads: int
    damaged: tuple[str, ...]


def activity(system: System, owner: caller.Owner, now_ms: int) -> Activity:
    """Everything that was logged about the owner's vault. Looking is logged too, now and then."""
    opened = open_session(system, owner, now_ms)
    if now_ms - opened.log_read_at > _READ_AGAIN_MS:
        _record_look(system, opened, now_ms)
    stored = system.log.openings_of(opened.context.audit_key.subject)
    seen = _acknowledged(system, opened.context.vault_id)
    entries, damaged = _open_all(system, opened, stored, seen)
    reads = sum(e.event.action == "data.read" and e.event.outcome == "permitted" for e in entries)
    return Activity(tuple(reversed(entries)), reads, tuple(damaged))


def acknowledge(system: System, owner: caller.Owner, entry_id: bytes, now_ms: int) -> None:
    """The owner has seen an alarm. Raises `NotFound` for an entry that is not theirs."""
    opened = open_session(system, owner, now_ms)
    stored = system.log.openings_of(opened.context.audit_key.subject)
    if all(one.entry_id != entry_id for one in stored):
        raise NotFound("There is no such entry in this vault's log.")
    with system.main.write() as connection:
        connection.execute(_SEE, {"vault": opened.context.vault_id, "entry": entry_id})


def _record_look(system: System, opened: OpenVault, now_ms: int) -> None:
    values = {"vault": opened.context.vault_id, "session": opened.session.id, "now": now_ms}
    event = draft(now_ms, "log.read", OWNER)
    key = opened.context.audit_key
    system.sequencer.record(Item(event, key, writes=(Step(_LOG_READ, values),)))


def _acknowledged(system: System, vault_id: bytes) -> set[bytes]:
    with system.main.read() as connection:
        return set(connection.execute(_SEEN, {"vault": vault_id}).scalars())


def _open_all(
    system: System, opened: OpenVault, stored: Sequence[StoredOpening], seen: set[bytes]
) -> tuple[list[Entry], list[str]]:
    """Opens each entry and checks that it is the one in the tree, and that none is missing."""
    entries: list[Entry] = []
    damaged: list[str] = []
    origins = system.log.origins()
    expected_seq, prev = 1, None
    for one in stored:
        try:
            opening = one.open(opened.context.audit_key, origins)
            event, chain = decode_event(opening.event), decode_chain(opening.chain)
        except (CannotOpen, AuditError, KeyError):
            damaged.append(f"entry {one.index} can't be opened")
            continue
        if opening.leaf_data() != one.leaf_data:
            damaged.append(f"entry {one.index} is not the one in the log")
        if (chain.subject_seq, chain.subject_prev) != (expected_seq, prev):
            damaged.append(f"something is missing before entry {one.index}")
        expected_seq, prev = chain.subject_seq + 1, one.leaf_data
        entries.append(Entry(one.index, event, chain, one.entry_id in seen))
    return entries, damaged
