"""Waiting for the log on an event loop: requests of one moment share a commit."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any
from unittest.mock import Mock

import pytest

from tests.builders import Store
from tests.vault.test_sequencer import (
    AT_ONCE,
    count_batches,
    counts,
    entry,
    insert_invite,
    invites_in,
    stalled,
    submit_and_see_taken,
)
from vault import caller
from vault import sequencer as module
from vault.errors import LogUnavailable
from vault.log import Recorded
from vault.reading import _Reading, parse_access_token
from vault.sequencer import PremiseFailed
from vault.steps import Step, sql
from vault.system import System

NEVER = Step(sql("SELECT 1 FROM invite WHERE id = :id"), {"id": b"nobody"})


@pytest.fixture
def system(store: Store) -> System:
    return store.vault.system


def soon(
    system: System, count: int, turns: Callable[[int], int] = lambda _: 0
) -> list[Recorded | BaseException]:
    """Records so many entries on one event loop, each after some turns of it."""

    async def one(number: int) -> Recorded:
        for _ in range(turns(number)):
            await asyncio.sleep(0)
        return await system.sequencer.record_soon(entry(system, number))

    async def all_of_them() -> list[Recorded | BaseException]:
        return await asyncio.gather(*map(one, range(count)), return_exceptions=True)

    return asyncio.run(all_of_them())


@pytest.mark.parametrize(
    "turns",
    [lambda _: 0, lambda number: number, lambda number: 3 * number],
    ids=["one", "following", "a read's steps"],
)
def test_what_an_event_loop_has_at_hand_is_one_batch_in_its_order(
    store: Store, system: System, monkeypatch: pytest.MonkeyPatch, turns: Callable[[int], int]
) -> None:
    begun, nudge = count_batches(system, monkeypatch), Mock(wraps=system.sequencer._nudge)
    monkeypatch.setattr(system.sequencer, "_nudge", nudge)
    answers = soon(system, 20, turns)

    assert [a.event.count for a in answers if isinstance(a, Recorded)] == list(range(20))
    assert counts(system) == list(range(20))
    assert (len(begun), nudge.call_count) == (1, 1), "and the writer is told once"


def test_reads_of_one_moment_go_step_by_step(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """One step's code stays in the processor's cache, a whole read's does not."""
    if not store.vault.system.main.is_sqlite:
        pytest.skip("each read has a thread there")
    citizen, agency = store.citizen(), store.agency()
    token = parse_access_token(
        agency.redeem(citizen.offer(agency, ("identity.given_name",)).code).token
    )
    steps: list[str] = []
    for name in ("look", "prepare"):
        monkeypatch.setattr(_Reading, name, told(steps, name))

    async def three() -> None:
        holders = [caller.TokenHolder(token, agency.proof(), None) for _ in range(3)]
        reads = [
            store.vault.read(one, ["identity.given_name"], asyncio.to_thread) for one in holders
        ]
        assert all(recorded.permitted for _, recorded in await asyncio.gather(*reads))

    asyncio.run(three())
    assert steps == ["look"] * 3 + ["prepare"] * 3


def test_a_read_that_is_cancelled_between_two_steps_leaves_the_others_alone(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    token = parse_access_token(
        agency.redeem(citizen.offer(agency, ("identity.given_name",)).code).token
    )

    async def three() -> list[Any]:
        holders = [caller.TokenHolder(token, agency.proof(), None) for _ in range(3)]
        reads = [
            asyncio.ensure_future(store.vault.read(one, ["identity.given_name"], asyncio.to_thread))
            for one in holders
        ]
        await asyncio.sleep(0)  # each has looked, or is about to in its thread
        reads[1].cancel()
        return await asyncio.gather(*reads, return_exceptions=True)

    first, cancelled, last = asyncio.run(three())
    assert first[1].permitted
    assert isinstance(cancelled, asyncio.CancelledError)
    assert last[1].permitted
    assert citizen.log().count(("data.read", "permitted", None)) == 2


def told(steps: list[str], name: str) -> Callable[..., Any]:
    """A step of a read that tells when it begins."""
    step = getattr(_Reading, name)

    def wrapped(*given: Any) -> Any:
        steps.append(name)
        return step(*given)

    return wrapped


def test_a_loop_that_never_comes_to_rest_does_not_hold_up_the_first(
    store: Store, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHERED_ITEMS_MAX", 8)

    async def endless() -> bool:
        waiting = [asyncio.create_task(system.sequencer.record_soon(entry(system, 0)))]
        while not waiting[0].done() and len(waiting) < 1000:  # each turn brings one more
            waiting.append(asyncio.create_task(system.sequencer.record_soon(entry(system, 1))))
            await asyncio.sleep(0)
            time.sleep(0.001 if len(waiting) < 100 else 0.02)  # the writer may be slow
        was_told = waiting[0].done()
        await asyncio.gather(*waiting)
        return was_told

    assert asyncio.run(endless())


def test_a_waiter_on_a_loop_gives_up_and_the_loop_goes_on(
    store: Store, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS_MAX", 0.2)
    with stalled(system):
        first = submit_and_see_taken(system, entry(system, 99))
        started = time.monotonic()
        answers = soon(system, 3)
        assert time.monotonic() - started < AT_ONCE
    assert [type(answer) for answer in answers] == [LogUnavailable] * 3

    first.result(timeout=60)
    assert soon(system, 1)
    assert counts(system) == [99, 0], "what nobody waited for any more was recorded"


def test_a_request_that_was_cancelled_before_it_was_taken_leaves_no_trace(
    store: Store, system: System
) -> None:
    async def cancelled() -> None:
        item = entry(system, 1, writes=(insert_invite(),))
        waiting = asyncio.create_task(system.sequencer.record_soon(item))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    with stalled(system):
        first = submit_and_see_taken(system, entry(system, 0))
        asyncio.run(cancelled())
    first.result(timeout=60)
    system.sequencer.record(entry(system, 2))
    assert (counts(system), invites_in(system)) == ([0, 2], {})


def test_a_fault_of_one_item_is_told_to_its_waiter_alone(store: Store, system: System) -> None:
    async def two() -> list[Any]:
        items = entry(system, 1, premises=(NEVER,)), entry(system, 2)
        return await asyncio.gather(
            *map(system.sequencer.record_soon, items), return_exceptions=True
        )

    failed, recorded = asyncio.run(two())
    assert isinstance(failed, PremiseFailed)
    assert recorded.event.count == 2


def in_a_dying_loop(waiting: Coroutine[Any, Any, Any], turns: int) -> None:
    """Lets a loop begin with something, and closes it as a crash would."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(waiting)
    for _ in range(turns):
        loop.call_soon(loop.stop)
        loop.run_forever()
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()


@pytest.mark.filterwarnings(
    "ignore::RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("turns", [1, 10], ids=["before the writer knew", "while it was written"])
def test_a_loop_that_died_holds_nobody_up(store: Store, system: System, turns: int) -> None:
    in_a_dying_loop(system.sequencer.record_soon(entry(system, 1)), turns)
    assert system.sequencer.record(entry(system, 2)).permitted
    assert [type(answer) for answer in soon(system, 2)] == [Recorded, Recorded]
    assert counts(system)[-3:] == [2, 0, 1]
