"""PostgreSQL is killed, or its connections are, while people work: what was acknowledged stays."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from operate.doctor import WRONG, examine
from operate.verification import verify_data
from tests.builders import AgencyDesk, Citizen, Store, whole_log
from tests.stoppable import Stoppable
from vault.errors import VaultError

NAME = "identity.given_name"
ACTS_SECONDS = 0.6
BACK_SECONDS_MAX = 60


@pytest.fixture
def server() -> Iterator[Stoppable]:
    with Stoppable.start() as started:
        yield started


def killed(server: Stoppable) -> None:
    server.kill()
    time.sleep(0.2)
    server.start_again()


def cut_off(server: Stoppable) -> None:
    for _ in range(10):
        server.end_connections()
        time.sleep(0.05)


@dataclass
class Person(threading.Thread):
    """Puts, offers, redeems, reads and ends as fast as it goes; notes what was acknowledged."""

    citizen: Citizen
    agency: AgencyDesk
    stop: threading.Event
    tried: list[str] = field(default_factory=list)  # values, in order
    put: int = -1  # where in it the last acknowledged one is
    done: Counter[tuple[str, bytes]] = field(default_factory=Counter)  # by action and grant
    failed: int = 0

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                self.once()
            except VaultError:
                self.failed += 1
                time.sleep(0.02)

    def once(self) -> None:
        self.tried.append(f"Name-{len(self.tried)}")
        number = len(self.tried) - 1
        self.citizen.put({NAME: self.tried[number]})
        self.put = number
        self.done["value.put", b""] += 1
        offer = self.citizen.offer(self.agency, [NAME])
        self.done["offer.create", offer.grant_id] += 1
        token = self.agency.redeem(offer.code).token
        self.done["grant.redeem", offer.grant_id] += 1
        assert self.agency.read(token, [NAME])
        self.done["data.read", offer.grant_id] += 1
        self.citizen.vault.end_grant(self.citizen.owner, offer.grant_id)
        self.done["grant.end", offer.grant_id] += 1

    def check(self) -> None:
        """Everything that was acknowledged is in the log and in the tables."""
        told = Counter[tuple[str, bytes]]()
        for entry in whole_log(self.citizen.vault, self.citizen.owner):
            if entry.event.outcome == "permitted":
                told[entry.event.action, entry.event.grant or b""] += 1
        assert self.done <= told, self.done - told
        ends = [count for (action, _), count in told.items() if action == "grant.end"]
        assert set(ends) <= {1}
        assert self.citizen.values()[NAME] in self.tried[self.put :]
        states = {g.grant_id: g.state for g in self.citizen.vault.grants(self.citizen.owner)}
        assert {states[grant] for action, grant in self.done if action == "grant.end"} == {"ended"}


@pytest.mark.slow
@pytest.mark.parametrize("fault", [killed, cut_off])
def test_the_database_fails_while_people_work_and_nothing_acknowledged_is_lost(
    tmp_path: Path, server: Stoppable, fault: Callable[[Stoppable], None]
) -> None:
    store = Store.make(tmp_path, **server.urls)
    store.reopen(offers_per_day=100_000, owner_acts_per_hour=100_000)
    stop, agency = threading.Event(), store.agency()
    people = [Person(store.citizen({}), replace(agency), stop) for _ in range(4)]
    for person in people:
        person.start()
    for _ in range(3):
        time.sleep(ACTS_SECONDS)
        fault(server)
    went_on = sum(person.put for person in people)
    deadline = time.monotonic() + BACK_SECONDS_MAX
    while sum(person.put for person in people) < went_on + 8:
        assert time.monotonic() < deadline, "it does not come back by itself"
        time.sleep(0.05)
    stop.set()
    for person in people:
        person.join(timeout=60)

    assert sum(person.failed for person in people) > 0, "nobody noticed"
    for _ in range(2):
        store.vault.sweep()
        store.vault.sweep()
        for person in people:
            person.citizen.vault = store.vault
            person.check()
        assert verify_data(store.settings).findings == ()
        assert [one for one in examine(store.settings.data) if one.level == WRONG] == []
        assert store.vault.system.keystore.voided() == []
        store.reopen()
    store.close()
