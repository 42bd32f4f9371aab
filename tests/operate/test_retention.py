"""Openings whose time is over go, window by window; all that is left verifies, and says so."""

from typing import Any

import pytest

from operate import retention
from operate.retention import LIVING_DAYS_MIN, drop_old_openings, kept_days
from operate.verification import verify_data
from tests.api.owners import Owner
from tests.builders import PERSON, AgencyDesk, Store
from tests.vault.crash import Scene, die
from tests.vault.rows import change, main_rows, remove, row_of, rows_of, set_back
from tests.vault.tables import (
    audit_keys,
    audit_leaves,
    audit_logs,
    audit_openings,
    grants,
    value_heads,
    values,
    vaults,
)
from tests.vault.test_hidden_reads import Case
from vault.errors import NotReady
from vault.vault import Vault

FIELD, OTHER = "identity.given_name", "identity.family_name"
BOTH = (FIELD, OTHER)


def sweep(vault: Vault, _: object = None) -> None:
    """As a server does it."""
    vault.sweep(drop_old_openings)


def opened(store: Store) -> list[int]:
    return sorted(row["idx"] for row in rows_of(store, audit_openings))


def found(store: Store) -> set[tuple[str, str]]:
    return {(one.code, one.what) for one in verify_data(store.settings).findings}


@pytest.fixture
def people(store: Store) -> Scene:
    """Years ago she put, shared and was read; and just now she put and was read again."""
    agency = store.agency()
    citizen = store.citizen({name: PERSON[name] for name in BOTH})
    token = agency.redeem(citizen.offer(agency, BOTH, duration_seconds=300 * 86_400).code).token
    agency.read(token, BOTH)
    store.clock.advance(days=200)
    citizen.unlock()
    citizen.put({FIELD: "Canaria-Newer"})
    agency.read(token, [FIELD])
    store.reopen(audit_retention_days=100)
    citizen.vault = agency.vault = store.vault
    return Scene(citizen, agency, token=token)


def test_old_openings_go_and_everything_verifies_on(store: Store, people: Scene) -> None:
    before = opened(store)
    old = 6  # after the registration: vault, recovery, values, offer, redemption, read
    sweep(store.vault)

    assert opened(store) == [before[0], *before[1 + old :]], "the installation's own stay"
    assert row_of(store, audit_logs)["opened_from"] == 1 + old
    verified = verify_data(store.settings)
    assert verified.findings == ()
    assert f"entries of kluis.example/audit before {1 + old} are past the time they are kept" in (
        verified.checked
    )
    people.agency.read(people.token, [FIELD])
    people.citizen.put({FIELD: "Canaria-Third"})
    assert people.citizen.values()[OTHER] == PERSON[OTHER]
    assert found(store) == set()


def test_the_owners_view_says_how_far_it_goes_back(store: Store, people: Scene) -> None:
    owner = Owner(people.citizen)
    before = owner.check()
    sweep(store.vault)

    page = owner.page()
    assert page["begins"]["number"] == 7
    assert page["begins"]["at"].startswith("2027-06-09")
    assert page["damaged"] == []
    assert page["counts"]["reads"] == 2, "as many as ever there were"
    after = owner.check(before.memory)
    assert (after.first, after.findings, after.reads) == (7, (), 1)


def test_what_is_young_stays_to_the_day(store: Store) -> None:
    store.reopen(audit_retention_days=100)
    citizen = store.citizen({})
    count = len(opened(store))
    store.clock.advance(days=100)
    sweep(store.vault)
    assert len(opened(store)) == count
    store.clock.advance(seconds=0.001)
    sweep(store.vault)
    assert opened(store) == []
    citizen.vault = store.vault
    assert [action for action, _, _ in citizen.unlock().log()] == ["vault.unlock", "log.read"]
    assert found(store) == set()


def test_a_living_vault_keeps_its_log_for_a_month_whatever_is_set(store: Store) -> None:
    store.reopen(audit_retention_days=0)
    assert kept_days(store.settings) == LIVING_DAYS_MIN == 30
    store.citizen()
    count = len(opened(store))
    store.clock.advance(days=29)
    sweep(store.vault)
    assert len(opened(store)) == count


