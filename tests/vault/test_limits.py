"""What is counted has a limit, and fills no log (docs/audit.md, 1 What is logged)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from audit.entry import Event
from tests.builders import NOON_MS, Citizen, Store
from tests.vault.entries import entries_of
from vault.errors import InvalidGrant, InvalidToken, TooMany
from vault.keys import AuditKey
from vault.limits import Limits
from vault.sessions import open_session
from vault.settings import Settings

NAME = "identity.given_name"
REFUSALS = "refusals_per_minute"
MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def key_of(store: Store, citizen: Citizen) -> AuditKey:
    return open_session(store.vault.system, citizen.owner, store.clock.ms).context.audit_key


def told(store: Store, key: AuditKey) -> list[Event]:
    return [one.event for one in entries_of(store.vault.system, key)]


def limits(**most: Any) -> Limits:
    made = Settings(data=Path("d"), keys=Path("k"), anchor=Path("a"), **most)
    return Limits(made)


def test_the_limits_are_600_a_minute_10_an_hour_for_strangers_and_300_for_owners() -> None:
    fields = Settings.model_fields

    assert fields["refusals_per_minute"].default == 600
    assert fields["stranger_refusals_per_hour"].default == 10
    assert fields["owner_acts_per_hour"].default == 300


def test_a_caller_is_turned_away_once_the_minute_is_full_and_not_before() -> None:
    counts = limits()
    for number in range(600):
        counts.check(REFUSALS, "agency", NOON_MS + number)
        assert counts.admits(REFUSALS, "agency", NOON_MS + number)

    with pytest.raises(TooMany) as turned_away:
        counts.check(REFUSALS, "agency", NOON_MS + 12_345)

    assert turned_away.value.retry_after_seconds == 60 - 12
    assert turned_away.value.limit == REFUSALS
    counts.check(REFUSALS, "another", NOON_MS)
    counts.check(REFUSALS, "agency", NOON_MS + MINUTE_MS)


def test_calls_that_are_not_refused_are_not_counted() -> None:
    counts = limits(refusals_per_minute=1)

    for _ in range(10):
        counts.check(REFUSALS, "agency", NOON_MS)

    assert counts.turned_away(NOON_MS + MINUTE_MS) == []


def test_a_minute_is_closed_once_it_is_over_and_tells_who_was_turned_away_how_often() -> None:
    counts = limits(refusals_per_minute=2)
    for caller in ("busy", "calm"):
        counts.admits(REFUSALS, caller, NOON_MS)
    counts.admits(REFUSALS, "busy", NOON_MS)
    for _ in range(5):
        with pytest.raises(TooMany):
            counts.check(REFUSALS, "busy", NOON_MS)

    assert counts.turned_away(NOON_MS + MINUTE_MS - 1) == []
    [(minute, calls)] = counts.turned_away(NOON_MS + MINUTE_MS)
    assert (minute[1], calls) == ("busy", 5)
    assert counts.turned_away(NOON_MS + MINUTE_MS) == [(minute, 5)], "until it is recorded"
    counts.forget(minute)
    assert counts.turned_away(NOON_MS + MINUTE_MS) == []


def test_threads_lose_no_count() -> None:
    counts = limits(refusals_per_minute=100)

    def refuse(_: int) -> bool:
        try:
            counts.check(REFUSALS, "agency", NOON_MS)
        except TooMany:
            return False
        return counts.admits(REFUSALS, "agency", NOON_MS)

    with ThreadPoolExecutor(8) as pool:
        admitted = sum(pool.map(refuse, range(1000)))

    assert admitted == 100
    turned_away = sum(calls for _, calls in counts.turned_away(NOON_MS + MINUTE_MS))
    assert 900 - 8 < turned_away <= 900


def test_who_comes_while_the_last_place_is_asked_for_does_not_take_it_away() -> None:
    counts = limits(registrations_per_hour=3)
    asked: list[bool] = []

    def spend() -> bool:
        return counts.admits("registrations_per_hour", "203.0.113.9", NOON_MS)

    def share(_: object) -> int:
        asked.append(True)
        total = len(asked)
        if total == 3:
            assert [spend(), spend()] == [False, False]
        return total

    counts.share = share

    assert [spend() for _ in range(4)] == [True, True, True, False]
    assert len(asked) == 3


def test_what_others_counted_fills_the_limit_here_too() -> None:
    counts = limits(registrations_per_hour=3)
    counts.share = lambda _: 3

    assert counts.admits("registrations_per_hour", "203.0.113.9", NOON_MS)
    counts.share = lambda _: 0
    assert not counts.admits("registrations_per_hour", "203.0.113.9", NOON_MS)


def test_strangers_are_entries_ten_times_an_hour_and_vault() -> None:
    counts = limits()

    def admits(who: bytes, now_ms: int) -> bool:
        return counts.admits("stranger_refusals_per_hour", who, now_ms)

    assert [admits(b"v", NOON_MS) for _ in range(12)] == [True] * 10 + [False] * 2
    assert admits(b"w", NOON_MS)
    assert not admits(b"v", NOON_MS + HOUR_MS - 1)
    assert admits(b"v", NOON_MS + HOUR_MS)


def test_what_is_spent_is_refused_until_the_hour_is_over() -> None:
    counts = limits(registrations_per_hour=1)
    counts.spend("registrations_per_hour", "203.0.113.9", NOON_MS)

    with pytest.raises(TooMany) as refused:
        counts.spend("registrations_per_hour", "203.0.113.9", NOON_MS + 1_800_000)

    assert (refused.value.limit, refused.value.retry_after_seconds) == (
        "registrations_per_hour",
        1800,
    )
    counts.spend("registrations_per_hour", "203.0.113.9", NOON_MS + HOUR_MS)


def test_the_memory_of_counts_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vault.limits._KEYS_MAX", 100)
    counts = limits()

    for number in range(1000):
        counts.admits("registrations_per_hour", str(number), NOON_MS)

    assert len(counts._counts) <= 100


def test_counts_are_forgotten_when_their_window_is_over() -> None:
    counts = limits()
    counts.admits(REFUSALS, "agency", NOON_MS)

    counts.turned_away(NOON_MS + MINUTE_MS)

    assert counts._counts == {}


def test_an_owner_does_only_so_much_an_hour_and_may_always_take_back(store: Store) -> None:
    store.reopen(owner_acts_per_hour=5)
    citizen, other, agency = store.citizen(), store.citizen(), store.agency()
    size = store.vault.system.log.head
    citizen.put({NAME: "Ada"})
    shared = citizen.offer(agency, [NAME])
    citizen.put({NAME: "Bea"})
    citizen.put({NAME: "Cleo"})
    before = size().frontier.size

    for act in (
        lambda: citizen.put({NAME: "Dora"}),
        citizen.unlock,
        lambda: citizen.offer(agency, [NAME]),
    ):
        with pytest.raises(TooMany) as refused:
            act()
        assert refused.value.limit == "owner_acts_per_hour"

    assert size().frontier.size == before, "nothing more is in the log"
    assert citizen.vault.end_grant(citizen.owner, shared.grant_id).recorded
    other.put({NAME: "Eva"})
    store.clock.advance(seconds=3600)
    citizen.unlock().put({NAME: "Fay"})


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
