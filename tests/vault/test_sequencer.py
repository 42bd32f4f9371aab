"""The sequencer: one gapless order, in groups, whole or not (docs/audit.md, 7 Sequencing)."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from audit.entry import Chain, Event
from audit.errors import MalformedEntry
from audit.tiles import NodeReader
from audit.tree import root_at
from consent.credentials import Proof
from operate.verification import verify_data
from tests.builders import NOON_MS, Store
from tests.vault.entries import entries_of
from tests.vault.tables import audit_leaves, audit_tiles, invites, replays
from vault import database
from vault import sequencer as module
from vault.database import Database
from vault.errors import LogUnavailable
from vault.keys import AuditKey
from vault.log import Batch, Head, Recorded, TileReader
from vault.recording import SYSTEM, burn_proof, draft
from vault.sequencer import Item, PremiseFailed, Sequencer
from vault.sessions import open_session
from vault.steps import Step, insert_into, sql
from vault.system import System

THREADS = 16
AT_ONCE = 30  # seconds: whoever waits for a commit or a lock here waits a minute
INVITE = b"i" * 16


@pytest.fixture
def system(store: Store) -> System:
    return store.vault.system


def entry(system: System, count: int = 0, **parts: Any) -> Item:
    """An item of the system's own: an entry that can be told from others by its count."""
    event = draft(NOON_MS, "calls.limited", SYSTEM, count=count)
    return Item(event, parts.pop("key", system.system_key), **parts)


def insert_invite(id_: bytes = INVITE, expires_at: int | None = 1) -> Step:
    return Step(insert_into("invite", ("id", "expires_at")), {"id": id_, "expires_at": expires_at})


def invite_is_there(id_: bytes = INVITE, reason: str = "") -> Step:
    return Step(sql("SELECT 1 FROM invite WHERE id = :id"), {"id": id_}, reason)


def raise_invite(reason: str) -> Step:
    """A right that writes: true for an invite that was not raised before."""
    return Step(sql("UPDATE invite SET expires_at = 2 WHERE expires_at = 1"), {}, reason)


def burn(system: System, jti: str) -> Step:
    """A right that a refusal burns too."""
    return burn_proof(system.system_key, Proof("key", jti, NOON_MS, None, None))


def invites_in(system: System) -> dict[bytes, int]:
    with system.main.via_sqlalchemy() as connection:
        return {row.id: row.expires_at for row in connection.execute(select(invites))}


def burned(system: System) -> int:
    with system.main.via_sqlalchemy() as connection:
        return len(connection.execute(select(replays.c.key)).all())


def chain_of(system: System, key: AuditKey | None = None) -> list[tuple[int, Event, Chain]]:
    """(index, event, chain) of every entry of a subject, oldest first."""
    found = entries_of(system, key or system.system_key)
    return [(one.index, one.event, one.chain) for one in found]


def counts(system: System) -> list[int | None]:
    return [event.count for _, event, _ in chain_of(system) if event.action == "calls.limited"]


def size(system: System) -> int:
    return system.log.head().frontier.size


def assert_whole(store: Store) -> None:
    assert verify_data(store.settings).findings == ()


@contextmanager
def stalled(system: System) -> Iterator[None]:
    """Another process holds the lock, so that what is submitted meanwhile gathers."""
    other = Database(system.settings.main_url)
    with other.write() as connection:
        Head.read(connection, lock=True)
        yield
    other.close()