def test_it_goes_window_by_window_and_never_over_the_whole_log(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = store.citizen({})
    for _ in range(10):
        citizen.unlock()
    store.clock.advance(days=kept_days(store.settings) + 1)
    monkeypatch.setattr(retention, "WINDOW_ENTRIES", 2)
    monkeypatch.setattr(retention, "WINDOWS_MAX", 3)
    left = []
    for _ in range(4):
        sweep(store.vault)
        left.append(len(opened(store)))
        assert found(store) == set()
    assert left == [6, 0, 0, 0]
    assert row_of(store, audit_logs)["opened_from"] == 12


def test_an_entry_whose_clock_ran_ahead_holds_up_only_what_comes_after(store: Store) -> None:
    store.citizen({})
    store.clock.advance(days=500)
    ahead = store.citizen({})
    store.clock.advance(days=-400)
    ahead.vault.log_out(ahead.owner)
    store.citizen({})
    store.clock.advance(days=kept_days(store.settings))
    sweep(store.vault)
    assert opened(store)[0] == 2
    assert found(store) == set()


@pytest.mark.parametrize("at", range(1, 12))
def test_killed_at_any_step_it_goes_on_in_the_next_round(
    store: Store, people: Scene, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store.vault.system.main.is_sqlite is False and at % 3:
        pytest.skip("each third step, on PostgreSQL")
    died = die(store, sweep, people, at)
    store.reopen()
    assert found(store) == set(), died
    sweep(store.vault)
    assert row_of(store, audit_logs)["opened_from"] == 7
    assert found(store) == set()
    people.citizen.vault = store.vault
    assert Owner(people.citizen).check().findings == ()


def test_a_hidden_read_stays_until_its_owner_could_see_it_as_long(store: Store) -> None:
    store.reopen(audit_retention_days=40)
    case = Case.make(store)
    case.read()
    place = case.all_entries()[-1].index
    store.clock.advance(days=41)
    sweep(store.vault)
    case.unlocked()
    assert place in opened(store), "the others of that time are gone"
    assert len(opened(store)) == 3
    assert found(store) == set()
    report = case.owner.check()
    assert (report.findings, report.reads, report.first > 1) == ((), 1, True)

    store.clock.advance(days=30)
    sweep(store.vault)
    assert place not in opened(store)
    case.unlocked()
    assert case.owner.check(report.memory).findings == ()
    assert found(store) == set()


def test_erased_vaults_are_commitments_only_once_their_time_is_over(store: Store) -> None:
    gone, stays = store.citizen(), store.citizen()
    store.vault.erase(gone.owner)
    subject_rows = len(rows_of(store, audit_keys))
    days = kept_days(store.settings)
    store.clock.advance(days=days - 1)
    sweep(store.vault)
    assert verify_data(store.settings).checked[1].endswith("0 closed")
    store.clock.advance(days=2)
    sweep(store.vault)
    verified = verify_data(store.settings)
    assert verified.findings == ()
    assert verified.checked[1] == "1 entries opened and matched, 6 closed", "the erasure itself"
    assert len(rows_of(store, audit_keys)) == subject_rows
    assert stays.unlock().values() == PERSON


# What a check still finds


@pytest.fixture
def swept(store: Store, people: Scene) -> Store:
    sweep(store.vault)
    assert found(store) == set()
    return store


def test_an_opening_that_went_too_early_is_named(swept: Store) -> None:
    young = opened(swept)[-1]
    remove(swept, audit_openings, idx=young)
    assert ("opening", "its row is gone") in found(swept)


def changed_reads(store: Store) -> None:
    change(store, grants, {}, reads_used=0)


def newest_value_gone(store: Store) -> None:
    row = max(rows_of(store, values), key=lambda each: each["seq"])
    remove(store, values, handle=row["handle"], seq=row["seq"])


def older_head(store: Store) -> None:
    [handle] = {r["handle"] for r in rows_of(store, values) if r["seq"] == 2}
    first = row_of(store, values, handle=handle, seq=1)
    change(store, value_heads, {"handle": handle}, seq=1, value_id=first["value_id"])


def vault_gone(store: Store) -> None:
    remove(store, vaults)


def newer_leaf(store: Store) -> None:
    row = rows_of(store, audit_leaves)[3]
    change(store, audit_leaves, {"idx": row["idx"]}, leaf_data=row["leaf_data"][:-1] + b"\0")


@pytest.mark.parametrize(
    "act", [changed_reads, newest_value_gone, older_head, vault_gone, newer_leaf]
)
def test_what_was_changed_since_is_found_as_before(swept: Store, act: Any) -> None:
    act(swept)
    assert found(swept) != set()


def test_an_old_database_put_back_is_refused_as_before(store: Store, people: Scene) -> None:
    old = main_rows(store)
    people.citizen.put({FIELD: "Canaria-Newer"})
    sweep(store.vault)
    set_back(store, old)
    with pytest.raises(NotReady, match="does not continue"):
        store.reopen()


def test_an_agency_goes_on_reading_under_a_grant_of_which_nothing_is_told(
    store: Store, people: Scene
) -> None:
    store.clock.advance(days=99)
    store.vault.sweep()
    agency = AgencyDesk(store.vault, people.agency.id, people.agency.use, {})
    agency.read(people.token, BOTH)
    store.clock.advance(days=2)
    sweep(store.vault)
    assert found(store) == set()
