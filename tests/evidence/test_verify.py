"""The whole log: sound ones pass, and each kind of damage is named at its first entry."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.entry import Chain, encode_chain, encode_event
from audit.leaf import leaf_hash
from audit.note import Checkpoint, sign_checkpoint
from evidence.findings import CODES, FINDINGS_OF_A_CODE_MAX
from evidence.verify import StoredLeaf, numbered, verify_log
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
from tests.evidence.reports import SIZE, SUBJECT, codes, first


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
