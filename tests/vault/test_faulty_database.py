"""A database that fails at any one statement of any act, while the server lives on.

No value leaves without its entry, what was acknowledged stands in the log, and the same act can be
done again at once: nobody restarts anything. The killed process is `test_kill.py`'s.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest

from operate.verification import verify_data
from tests.builders import PERSON, Store
from tests.vault.acts import BOTH, Act, redeemed
from tests.vault.test_kill import CASES, entries
from vault import database
from vault.database import Connection
from vault.errors import InvalidToken, LogUnavailable, VaultError

FRESH_EACH = 6  # faults; the whole log is checked after each of them


@dataclass
class Fault:
    """The n-th statement from now on fails: instead of being done, or once it was done."""

    at: int
    done_first: bool
    met: bool = False

    def strike(self, store: Store) -> None:
        self.at -= 1
        if self.at == 0:
            self.met = True
            dbapi = store.vault.system.main.engine.dialect.loaded_dbapi
            raise dbapi.OperationalError("the disk did not answer")


@contextmanager
def failing(store: Store, fault: Fault) -> Iterator[None]:
    """Every statement and every COMMIT of both databases is counted."""
    execute, commit = Connection.execute, database.commit

    def faulty_execute(self: Connection, *arguments: Any) -> Any:
        if fault.done_first:
            result = execute(self, *arguments)
            if not result.returns_rows:  # a look that was done has an answer
                fault.strike(store)
            return result
        fault.strike(store)
        return execute(self, *arguments)

    def faulty_commit(driver: Any) -> None:
        if fault.done_first:
            commit(driver)
            fault.strike(store)
        else:
            fault.strike(store)
            commit(driver)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "execute", faulty_execute)
        patch.setattr(database, "commit", faulty_commit)
        yield


@pytest.mark.parametrize(
    "done_first",
    [False, pytest.param(True, marks=pytest.mark.slow)],
    ids=["instead", "once done"],
)
@CASES
def test_an_act_may_fail_at_any_statement_and_is_done_again_at_once(
    store: Store, new_store: Callable[[], Store], act: Act, done_first: bool
) -> None:
    for at in itertools.count(1):
        if at % FRESH_EACH == 0:
            store = new_store()
        scene = act.prepare(store)
        before, answer, fault = entries(store), list[Any](), Fault(at, done_first)
        with failing(store, fault), suppress(VaultError):
            answer.append(act.perform(store.vault, scene))
        if not fault.met:
            break
        if act.name == "end, the log broken":  # it closed the sequencer itself
            scene = scene.at(store.reopen())
        store.vault.sweep()
        assert entries(store)[: len(before)] == before
        assert verify_data(store.settings).findings == (), at
        act.again(store, scene, answer)
        assert verify_data(store.settings).findings == (), at
    assert at > 2


@pytest.mark.parametrize("done_first", [False, True], ids=["instead", "once done"])
def test_a_read_that_met_a_fault_gave_nothing_or_stands_in_the_log(
    store: Store, done_first: bool
) -> None:
    scene = redeemed(store)
    for at in itertools.count(1):
        before = scene.citizen.log().count(("data.read", "permitted", None))
        given: Any = None
        fault = Fault(at, done_first)
        with failing(store, fault), suppress(LogUnavailable, VaultError):
            given = scene.agency.read(scene.token, BOTH)
        after = scene.citizen.log().count(("data.read", "permitted", None))
        assert after - before in ({1} if given else {0, 1})
        if not fault.met:
            break
    assert at > (3 if done_first else 5)
    assert given is not None


def test_a_clock_that_is_set_back_breaks_nothing(store: Store) -> None:
    """Order is the log's, not the clock's; what has ended stays so; a proof is used up for ever."""
    citizen, agency = store.citizen(PERSON), store.agency()
    short = agency.redeem(citizen.offer(agency, BOTH, duration_seconds=60).code).token
    long = agency.redeem(citizen.offer(agency, BOTH, duration_seconds=7200).code).token
    agency.read(short, BOTH)
    store.clock.advance(seconds=61)
    store.vault.sweep()
    store.clock.advance(seconds=-3600)
    with pytest.raises(InvalidToken):
        agency.read(short, BOTH)
    agency.read(long, BOTH)
    citizen.unlock().put({BOTH[0]: "Later"})
    store.vault.sweep()
    actions = [action for action, _, _ in citizen.log()]
    assert actions.index("grant.end") < actions.index("data.read", actions.index("grant.end"))
    assert verify_data(store.settings).findings == ()
    citizen.vault = store.reopen()
    assert citizen.unlock().values()[BOTH[0]] == "Later"


def test_a_clock_that_was_far_ahead_once_does_not_stop_publication(store: Store) -> None:
    store.citizen({})
    store.clock.advance(days=3650)
    store.vault.sweep()
    assert store.vault.checkpoint() is not None
    store.clock.advance(days=-3650)
    for _ in range(2):
        store.citizen({})
        before = store.vault.checkpoint()
        store.clock.advance(seconds=61)
        store.vault.sweep()
        assert store.vault.checkpoint() != before
