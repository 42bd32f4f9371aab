"""Composing an export: what it refuses, what it tells on the way, and how little it holds."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from evidence.entries import Entry
from evidence.errors import BadExport
from evidence.export import PASSES, ExportedLog, compose
from tests.audit.logbook import KEY, ORIGIN
from tests.evidence.exports import Source, make_book, members_of


def test_progress_ends_at_all_entries_once_for_each_pass() -> None:
    book = make_book(300)
    told: list[int] = []
    list(compose(book.source(), None, told.append))
    assert sum(told) == 300 * PASSES


def test_the_members_stand_in_one_order_with_the_manifest_last() -> None:
    names = list(members_of(make_book(260).export()))
    assert names[0] == "policy.txt"
    assert names[1] == "checkpoint"
    assert names[-1] == "manifest.json"
    assert names.index("openings.ndjson") < names.index("shredded.ndjson") < len(names) - 4


def test_a_log_that_is_shorter_than_its_checkpoint_is_not_exported() -> None:
    book = make_book(10)
    source = book.source()
    book.log.leaves.pop()
    short = Short(book)
    assert source.index == 8
    with pytest.raises(BadExport, match="missing"):
        list(compose(short))


@dataclass(frozen=True)
class Short(Source):
    """Says that there is one entry more than there is."""

    @property
    def logs(self) -> tuple[ExportedLog, ...]:
        log = self.book.log
        size = len(log.leaves) + 1
        return (ExportedLog(1, ORIGIN, (KEY.verifier.vkey,), size, log.head_note, ()),)


@dataclass(frozen=True)
class Long:
    """A log of any length that is never there as a whole: few entries, over and over."""

    size: int
    pattern: tuple[Entry, ...]

    @property
    def logs(self) -> tuple[ExportedLog, ...]:
        return (ExportedLog(1, ORIGIN, (KEY.verifier.vkey,), self.size, "no\nnote\n", ()),)

    @property
    def index(self) -> int:
        return self.size - 1

    def leaves(self, log: ExportedLog) -> Iterator[bytes]:
        return (one.leaf_data for one in self.entries(log))

    def entries(self, log: ExportedLog) -> Iterator[Entry]:
        for index in range(self.size):
            one = self.pattern[index % len(self.pattern)]
            yield Entry(1, index, one.entry_id, one.leaf_data, one.opening)


def peak_bytes(size: int, pattern: tuple[Entry, ...]) -> int:
    tracemalloc.start()
    for _ in compose(Long(size, pattern)):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.slow
def test_memory_does_not_grow_with_the_log() -> None:
    book = make_book(20)
    (log,) = book.source().logs
    pattern = tuple(book.source().entries(log))
    small, large = peak_bytes(1_000, pattern), peak_bytes(9_000, pattern)
    assert large - small < 200_000  # a byte and a share of a tile's name for each entry, no more
