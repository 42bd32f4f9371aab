"""A log is compared with the receipts that it gave: it stands by them, or is convicted, or neither
can be said; and nobody is convicted by tiles that lie.
"""

from collections.abc import Callable

import pytest

from audit.note import Checkpoint, Verifier, sign_checkpoint
from audit.tiles import WIDTH
from evidence.errors import BadLog
from evidence.receipt import Receipt, check_receipt
from evidence.standing import (
    CHANGED,
    DROPPED,
    EARLY,
    PUBLISHED_AFTER_MS_MAX,
    STANDS,
    Standing,
    standing,
)
from evidence.tiles import Tile
from tests.audit.logbook import KEY, NOW, ORIGIN, OTHER_KEY, Log, fixed, make_log

KNOWN: list[Verifier] = [KEY.verifier]
LATER = NOW + 10 * PUBLISHED_AFTER_MS_MAX


def receipt_at(size: int, index: int) -> Receipt:
    return check_receipt(make_log(size).receipt(index), KNOWN)


def tiles_of(log: Log) -> Callable[[Tile], bytes]:
    def read(tile: Tile) -> bytes:
        assert tile.is_within(log.frontier.size), "a server answers 404"
        row = log.rows[tile.level or 0, tile.n]
        assert len(row) >= 32 * tile.width
        return row[: 32 * tile.width]

    return read


def compared(receipt: Receipt, log: Log, now_ms: int = LATER) -> Standing:
    return standing(receipt, log.head_note, KNOWN, tiles_of(log), now_ms)


def other_log(size: int, *, same: int) -> Log:
    """A second history: the same for so many entries, then another."""
    source, other = make_log(size), Log()
    openings = [source.openings[at] for at in range(size)]
    changed = [
        type(one)(fixed(f"other {at}"), one.event, one.n2, one.chain) if at >= same else one
        for at, one in enumerate(openings)
    ]
    other.add(changed)
    return other


@pytest.mark.parametrize(("then", "index"), [(1, 0), (256, 255), (300, 0), (300, 299), (700, 40)])
@pytest.mark.parametrize("now", [700, 701])
def test_a_log_that_only_grew_stands_by_its_receipts(then: int, index: int, now: int) -> None:
    receipt = receipt_at(then, index)
    found = compared(receipt, make_log(now))
    assert (found.word, found.convicts, found.checkpoint.size) == (STANDS, False, now)


def test_a_checkpoint_between_entry_and_receipt_stands_as_well() -> None:
    """What is published is behind the head that a receipt names."""
    assert compared(receipt_at(300, 100), make_log(200)).word == STANDS


@pytest.mark.parametrize("size", [1, 100])
def test_a_log_that_does_not_reach_the_entry_is_early_and_then_convicted(size: int) -> None:
    receipt, log = receipt_at(300, 100), make_log(size)
    at = receipt.event.at
    early = compared(receipt, log, at + PUBLISHED_AFTER_MS_MAX - 1)
    assert (early.word, early.convicts) == (EARLY, False)
    late = compared(receipt, log, at + PUBLISHED_AFTER_MS_MAX)
    assert (late.word, late.convicts) == (DROPPED, True)
    assert (late.then, late.now) == (receipt.note, log.head_note)


@pytest.mark.parametrize("size", [101, 299, 300, 301, 700])
def test_another_entry_in_the_place_convicts(size: int) -> None:
    receipt, log = receipt_at(300, 100), other_log(size, same=100)
    found = compared(receipt, log)
    assert (found.word, found.convicts) == (CHANGED, True)
    assert found.then != found.now


def test_another_history_beside_the_entry_convicts() -> None:
    """The entry is still there; what came after it, before the receipt, is another."""
    receipt = receipt_at(300, 100)
    assert compared(receipt, other_log(400, same=200)).word == CHANGED
    assert compared(receipt, other_log(400, same=300)).word == STANDS


def test_another_root_for_the_same_size_convicts() -> None:
    assert compared(receipt_at(300, 100), other_log(300, same=299)).word == CHANGED


def refused(receipt: Receipt, note: str, read: Callable[[Tile], bytes]) -> str:
    with pytest.raises(BadLog) as caught:
        standing(receipt, note, KNOWN, read, LATER)
    return caught.value.word


def test_a_note_of_another_key_or_log_convicts_nobody() -> None:
    receipt, log = receipt_at(300, 100), other_log(400, same=0)
    root = log.frontier.root()
    by_another = sign_checkpoint(OTHER_KEY, Checkpoint(ORIGIN, 400, root))
    assert refused(receipt, by_another, tiles_of(log)) == "note"
    assert refused(receipt, "", tiles_of(log)) == "note"
    elsewhere = type(KEY)("other.example/audit", KEY.seed)
    note = sign_checkpoint(elsewhere, Checkpoint("other.example/audit", 400, root))
    with pytest.raises(BadLog) as caught:
        standing(receipt, note, [elsewhere.verifier], tiles_of(log), LATER)
    assert caught.value.word == "origin"


@pytest.mark.parametrize("size", [200, 300, 400, 700])
def test_tiles_that_lie_convict_nobody(size: int) -> None:
    """Each hash of each tile, changed on the way; one that is never looked at does no harm."""
    receipt, log = receipt_at(300, 100), make_log(size)
    words = set()
    for (level, n), row in log.rows.items():
        for at in range(0, len(row), 32 * 7):

            def lying(tile: Tile, place: tuple[int, int] = (level, n), at: int = at) -> bytes:
                found = bytearray(tiles_of(log)(tile))
                if (tile.level, tile.n) == place and at < len(found):
                    found[at] ^= 1
                return bytes(found)

            try:
                words.add(standing(receipt, log.head_note, KNOWN, lying, LATER).word)
            except BadLog as bad:
                words.add(bad.word)
    assert words - {STANDS} == {"tiles"}


def test_tiles_that_are_too_short_or_of_another_log_convict_nobody() -> None:
    receipt, log = receipt_at(300, 100), make_log(400)
    assert refused(receipt, log.head_note, lambda _: b"") == "tiles"
    assert refused(receipt, log.head_note, lambda tile: bytes(32 * tile.width)) == "tiles"
    other = other_log(400, same=0)
    assert refused(receipt, log.head_note, tiles_of(other)) == "tiles"


@pytest.mark.slow
def test_only_tiles_that_are_published_are_asked_for() -> None:
    asked: list[Tile] = []
    log = make_log(66_000, batch=512)

    def read(tile: Tile) -> bytes:
        asked.append(tile)
        return tiles_of(log)(tile)

    assert standing(receipt_at(300, 100), log.head_note, KNOWN, read, LATER).word == STANDS
    assert all(tile.is_within(66_000) for tile in asked)
    assert len(asked) < 8
    assert {tile.width for tile in asked} >= {WIDTH}
