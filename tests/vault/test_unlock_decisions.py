"""Unlock methods and sessions: what opens a vault, what stays, what is over."""

import os
from collections.abc import Callable

import pytest

from crypto.encoding import b64u
from tests.builders import PERSON, AgencyDesk, Citizen, Store
from vault import caller
from vault.errors import (
    BadInput,
    CannotUnlock,
    Conflict,
    NotFound,
    Refused,
    SessionEnded,
)
from vault.fields import NewValue
from vault.methods import MethodAdded
from vault.sessions import SessionStarted, UnlockSecret
from vault.unlocking import method_id

GIVEN = "identity.given_name"


@pytest.fixture
def citizen(store: Store) -> Citizen:
    return store.citizen()


def unlock(citizen: Citizen, secret: UnlockSecret) -> SessionStarted:
    return citizen.vault.unlock(caller.Stranger(), secret)


def values_of(citizen: Citizen, started: SessionStarted) -> dict[str, object]:
    return Citizen(citizen.vault, "", "", started.token, started.vault_id).values()


def device(citizen: Citizen) -> UnlockSecret:
    return UnlockSecret.device(citizen.device_secret)


def new_device() -> UnlockSecret:
    return UnlockSecret.device(b64u(os.urandom(32)))


def add(citizen: Citizen, new: UnlockSecret | None) -> MethodAdded:
    return citizen.vault.add_method(caller.Stranger(), device(citizen), new)


def remove(citizen: Citizen, id_: bytes) -> None:
    citizen.vault.remove_method(citizen.owner, id_)


def kinds(citizen: Citizen) -> list[tuple[str, bool]]:
    methods = citizen.vault.overview(citizen.owner).methods
    return sorted((method.kind, method.confirmed_at is not None) for method in methods)


def refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(Refused) as refusal:
        act()
    assert refusal.value.code == code


# What opens.


@pytest.mark.parametrize("written", [str, str.lower, lambda code: code.replace("-", " ")])
def test_the_recovery_code_unlocks_however_it_is_typed(
    citizen: Citizen, written: Callable[[str], str]
) -> None:
    started = unlock(citizen, UnlockSecret.recovery(written(citizen.recovery_code)))

    assert values_of(citizen, started) == PERSON
    assert started.recovery_confirmed


def test_an_unconfirmed_recovery_code_unlocks_too(store: Store) -> None:
    citizen = store.citizen(confirmed=False)
    started = unlock(citizen, UnlockSecret.recovery(citizen.recovery_code))

    assert values_of(citizen, started) == PERSON
    assert kinds(citizen) == [("device", True), ("recovery", False)]


@pytest.mark.parametrize("text", ["", "A" * 42, "A" * 43, "A" * 44, "é" * 43])
def test_a_device_secret_that_nobody_has_opens_nothing(citizen: Citizen, text: str) -> None:
    with pytest.raises(CannotUnlock):
        unlock(citizen, UnlockSecret.device(text))


def test_a_recovery_code_with_a_slip_is_found_before_any_look_up(citizen: Citizen) -> None:
    code = citizen.recovery_code
    for slip in (code[:-1], code + "0", code[1] + code[0] + code[2:], "", "é"):
        if slip != code:
            with pytest.raises(CannotUnlock):
                UnlockSecret.recovery(slip)


def test_another_vaults_recovery_code_confirms_nothing(store: Store) -> None:
    citizen, other = store.citizen(confirmed=False), store.citizen(confirmed=False)

    refused(
        "wrong_recovery_code",
        lambda: store.vault.confirm_recovery(citizen.owner, other.recovery_code),
    )
    assert ("recovery", False) in kinds(citizen)
    assert ("recovery", False) in kinds(other)


def test_confirming_twice_changes_nothing(store: Store, citizen: Citizen) -> None:
    before = citizen.log()
    store.vault.confirm_recovery(citizen.owner, citizen.recovery_code)

    assert citizen.log() == before
    assert ("recovery", True) in kinds(citizen)


# Adding and removing.


def test_an_added_device_opens_and_a_removed_one_does_not(citizen: Citizen) -> None:
    second = new_device()
    added = add(citizen, second)
    assert values_of(citizen, unlock(citizen, second)) == PERSON
    remove(citizen, added.id)

    with pytest.raises(CannotUnlock):
        unlock(citizen, second)
    assert kinds(citizen) == [("device", True), ("recovery", True)]
    assert [entry[0] for entry in citizen.log()].count("method.remove") == 1


def test_a_device_secret_belongs_to_one_vault(store: Store, citizen: Citizen) -> None:
    other = store.citizen()

    with pytest.raises(Conflict):
        add(citizen, device(other))
    with pytest.raises(Conflict):
        store.vault.create(caller.Stranger(), device(citizen), None)
    assert kinds(citizen) == [("device", True), ("recovery", True)]


def test_adding_takes_an_unlock_secret_that_opens(citizen: Citizen) -> None:
    with pytest.raises(CannotUnlock):
        citizen.vault.add_method(caller.Stranger(), new_device(), new_device())
    assert len(kinds(citizen)) == 2


def test_the_last_device_and_the_only_recovery_code_stay(citizen: Citizen) -> None:
    for method in citizen.vault.overview(citizen.owner).methods:
        with pytest.raises(Refused) as refusal:
            remove(citizen, method.id)
        assert refusal.value.code == "last_method"

    assert values_of(citizen, unlock(citizen, device(citizen))) == PERSON


