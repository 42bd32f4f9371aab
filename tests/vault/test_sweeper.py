"""The sweeper finishes what was begun and ends what is over, whenever it was interrupted."""

import logging
import time
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import OperationalError

from operate.verification import verify_data
from tests.builders import PERSON, AgencyDesk, Citizen, Store
from tests.vault.entries import entries_of
from tests.vault.tables import grants, methods, replays, routes, salts, sessions, vaults
from vault import caller
from vault.errors import (
    CannotUnlock,
    InvalidGrant,
    InvalidToken,
    LogUnavailable,
    SessionEnded,
    TooMany,
    Unavailable,
)
from vault.keystore import SaltKey
from vault.sequencer import Item
from vault.sessions import UnlockSecret
from vault.sweeper import Sweeper, sweep
from vault.unlocking import session_id
from vault.vault import Vault

NAME = "identity.given_name"


class PowerCut(BaseException):
    """The process is gone: nothing catches this."""


def cut_power(vault: Vault, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """The process ends where it would have deleted salts."""

    def stop(*_: Any, **__: Any) -> None:
        raise PowerCut

    for name in names:
        monkeypatch.setattr(vault.system.keystore, name, stop)


def restart(store: Store, citizen: Citizen, agency: AgencyDesk | None = None) -> None:
    """Another process opens the same files."""
    citizen.vault = store.reopen()
    if agency is not None:
        agency.vault = citizen.vault


def salts_of(store: Store, kind: str) -> set[SaltKey]:
    return {row.key for row in store.vault.system.keystore.rows(kind)}


def count(store: Store, table: Any) -> int:
    with store.vault.system.main.via_sqlalchemy() as connection:
        return len(connection.execute(select(table)).all())


def system_log(store: Store) -> list[tuple[str, int | None]]:
    system = store.vault.system
    found = entries_of(system, system.system_key)
    return [(one.event.action, one.event.count) for one in found]


def assert_whole(store: Store) -> None:
    assert verify_data(store.settings).findings == ()


# What a crash between the two databases leaves is finished


def test_a_redemption_that_broke_off_loses_the_salt_of_its_code(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, agency = store.citizen(), store.agency()
    offer = citizen.offer(agency, [NAME])
    cut_power(store.vault, monkeypatch, "drop_phases")
    with pytest.raises(PowerCut):
        agency.redeem(offer.code)
    restart(store, citizen, agency)
    assert salts_of(store, "grant") == {SaltKey("grant", offer.grant_id, n) for n in (0, 1)}

    store.vault.sweep()

    assert salts_of(store, "grant") == {SaltKey("grant", offer.grant_id, 1)}
    with pytest.raises(InvalidGrant):
        agency.redeem(offer.code)
    assert citizen.alarms() == ["answer_lost"]
    assert salts_of(store, "grant") == set()
    assert_whole(store)


def test_an_end_that_broke_off_loses_its_salts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, agency = store.citizen(), store.agency()
    offer = citizen.offer(agency, [NAME])
    token = agency.redeem(offer.code).token
    cut_power(store.vault, monkeypatch, "drop_grant")
    with pytest.raises(PowerCut):
        store.vault.end_grant(citizen.owner, offer.grant_id)
    restart(store, citizen, agency)
    assert salts_of(store, "grant") != set()
    with pytest.raises(InvalidToken):
        agency.read(token, [NAME])

    store.vault.sweep()

    assert salts_of(store, "grant") == set()
    assert citizen.log().count(("grant.end", "permitted", "revoked")) == 1
    assert_whole(store)


def test_a_round_looks_at_some_salts_and_all_come_by_in_turn(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was set back or broke off elsewhere is found when its turn comes."""
    citizen, agency = store.citizen(), store.agency()
    keystore = store.vault.system.keystore
    made = [citizen.offer(agency, list(PERSON)).grant_id for _ in range(7)]
    with store.vault.system.main.via_sqlalchemy() as connection:
        ended = update(grants).where(grants.c.grant_id.in_(made)).values(state="ended")
        connection.execute(ended)
    monkeypatch.setattr(keystore, "next_grants", partial(keystore.next_grants, most=2))

    left: list[int] = []
    while not left or left[-1]:
        store.vault.sweep()
        left.append(len(salts_of(store, "grant")))

    assert left == [5, 3, 1, 0]
    assert keystore.came_round


def test_after_a_start_rounds_follow_each_other_until_all_salts_were_looked_at(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, agency = store.citizen(), store.agency()
    for _ in range(7):
        citizen.offer(agency, list(PERSON))
    vault = store.reopen(sweep_seconds=3600)
    keystore = vault.system.keystore
    monkeypatch.setattr(keystore, "next_grants", partial(keystore.next_grants, most=2))
    vault.start_sweeper()
    deadline = time.monotonic() + 60
    while not keystore.came_round and time.monotonic() < deadline:
        time.sleep(0.01)
    assert keystore.came_round


def test_where_a_round_fails_no_other_follows_quickly(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = store.reopen(sweep_seconds=3600)
    vault.start_sweeper()
    sweeper = vault.sweeper
    assert isinstance(sweeper, Sweeper)
    sweeper.close()  # a round that ends meanwhile would have come round
    monkeypatch.setattr(vault.system.keystore, "came_round", False)
    assert (sweeper._pause(went_well=True), sweeper._pause(went_well=False)) == (0.25, 3600)
    monkeypatch.setattr(vault.system.keystore, "came_round", True)
    assert sweeper._pause(went_well=True) == 3600


def test_no_salt_is_passed_over_while_main_can_not_be_read(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable() -> None:
        raise Unavailable

    keystore = store.vault.system.keystore
    with monkeypatch.context() as broken:
        broken.setattr(store.vault.system.main, "read", unreadable)
        assert not sweep(store.vault.system)
    assert not keystore.came_round
    assert sweep(store.vault.system)
    assert keystore.came_round


def test_an_erasure_that_broke_off_is_finished(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = store.citizen()
    cut_power(store.vault, monkeypatch, "drop_vault")
    with pytest.raises(PowerCut):
        store.vault.erase(citizen.owner)
    restart(store, citizen)
    assert SaltKey("vault", citizen.vault_id) in salts_of(store, "vault")
    with pytest.raises(SessionEnded):
        citizen.values()

    store.vault.sweep()

    assert [count(store, table) for table in (vaults, methods, sessions, grants)] == [0] * 4
    assert {row.key.kind for row in store.vault.system.keystore.rows()} == {"audit"}
    assert system_log(store).count(("vault.erase", None)) == 1
    assert_whole(store)


def test_a_removal_of_a_method_that_broke_off_is_finished(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = store.citizen()
    lost = UnlockSecret.device("A" * 43)
    secret = UnlockSecret.device(citizen.device_secret)
    added = store.vault.add_method(caller.Stranger(), secret, lost)
    cut_power(store.vault, monkeypatch, "drop")
    with pytest.raises(PowerCut):
        store.vault.remove_method(citizen.owner, added.id)
    restart(store, citizen)
    assert SaltKey("method", added.id) in salts_of(store, "method")
    with pytest.raises(CannotUnlock):
        store.vault.unlock(caller.Stranger(), lost)

    store.vault.sweep()

    assert SaltKey("method", added.id) not in salts_of(store, "method")
    assert count(store, methods) == 3  # device, recovery code, block code
    assert_whole(store)


def test_a_vault_that_was_never_made_leaves_salts_that_nobody_guesses_away(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: Item) -> None:
        raise PowerCut

    monkeypatch.setattr(store.vault.system.sequencer, "record", stop)
    with pytest.raises(PowerCut):
        store.citizen()
    store.reopen()
    orphans = salts_of(store, "vault") | salts_of(store, "method") | salts_of(store, "audit")
    assert {key.kind for key in orphans} == {"vault", "method", "audit"}

    store.clock.advance(days=3650)
    store.vault.sweep()

    assert {row.key for row in store.vault.system.keystore.rows()} == orphans
    assert count(store, vaults) == 0


# What is over ends


def test_an_offer_nobody_redeemed_ends_with_an_entry(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    offer = citizen.offer(agency, [NAME])
    store.clock.advance(seconds=119)
    store.vault.sweep()
    assert [g.state for g in store.vault.grants(citizen.owner)] == ["offered"]

    store.clock.advance(seconds=1)
    store.vault.sweep()
    store.vault.sweep()

    assert [g.state for g in store.vault.grants(citizen.owner)] == ["ended"]
    assert citizen.log()[-2:-1] == [("grant.end", "permitted", "offer_expired")]
    assert salts_of(store, "grant") == set()
    with pytest.raises(InvalidGrant):
        agency.redeem(offer.code)
    assert_whole(store)


def test_a_grant_past_its_time_ends_with_an_entry(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    token = agency.redeem(citizen.offer(agency, [NAME], duration_seconds=600).code).token
    store.clock.advance(seconds=600)

    store.vault.sweep()
    store.vault.sweep()

    assert citizen.log()[-2:-1] == [("grant.end", "permitted", "expired")]
    assert salts_of(store, "grant") == set()
    with pytest.raises(InvalidToken):
        agency.read(token, [NAME])
    assert_whole(store)


def test_salts_go_at_their_time_whatever_main_says(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    agency.redeem(citizen.offer(agency, [NAME], duration_seconds=86_400).code)
    citizen.offer(agency, [NAME])
    with (
        store.vault.system.main.via_sqlalchemy() as connection
    ):  # a main that was set back, or tampered
        connection.execute(update(grants).values(not_after=2**42, offer_ends=2**42))
        connection.execute(update(sessions).values(expires_at=2**42))

    store.clock.advance(seconds=120)
    store.vault.sweep()
    assert len(salts_of(store, "grant")) == 1
    store.clock.advance(days=1)
    store.vault.sweep()

    assert salts_of(store, "grant") == salts_of(store, "session") == set()


def test_used_proofs_and_old_sessions_are_forgotten(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    agency.redeem(citizen.offer(agency, [NAME]).code)
    assert count(store, replays) == 2
    sid = session_id(citizen.owner.token)
    store.clock.advance(seconds=599)
    store.vault.sweep()
    assert (count(store, replays), count(store, sessions)) == (2, 1)

    store.clock.advance(seconds=3600)
    store.vault.sweep()

    assert (count(store, replays), count(store, sessions)) == (0, 0)
    with store.vault.system.main.via_sqlalchemy() as connection:
        assert sid not in connection.execute(select(routes.c.id)).scalars().all()
    with pytest.raises(SessionEnded):
        citizen.values()
    citizen.unlock()


# Rows without a salt


def test_rows_without_a_salt_answer_like_ended_ones_and_change_nothing(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    offer = citizen.offer(agency, [NAME])
    token = agency.redeem(offer.code).token
    waiting = citizen.offer(agency, [NAME])
    with store.vault.system.keystore._database.via_sqlalchemy() as connection:
        connection.execute(delete(salts).where(salts.c.kind == "grant"))

    for _ in range(2):
        with pytest.raises(InvalidToken):
            agency.read(token, [NAME])
        with pytest.raises(InvalidGrant):
            agency.redeem(waiting.code)
        store.vault.sweep()

    states = {g.grant_id: g.state for g in store.vault.grants(citizen.owner)}
    assert states == {offer.grant_id: "active", waiting.grant_id: "offered"}
    assert citizen.alarms() == []
    assert_whole(store)


def test_a_vault_without_its_salt_opens_for_nobody_and_stays(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    token = agency.redeem(citizen.offer(agency, [NAME]).code).token
    with store.vault.system.keystore._database.via_sqlalchemy() as connection:
        connection.execute(delete(salts).where(salts.c.id == citizen.vault_id))

    store.clock.advance(days=1)
    store.vault.sweep()

    with pytest.raises(CannotUnlock):
        citizen.unlock()
    with pytest.raises(SessionEnded):
        citizen.values()
    with pytest.raises(InvalidToken):
        agency.read(token, [NAME])
    assert count(store, vaults) == 1


# The clockwork


def checkpoint_size(store: Store) -> int:
    note = store.vault.checkpoint()
    assert note is not None
    return int(note.split("\n")[1])


def test_the_checkpoint_is_published_on_a_fixed_clock(store: Store) -> None:
    assert store.vault.checkpoint() is None
    citizen = store.citizen({})
    store.vault.sweep()
    first = checkpoint_size(store)

    for second in range(0, 60, 10):  # NOON is the beginning of a minute
        citizen.put({NAME: f"Nova-{second}"})
        store.vault.sweep()
        assert checkpoint_size(store) == first
        store.clock.advance(seconds=10)
    store.vault.sweep()

    assert checkpoint_size(store) == first + 6


def test_the_first_entry_after_a_quiet_time_waits_for_the_clock_too(store: Store) -> None:
    citizen = store.citizen({})
    store.vault.sweep()
    first = checkpoint_size(store)
    store.clock.advance(seconds=60)
    store.vault.sweep()

    store.clock.advance(seconds=5)
    citizen.put({NAME: "Nova"})
    store.vault.sweep()

    assert checkpoint_size(store) == first


def test_callers_that_were_turned_away_are_counted_in_one_entry(store: Store) -> None:
    store.reopen(refusals_per_minute=1)
    agency = store.agency()
    with pytest.raises(InvalidGrant):
        agency.redeem("VG1-wrong")
    for _ in range(3):
        with pytest.raises(Exception, match="too many"):
            agency.redeem("VG1-wrong")
    store.vault.sweep()
    assert ("calls.limited", 3) not in system_log(store)

    store.clock.advance(seconds=60)
    store.vault.sweep()
    store.vault.sweep()

    assert system_log(store).count(("calls.limited", 3)) == 1


def test_the_count_of_turned_away_callers_survives_a_broken_log(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits, limit = store.vault.system.limits, "refusals_per_minute"
    for _ in range(store.settings.refusals_per_minute):
        limits.admits(limit, "busy", store.clock.ms)
    for _ in range(2):
        with pytest.raises(TooMany):
            limits.check(limit, "busy", store.clock.ms)
    store.clock.advance(seconds=60)

    def unavailable(_: Item) -> None:
        raise LogUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(store.vault.system.sequencer, "record", unavailable)
        store.vault.sweep()
    store.vault.sweep()

    assert ("calls.limited", 2) in system_log(store)


def test_an_offer_redeemed_in_the_last_moment_does_not_end_as_expired(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, agency = store.citizen(), store.agency()
    offer = citizen.offer(agency, [NAME])
    other = Vault.open(store.settings, store.clock)
    sequencer, tokens = other.system.sequencer, list[str]()
    record = sequencer.record

    def record_after_redemption(item: Item) -> Any:
        store.clock.ms = offer.offer_ends - 1
        if not tokens:
            tokens.append("")
            tokens.append(agency.redeem(offer.code).token)
        return record(item)

    monkeypatch.setattr(sequencer, "record", record_after_redemption)
    monkeypatch.setattr(other.system.keystore, "drop_expired", lambda _now_ms: 0)
    store.clock.ms = offer.offer_ends
    other.sweep()
    other.close()

    assert citizen.log()[-2][0] == "grant.redeem"
    assert agency.read(tokens[-1], [NAME])


def test_a_step_that_fails_is_named_and_does_not_stop_the_others(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store.citizen({})

    def fail(_now_ms: int) -> int:
        raise OperationalError("Canaria", {}, Exception("Canaria"))

    monkeypatch.setattr(store.vault.system.keystore, "drop_expired", fail)
    with caplog.at_level(logging.WARNING):
        store.vault.sweep()

    assert store.vault.checkpoint() is not None
    assert "_expire_salts failed: OperationalError" in caplog.text
    assert "Canaria" not in caplog.text


def test_what_readers_kept_in_the_files_is_pressed_out_later(store: Store) -> None:
    keystore = store.vault.system.keystore
    keystore.truncated = False

    store.vault.sweep()

    assert keystore.truncated


def test_the_thread_sweeps_at_its_start_and_again_and_stops_when_it_is_told(store: Store) -> None:
    vault = store.reopen(sweep_seconds=0.05)
    citizen, agency = store.citizen(), store.agency()
    citizen.offer(agency, [NAME])
    vault.start_sweeper()
    deadline = time.monotonic() + 60
    while vault.checkpoint() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    store.clock.advance(seconds=120)
    while salts_of(store, "grant") and time.monotonic() < deadline:
        time.sleep(0.01)

    assert salts_of(store, "grant") == set()
    assert isinstance(vault.sweeper, Sweeper)
    vault.close()
    assert not vault.sweeper._thread.is_alive()
