"""Killed at any step of any act, an installation starts again and finishes by itself.

Nothing is repaired by hand: the next process opens the files, sweeps, and every promise holds.
"""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from consent.decision import ENDED
from operate.doctor import RISK, WRONG, examine
from operate.verification import verify_data
from tests.builders import Store
from tests.conftest import ROOT
from tests.vault.acts import ACTS, BOTH, Act, much_to_do, redeemed, rotate_root, sweep
from tests.vault.crash import PRESS, Scene, die
from tests.vault.rows import rows_of
from tests.vault.tables import audit_leaves, grants, methods, vaults

QUICK = {"put", "redeem"}
ON_SQLITE_ALONE = {"make a vault", "unlock", "log out", "add a method", "remove a method", "block"}
CASES = pytest.mark.parametrize(
    ("new_store", "act"),
    [
        pytest.param(
            kind, act, id=f"{kind}-{name}", marks=[] if name in QUICK else [pytest.mark.slow]
        )
        for name, act in ACTS.items()
        for kind in ("sqlite", "postgresql")
        if kind == "sqlite" or name not in ON_SQLITE_ALONE
    ],
    indirect=["new_store"],
)
# Salts of an offer, of a grant, of an offer that was never made, of a redemption that was not.
KEPT = {(0, ("offered", 0)), (1, ("active", 1)), (0, None), (1, ("offered", 0))}
ORPHANS = "salts have no row"  # of a vault or method that was never made: only counted


@dataclass(frozen=True)
class Before:
    """What stood in the log, and what the doctor said, before the act."""

    entries: list[tuple[int, bytes]]
    advice: set[str]

    @classmethod
    def of(cls, store: Store) -> "Before":
        return cls(entries(store), advice(store))


def entries(store: Store) -> list[tuple[int, bytes]]:
    return sorted((row["idx"], row["entry_id"]) for row in rows_of(store, audit_leaves))


def advice(store: Store) -> set[str]:
    """What the doctor finds risky; nothing may be wrong."""
    found = examine(store.settings.data)
    assert [one for one in found if one.level == WRONG] == []
    return {one.what for one in found if one.level == RISK and ORPHANS not in one.what}


def restart(store: Store, scene: Scene) -> Scene:
    """What a new server does: open, and sweep."""
    store.reopen()
    store.vault.sweep()
    store.vault.sweep()
    return scene.at(store.vault)


def check(store: Store, before: Before) -> None:
    """No entry is lost, the log is whole, and nothing is left half done."""
    assert entries(store)[: len(before.entries)] == before.entries
    assert verify_data(store.settings).findings == ()
    assert advice(store) <= before.advice
    keystore = store.vault.system.keystore
    assert keystore.voided() == []
    assert keystore.truncated
    assert {row["state"] for row in rows_of(store, vaults)} <= {"open"}
    assert {row["state"] for row in rows_of(store, methods)} <= {"active"}
    state = {row["grant_id"]: (row["state"], row["phase"]) for row in rows_of(store, grants)}
    kept = {(row.key.id, row.key.phase) for row in keystore.rows("grant")}
    assert {(id_, phase) for id_, (name, phase) in state.items() if name != ENDED} <= kept
    for id_, phase in kept:  # no more than that, but what a call that was not answered began
        assert (phase, state.get(id_)) in KEPT


@CASES
def test_killed_at_any_step_it_starts_again_and_nothing_is_lost_or_half_done(
    store: Store, act: Act
) -> None:
    # What a kill leaves is the same just after one change and just before the next: on PostgreSQL
    # the long acts are killed after each change only.
    every = 1 if act.name in QUICK or store.vault.system.main.is_sqlite else 2
    at, answer = 0, list[Any]()
    while not answer:
        at += every
        scene, before = act.prepare(store), Before.of(store)
        died = die(store, act.perform, scene, at)
        answer = died.answer
        scene = restart(store, scene)
        check(store, before)
        act.again(store, scene, answer)

    check(store, before)
    store.clock.advance(days=1)
    store.vault.sweep()
    assert store.vault.system.keystore.rows("grant", "session") == []
    assert at == 2 * len(died.steps) + every
    assert died.steps == told_steps(act.name, store.vault.system.main.is_sqlite)


@pytest.mark.slow
def test_a_sweep_that_is_killed_after_each_of_its_changes_gets_on_all_the_same(
    store: Store,
) -> None:
    scene, before = much_to_do(store), Before.of(store)
    rounds = 0
    while not die(store, sweep, scene, 2).answer:
        rounds += 1
        assert verify_data(store.settings).findings == ()

    scene = scene.at(store.reopen())
    check(store, before)
    assert rounds >= 10
    assert scene.agency.read(scene.token, BOTH)
    assert scene.citizen.values().keys() == set(BOTH)
    assert die(store, sweep, scene, 1).steps == [], "it had not finished"
    store.reopen()


@pytest.mark.slow
def test_a_root_rotation_that_is_killed_after_each_of_its_changes_gets_on_all_the_same(
    store: Store,
) -> None:
    scene, before, kills = redeemed(store), entries(store), 0
    while not die(store, rotate_root, scene, 2).answer:
        kills += 1
        assert kills < 50, "it does not get on"

    scene = restart(store, scene)
    assert kills >= 3
    assert entries(store)[: len(before)] == before
    assert verify_data(store.settings).findings == ()
    assert scene.agency.read(scene.token, BOTH)
    assert scene.citizen.unlock().values().keys() == set(BOTH)


# What docs/architecture.md says.


def table() -> dict[str, str]:
    """The cells with the steps, by act."""
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \| (1 [^|]+) \|", page, flags=re.MULTILINE)
    return dict(rows)


def told_steps(act: str, sqlite: bool) -> list[str]:
    """The steps of an act as the page has them; PostgreSQL has nothing to press out."""
    *steps, answer = table()[act].split("; ")
    assert answer.startswith(f"{len(steps) + 1} answer")
    told = list[str]()
    for number, step in enumerate(steps, start=1):
        at, name, what = re.fullmatch(r"(\d+) (main|keystore): (.+)", step).groups()  # type: ignore[union-attr]
        assert int(at) == number
        told += [name, PRESS] if sqlite and what.endswith("pressed out") else [name]
    return told


def test_the_table_names_every_act_that_is_killed() -> None:
    assert list(table()) == list(ACTS)
