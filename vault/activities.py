"""The owner's own log, page by page, opened.

A page is bounded work, however long the log is. What is deferred does not exist here before its
time. Whether something is missing is judged by whoever gets it, with proofs: `evidence/own.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from audit.entry import Chain, Event, decode_chain, decode_event
from audit.errors import AuditError
from audit.leaf import Opening, open_opening
from audit.shapes import Place
from crypto.box import derive_id
from crypto.encoding import b64u
from crypto.errors import CannotOpen
from vault import caller
from vault.database import Row
from vault.errors import NotFound, SessionEnded
from vault.keys import AuditKey
from vault.log import Tally
from vault.recording import OWNER, draft
from vault.sequencer import Item
from vault.sessions import OpenVault, open_session
from vault.steps import Step, sql
from vault.system import System
from vault.unlocking import session_id

NEWEST: Place = (2**62, 0)
LOOKED_AT_MAX = 1000  # entries opened for one page, where not all of them are wanted
_READ_AGAIN_MS = 5 * 60_000
_LOG_READ = sql(
    "UPDATE session SET log_read_at = :now WHERE vault_id = :vault AND session_id = :session"
)
_ROWS = """SELECT o.log, o.idx, o.opening, o.alarm, l.entry_id, l.leaf_data, g.origin
    FROM audit_opening o JOIN audit_leaf l USING (log, idx) JOIN audit_log g USING (log)
    WHERE o.subject = :subject AND (o.visible_after IS NULL OR o.visible_after <= :now) AND """
_BACK = " AND (o.log, o.idx) < (:log, :idx) ORDER BY o.log DESC, o.idx DESC LIMIT :most"
_PAGES = {
    "newest": sql(_ROWS + "1 = 1" + _BACK),
    "alarms": sql(_ROWS + "o.alarm = 'new'" + _BACK),
    "oldest": sql(_ROWS + "o.visible_after IS NULL ORDER BY o.log, o.idx LIMIT :most"),
}
_TALLIES = sql(
    """SELECT s.*, (SELECT count(*) FROM audit_opening o WHERE o.subject = :subject
    AND o.visible_after > :now AND s.class = 'deferred') AS hidden
    FROM audit_subject s WHERE s.subject = :subject"""
)
_PULSE = sql(
    """SELECT s.expires_at, v.version, a.last_seq FROM route r JOIN session s USING (vault_id)
    JOIN vault v USING (vault_id) JOIN audit_subject a ON a.subject = v.subject
    WHERE r.id = :id AND s.session_id = r.id AND v.state = 'open' AND a.class = 'open'"""
)
_SEE = sql(
    """UPDATE audit_opening SET alarm = 'seen' WHERE subject = :subject
    AND (log, idx) IN (SELECT log, idx FROM audit_leaf WHERE entry_id = :entry)"""
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the owner's, opened; the opening gives its leaf."""

    log: int
    index: int
    opening: Opening
    event: Event
    chain: Chain
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Which entries: the `newest` before a place, the `oldest`, or `alarms` that nobody has seen;
    `most` of them, or of those that are `wanted`.
    """

    which: str = "newest"
    most: int = 50
    before: Place = NEWEST
    wanted: Callable[[Entry], bool] | None = None


FIRST_PAGE = Page()


@dataclass(frozen=True, slots=True)
class Activity:
    """A page of entries. `damaged`: places of rows that don't open, or open another leaf.

    `after`: the last place that was looked at, the next page's `before`; None at the end.
    `tallies`: by class, all that there is, and how many of these are not shown yet.
    """

    entries: tuple[Entry, ...]
    damaged: tuple[Place, ...]
    after: Place | None
    tallies: dict[str, tuple[Tally, int]]


def activity(system: System, owner: caller.Owner, page: Page, now_ms: int) -> Activity:
    """A page of what was logged about the owner's vault. Looking is logged too, now and then."""
    opened = open_session(system, owner, now_ms)
    if now_ms - opened.log_read_at > _READ_AGAIN_MS:
        _record_look(system, opened, now_ms)
    key = opened.context.audit_key
    most = page.most if page.wanted is None else LOOKED_AT_MAX
    this = {"subject": key.subject, "now": now_ms, "log": page.before[0], "idx": page.before[1]}
    with system.main.read() as connection:
        rows = connection.execute(_PAGES[page.which], this | {"most": most + 1}).all()
        tallies = connection.execute(_TALLIES, this).all()
    entries: list[Entry] = []
    damaged: list[Place] = []
    looked = 0
    while looked < min(most, len(rows)) and len(entries) < page.most:
        entry = _open(key, rows[looked])
        if entry is None:
            damaged.append((rows[looked].log, rows[looked].idx))
        elif page.wanted is None or page.wanted(entry):
            entries.append(entry)
        looked += 1
    return Activity(
        entries=tuple(entries),
        damaged=tuple(damaged),
        after=(rows[looked - 1].log, rows[looked - 1].idx) if looked < len(rows) else None,
        tallies={getattr(row, "class"): (Tally.of(row), row.hidden) for row in tallies},
    )


def pulse(system: System, owner: caller.Owner, now_ms: int) -> str:
    """What changes when the open log, the grants or the values do; it tells nothing else.

    One statement, to be asked once a second. Deferred entries do not move it. `SessionEnded`.
    """
    with system.main.read(snapshot=False) as connection:
        row = connection.execute(_PULSE, {"id": session_id(owner.token)}).one_or_none()
    if row is None or now_ms >= row.expires_at:
        raise SessionEnded
    return b64u(derive_id(owner.token, "pulse", row.version, row.last_seq))


def _open(key: AuditKey, row: Row) -> Entry | None:
    """The entry of a row; None where it is not the one whose leaf stands in the log."""
    try:
        opening = open_opening(key.key, row.origin, row.entry_id, row.opening)
        event, chain = decode_event(opening.event), decode_chain(opening.chain)
    except (AuditError, CannotOpen):
        return None
    if opening.leaf_data() != row.leaf_data:
        return None
    return Entry(row.log, row.idx, opening, event, chain, row.alarm == "seen")


def acknowledge(system: System, owner: caller.Owner, entry_id: bytes, now_ms: int) -> None:
    """The owner has seen an alarm. Raises `NotFound` for an entry that is not theirs."""
    subject = open_session(system, owner, now_ms).context.audit_key.subject
    with system.main.write() as connection:
        seen = connection.execute(_SEE, {"subject": subject, "entry": entry_id})
    if not seen.rowcount:
        raise NotFound("There is no such entry in this vault's log.")


def _record_look(system: System, opened: OpenVault, now_ms: int) -> None:
    values = {"vault": opened.context.vault_id, "session": opened.session.id, "now": now_ms}
    look, key = draft(now_ms, "log.read", OWNER), opened.context.audit_key
    system.sequencer.record(Item(look, key, writes=(Step(_LOG_READ, values),)))
