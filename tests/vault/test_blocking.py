"""The block code: shuts every device out, opens nothing, and leaves the way back."""

import os
from typing import Any

import pytest

from crypto.encoding import b64u
from operate.verification import verify_data
from tests.builders import PERSON, Citizen, Store
from vault import blocking, caller
from vault.errors import (
    BadInput,
    CannotUnlock,
    InvalidGrant,
    LogUnavailable,
    NotFound,
    SessionEnded,
)
from vault.methods import VaultCreated
from vault.offering import OfferMade
from vault.sessions import UnlockSecret, end_other_sessions, open_method

STRANGER = caller.Stranger()


def make(store: Store, label: str | None = None) -> tuple[Citizen, VaultCreated]:
    device = b64u(os.urandom(32))
    made = store.vault.create(STRANGER, UnlockSecret.device(device), None, label)
    citizen = Citizen(
        store.vault, device, made.recovery_code, made.session.token, made.session.vault_id
    )
    store.vault.confirm_recovery(citizen.owner, made.recovery_code)
    citizen.put(PERSON)
    return citizen, made


def block(store: Store, code: str) -> int:
    return store.vault.block(STRANGER, UnlockSecret.block(code))


def recover(store: Store, citizen: Citizen) -> Citizen:
    secret = UnlockSecret.recovery(citizen.recovery_code)
    citizen.token = store.vault.unlock(STRANGER, secret).token
    return citizen


def test_a_block_shuts_out_devices_sessions_and_open_offers_and_leaves_the_way_back(
    store: Store,
) -> None:
    citizen, made = make(store)
    desk = store.agency()
    token = desk.redeem(citizen.offer(desk, list(PERSON)).code).token
    open_offer = citizen.offer(desk, list(PERSON))
    lost = citizen.owner

    assert block(store, made.block_code) == store.clock.ms

    with pytest.raises(SessionEnded):
        store.vault.overview(lost)
    with pytest.raises(CannotUnlock):
        store.vault.unlock(STRANGER, UnlockSecret.device(citizen.device_secret))
    with pytest.raises(InvalidGrant):
        desk.redeem(open_offer.code)
    assert desk.read(token, list(PERSON))  # grants in use stay: the owner ends them
    recover(store, citizen)
    assert citizen.values() == PERSON
    assert ("vault.block", "permitted", None) in citizen.log()
    assert citizen.alarms() == [None]
    new = UnlockSecret.device(b64u(os.urandom(32)))
    store.vault.add_method(STRANGER, UnlockSecret.recovery(citizen.recovery_code), new)
    assert store.vault.unlock(STRANGER, new).recovery_confirmed
    assert verify_data(store.settings).findings == ()


def test_blocking_again_changes_nothing_until_there_is_something_to_shut_out(
    store: Store,
) -> None:
    citizen, made = make(store)
    at = block(store, made.block_code)
    store.clock.advance(seconds=60)
    assert block(store, made.block_code) == at
    recover(store, citizen)
    assert [one[0] for one in citizen.log()].count("vault.block") == 1
    assert block(store, made.block_code) == store.clock.ms
    with pytest.raises(SessionEnded):
        store.vault.overview(citizen.owner)


def test_a_block_for_an_open_offer_alone_is_a_block_too(store: Store) -> None:
    citizen, made = make(store)
    block(store, made.block_code)
    offer = recover(store, citizen).offer(desk := store.agency(), list(PERSON))
    store.vault.log_out(citizen.owner)
    store.clock.advance(seconds=1)
    assert block(store, made.block_code) == store.clock.ms
    with pytest.raises(InvalidGrant):
        desk.redeem(offer.code)
    assert [one[0] for one in recover(store, citizen).log()].count("vault.block") == 2


def test_an_offer_that_a_thief_makes_in_the_last_moment_ends_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, made = make(store)
    desk, offers = store.agency(), list[OfferMade]()
    real = end_other_sessions

    def late(*given: Any) -> None:
        offers.append(citizen.offer(desk, list(PERSON)))
        real(*given)

    monkeypatch.setattr(blocking, "end_other_sessions", late)
    block(store, made.block_code)
    with pytest.raises(InvalidGrant):
        desk.redeem(offers[0].code)
    assert verify_data(store.settings).findings == ()


def test_a_thief_who_makes_one_offer_after_the_other_holds_no_block_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, made = make(store)
    desk = store.agency()
    offers = [citizen.offer(desk, list(PERSON))]
    real = open_method

    def and_another(*given: Any) -> Any:
        if len(offers) < 6:
            offers.append(citizen.offer(desk, list(PERSON)))
        return real(*given)

    monkeypatch.setattr(blocking, "open_method", and_another)
    block(store, made.block_code)
    assert len(offers) < 6
    for offer in offers:
        with pytest.raises(InvalidGrant):
            desk.redeem(offer.code)


