"""The sequencer: the one way anything is recorded, and the one way anything changes.

Written down in docs/audit.md, 7 Sequencing. An `Item` is an entry with what must hold for it and
what it changes. Items are committed in groups, in one order, under one row lock: whatever the log
says happened first, did. Nothing leaves before its entry is committed; if that can't be done the
caller gets `LogUnavailable` and releases nothing.

While a batch commits in the writer thread, the next one gathers; nobody waits on purpose.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace

from sqlalchemy.exc import IntegrityError

from audit.entry import Event
from audit.errors import MalformedEntry
from audit.refs import Refs
from vault.database import Connection, Database
from vault.errors import LogUnavailable, Unavailable, VaultError
from vault.keys import AuditKey
from vault.log import Batch, LogStore, Recorded
from vault.steps import Step

_logger = logging.getLogger(__name__)
BATCH_ITEMS_MAX = 512
QUEUE_ITEMS_MAX = 4096
GATHERED_ITEMS_MAX = 64
_QUIET_TURNS = 4  # a read takes as many of an event loop, from its bytes to its item
WAIT_SECONDS_MAX = 2.0


@dataclass(frozen=True, slots=True)
class Item:
    """An entry to be, and what goes with it. All conditions are judged under the lock.

    premises  only look; if one fails there is no entry: the caller looks again and prepares anew
    rights    if one fails the entry says `denied` with that right's reason, and nothing is written;
              one that writes either burns what a refusal may burn too, or stands last
    writes    what changes together with the entry
    denied    the event in place of `event` where a right fails, if that is another one

    An entry with `visible_after` (Unix milliseconds) is not shown to its owner before.
    """

    event: Event
    key: AuditKey
    premises: tuple[Step, ...] = ()
    rights: tuple[Step, ...] = ()
    writes: tuple[Step, ...] = ()
    refs: Refs | None = None
    alarm: bool = False
    denied: Event | None = None
    visible_after: int | None = None


Waiter = Future[Recorded] | asyncio.Future[Recorded]  # in a thread, or on an event loop
Told = tuple[Waiter, Recorded | Exception]


class PremiseFailed(Exception):
    """The state has moved on since the item was prepared. Nothing was recorded or changed."""


class Sequencer:
    """Collects items from any thread and commits them in one writer thread."""

    def __init__(
        self,
        database: Database,
        log: LogStore,
        committed: Callable[[str], None],
        owed: Callable[[], Sequence[Item]],
    ) -> None:
        self._database = database
        self._log = log
        self._committed = committed  # told the note of every new head
        self._owed = owed  # the entries the log still owes, asked for after trouble
        self._owes = True
        self.told: Callable[[int, int, float], None] = lambda *_: None  # items, waiting, seconds
        self._broken = False  # the last batch failed: one tries, nobody queues up behind it
        self._busy = False
        self._queue: deque[tuple[Item, Waiter]] = deque()
        self._wake = threading.Condition()
        self._nudged = False  # there is something to take
        self._gatherer: asyncio.AbstractEventLoop | None = None  # the loop that gathers items
        # Two threads that both look into SQLite take the interpreter from each other at each look,
        # which costs more than the looks: they take turns. Nobody waits or commits in a turn.
        self.turn = threading.Lock() if database.is_sqlite else nullcontext()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)
        self._thread.start()

    def submit(self, item: Item) -> Future[Recorded]:
        """Queues an item. Raises `LogUnavailable` at once when the queue is full or closed, or
        when the log was broken just now and another item is trying whether it still is.
        """
        future: Future[Recorded] = Future()
        self._enqueue(item, future)
        self._nudge()
        return future

    def _enqueue(self, item: Item, waiter: "Waiter") -> None:
        with self._wake:
            tried = self._broken and (self._busy or self._queue)
            if self._stopped or tried or len(self._queue) >= QUEUE_ITEMS_MAX:
                raise LogUnavailable
            self._queue.append((item, waiter))

    def _nudge(self) -> None:
        with self._wake:
            self._nudged = True
            self._wake.notify()

    def record(self, item: Item) -> Recorded:
        """Commits an item and waits for it, at most two seconds.

        Raises `PremiseFailed`, or `LogUnavailable`: then the entry may still land, and the log says
        more than happened, never less.
        """
        future = self.submit(item)
        try:
            return future.result(timeout=WAIT_SECONDS_MAX)
        except FutureTimeout:
            future.cancel()
            self._owes = True  # the caller may leave a note of what the log is owed
            raise LogUnavailable from None

    async def record_soon(self, item: Item) -> Recorded:
        """The same as `record` for an event loop, which goes on meanwhile.

        The writer is told when the loop has no others at hand that bring items too: a commit costs
        as much for many.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Recorded] = loop.create_future()
        self._enqueue(item, waiter)
        if self._gatherer is not loop:
            self._gatherer = loop
            self._gather(loop)
        timer = loop.call_later(WAIT_SECONDS_MAX, self._give_up, waiter)
        try:
            return await waiter
        finally:
            timer.cancel()

    def _gather(
        self, loop: asyncio.AbstractEventLoop, seen: int = 0, turns: int = _QUIET_TURNS
    ) -> None:
        """Lets the loop take its turns while they bring items, and then tells the writer."""
        queued = len(self._queue)
        if turns and queued < GATHERED_ITEMS_MAX:
            turns = turns - 1 if queued == seen else _QUIET_TURNS
            loop.call_soon(self._gather, loop, queued, turns)
        else:
            self._gatherer = None
            self._nudge()

    def _give_up(self, waiter: "asyncio.Future[Recorded]") -> None:
        self._owes = True
        _tell([(waiter, LogUnavailable())])

    def close(self) -> None:
        """Commits what is queued and stops."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._nudged and not self._stopped:
                    self._wake.wait()
                if not self._queue and self._stopped:
                    return
                taken = [
                    self._queue.popleft() for _ in range(min(len(self._queue), BATCH_ITEMS_MAX))
                ]
                self._nudged = bool(self._queue)
            # An item whose waiter gave up before it was taken leaves no trace.
            live = [(item, waiter) for item, waiter in taken if _waits(waiter)]
            if live:
                self._process(live)

    def _process(self, live: "list[tuple[Item, Waiter]]") -> None:
        items, began = [item for item, _ in live], time.monotonic()
        self._busy = True
        results: list[Recorded | Exception]
        try:
            results = self._commit(items)
        except LogUnavailable as unavailable:
            results = [unavailable] * len(items)
        except Exception as fault:  # noqa: BLE001 - one bad item must not take the others along
            results = [self._alone(item) for item in items] if len(items) > 1 else [_blamed(fault)]
        self.told(len(items), len(self._queue), time.monotonic() - began)
        self._busy = False  # whoever is told now may try again at once
        soon: dict[asyncio.AbstractEventLoop, list[Told]] = {}
        for (_, waiter), result in zip(live, results, strict=True):
            if isinstance(waiter, asyncio.Future):
                soon.setdefault(waiter.get_loop(), []).append((waiter, result))
            else:
                _tell([(waiter, result)])
        for loop, told in soon.items():
            with suppress(RuntimeError):  # a loop that is closed has nobody waiting any more
                loop.call_soon_threadsafe(_tell, told)

    def _alone(self, item: Item) -> Recorded | Exception:
        """The second and last try of an item whose batch was rolled back."""
        try:
            return self._commit([item])[0]
        except Exception as fault:  # noqa: BLE001 - handed to the waiter
            return _blamed(fault)

    def _commit(self, items: Sequence[Item]) -> list[Recorded | Exception]:
        """Commits items in one transaction, after any entries the log still owes.

        Raises `LogUnavailable` where the database is to blame, and what an item raised where that
        is; nothing is committed in either case. A COMMIT whose answer was lost is looked up.
        """
        batch = None
        try:
            owed = self._owed() if self._owes else ()  # looked up before the lock is taken
            with self._database.write() as connection, self.turn:
                batch = self._log.begin(connection)
                for item in owed:
                    _sequence(connection, batch, item)
                results: list[Recorded | Exception] = [
                    _sequence(connection, batch, item) for item in items
                ]
                batch.store()
        except (LogUnavailable, Unavailable):
            self._owes = self._broken = True
            if batch is None or batch.signed is None or not self._log.holds(batch):
                raise LogUnavailable from None
        except Exception:
            self._owes = False  # what is owed may be to blame: the sweeper tries it one by one
            raise
        self._owes = self._broken = False
        if batch.signed is not None:
            self._log.committed(batch.signed)
            self._committed(batch.signed[0])
        return results


def _waits(waiter: Waiter) -> bool:
    """Whether somebody still waits; a thread can't give up from here on."""
    if isinstance(waiter, asyncio.Future):
        return not waiter.done()
    return waiter.set_running_or_notify_cancel()