def count_batches(system: System, monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    begin, begun = system.log.begin, list[Batch]()

    def counting(connection: Any) -> Batch:
        begun.append(begin(connection))
        return begun[-1]

    monkeypatch.setattr(system.log, "begin", counting)
    return begun


def submit_and_see_taken(system: System, item: Item) -> Future[Recorded]:
    future = Sequencer.submit(system.sequencer, item)
    while not (future.running() or future.done()):
        time.sleep(0.001)
    return future


def gather(system: System, items: list[Item]) -> list[Future[Recorded]]:
    """Submits the items so that all but the first are taken in one batch."""
    with stalled(system):
        first = submit_and_see_taken(system, entry(system, 999))
        futures = [system.sequencer.submit(item) for item in items]
    first.result(timeout=60)
    return futures


# Order and groups


def test_entries_of_many_threads_are_gapless_and_every_waiter_gets_its_own_place(
    store: Store, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizens = [store.citizen({}), store.citizen({})]
    keys = [open_session(system, c.owner, store.clock.ms).context.audit_key for c in citizens]
    keys.append(system.system_key)
    before, begun = size(system), count_batches(system, monkeypatch)
    known = {key.subject: len(chain_of(system, key)) for key in keys}

    def record(number: int) -> tuple[int, Recorded]:
        return number, system.sequencer.record(entry(system, number, key=keys[number % 3]))

    with ThreadPoolExecutor(THREADS) as pool:
        answers = dict(pool.map(record, range(300)))

    assert sorted(r.index for r in answers.values()) == list(range(before, before + 300))
    placed: dict[int | None, int] = {}
    for key in keys:
        chain = chain_of(system, key)
        assert [c.subject_seq for _, _, c in chain] == list(range(1, len(chain) + 1))
        assert len(chain) == known[key.subject] + 100
        placed |= {e.count: i for i, e, _ in chain if e.action == "calls.limited"}
    assert placed == {number: recorded.index for number, recorded in answers.items()}
    assert len(begun) < 300, "nothing was grouped"
    assert_whole(store)


def test_what_gathers_while_a_batch_commits_is_committed_in_one_batch_in_its_order(
    store: Store, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = count_batches(system, monkeypatch)

    futures = gather(system, [entry(system, number) for number in range(200)])

    indices = [future.result(timeout=60).index for future in futures]
    assert indices == list(range(indices[0], indices[0] + 200))
    assert counts(system) == [999, *range(200)]
    assert [len(batch.entry_ids) for batch in begun] == [1, 200]


def test_no_batch_is_longer_than_its_limit(
    store: Store, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = count_batches(system, monkeypatch)
    monkeypatch.setattr(module, "BATCH_ITEMS_MAX", 30)

    for future in gather(system, [entry(system, number) for number in range(70)]):
        future.result(timeout=60)

    assert [len(batch.entry_ids) for batch in begun] == [1, 30, 30, 10]
    assert_whole(store)


def test_tiles_and_frontier_are_right_over_the_edges_of_tiles(store: Store, system: System) -> None:
    for length in (1, 254, 1, 1, 255, 1, 100):  # up to, on and over 256 and 512
        for future in gather(system, [entry(system, n) for n in range(length)]):
            future.result(timeout=60)
        head = system.log.head()
        with system.main.read() as connection:
            nodes: NodeReader = TileReader(connection, head.log).nodes()
            assert root_at(head.frontier.size, nodes.read_node) == head.frontier.root()

    assert size(system) == 620
    with system.main.via_sqlalchemy() as connection:
        tiles = connection.execute(select(audit_tiles.c.level, audit_tiles.c.n)).all()
        leaves = connection.execute(select(audit_leaves.c.idx)).scalars().all()
    assert [tuple(tile) for tile in tiles] == [(1, 0)]
    assert sorted(leaves) == list(range(620))
    assert_whole(store)


# Premises, rights, writes


def test_an_item_whose_premise_fails_leaves_no_trace(store: Store, system: System) -> None:
    item = entry(
        system,
        premises=(invite_is_there(),),
        rights=(burn(system, "a"),),
        writes=(insert_invite(b"j" * 16),),
    )

    with pytest.raises(PremiseFailed):
        system.sequencer.record(item)

    assert (size(system), burned(system), invites_in(system)) == (0, 0, {})


def test_premises_are_judged_in_order_with_what_the_batch_did_before(
    store: Store, system: System
) -> None:
    needs = entry(system, 2, premises=(invite_is_there(),))
    makes = entry(system, 1, writes=(insert_invite(),))

    early, made, late = gather(system, [needs, makes, replace(needs, event=entry(system, 3).event)])

    assert isinstance(early.exception(timeout=60), PremiseFailed)
    assert made.result().index + 1 == late.result().index
    assert counts(system) == [999, 1, 3]
    assert_whole(store)


def test_a_right_that_fails_is_a_denied_entry_and_nothing_is_written(
    store: Store, system: System
) -> None:
    item = entry(system, rights=(invite_is_there(reason="ended"),), writes=(insert_invite(),))

    recorded = system.sequencer.record(item)

    assert not recorded.permitted
    [(_, event, _)] = chain_of(system)
    assert (event.outcome, event.reason) == ("denied", "ended")
    assert event == recorded.event
    assert invites_in(system) == {}


def test_a_denied_read_does_not_say_that_fields_were_given(store: Store, system: System) -> None:
    event = draft(
        NOON_MS, "data.read", SYSTEM, fields_given=("identity.given_name",), grant=b"g" * 16
    )
    item = Item(
        event,
        system.system_key,
        rights=(invite_is_there(reason="ended"),),
        refs=(b"v" * 16,),
        alarm=True,
    )

    system.sequencer.record(item)

    [(_, told, chain)] = chain_of(system)
    assert (told.fields_given, chain.refs, chain.alarm) == (None, None, False)


def test_a_refusal_may_be_told_by_another_event(store: Store, system: System) -> None:
    denied = draft(NOON_MS, "grant.redeem", SYSTEM, outcome="denied", reason="second_use")
    item = entry(system, rights=(invite_is_there(reason="replayed"),), denied=denied)

    recorded = system.sequencer.record(item)

    assert recorded.event == replace(denied, reason="replayed")


def test_what_a_refusal_burned_stays_burned(store: Store, system: System) -> None:
    rights = (burn(system, "a"), invite_is_there(reason="ended"))

    reasons = [
        system.sequencer.record(entry(system, n, rights=rights)).event.reason for n in (1, 2)
    ]

    assert reasons == ["ended", "replayed"]
    assert burned(system) == 1


def test_a_right_that_writes_is_used_up_once_within_a_batch(store: Store, system: System) -> None:
    system.sequencer.record(entry(system, 1, writes=(insert_invite(),)))
    items = [entry(system, n, rights=(raise_invite("used_up"),)) for n in (2, 3, 4)]

    outcomes = [f.result(timeout=60).event.outcome for f in gather(system, items)]

    assert outcomes == ["permitted", "denied", "denied"]
    assert invites_in(system) == {INVITE: 2}


# One bad item


@pytest.mark.parametrize("bad", ["integrity", "malformed"])
def test_a_bad_item_does_not_take_its_batch_along(store: Store, system: System, bad: str) -> None:
    culprit, error = {
        "integrity": (
            entry(system, writes=(insert_invite(b"k" * 16), insert_invite(b"k" * 16))),
            IntegrityError,
        ),
        "malformed": (
            entry(system, writes=(insert_invite(b"k" * 16),), refs=(b"r" * 16,)),
            MalformedEntry,
        ),
    }[bad]
    good = [entry(system, n, writes=(insert_invite(bytes([n]) * 16),)) for n in (1, 2, 3)]

    futures = gather(system, [*good[:2], culprit, good[2]])

    assert isinstance(futures[2].exception(timeout=60), error)
    assert all(futures[n].result().permitted for n in (0, 1, 3))
    assert counts(system) == [999, 1, 2, 3]
    assert set(invites_in(system)) == {bytes([n]) * 16 for n in (1, 2, 3)}
    assert_whole(store)


def test_an_item_is_retried_alone_once_and_no_more(
    store: Store, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = count_batches(system, monkeypatch)
    bad = entry(system, writes=(insert_invite(expires_at=None),))

    futures = gather(system, [bad, entry(system, 1)])

    assert isinstance(futures[0].exception(timeout=60), IntegrityError)
    assert futures[1].result(timeout=60).permitted
    assert len(begun) == 4  # the stalled one, both together, each alone
    with pytest.raises(IntegrityError):
        system.sequencer.record(entry(system, 2, writes=(insert_invite(expires_at=None),)))
    assert len(begun) == 5


# Waiting, and giving up


def test_a_waiter_gives_up_after_two_seconds(impatience: None) -> None:
    assert module.WAIT_SECONDS_MAX == 2.0


def test_a_waiter_gives_up_before_the_database_does(
    store: Store, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS_MAX", 0.2)
    with stalled(system), monkeypatch.context() as patch:
        patch.setattr(system.sequencer, "submit", partial(submit_and_see_taken, system))
        started = time.monotonic()
        with pytest.raises(LogUnavailable):
            system.sequencer.record(entry(system, 1))
        assert time.monotonic() - started < AT_ONCE

    # It had been taken: the log may say more than happened.
    system.sequencer.submit(entry(system, 2)).result(timeout=60)
    assert counts(system) == [1, 2]


def test_an_item_whose_waiter_gave_up_before_it_was_taken_leaves_no_trace(
    store: Store, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS_MAX", 0.1)
    with stalled(system):
        first = submit_and_see_taken(system, entry(system, 1))
        with pytest.raises(LogUnavailable):
            system.sequencer.record(entry(system, 2, writes=(insert_invite(),)))
    first.result(timeout=60)
    system.sequencer.submit(entry(system, 3)).result(timeout=60)

    assert counts(system) == [1, 3]
    assert invites_in(system) == {}


def test_a_full_queue_refuses_at_once(
    store: Store, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.QUEUE_ITEMS_MAX == 4096
    monkeypatch.setattr(module, "QUEUE_ITEMS_MAX", 3)
    with stalled(system):
        taken = submit_and_see_taken(system, entry(system, 0))
        queued = [system.sequencer.submit(entry(system, n)) for n in (1, 2, 3)]
        started = time.monotonic()
        with pytest.raises(LogUnavailable):
            system.sequencer.record(entry(system, 4))
        assert time.monotonic() - started < AT_ONCE

    assert all(future.result(timeout=60).permitted for future in (taken, *queued))
    assert counts(system) == [0, 1, 2, 3]


def test_closing_commits_what_is_queued_and_takes_no_more(store: Store, system: System) -> None:
    with stalled(system):
        futures = [system.sequencer.submit(entry(system, n)) for n in range(5)]
        closing = threading.Thread(target=system.sequencer.close)
        closing.start()
    closing.join(timeout=60)

    assert all(future.done() and future.result().permitted for future in futures)
    with pytest.raises(LogUnavailable):
        system.sequencer.record(entry(system, 9))
    assert counts(system) == list(range(5))


# A COMMIT whose answer is lost


def lose_answers(
    system: System, monkeypatch: pytest.MonkeyPatch, *, landed: bool, times: int = 1
) -> None:
    """The next commits raise like a lost connection, after they landed or instead of it."""
    commit, left = database.commit, [times]

    def lossy(driver: Any) -> None:
        if not left[0] or threading.current_thread().name != "sequencer":
            return commit(driver)
        left[0] -= 1
        if landed:
            commit(driver)
        raise system.main.engine.dialect.loaded_dbapi.OperationalError("the answer was lost")

    monkeypatch.setattr(database, "commit", lossy)


def test_a_commit_that_landed_without_an_answer_is_looked_up_and_not_repeated(
    store: Store, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = list[str]()
    monkeypatch.setattr(system.sequencer, "_committed", offered.append)
    lose_answers(system, monkeypatch, landed=True)

    recorded = system.sequencer.record(entry(system, 7, writes=(insert_invite(),)))

    assert recorded.permitted
    assert counts(system) == [7]
    assert invites_in(system) == {INVITE: 1}
    assert offered == [system.log.head().note]  # the anchor hears of it as of any other
    system.sequencer.record(entry(system, 8))
    assert_whole(store)


def test_a_commit_that_did_not_land_is_unavailable_and_leaves_no_trace(
    store: Store, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_answers(system, monkeypatch, landed=False)

    with pytest.raises(LogUnavailable):
        system.sequencer.record(entry(system, 7, writes=(insert_invite(),)))

    assert (counts(system), invites_in(system)) == ([], {})
    system.sequencer.record(entry(system, 8, writes=(insert_invite(),)))
    assert counts(system) == [8]
    assert_whole(store)


def test_every_waiter_of_a_batch_learns_what_became_of_a_lost_commit(
    store: Store, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_answers(system, monkeypatch, landed=True, times=2)

    futures = gather(system, [entry(system, n) for n in (1, 2, 3)])

    assert [f.result(timeout=60).event.count for f in futures] == [1, 2, 3]
    assert counts(system) == [999, 1, 2, 3]
    assert_whole(store)


# What the log owes


def test_owed_entries_come_first_at_the_start_and_after_trouble_and_only_then(
    store: Store, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[int]()

    def owed() -> list[Item]:
        asked.append(len(asked))
        return [entry(system, 100 + len(asked))]

    sequencer = Sequencer(system.main, system.log, committed=lambda _note: None, owed=owed)
    sequencer.record(entry(system, 1))
    sequencer.record(entry(system, 2))
    lose_answers(system, monkeypatch, landed=False)
    with pytest.raises(LogUnavailable):
        sequencer.record(entry(system, 3))
    sequencer.record(entry(system, 4))
    sequencer.record(entry(system, 5))
    sequencer.close()

    assert counts(system) == [101, 1, 2, 102, 4, 5]