def test_while_the_log_can_not_be_written_offers_die_and_the_block_is_asked_for_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, made = make(store)
    offer = citizen.offer(desk := store.agency(), list(PERSON))

    def broken(*_: object) -> None:
        raise LogUnavailable

    with monkeypatch.context() as while_broken:
        while_broken.setattr(store.vault.system.sequencer, "submit", broken)
        with pytest.raises(LogUnavailable):
            block(store, made.block_code)
    with pytest.raises(InvalidGrant):
        desk.redeem(offer.code)
    assert block(store, made.block_code) == store.clock.ms
    assert ("grant.end", "permitted", "revoked") in recover(store, citizen).log()
    assert verify_data(store.settings).findings == ()


def test_whoever_has_the_block_code_alone_opens_nothing(store: Store) -> None:
    _, made = make(store)
    code = UnlockSecret.block(made.block_code)
    with pytest.raises(CannotUnlock):
        store.vault.unlock(STRANGER, code)
    for kind in ("device", "recovery"):
        with pytest.raises(CannotUnlock):
            store.vault.unlock(STRANGER, UnlockSecret(kind, code.secret))
    with pytest.raises(CannotUnlock):
        store.vault.add_method(STRANGER, code, UnlockSecret.device(b64u(os.urandom(32))))
    with pytest.raises(CannotUnlock) as other:
        UnlockSecret.recovery(made.block_code)
    assert other.value.code == "other_code"
    with pytest.raises(CannotUnlock) as other:
        UnlockSecret.block(made.recovery_code)
    assert other.value.code == "other_code"


def test_what_opens_the_vault_blocks_nothing(store: Store) -> None:
    citizen, made = make(store)
    for secret in (
        UnlockSecret.device(citizen.device_secret),
        UnlockSecret.recovery(made.recovery_code),
        UnlockSecret("block", UnlockSecret.recovery(made.recovery_code).secret),
    ):
        with pytest.raises(CannotUnlock):
            store.vault.block(STRANGER, secret)
    for typed in ("", "BC", "BC 00000", "x" * 200):
        with pytest.raises(CannotUnlock):
            block(store, typed)
    assert citizen.values() == PERSON


def test_a_new_sheet_replaces_the_block_code_and_keeps_the_sessions(store: Store) -> None:
    citizen, made = make(store)
    device = UnlockSecret.device(citizen.device_secret)
    added = store.vault.add_method(STRANGER, device, None)
    assert added.block_code is not None
    store.vault.sweep()
    with pytest.raises(CannotUnlock):
        block(store, made.block_code)
    assert citizen.values() == PERSON
    assert len(store.vault.overview(citizen.owner).methods) == 3
    assert block(store, added.block_code)


def test_a_new_device_leaves_the_block_code(store: Store) -> None:
    citizen, made = make(store)
    new = UnlockSecret.device(b64u(os.urandom(32)))
    added = store.vault.add_method(
        STRANGER, UnlockSecret.device(citizen.device_secret), new, "Tablet"
    )
    assert (added.recovery_code, added.block_code) == (None, None)
    assert block(store, made.block_code)
    with pytest.raises(CannotUnlock):
        store.vault.unlock(STRANGER, new)


def test_an_owner_who_spent_all_acts_of_the_hour_is_blocked_all_the_same(store: Store) -> None:
    citizen, made = make(store)
    store.reopen(owner_acts_per_hour=1)
    assert block(store, made.block_code)
    with pytest.raises(SessionEnded):
        store.vault.overview(citizen.owner)


# Sessions and labels


def test_the_owner_sees_the_sessions_and_ends_one(store: Store) -> None:
    citizen, _ = make(store, "Phone")
    first = citizen.owner
    store.clock.advance(seconds=10)
    citizen.unlock()
    stranger, _ = make(store)

    found = store.vault.overview(citizen.owner).sessions
    assert [one.current for one in found] == [False, True]
    assert found[1].unlocked_at - found[0].unlocked_at == 10_000
    with pytest.raises(NotFound):
        store.vault.end_session(stranger.owner, found[0].id)
    with pytest.raises(NotFound):  # an id that is none, and not "the session at hand"
        store.vault.end_session(citizen.owner, b"")
    store.vault.end_session(citizen.owner, found[0].id)
    with pytest.raises(SessionEnded):
        store.vault.overview(first)
    assert [one.current for one in store.vault.overview(citizen.owner).sessions] == [True]
    with pytest.raises(NotFound):
        store.vault.end_session(citizen.owner, found[0].id)
    store.clock.advance(seconds=3600)
    citizen.unlock()
    assert len(store.vault.overview(citizen.owner).sessions) == 1


def test_a_device_has_the_name_that_its_owner_gave_it_and_no_file_shows_it(
    store: Store,
) -> None:
    citizen, _ = make(store, "Canaria-Phone")
    new = UnlockSecret.device(b64u(os.urandom(32)))
    device = UnlockSecret.device(citizen.device_secret)
    store.vault.add_method(STRANGER, device, new, "Canaria-Tablet")
    labels = [m.label for m in store.vault.overview(citizen.owner).methods if m.kind == "device"]
    assert sorted(labels, key=str) == ["Canaria-Phone", "Canaria-Tablet"]
    for path in store.files():
        assert b"Canaria" not in path.read_bytes()


@pytest.mark.parametrize("label", ["", "a" * 41, "a\nb"])
def test_a_name_that_can_not_be_is_refused(store: Store, label: str) -> None:
    with pytest.raises(BadInput):
        make(store, label)