def test_an_unconfirmed_recovery_code_replaces_no_confirmed_one(
    store: Store, citizen: Citizen
) -> None:
    old = method_id(UnlockSecret.recovery(citizen.recovery_code).secret)
    added = add(citizen, None)
    assert added.recovery_code is not None
    refused("last_method", lambda: remove(citizen, old))
    store.vault.confirm_recovery(citizen.owner, added.recovery_code)
    remove(citizen, old)

    with pytest.raises(CannotUnlock):
        unlock(citizen, UnlockSecret.recovery(citizen.recovery_code))
    started = unlock(citizen, UnlockSecret.recovery(added.recovery_code))
    assert values_of(citizen, started) == PERSON


def test_two_recovery_codes_are_enough_to_lose_the_last_device(
    store: Store, citizen: Citizen
) -> None:
    added = add(citizen, None)
    assert added.recovery_code is not None
    store.vault.confirm_recovery(citizen.owner, added.recovery_code)
    remove(citizen, method_id(device(citizen).secret))

    with pytest.raises(CannotUnlock):
        citizen.unlock()


def test_removing_takes_a_fresh_unlock(store: Store, citizen: Citizen) -> None:
    added = add(citizen, new_device())
    store.clock.advance(seconds=store.settings.fresh_unlock_seconds + 1)

    refused("unlock_too_old", lambda: remove(citizen, added.id))
    remove(citizen.unlock(), added.id)


def test_nobody_removes_another_vaults_method(store: Store, citizen: Citizen) -> None:
    other = store.citizen()

    with pytest.raises(NotFound):
        remove(citizen, method_id(device(other).secret))
    other.unlock()


# Sessions.


def test_a_session_ends_by_time(store: Store, citizen: Citizen) -> None:
    store.clock.advance(seconds=store.settings.session_ttl_seconds - 0.001)
    assert citizen.values() == PERSON
    store.clock.advance(seconds=0.001)

    with pytest.raises(SessionEnded):
        citizen.values()
    store.vault.sweep()
    with pytest.raises(SessionEnded):
        citizen.values()
    assert citizen.unlock().values() == PERSON


def test_logging_out_ends_this_session_and_no_other(store: Store, citizen: Citizen) -> None:
    other = unlock(citizen, device(citizen))
    store.vault.log_out(citizen.owner)

    with pytest.raises(SessionEnded):
        citizen.values()
    assert values_of(citizen, other) == PERSON


@pytest.mark.parametrize("token", ["", "ks1_", "ks1_" + "A" * 43, "va1_" + "A" * 43])
def test_a_token_of_no_session_opens_nothing(citizen: Citizen, token: str) -> None:
    citizen.token = token
    with pytest.raises(SessionEnded):
        citizen.values()


@pytest.mark.parametrize(
    "act",
    [
        lambda citizen, agency: citizen.values(),
        lambda citizen, agency: citizen.put({GIVEN: "x"}),
        lambda citizen, agency: citizen.offer(agency, [GIVEN]),
        lambda citizen, agency: citizen.log(),
        lambda citizen, agency: citizen.vault.grants(citizen.owner),
        lambda citizen, agency: citizen.vault.history(citizen.owner, GIVEN),
        lambda citizen, agency: citizen.vault.end_grant(citizen.owner, bytes(16)),
        lambda citizen, agency: citizen.vault.acknowledge(citizen.owner, bytes(16)),
        lambda citizen, agency: citizen.vault.confirm_recovery(
            citizen.owner, citizen.recovery_code
        ),
        lambda citizen, agency: citizen.vault.remove_method(citizen.owner, bytes(16)),
        lambda citizen, agency: citizen.vault.log_out(citizen.owner),
        lambda citizen, agency: citizen.vault.erase(citizen.owner),
    ],
)
def test_a_closed_session_does_nothing_at_all(
    store: Store, citizen: Citizen, act: Callable[[Citizen, AgencyDesk], object]
) -> None:
    agency = store.agency()
    store.vault.log_out(citizen.owner)

    with pytest.raises(SessionEnded):
        act(citizen, agency)


def test_erasing_takes_a_fresh_unlock(store: Store, citizen: Citizen) -> None:
    store.clock.advance(seconds=store.settings.fresh_unlock_seconds + 1)
    refused("unlock_too_old", lambda: store.vault.erase(citizen.owner))
    store.vault.erase(citizen.unlock().owner)

    for act in (citizen.values, citizen.log):
        with pytest.raises(SessionEnded):
            act()
    for secret in (device(citizen), UnlockSecret.recovery(citizen.recovery_code)):
        with pytest.raises(CannotUnlock):
            unlock(citizen, secret)


@pytest.mark.parametrize(
    "new",
    [
        [],
        [NewValue(GIVEN, "x"), NewValue(GIVEN, "y")],
        [NewValue("identity.nonsense", "x")],
        [NewValue(GIVEN, "x", status="sure")],
        [NewValue(GIVEN, "x"), NewValue("identity.birth_date", "yesterday")],
        [NewValue(GIVEN, "x", valid_from="soon")],
        [NewValue(GIVEN, "x", valid_from="2026", valid_until="2025")],
    ],
)
def test_a_put_that_makes_no_sense_changes_nothing(citizen: Citizen, new: list[NewValue]) -> None:
    before = citizen.log()
    with pytest.raises(BadInput):
        citizen.vault.put(citizen.owner, new)

    assert citizen.values() == PERSON
    assert citizen.log() == before
