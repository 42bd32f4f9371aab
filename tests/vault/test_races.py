"""What happens at the same time happens in one order, the log's, and both sides agree on it."""
# ruff: noqa: B023 - the calls of a round have ended before the next round begins

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select

from audit.entry import Event
from crypto.encoding import b64u
from crypto.jose import generate_key
from crypto.primitives import random_bytes
from operate.verification import verify_data
from tests.builders import AgencyDesk, Citizen, Store, registration
from tests.vault.entries import entries_of
from tests.vault.tables import vaults
from vault import caller
from vault.errors import (
    CannotUnlock,
    Conflict,
    InvalidGrant,
    InvalidToken,
    NotFound,
    Refused,
    SessionEnded,
    VaultError,
)
from vault.keys import AuditKey
from vault.redeeming import Redeemed
from vault.sessions import UnlockSecret, open_session
from vault.vault import Vault

NAME, BIRTH = "identity.given_name", "identity.birth_date"
SOME_ROUNDS = pytest.mark.parametrize("rounds", [12])  # more of them: test_process_races.py
ROUND_ENTRIES_MAX = 20
ROUNDS = pytest.mark.parametrize(
    "rounds", [pytest.param(12, id="some"), pytest.param(100, id="many", marks=pytest.mark.slow)]
)


@dataclass
class Two:
    """One installation opened by two processes, as far as the databases can tell."""

    store: Store
    first: Vault
    second: Vault

    def citizen(self, citizen: Citizen) -> tuple[Citizen, Citizen]:
        return citizen, replace(citizen, vault=self.second)

    def agency(self, agency: AgencyDesk) -> tuple[AgencyDesk, AgencyDesk]:
        return agency, replace(agency, vault=self.second)

    def told(self, key: AuditKey, newest: int | None = None) -> list[tuple[int, Event]]:
        """(index, event) of every entry under an audit key, or of the newest, oldest first."""
        return [(one.index, one.event) for one in entries_of(self.first.system, key, newest)]

    def key_of(self, citizen: Citizen) -> AuditKey:
        return open_session(self.first.system, citizen.owner, self.store.clock.ms).context.audit_key

    def check(self) -> None:
        """The log is whole and the tables are what it tells; nothing ended keeps a salt."""
        self.first.sweep()
        assert verify_data(self.store.settings).findings == ()


@pytest.fixture
def two(store: Store) -> Iterator[Two]:
    first = store.reopen(offers_per_day=100_000, owner_acts_per_hour=100_000)
    second = Vault.open(store.settings, store.clock)
    yield Two(store, first, second)
    second.close()


def race(seed: int, *calls: Callable[[], Any]) -> list[Any]:
    """What each call returned or raised; they start within three milliseconds of each other."""
    barrier, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(number: int, call: Callable[[], Any]) -> None:
        digest = hashlib.sha256(f"{seed}/{number}".encode()).digest()
        barrier.wait()
        time.sleep(digest[0] * digest[1] / 65_025 * 0.003)
        try:
            results[number] = call()
        except Exception as error:  # noqa: BLE001 - compared by the test
            results[number] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=one) for one in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


def kinds(results: list[Any]) -> list[type]:
    return [type(result) for result in results]


def reading(agency: AgencyDesk, token: str, officer: str) -> Callable[[], Any]:
    return lambda: agency.read(token, [NAME], officer=officer)


# A code


@SOME_ROUNDS
def test_of_many_redemptions_one_gives_a_token_and_it_is_dead_afterwards(
    two: Two, rounds: int
) -> None:
    citizen, desks = two.store.citizen(), two.agency(two.store.agency())
    for seed in range(rounds):
        offer = citizen.offer(desks[0], [NAME])
        calls = [lambda n=n: desks[n % 2].redeem(offer.code) for n in range(6)]

        results = race(seed, *calls)

        [redeemed] = [r for r in results if isinstance(r, Redeemed)]
        assert kinds(results).count(InvalidGrant) == 5, results
        for desk in desks:
            with pytest.raises(InvalidToken):
                desk.read(redeemed.token, [NAME])
    assert len(citizen.alarms()) == rounds
    two.check()
    assert two.first.system.keystore.rows("grant") == []


@SOME_ROUNDS
def test_a_value_put_during_a_redemption_is_lost_to_neither_phase(two: Two, rounds: int) -> None:
    citizens, desks = two.citizen(two.store.citizen()), two.agency(two.store.agency())
    for seed in range(rounds):
        offer = citizens[0].offer(desks[0], [NAME, BIRTH], follow=True)

        results = race(
            seed,
            lambda: desks[0].redeem(offer.code),
            lambda: citizens[1].put({NAME: f"Name-{seed}"}),
        )

        assert kinds(results) == [Redeemed, type(None)], results
        released = desks[1].read(results[0].token, [NAME, BIRTH])
        assert released[NAME].statement.value == f"Name-{seed}"
        two.first.end_grant(citizens[0].owner, offer.grant_id)
    two.check()


