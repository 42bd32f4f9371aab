"""The whole log: sound ones pass, and each kind of damage is named at its first entry."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.entry import Chain, encode_chain, encode_event
from audit.leaf import leaf_hash
from audit.note import Checkpoint, sign_checkpoint
from evidence.chains import Tail
from evidence.findings import CODES, FINDINGS_OF_A_CODE_MAX
from evidence.verify import Report, StoredLeaf, numbered, verify_log
from tests.audit.logbook import (
    KEY,
    ORIGIN,
    OTHER_KEY,
    Log,
    change_leaf,
    fixed,
    make_event,
    make_log,
    make_opening,
)

SUBJECT, STRANGER = fixed("a subject", 16), fixed("a stranger", 16)
SIZE = 700


def first(report: Report) -> tuple[str, int | None]:
    assert report.findings
    assert report.findings[0].last is None
    return report.findings[0].code, report.findings[0].index


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 700])
@pytest.mark.parametrize("tiles_from", [None, 0, 1])
def test_a_sound_log_passes(size: int, tiles_from: int | None) -> None:
    log = make_log(size)
    report = log.check(tiles_from=tiles_from)
    assert report.findings == ()
    assert (report.size, report.opened, report.closed, report.found) == (size, size, 0, 0)
    assert report.checkpoint == Checkpoint(ORIGIN, size, log.frontier.root())
    assert sum(tail.seq for tail in report.subjects.values()) == size


def test_a_log_over_several_levels_passes() -> None:
    log = make_log(66_000, batch=512)
    assert {level for level, _ in log.rows} == {0, 1, 2}
    assert log.check(openings={}).findings == ()


def test_an_empty_log_is_refused() -> None:
    log = Log()
    log.sign()
    assert codes(log.check()) == ["empty"]


# A changed leaf: named exactly by its own stored hash, a tile of level 0, or its opening.


@pytest.mark.parametrize("index", [0, 1, 255, 256, 511, 640, 699])
def test_a_changed_leaf_is_named_by_its_stored_hash(index: int) -> None:
    log = make_log(SIZE)
    change_leaf(log, index)
    assert first(log.check(tiles_from=None, openings={})) == ("leaf", index)


@pytest.mark.parametrize("index", [0, 1, 255, 256, 511, 640, 699])
def test_a_changed_leaf_with_its_hash_is_named_by_the_tile(index: int) -> None:
    log = make_log(SIZE)
    change_leaf(log, index)
    log.renumber()
    assert first(log.check(openings={})) == ("tile", index)


@pytest.mark.parametrize("index", [0, 1, 255, 256, 511, 640, 699])
def test_a_changed_leaf_with_its_hash_is_named_by_its_opening(index: int) -> None:
    log = make_log(SIZE)
    change_leaf(log, index)
    log.renumber()
    assert first(log.check(tiles_from=1)) == ("opening", index)


def test_where_no_closer_place_can_be_told_the_row_and_the_notes_name_a_range() -> None:
    log = make_log(SIZE)
    change_leaf(log, 300)
    log.renumber()
    report = log.check(tiles_from=1, openings={})
    places = [(found.code, found.index, found.last) for found in report.findings]
    assert ("tile", 256, 511) in places
    assert ("root", 300, 399) in places  # the notes of 300 and 400 entries
    assert all(index is not None and last is not None for _, index, last in places)


def test_a_forger_who_rewrites_leaves_tiles_and_hashes_is_named_by_the_signed_roots() -> None:
    log = make_log(SIZE)
    change_leaf(log, 450)
    log.renumber()
    forged = make_log(0)
    for leaf in log.leaves:
        place = 0, leaf.index // 256
        forged.rows[place] = forged.rows.get(place, b"") + leaf_hash(leaf.data)
    log.rows = {place: row for place, row in forged.rows.items() if place[0] == 0}
    report = log.check(openings={}, tiles_from=None)
    assert {(found.code, found.index, found.last) for found in report.findings} == {
        ("root", 400, size - 1) for size in (500, 600, 700)
    }


# Dropped, moved, doubled, put in.


@pytest.mark.parametrize("index", [0, 5, 255, 256, 500, 698])
def test_a_dropped_leaf_is_named_by_its_number(index: int) -> None:
    log = make_log(SIZE)
    del log.leaves[index]
    assert first(log.check()) == ("missing", index)


@pytest.mark.parametrize("index", [0, 5, 255, 256, 500, 698])
@pytest.mark.parametrize(("tiles_from", "code"), [(0, "tile"), (1, "opening"), (None, "opening")])
def test_a_dropped_leaf_is_named_even_when_the_rest_is_renumbered(
    index: int, tiles_from: int | None, code: str
) -> None:
    log = make_log(SIZE)
    del log.leaves[index]
    log.renumber()
    report = log.check(tiles_from=tiles_from, openings={} if tiles_from == 0 else None)
    assert first(report) == (code, index)


@pytest.mark.parametrize(("index", "other"), [(0, 1), (3, 600), (255, 256), (300, 303)])
@pytest.mark.parametrize(("tiles_from", "code"), [(0, "tile"), (1, "opening")])
def test_moved_leaves_are_named_at_the_first(
    index: int, other: int, tiles_from: int, code: str
) -> None:
    log = make_log(SIZE)
    log.leaves[index], log.leaves[other] = log.leaves[other], log.leaves[index]
    assert first(log.check()) == ("missing", index)
    log.renumber()
    report = log.check(tiles_from=tiles_from, openings={} if tiles_from == 0 else None)
    assert first(report) == (code, index)


def test_a_leaf_that_stands_twice_is_named() -> None:
    log = make_log(SIZE)
    log.leaves.insert(301, log.leaves[300])
    assert first(log.check()) == ("order", 300)


def test_a_leaf_put_in_is_named() -> None:
    log = make_log(SIZE)
    log.leaves.insert(301, StoredLeaf(301, b"\x01" + fixed("forged")))
    log.renumber()
    assert first(log.check(openings={})) == ("tile", 301)
    assert "unsigned" in codes(log.check())


# The tail.


@pytest.mark.parametrize("left", [1, 255, 256, 300, 600, 699])
def test_a_tail_cut_off_is_named_at_the_first_entry_that_is_gone(left: int) -> None:
    log = make_log(SIZE)
    del log.leaves[left:]
    openings = {index: one for index, one in log.openings.items() if index < left}
    assert first(log.check(tiles_from=None, openings=openings)) == ("cut", left)
    assert {found.index for found in log.check(openings=openings).findings} == {left}


def test_a_tail_cut_off_with_head_and_tiles_is_named_by_an_earlier_note() -> None:
    whole, log = make_log(SIZE), make_log(500)
    assert log.check().findings == ()
    report = log.check(earlier=list(whole.notes.values()))
    assert first(report) == ("cut", 500)


def test_a_log_cut_down_to_nothing_is_named() -> None:
    log = make_log(300)
    log.leaves.clear()
    assert {"cut", "empty"} <= set(codes(log.check(openings={})))


def test_a_row_that_outlived_its_leaves_is_named() -> None:
    log, whole = make_log(255), make_log(256)
    log.rows[1, 0] = whole.rows[1, 0]
    assert first(log.check(tiles_from=1)) == ("tile", 255)


def test_entries_after_the_head_are_named() -> None:
    log = make_log(300)
    log.leaves.append(StoredLeaf(300, b"\x01" + fixed("more")))
    assert ("unsigned", 300) in [(found.code, found.index) for found in log.check().findings]


# Tiles.


@pytest.mark.parametrize(
    ("place", "index", "last"),
    [((0, 0), 0, 255), ((0, 2), 512, 699), ((1, 0), 0, 699)],
)
def test_a_missing_tile_is_named(place: tuple[int, int], index: int, last: int) -> None:
    log = make_log(SIZE)
    del log.rows[place]
    (found,) = log.check().findings
    assert (found.code, found.index, found.last) == ("tile", index, last)


def test_a_tile_cut_short_and_a_tile_grown_are_named() -> None:
    log = make_log(SIZE)
    whole = log.rows[0, 2]
    log.rows[0, 2] = whole[:-32]
    assert first(log.check()) == ("tile", 699)
    log.rows[0, 2] = whole + bytes(32)
    assert first(log.check()) == ("tile", 700)


@pytest.mark.parametrize("index", [0, 255, 256, 699])
def test_a_flipped_bit_in_a_tile_is_named(index: int) -> None:
    log = make_log(SIZE)
    row = bytearray(log.rows[0, index // 256])
    row[index % 256 * 32] ^= 1
    log.rows[0, index // 256] = bytes(row)
    (found,) = log.check().findings
    assert (found.code, found.index, found.last) == ("tile", index, None)


# Notes.


def test_a_head_by_another_key_or_for_another_log_is_named() -> None:
    log = make_log(10)
    log.sign(OTHER_KEY)
    assert codes(log.check(earlier=[])) == ["note"]
    report = verify_log("kluis.example/other", [KEY.verifier], log.leaves, make_log(10).head_note)
    assert codes(report) == ["note"]
    assert report.checkpoint is None


def test_an_earlier_note_that_is_no_prefix_is_named() -> None:
    log = make_log(SIZE)
    fork = sign_checkpoint(KEY, Checkpoint(ORIGIN, 350, fixed("fork")))
    (found,) = log.check(earlier=[*log.notes.values(), fork]).findings
    assert (found.code, found.index, found.last) == ("root", 300, 349)
    second = sign_checkpoint(KEY, Checkpoint(ORIGIN, SIZE, fixed("fork")))
    (found,) = log.check(earlier=[*log.notes.values(), second]).findings
    assert (found.code, found.index) == ("root", None)


def test_an_earlier_note_that_does_not_verify_is_named() -> None:
    log = make_log(SIZE)
    (found,) = log.check(earlier=["words", log.head_note]).findings
    assert (found.code, found.what) == ("note", "earlier note 1: form")


# Openings and chains.


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


# The report.


def test_bare_leaves_are_numbered_as_they_come() -> None:
    log = make_log(300)
    leaves = numbered(leaf.data for leaf in log.leaves)
    assert not verify_log(ORIGIN, [KEY.verifier], leaves, log.head_note).findings


def test_a_leaf_of_another_form_is_named() -> None:
    log = make_log(10)
    change_leaf(log, 4, b"\x02" + bytes(32))
    log.renumber()
    assert first(log.check(openings={}, tiles_from=None)) == ("leaf", 4)


def test_at_most_a_hundred_findings_of_a_code_are_kept_and_all_are_counted() -> None:
    log = make_log(300)
    for index in range(300):
        change_leaf(log, index)
    report = log.check(tiles_from=None, openings={}, earlier=[])
    assert codes(report).count("leaf") == FINDINGS_OF_A_CODE_MAX
    assert report.found == 301
    assert first(report) == ("leaf", 0)


def drop_leaf(log: Log, index: int) -> None:
    del log.leaves[index]


def double_leaf(log: Log, index: int) -> None:
    log.leaves.insert(index, log.leaves[index])


def swap_opening(log: Log, index: int) -> None:
    log.openings[index] = make_opening(-1, make_event(), Chain(SUBJECT, "open", 1))


@settings(max_examples=40)
@given(st.integers(1, 300), st.data())
def test_no_damage_passes_and_every_finding_has_a_listed_code(
    size: int, data: st.DataObject
) -> None:
    log = make_log(size, batch=64)
    at = data.draw(st.integers(0, size - 1))
    data.draw(st.sampled_from([change_leaf, drop_leaf, double_leaf, swap_opening]))(log, at)
    report = log.check()
    assert report.findings
    assert report.findings[0].index == at
    assert {found.code for found in report.findings} <= set(CODES)
    assert all(str(found).startswith(f"{found.code}: ") for found in report.findings)


def test_helpers_of_these_tests_write_what_they_should() -> None:
    opening = make_opening(0, make_event(), Chain(SUBJECT, "open", 1))
    assert opening.event == encode_event(make_event())
    assert opening.chain == encode_chain(Chain(SUBJECT, "open", 1))
