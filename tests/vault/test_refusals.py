"""Refusals become entries up to a limit, then one that counts (docs/audit.md, 1 What is logged)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import event

from audit.entry import Event, decode_event
from tests.builders import NOON_MS, Citizen, Store
from vault.errors import InvalidGrant, InvalidToken, TooMany
from vault.keys import AuditKey
from vault.refusals import Refusals
from vault.sessions import open_session
from vault.settings import Settings

NAME = "identity.given_name"
MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def key_of(store: Store, citizen: Citizen) -> AuditKey:
    return open_session(store.vault.system, citizen.owner, store.clock.ms).context.audit_key


def told(store: Store, key: AuditKey) -> list[Event]:
    log = store.vault.system.log
    stored, origins = log.openings_of(key.subject), log.origins()
    return [decode_event(one.open(key, origins).event) for one in stored]


def test_the_limits_are_600_a_minute_and_10_an_hour() -> None:
    fields = Settings.model_fields

    assert fields["refusals_per_minute"].default == 600
    assert fields["stranger_refusals_per_hour"].default == 10


def test_a_caller_is_turned_away_once_the_minute_is_full_and_not_before() -> None:
    refusals = Refusals(600, 10)
    for number in range(600):
        refusals.check("agency", NOON_MS + number)
        refusals.count("agency", NOON_MS + number)

    with pytest.raises(TooMany) as turned_away:
        refusals.check("agency", NOON_MS + 12_345)

    assert turned_away.value.retry_after_seconds == 60 - 12
    refusals.check("another", NOON_MS)
    refusals.check("agency", NOON_MS + MINUTE_MS)


def test_calls_that_are_not_refused_are_not_counted() -> None:
    refusals = Refusals(1, 10)

    for _ in range(10):
        refusals.check("agency", NOON_MS)

    assert refusals.turned_away(NOON_MS + MINUTE_MS) == []


def test_a_minute_is_closed_once_it_is_over_and_tells_who_was_turned_away_how_often() -> None:
    refusals = Refusals(2, 10)
    for caller in ("busy", "calm"):
        refusals.count(caller, NOON_MS)
    refusals.count("busy", NOON_MS)
    for _ in range(5):
        with pytest.raises(TooMany):
            refusals.check("busy", NOON_MS)

    assert refusals.turned_away(NOON_MS + MINUTE_MS - 1) == []
    [(minute, calls)] = refusals.turned_away(NOON_MS + MINUTE_MS)
    assert (minute[0], calls) == ("busy", 5)
    assert refusals.turned_away(NOON_MS + MINUTE_MS) == [(minute, 5)], "until it is recorded"
    refusals.forget(minute)
    assert refusals.turned_away(NOON_MS + MINUTE_MS) == []


def test_threads_lose_no_count() -> None:
    refusals = Refusals(100, 10)

    def refuse(_: int) -> bool:
        try:
            refusals.check("agency", NOON_MS)
        except TooMany:
            return False
        refusals.count("agency", NOON_MS)
        return True

    with ThreadPoolExecutor(8) as pool:
        admitted = sum(pool.map(refuse, range(1000)))

    assert 100 <= admitted < 108
    assert [calls for _, calls in refusals.turned_away(NOON_MS + MINUTE_MS)] == [900]


def test_strangers_are_entries_ten_times_an_hour_and_vault() -> None:
    refusals = Refusals(600, 10)

    admitted = [refusals.admits_stranger(b"v", NOON_MS) for _ in range(12)]

    assert admitted == [True] * 10 + [False] * 2
    assert refusals.admits_stranger(b"w", NOON_MS)
    assert not refusals.admits_stranger(b"v", NOON_MS + HOUR_MS - 1)
    assert refusals.admits_stranger(b"v", NOON_MS + HOUR_MS)


def test_the_memory_of_strangers_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vault.refusals._STRANGERS_MAX", 100)
    refusals = Refusals(600, 10)

    for number in range(1000):
        refusals.admits_stranger(number.to_bytes(16, "big"), NOON_MS)

    assert len(refusals._strangers) <= 100


def test_an_agency_with_too_many_wrong_codes_is_turned_away_before_any_look_up(
    store: Store,
) -> None:
    store.reopen(refusals_per_minute=3)
    citizen, agency = store.citizen(), store.agency()
    code = citizen.offer(agency, [NAME]).code
    for _ in range(3):
        with pytest.raises(InvalidGrant):
            agency.redeem("VG1-wrong")
    system = store.vault.system
    size, statements = system.log.head().frontier.size, list[str]()
    for database in (system.main, system.keystore._database):
        event.listen(
            database.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
        )

    for _ in range(4):
        with pytest.raises(TooMany):
            agency.redeem(code)

    assert statements == []
    assert system.log.head().frontier.size == size
    store.clock.advance(seconds=60)
    store.vault.sweep()
    limited = [e for e in told(store, system.system_key) if e.action == "calls.limited"]
    assert [(e.outcome, e.count) for e in limited] == [("denied", 4)]
    agency.redeem(citizen.offer(agency, [NAME]).code)


def test_a_token_in_strange_hands_fills_no_log(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    token = agency.redeem(citizen.offer(agency, [NAME]).code).token

    for number in range(15):
        thief = replace(agency, thumbprint=f"thief-{number}")
        with pytest.raises(InvalidToken):
            thief.read(token, [NAME])

    reasons = [e.reason for e in told(store, key_of(store, citizen)) if e.action == "data.read"]
    assert reasons == ["wrong_key"] * 10
    assert agency.read(token, [NAME]), "the agency itself is not held up"
    store.clock.advance(seconds=3600)
    with pytest.raises(InvalidToken):
        replace(agency, thumbprint="thief").read(token, [NAME])
    citizen.unlock()
    reasons = [e.reason for e in told(store, key_of(store, citizen)) if e.action == "data.read"]
    assert reasons.count("wrong_key") == 11


def test_a_token_nobody_knows_leaves_no_entry(store: Store) -> None:
    agency, size = store.agency(), store.vault.system.log.head().frontier.size

    with pytest.raises(InvalidToken):
        agency.read("va1_" + "A" * 43, [NAME])

    assert store.vault.system.log.head().frontier.size == size