@SOME_ROUNDS
def test_a_redemption_during_the_end_leaves_nothing_that_opens(two: Two, rounds: int) -> None:
    citizen, desks = two.store.citizen(), two.agency(two.store.agency())
    for seed in range(rounds):
        offer = citizen.offer(desks[0], [NAME])

        redeemed, ended = race(
            seed,
            lambda: desks[0].redeem(offer.code),
            lambda: two.second.end_grant(citizen.owner, offer.grant_id),
        )

        assert ended.recorded
        if isinstance(redeemed, Redeemed):
            with pytest.raises(InvalidToken):
                desks[seed % 2].read(redeemed.token, [NAME])
        else:
            assert isinstance(redeemed, InvalidGrant)
    two.check()
    assert two.first.system.keystore.rows("grant") == []
    assert citizen.alarms() == []


@SOME_ROUNDS
def test_a_redemption_during_the_expiry_is_one_or_the_other(two: Two, rounds: int) -> None:
    citizen, desks = two.store.citizen(), two.agency(two.store.agency())
    key, clock = two.key_of(citizen), two.store.clock

    def expire() -> None:
        clock.advance(seconds=120)
        two.second.sweep()

    for seed in range(rounds):
        citizen.unlock()
        offer = citizen.offer(desks[0], [NAME])

        redeemed, _ = race(seed, lambda: desks[0].redeem(offer.code), expire)

        told = [
            e.action
            for _, e in two.told(key)
            if e.grant == offer.grant_id and e.outcome == "permitted"
        ]
        if isinstance(redeemed, Redeemed):
            assert told[:2] == ["offer.create", "grant.redeem"]
            if "grant.end" not in told:
                assert desks[0].read(redeemed.token, [NAME])
        else:
            assert isinstance(redeemed, InvalidGrant)
            assert told == ["offer.create", "grant.end"]
        if "grant.end" in told and isinstance(redeemed, Redeemed):
            with pytest.raises(InvalidToken):
                desks[1].read(redeemed.token, [NAME])
    two.check()


# Reads


@SOME_ROUNDS
def test_a_read_is_released_exactly_if_it_stands_in_the_log_before_the_end(
    two: Two, rounds: int
) -> None:
    citizen, desks = two.store.citizen(), two.agency(two.store.agency())
    key = two.key_of(citizen)
    for seed in range(rounds):
        offer = citizen.offer(desks[0], [NAME])
        token = desks[0].redeem(offer.code).token
        reads = [reading(desks[n % 2], token, f"officer-{n}") for n in range(5)]

        *results, ended = race(
            seed, *reads, lambda: two.second.end_grant(citizen.owner, offer.grant_id)
        )

        assert ended.recorded
        told = [(i, e) for i, e in two.told(key) if e.grant == offer.grant_id]
        [end] = [i for i, e in told if e.action == "grant.end"]
        entries = {e.officer.id: (i, e.outcome) for i, e in told if e.officer is not None}
        for number, result in enumerate(results):
            index, outcome = entries[f"officer-{number}"]
            released = not isinstance(result, InvalidToken)
            assert released == (outcome == "permitted") == (index < end), result
    two.check()


@SOME_ROUNDS
def test_never_more_reads_than_allowed_are_released(two: Two, rounds: int) -> None:
    citizen, desks = two.store.citizen(), two.agency(two.store.agency())
    for seed in range(rounds):
        offer = citizen.offer(desks[0], [NAME], reads_max=3)
        token = desks[0].redeem(offer.code).token

        results = race(seed, *(reading(desks[n % 2], token, f"o-{n}") for n in range(7)))

        assert kinds(results).count(dict) == 3, results
        assert kinds(results).count(InvalidToken) == 4, results
        [grant] = [g for g in two.first.grants(citizen.owner) if g.grant_id == offer.grant_id]
        assert grant.reads_used == 3
    two.check()


@ROUNDS
def test_no_read_follows_the_revocation_of_the_agency(two: Two, rounds: int) -> None:
    citizen = two.store.citizen()
    key, system_key = two.key_of(citizen), two.first.system.system_key
    for seed in range(rounds):
        desks = two.agency(two.store.agency(f"https://agency-{seed}.example"))
        token = desks[0].redeem(citizen.offer(desks[0], [NAME]).code).token
        reads = [reading(desks[n % 2], token, f"{seed}-{n}") for n in range(4)]

        *results, revoked = race(
            seed, *reads, lambda: two.second.revoke_agency(caller.Operator(), desks[0].id, None)
        )

        assert revoked == 2
        told = two.told(system_key, ROUND_ENTRIES_MAX), two.told(key, ROUND_ENTRIES_MAX)
        end = max(i for i, e in told[0] if e.action == "registry.revoke")
        entries = {e.officer.id: i for i, e in told[1] if e.officer is not None}
        for number, result in enumerate(results):
            released = not isinstance(result, InvalidToken)
            assert released == (entries[f"{seed}-{number}"] < end), result
    two.check()


