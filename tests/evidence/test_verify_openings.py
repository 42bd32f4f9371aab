"""Openings and subjects' numbers in the whole log: each kind of damage is named at its entry."""

from dataclasses import replace
from typing import Any

import pytest

from audit.entry import Chain
from evidence.chains import Tail
from evidence.verify import Report, verify_log
from tests.audit.logbook import (
    KEY,
    ORIGIN,
    Log,
    fixed,
    make_event,
    make_log,
    make_opening,
)
from tests.evidence.reports import SIZE, STRANGER, SUBJECT, first


def test_a_log_whose_openings_are_gone_passes_and_says_so() -> None:
    log = make_log(SIZE)
    report = log.check(openings={})
    assert (report.findings, report.opened, report.closed) == ((), 0, SIZE)
    some = {index: one for index, one in log.openings.items() if index % 3 == 1}
    report = log.check(openings=some)
    assert (report.findings, report.opened) == ((), len(some))


def test_a_swapped_opening_is_named() -> None:
    log = make_log(SIZE)
    log.openings[400], log.openings[403] = log.openings[403], log.openings[400]
    report = log.check()
    assert [(found.code, found.index) for found in report.findings] == [
        ("opening", 400),
        ("opening", 403),
    ]


def test_an_opening_beyond_the_log_or_out_of_order_is_named() -> None:
    log = make_log(10)
    log.openings[10] = log.openings[9]
    assert first(log.check()) == ("opening", 10)
    items = [(0, log.openings[0]), (0, log.openings[0]), (5, log.openings[5]), (4, log.openings[4])]
    report = verify_log(ORIGIN, [KEY.verifier], log.leaves, log.head_note, openings=items)
    assert [(found.code, found.index) for found in report.findings][:2] == [
        ("opening", 0),
        ("opening", 4),
    ]


def chain(seq: int, log: Log, prev: int | None, **more: Any) -> Chain:
    data = None if prev is None else log.leaves[prev].data
    return Chain(SUBJECT, more.pop("class_", "open"), seq, data, **more)


def add(log: Log, one: Chain, **event: Any) -> int:
    number = len(log.leaves)
    log.add([make_opening(number, replace(make_event(number), **event), one)])
    return number


def test_an_entry_with_two_spellings_is_named() -> None:
    log = make_log(3)
    good = make_opening(3, make_event(3), Chain(SUBJECT, "open", 1))
    log.add([replace(good, event=good.event.replace(b":", b": ", 1))])
    assert first(log.check()) == ("entry", 3)
    log.add([replace(good, chain=good.chain[:-1] + b',"v":1}')])
    assert [found.index for found in log.check().findings] == [3, 4]


def test_an_entry_whose_refs_do_not_fit_its_action_is_named() -> None:
    log = make_log(3)
    add(log, Chain(SUBJECT, "open", 1, refs=(fixed("v", 16),)))
    assert first(log.check()) == ("entry", 3)


def test_an_id_used_twice_is_named() -> None:
    log = make_log(5)
    add(log, chain(1, log, None), id=make_event(2).id)
    assert first(log.check()) == ("entry_id", 5)


def test_a_row_with_another_id_than_its_entry_is_named() -> None:
    log = make_log(5)
    right = {index: make_event(index).id for index in range(5)}
    assert not log.check(change=lambda leaf: replace(leaf, entry_id=right[leaf.index])).findings
    right[3] = make_event(9).id
    report = log.check(change=lambda leaf: replace(leaf, entry_id=right[leaf.index]))
    assert first(report) == ("entry_id", 3)
    right[3] = right[1]
    report = log.check(openings={}, change=lambda leaf: replace(leaf, entry_id=right[leaf.index]))
    assert first(report) == ("entry_id", 3)


def test_a_gap_in_a_subjects_numbers_is_named_when_nothing_closed_accounts_for_it() -> None:
    log = make_log(3)
    one = add(log, chain(1, log, None))
    add(log, chain(3, log, one))
    assert first(log.check()) == ("subject_seq", 4)


def test_a_subject_that_does_not_begin_at_one_is_named() -> None:
    log = make_log(3)
    add(log, chain(2, log, 1))
    assert first(log.check()) == ("subject_seq", 3)


