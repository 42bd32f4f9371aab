"""The order of steps of redeeming, reading and ending, searched whole: see docs/model.md.

Each promise holds in every story that the model has, with processes killed and transactions that
fail in between. And each is seen to fail once the step that keeps it is taken away.
"""

import re
from pathlib import Path

import pytest

from tests.model.spin import MODEL, needs_spin, search

pytestmark = [needs_spin, pytest.mark.slow, pytest.mark.timeout(500)]

PROCESSES = {"redeem", "read", "take_back", "late_end", "sweeper", "clock"}
STORIES = (
    ("REDEEMERS=1",),
    ("REDEEMERS=1", "READERS=2", "ENDERS=0"),
    ("REDEEMERS=2", "READERS=0", "FAULTS=0", "TRIES=1"),
    ("REDEEMERS=2", "READERS=1", "KILLS=0", "FAULTS=0", "TRIES=1"),
)
SMALL = ("REDEEMERS=1", "READERS=0")
FORMULAS = ("no_salt_stays", "no_code_stays", "no_end_is_lost", "all_is_over")

# The step that is taken away, the stories in which that shows, and the assertion that then fails.
ONE = ("REDEEMERS=1",)
TWO_READERS = ("REDEEMERS=1", "READERS=2", "ENDERS=0")
BROKEN_STEPS = (
    ("RELEASE_FIRST", ONE, "entered"),
    ("NO_STATE_RIGHT", ONE, "ends==0"),
    ("NO_VOID", ONE, "after_end"),
    ("NO_OFFERED_RIGHT", ("REDEEMERS=2", "READERS=0", "ENDERS=0"), "redemptions==1"),
    ("NO_READS_RIGHT", TWO_READERS, "reads<=1"),
    ("NO_LOCK", TWO_READERS, "ends==0|reads<=1"),
    ("ANSWER_FIRST", ONE, "salt0!="),
    ("NO_DROP", ONE, "salt0=="),
    ("NO_SECOND_DROP", ("REDEEMERS=1", "READERS=0", "ENDERS=2"), "salt0=="),
    ("NO_END_PREMISE", ONE, "ends==1"),
)
BROKEN_FORMULAS = (
    ("NO_SWEEP", SMALL, "no_salt_stays"),
    ("NO_SWEEP", (*SMALL, "ENDERS=0"), "no_code_stays"),
    ("NO_SETTLE", SMALL, "no_end_is_lost"),
    ("NO_TIME", SMALL, "all_is_over"),
)


def test_every_assertion_holds_in_every_story_and_no_step_is_left_out(tmp_path: Path) -> None:
    never = None
    for names in STORIES:
        found = search(tmp_path, *names)
        assert (found.errors, found.broken) == (0, ""), names
        assert found.is_whole, names
        unreached = found.unreached(PROCESSES)
        never = unreached if never is None else never & unreached
    assert never == set()


@pytest.mark.parametrize("formula", FORMULAS)
def test_what_was_begun_is_finished(tmp_path: Path, formula: str) -> None:
    found = search(tmp_path, *SMALL, formula=formula)

    assert (found.errors, found.broken) == (0, "")
    assert found.is_whole


@pytest.mark.parametrize(("step", "names", "assertion"), BROKEN_STEPS)
def test_without_its_step_a_promise_is_seen_to_fail(
    tmp_path: Path, step: str, names: tuple[str, ...], assertion: str
) -> None:
    found = search(tmp_path, *names, step)

    assert found.errors == 1
    assert re.search(assertion, found.broken), found.broken


@pytest.mark.parametrize(("step", "names", "formula"), BROKEN_FORMULAS)
def test_without_its_step_something_stays_unfinished(
    tmp_path: Path, step: str, names: tuple[str, ...], formula: str
) -> None:
    found = search(tmp_path, *names, step, formula=formula)

    assert found.errors == 1
    assert "acceptance cycle" in found.broken


def test_every_step_that_can_be_taken_away_is_tried() -> None:
    used = set(re.findall(r"#if(?:n?def) (NO_\w+|\w+_FIRST)", MODEL.read_text()))

    tried = {step for step, *_ in BROKEN_STEPS} | {step for step, *_ in BROKEN_FORMULAS}
    assert used == tried
    assert set(re.findall(r"^ltl (\w+)", MODEL.read_text(), re.MULTILINE)) == set(FORMULAS)
