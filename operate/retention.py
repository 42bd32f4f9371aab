"""Openings whose time is over go; their entries stay as commitments, and the tree verifies on.

Written down in docs/audit.md, 9 Erasure and retention. Window by window from the oldest entry on,
each in one transaction: killed in between, the next sweep goes on where the last window ended.
"""

from itertools import takewhile

from vault.settings import DAY_SECONDS, Settings
from vault.steps import sql
from vault.system import System

WINDOW_ENTRIES = 1000
WINDOWS_MAX = 20  # in one sweep
LIVING_DAYS_MIN = 30  # a citizen sees at least so much, whatever the operator set
_LOGS = sql("SELECT log, opened_from FROM audit_log ORDER BY log")
_WINDOW = sql(
    "SELECT entry_id FROM audit_leaf WHERE log = :log AND idx >= :first ORDER BY idx LIMIT :most"
)
_DROP = sql(
    """DELETE FROM audit_opening WHERE log = :log AND idx >= :first AND idx < :last
    AND visible_after IS NULL AND subject <> (SELECT system_subject FROM audit_head)"""
)
_DROP_DEFERRED = sql("DELETE FROM audit_opening WHERE visible_after <= :until")
_MOVE = sql("UPDATE audit_log SET opened_from = :last WHERE log = :log AND opened_from = :first")


def kept_days(settings: Settings) -> int:
    """How long the entries of a vault that lives can be opened."""
    return max(settings.audit_retention_days, LIVING_DAYS_MIN)


def drop_old_openings(system: System, now_ms: int) -> None:
    """Deletes the openings that are past retention, but for those of the installation itself.

    A deferred one stays as long again after its day, so that its owner can see it.
    """
    until = now_ms - kept_days(system.settings) * DAY_SECONDS * 1000
    with system.main.read() as connection:
        logs = connection.execute(_LOGS).all()
    for row in logs:
        first = row.opened_from
        for _ in range(WINDOWS_MAX):
            last = _drop_window(system, row.log, first, until)
            if last == first:
                break
            first = last
    with system.main.write() as connection:
        connection.execute(_DROP_DEFERRED, {"until": until})


def _drop_window(system: System, log: int, first: int, until: int) -> int:
    """How far it is done now: at most a window further."""
    this = {"log": log, "first": first, "most": WINDOW_ENTRIES}
    with system.main.read() as connection:
        ids = list(connection.execute(_WINDOW, this).scalars())
    old = sum(1 for _ in takewhile(lambda entry_id: _made_at(entry_id) < until, ids))
    if old:
        with system.main.write() as connection:
            for statement in (_DROP, _MOVE):
                connection.execute(statement, this | {"last": first + old})
    return first + old


def _made_at(entry_id: bytes) -> int:
    """The instant in a UUIDv7, in Unix milliseconds."""
    return int.from_bytes(entry_id[:6], "big")