# The owner's own


@ROUNDS
def test_values_put_at_the_same_time_are_numbered_without_a_gap(two: Two, rounds: int) -> None:
    citizens = two.citizen(two.store.citizen({}))
    stated = set[str]()
    for seed in range(rounds):
        results = race(
            seed,
            *(lambda n=n: citizens[n % 2].put({NAME: f"Name-{seed}-{n}"}) for n in range(4)),
        )
        assert all(r is None or isinstance(r, Conflict) for r in results), results
        assert None in results
        stated |= {f"Name-{seed}-{n}" for n, r in enumerate(results) if r is None}

    versions = two.first.history(citizens[0].owner, NAME)
    assert [one.seq for one in versions] == list(range(len(versions), 0, -1))
    assert {one.statement.value for one in versions} == stated
    two.check()


@ROUNDS
def test_two_ways_to_unlock_stay_whoever_removes_which(two: Two, rounds: int) -> None:
    for seed in range(rounds):
        citizen = two.store.citizen({})
        for _ in range(2):
            new = UnlockSecret.device(b64u(random_bytes(32)))
            two.first.add_method(caller.Stranger(), UnlockSecret.device(citizen.device_secret), new)
        found = two.first.overview(citizen.owner).methods
        devices = [m.id for m in found if m.kind == "device"]
        calls = [
            lambda n=n, d=d: (two.first, two.second)[n % 2].remove_method(citizen.owner, d)
            for n, d in enumerate(devices)
        ]

        results = race(seed, *calls)

        left = two.first.overview(citizen.owner).methods
        assert kinds(results).count(type(None)) == 2, results
        assert kinds(results).count(Refused) + kinds(results).count(Conflict) == 1, results
        assert sorted(m.kind for m in left) == ["device", "recovery"]
    two.check()


@ROUNDS
def test_after_an_erasure_nothing_opens_whatever_was_under_way(two: Two, rounds: int) -> None:
    agency = two.agency(two.store.agency())
    for seed in range(rounds):
        citizen = two.store.citizen()
        key = two.key_of(citizen)
        owners = two.citizen(citizen)
        token = agency[0].redeem(citizen.offer(agency[0], [NAME]).code).token
        offer = citizen.offer(agency[0], [NAME])
        secret = UnlockSecret.device(citizen.device_secret)

        results = race(
            seed,
            lambda: two.first.erase(citizen.owner),
            reading(agency[1], token, "officer"),
            lambda: agency[1].redeem(offer.code),
            lambda: owners[1].put({NAME: "Nova"}),
            lambda: owners[1].offer(agency[0], [BIRTH]),
            lambda: two.second.unlock(caller.Stranger(), secret),
            lambda: two.second.end_grant(citizen.owner, offer.grant_id),
            lambda: two.second.erase(citizen.owner),
        )

        assert any(getattr(r, "recorded", False) for r in (results[0], results[-1])), results
        assert all(isinstance(r, VaultError) for r in results if isinstance(r, Exception)), results
        _assert_erased(two, citizen, agency[0], [token, getattr(results[2], "token", token)])
        permitted = [
            e for _, e in two.told(key) if (e.action, e.outcome) == ("data.read", "permitted")
        ]
        assert len(permitted) == (not isinstance(results[1], Exception))
    two.check()
    erased = [e for _, e in two.told(two.first.system.system_key) if e.action == "vault.erase"]
    assert len(erased) == rounds


def _assert_erased(two: Two, citizen: Citizen, agency: AgencyDesk, tokens: list[str]) -> None:
    for token in tokens:
        with pytest.raises(InvalidToken):
            agency.read(token, [NAME])
    with pytest.raises(CannotUnlock):
        two.second.unlock(caller.Stranger(), UnlockSecret.device(citizen.device_secret))
    with pytest.raises(SessionEnded):
        two.second.overview(citizen.owner)
    with two.first.system.main.via_sqlalchemy() as connection:
        assert citizen.vault_id not in connection.execute(select(vaults.c.vault_id)).scalars().all()
    rows = two.first.system.keystore.rows()
    assert {row.key.kind for row in rows if row.vault_id == citizen.vault_id} <= {
        "session",
        "grant",
    }


# The registry


@ROUNDS
def test_registering_and_revoking_have_one_order(two: Two, rounds: int) -> None:
    key = generate_key()
    operator = caller.Operator()
    for seed in range(rounds):
        name = f"https://agency-{seed}.example"
        document = registration(name, key)

        results = race(
            seed,
            lambda: two.first.register_agency(operator, document),
            lambda: two.second.register_agency(operator, document),
            lambda: two.second.revoke_agency(operator, name, None),
        )

        assert kinds(results[:2]).count(str) == 1, results
        assert kinds(results[:2]).count(Conflict) == 1, results
        revoked = results[2] == 2
        assert revoked or isinstance(results[2], NotFound)
        for vault in (two.first, two.second):
            assert (name in vault.registry().agencies) is not revoked
    two.check()