def test_a_number_used_twice_is_named() -> None:
    log = make_log(3)
    one = add(log, chain(1, log, None))
    add(log, chain(2, log, one))
    add(log, chain(2, log, one))
    assert first(log.check()) == ("subject_seq", 5)


def test_a_closed_entry_before_it_excuses_no_number_used_twice() -> None:
    log = make_log(3)
    one = add(log, chain(1, log, None))
    two = add(log, chain(2, log, one))
    three = add(log, chain(3, log, two))
    add(log, chain(2, log, three))
    openings = {index: opening for index, opening in log.openings.items() if index != three}
    assert first(log.check(openings=openings)) == ("subject_seq", 6)


def test_another_entry_before_it_than_it_names_is_named() -> None:
    log = make_log(3)
    add(log, chain(1, log, None))
    add(log, chain(2, log, 1))
    assert first(log.check()) == ("subject_prev", 4)


def test_classes_are_numbered_apart() -> None:
    log = make_log(3)
    one = add(log, chain(1, log, None))
    add(log, chain(1, log, None, class_="deferred", visible_after=9))
    add(log, chain(2, log, one))
    assert log.check().findings == ()


def test_deferred_entries_become_visible_in_order() -> None:
    log = make_log(3)
    one = add(log, chain(1, log, None, class_="deferred", visible_after=9))
    two = add(log, chain(2, log, one, class_="deferred", visible_after=9))
    assert log.check().findings == ()
    add(log, chain(3, log, two, class_="deferred", visible_after=8))
    assert first(log.check()) == ("visible_after", 5)


def with_closed(closed: set[int]) -> tuple[Log, dict[int, Any]]:
    """A subject's entries 1 to 5 at 3 to 7 of a log, and the openings without some of them."""
    log = make_log(3)
    before = None
    for seq in range(1, 6):
        before = add(log, chain(seq, log, before))
    return log, {index: one for index, one in log.openings.items() if index not in closed}


@pytest.mark.parametrize("closed", [{3}, {3, 4}, {5}, {4, 5, 6}, {7}, {3, 5, 7}])
def test_closed_entries_account_for_a_gap(closed: set[int]) -> None:
    log, openings = with_closed(closed)
    assert log.check(openings=openings).findings == ()


def test_a_closed_entry_accounts_for_no_gap_that_does_not_name_it() -> None:
    log = make_log(3)
    one = add(log, chain(1, log, None))
    add(log, Chain(STRANGER, "open", 1))
    add(log, chain(3, log, one))  # number 2 never was; another subject's entry lies between
    openings = {index: opening for index, opening in log.openings.items() if index != 4}
    assert first(log.check(openings=openings)) == ("subject_seq", 5)


def test_one_closed_entry_accounts_for_one_number() -> None:
    log = make_log(3)
    one = add(log, chain(1, log, None))
    two = add(log, chain(2, log, one))
    add(log, chain(4, log, two))
    openings = {index: opening for index, opening in log.openings.items() if index != two}
    assert first(log.check(openings=openings)) == ("subject_seq", 5)


def test_an_origin_that_goes_on_is_checked_against_the_tails_of_the_one_before() -> None:
    before = make_log(6, subjects=2)
    tails = before.check().subjects
    (subject, class_), tail = next(iter(tails.items()))
    log = Log()
    system = Chain(SUBJECT, "open", 1)
    add(log, system, action="log.continue")
    add(log, Chain(subject, class_, tail.seq + 1, tail.leaf_data))
    alone = log.check()
    assert (alone.findings, alone.unanchored) == ((), 1)

    def against(given: dict[tuple[bytes, str], Tail]) -> Report:
        return verify_log(
            ORIGIN, [KEY.verifier], log.leaves, log.head_note,
            openings=sorted(log.openings.items()), tails=given,
        )  # fmt: skip

    report = against(dict(tails))
    assert (report.findings, report.unanchored) == ((), 0)
    assert report.subjects[subject, class_].seq == tail.seq + 1
    shorter = dict(tails) | {(subject, class_): replace(tail, seq=tail.seq - 1)}
    assert first(against(shorter)) == ("subject_seq", 1)
    other = dict(tails) | {(subject, class_): replace(tail, leaf_data=bytes(33))}
    assert first(against(other)) == ("subject_prev", 1)
    assert first(against({})) == ("subject_seq", 1)