def _tell(told: Sequence[Told]) -> None:
    for waiter, result in told:
        if waiter.done():  # it gave up meanwhile
            continue
        if isinstance(result, Recorded):
            waiter.set_result(result)
        else:
            waiter.set_exception(result)


def _sequence(connection: Connection, batch: Batch, item: Item) -> Recorded | PremiseFailed:
    if not all(_holds(connection, premise) for premise in item.premises):
        return PremiseFailed()
    for right in item.rights:
        if not _holds(connection, right):
            event = replace(
                item.denied or item.event,
                outcome="denied",
                reason=right.reason,
                fields_given=None,
            )
            return batch.add(item.key, event, visible_after=item.visible_after)
    for write in item.writes:
        connection.execute(write.statement, write.values)
    return batch.add(item.key, item.event, item.refs, item.visible_after, alarm=item.alarm)


def _blamed(fault: Exception) -> Exception:
    """What a waiter is told: its own item's fault as it is, any other as a log that is broken."""
    if isinstance(fault, IntegrityError | MalformedEntry | VaultError):
        return fault
    _logger.error("the log can't be written: %s", type(fault).__name__)
    return LogUnavailable()


def _holds(connection: Connection, condition: Step) -> bool:
    result = connection.execute(condition.statement, condition.values)
    return len(result.all()) == 1 if result.returns_rows else result.rowcount == 1
