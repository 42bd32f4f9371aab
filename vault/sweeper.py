"""The sweeper: finishes what was begun, and ends what is over.

Written down in docs/format.md, 10 Two databases, one order.
It runs at start and every few seconds, in any number of processes. Each step may stop anywhere and
be done again. It never repairs by guessing: a row whose salt is missing is left for the doctor.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from consent.decision import ENDED, OFFERED
from vault.context import audit_key_of
from vault.ending import end_as_it_is
from vault.erasing import erasing_vaults, finish_erasing
from vault.grants import Grant
from vault.methods import finish_blocks, finish_removal
from vault.owing import owed_items
from vault.recording import SYSTEM, draft
from vault.sequencer import Item, PremiseFailed
from vault.steps import sql
from vault.system import System
from vault.unlocking import BLOCK

_AT_FIRST = 0.25  # seconds between rounds: the thread works a tenth of its time, requests go on
Step = Callable[[System, int], None]  # given the time in Unix milliseconds
_logger = logging.getLogger(__name__)
_OVER = sql(
    """SELECT g.*, {vault_columns} FROM vault_grant g {join_vault} WHERE v.state = 'open'
    AND (g.state = 'offered' AND g.offer_ends <= :now OR g.state = 'active' AND g.not_after <= :now)
    LIMIT 500"""
)
_PHASES = sql("SELECT grant_id, state, phase FROM vault_grant WHERE vault_id IN :vaults", "vaults")
_REMOVED = sql("SELECT vault_id, method_id, kind FROM method WHERE state = 'removed'")
_FORGET_PROOFS = sql("DELETE FROM replay WHERE expires_at <= :now")
_FORGET_ROUTES = sql(
    """DELETE FROM route WHERE id IN
    (SELECT session_id FROM session WHERE expires_at <= :now)"""
)
_FORGET_SESSIONS = sql("DELETE FROM session WHERE expires_at <= :now")


class Sweeper:
    """Runs `sweep` in a thread of its own, from now on.

    At first in quick rounds, until each grant's salt was looked at.
    """

    def __init__(self, system: System, *more: Step) -> None:
        self._system, self._more = system, more
        self._stop = threading.Event()
        self.swept_at = time.monotonic()  # when the last round ended
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.is_set():
            went_well = sweep(self._system, *self._more, stopped=self._stop.is_set)
            self.swept_at = time.monotonic()
            self._stop.wait(self._pause(went_well))

    def _pause(self, went_well: bool) -> float:
        """Seconds until the next round. Where something fails, no round follows quickly."""
        usual = self._system.settings.sweep_seconds
        is_first = went_well and not self._system.keystore.came_round
        return min(usual, _AT_FIRST) if is_first else usual


def sweep(system: System, *more: Step, stopped: Callable[[], bool] = lambda: False) -> bool:
    """One round, with `more` steps than its own; whether all of it went well.

    A step that fails is logged by its name and tried again in the next round.
    """
    now_ms, went_well = system.clock.now_ms(), True
    for step in (
        _settle_owed, _expire_salts, _end_grants, _drop_ended_salts, _finish_methods,
        _finish_erasures, _forget, _close_minutes, _publish, _press_out, *more,
    ):  # fmt: skip
        if stopped():
            break
        try:
            step(system, now_ms)
        except Exception as fault:  # noqa: BLE001 - the next round tries again
            # The class alone: a message could carry bytes of a row.
            _logger.warning("sweep step %s failed: %s", step.__name__, type(fault).__name__)
            went_well = False
    return went_well


def _settle_owed(system: System, _now_ms: int) -> None:
    """Makes the sequencer write what the log is owed, where nobody else has reason to."""
    for item in owed_items(system.main, system.keystore, system.root, system.system_key):
        with suppress(PremiseFailed):  # the sequencer was first
            system.sequencer.record(item)


def _expire_salts(system: System, now_ms: int) -> None:
    """Salts past their time go whatever main says."""
    system.keystore.drop_expired(now_ms)


def _end_grants(system: System, now_ms: int) -> None:
    """Offers nobody redeemed in time and grants past their end get their entry."""
    with system.main.read() as connection:
        rows = connection.execute(_OVER, {"now": now_ms}).all()
    for row in rows:
        key = audit_key_of(system.root, system.keystore, row)
        if key is None:
            continue
        grant = Grant.of(row)
        reason = "offer_expired" if grant.state == OFFERED else "expired"
        with suppress(PremiseFailed):  # redeemed or ended in the last moment
            end_as_it_is(system, key, grant, SYSTEM, reason, now_ms)


def _drop_ended_salts(system: System, _now_ms: int) -> None:
    """Salts of grants that main shows as ended, or of a phase that is over: some in each round, so
    that a round costs the same however many vaults there are.

    A grant that main does not know is none of these: it may be newer than a restored database.
    """
    with system.main.read() as connection:  # first: where it can't be read, none are passed over
        salts = system.keystore.next_grants()
        found = connection.execute(_PHASES, {"vaults": {row.vault_id for row in salts}})
        known = {row.grant_id: row for row in found}
    over = [
        row.key
        for row in salts
        if (grant := known.get(row.key.id)) is not None
        and (grant.state == ENDED or (grant.phase > row.key.phase and row.owed is None))
    ]
    system.keystore.drop(over)


def _finish_methods(system: System, _now_ms: int) -> None:
    with system.main.read() as connection:
        rows = connection.execute(_REMOVED).all()
    for row in rows:
        if row.kind == BLOCK:
            finish_blocks(system, row.vault_id)
        else:
            finish_removal(system, row.vault_id, row.method_id)


def _finish_erasures(system: System, now_ms: int) -> None:
    for row in erasing_vaults(system):
        finish_erasing(system, row.vault_id, row.subject, now_ms)


def _forget(system: System, now_ms: int) -> None:
    """Used proofs and sessions whose time is over."""
    with system.main.write() as connection:
        for statement in (_FORGET_PROOFS, _FORGET_ROUTES, _FORGET_SESSIONS):
            connection.execute(statement, {"now": now_ms})


def _close_minutes(system: System, now_ms: int) -> None:
    """One entry for a caller that was turned away, with how often."""
    for key, count in system.limits.turned_away(now_ms):
        event = draft(now_ms, "calls.limited", SYSTEM, outcome="denied", count=count)
        system.sequencer.record(Item(event, system.system_key))
        system.limits.forget(key)


def _publish(system: System, now_ms: int) -> None:
    """The newest checkpoint, on a fixed clock: its timing tells strangers nothing."""
    period_ms = system.settings.publish_seconds * 1000
    system.log.publish(now_ms // period_ms * period_ms)


def _press_out(system: System, _now_ms: int) -> None:
    if not system.keystore.truncated:
        system.keystore.press_out()
