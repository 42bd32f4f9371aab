"""An owner's check of the own entries: what it shows, and each way in which they can be wrong."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from audit.entry import Actor, Chain, Event
from audit.leaf import Opening, leaf_hash
from audit.note import Checkpoint, LogKey, encode_checkpoint, sign_checkpoint
from audit.tree import Frontier
from crypto.primitives import sha256
from evidence.own import Memory, OwnCheck, OwnEntry, OwnReport, gaps, in_words
from evidence.ownlogs import OwnLog
from evidence.proofs import consistency_proof, inclusion_proof
from tests.audit.logbook import (
    KEY,
    NOW,
    ORIGIN,
    OTHER_KEY,
    Log,
    entry_id,
    fixed,
    make_event,
    make_log,
    make_opening,
)

SUBJECT = fixed("subject 0", 16)
SECOND = f"{ORIGIN}-2"


def node_of(openings: Sequence[Opening]) -> Callable[[int, int], bytes]:
    hashes = [leaf_hash(one.leaf_data()) for one in openings]

    def read_node(level: int, index: int) -> bytes:
        part = hashes[index << level : (index + 1) << level]
        return Frontier().extend(part).root()

    return read_node


def all_of(log: Log) -> list[Opening]:
    return [log.openings[index] for index in range(len(log.leaves))]


def shown(openings: Sequence[Opening], own: Sequence[int], number: int = 1) -> list[OwnEntry]:
    """Entries of the owner, newest first, proved in a log of these."""
    read = node_of(openings)
    return [
        OwnEntry(number, at, openings[at], tuple(inclusion_proof(at, len(openings), read)))
        for at in sorted(own, reverse=True)
    ]


def note_of(openings: Sequence[Opening], origin: str = ORIGIN, key: LogKey = KEY) -> str:
    root = Frontier().extend(leaf_hash(one.leaf_data()) for one in openings).root()
    return sign_checkpoint(replace(key, name=origin), Checkpoint(origin, len(openings), root))


def log_of(openings: Sequence[Opening], since: int | None = None, key: LogKey = KEY) -> OwnLog:
    proof = None
    if since is not None and since <= len(openings):
        proof = tuple(consistency_proof(since, len(openings), node_of(openings)))
    return OwnLog(1, note_of(openings, key=key), consistency=proof)


def check(
    logs: Sequence[OwnLog], entries: Sequence[OwnEntry], memory: Memory | None = None
) -> OwnReport:
    own = OwnCheck([KEY.verifier], memory)
    own.add(logs, entries)
    return own.finish()


def codes(report: OwnReport) -> set[str]:
    return {finding.code for finding in report.findings}


@pytest.fixture
def openings() -> list[Opening]:
    """Twelve entries of three subjects; number 0, 3, 6, 9 are the owner's."""
    return all_of(make_log(12))


OWN = (0, 3, 6, 9)


def test_whole_is_said_in_plain_words(openings: list[Opening]) -> None:
    report = check([log_of(openings)], shown(openings, OWN))

    assert (report.entries, report.first, report.lost, report.findings) == (4, 1, 0, ())
    assert in_words(report) == [
        "checked: 0 reads, none missing (4 lines, each proved to be in the log)"
    ]
    assert report.memory is not None
    assert (report.memory.subject, report.memory.last["open"].seq) == (SUBJECT, 4)


def test_pages_amount_to_the_same_while_the_log_grows(openings: list[Opening]) -> None:
    own = OwnCheck([KEY.verifier])
    own.add([log_of(openings[:11])], shown(openings[:11], OWN)[:2])
    assert own.since == (1, 11)
    own.add([log_of(openings, since=11)], shown(openings, OWN)[2:])
    assert own.finish().findings == ()


def test_an_entry_left_out_is_a_gap(openings: list[Opening]) -> None:
    report = check([log_of(openings)], shown(openings, (0, 3, 9)))

    assert codes(report) == {"subject_seq"}
    assert report.memory is None
    assert in_words(report)[0] == "NOT WHOLE: 1 things do not fit."
    assert gaps(shown(openings, (0, 3, 9))) == report.findings
    assert gaps(shown(openings, OWN)) == ()


def test_a_list_that_begins_late_says_so(openings: list[Opening]) -> None:
    report = check([log_of(openings)], shown(openings, OWN[1:]))

    assert (report.first, report.findings) == (2, ())
    assert "It begins at number 2." in in_words(report)[1]


def test_an_entry_that_is_not_in_the_log_is_not_proved(openings: list[Opening]) -> None:
    entries = shown(openings, OWN)
    moved = replace(entries[0], index=entries[0].index - 1)
    forged = make_opening(99, make_event(99), Chain(SUBJECT, "open", 1))
    for wrong in (moved, replace(entries[0], path=()), replace(entries[-1], opening=forged)):
        others = [one for one in entries if one.opening is not wrong.opening][:3]
        assert "proof" in codes(check([log_of(openings)], [wrong, *others]))
    assert "proof" in codes(check([log_of(openings)], [replace(entries[0], log=7)]))


def test_entries_of_another_vault_are_not_taken_for_own_ones(openings: list[Opening]) -> None:
    report = check([log_of(openings)], shown(openings, (0, 1, 3)))
    assert "entry" in codes(report)

    memory = check([log_of(openings)], shown(openings, OWN)).memory
    theirs = check([log_of(openings, since=12)], shown(openings, (1, 4)), memory)
    assert "entry" in codes(theirs)


def test_a_note_by_another_key_or_of_another_log_is_not_believed(openings: list[Opening]) -> None:
    forged = check([log_of(openings, key=OTHER_KEY)], shown(openings, OWN))
    assert codes(forged) == {"note", "proof"}

    other = OwnLog(1, note_of(openings, origin="other.example/audit"))
    assert "note" in codes(check([other], shown(openings, OWN)))
    assert "note" in codes(check([OwnLog(1, "no note")], []))


def test_the_log_goes_on_from_what_was_seen_the_last_time(openings: list[Opening]) -> None:
    memory = check([log_of(openings[:10])], shown(openings[:10], OWN)).memory

    assert check([log_of(openings, since=10)], shown(openings, OWN), memory).findings == ()
    unproved = check([log_of(openings)], shown(openings, OWN), memory)
    assert codes(unproved) == {"consistency"}


def test_a_second_history_of_the_same_log_is_noticed(openings: list[Opening]) -> None:
    memory = check([log_of(openings[:10])], shown(openings[:10], OWN)).memory
    openings[1] = make_opening(77, make_event(77), Chain(fixed("subject 1", 16), "open", 1))

    other = check([log_of(openings, since=10)], shown(openings, OWN), memory)

    assert codes(other) == {"consistency"}


def test_a_log_that_was_cut_off_is_noticed(openings: list[Opening]) -> None:
    memory = check([log_of(openings)], shown(openings, OWN)).memory

    cut = check([log_of(openings[:8], since=12)], shown(openings[:8], OWN[:3]), memory)

    assert codes(cut) == {"cut", "forgotten"}


def test_what_was_seen_last_time_is_not_forgotten(openings: list[Opening]) -> None:
    memory = check([log_of(openings)], shown(openings, OWN)).memory
    fewer = check([log_of(openings, since=12)], shown(openings, OWN[:3]), memory)
    assert codes(fewer) == {"forgotten"}

    later = Chain(SUBJECT, "open", 5, openings[9].leaf_data())
    openings.append(make_opening(12, make_event(12), later))
    gone = check([log_of(openings, since=12)], shown(openings, (12,)), memory)
    assert (gone.findings, gone.first) == ((), 5), "older than what is left"


def deferred(number: int, seq: int, prev: Opening | None, until: int) -> Opening:
    event = Event(entry_id(number), NOW, "data.read", "permitted", Actor("agency", "a:b"))
    before = None if prev is None else prev.leaf_data()
    return make_opening(number, event, Chain(SUBJECT, "deferred", seq, before, until))


def test_deferred_entries_have_numbers_of_their_own_and_come_in_order(
    openings: list[Opening],
) -> None:
    first = deferred(12, 1, None, NOW + 500)
    second = deferred(13, 2, first, NOW + 500)
    openings += [first, second]
    before = check([log_of(openings)], shown(openings, OWN))
    assert (before.findings, before.reads) == ((), 0), "nothing is missing while they are hidden"

    after = check([log_of(openings, 14)], shown(openings, (*OWN, 12, 13)), before.memory)
    assert (after.findings, after.reads, after.deferred) == ((), 2, 2)

    assert codes(check([log_of(openings)], shown(openings, (*OWN, 13)))) == set(), "begins late"
    openings[13] = deferred(13, 2, first, NOW + 499)
    too_early = check([log_of(openings)], shown(openings, (*OWN, 12, 13)))
    assert codes(too_early) == {"visible_after"}


# Across a restore


def going_on(openings: Sequence[Opening], lost: int | None, **changes: object) -> Opening:
    """The first entry of the log that goes on from these."""
    end = Checkpoint(
        ORIGIN, len(openings), Frontier().extend(leaf_hash(o.leaf_data()) for o in openings).root()
    )
    bound = sha256(encode_checkpoint(end).encode())
    event = Event(entry_id(50), NOW, "log.continue", "permitted", Actor("operator"), count=lost)
    chain = Chain(fixed("system", 16), "open", 1, refs=(bound,))
    return make_opening(50, replace(event, **changes), chain)  # type: ignore[arg-type]


def second_log(begins: Opening, *rest: Opening, shown_begin: Opening | None = None) -> OwnLog:
    openings = [begins, *rest]
    path = tuple(inclusion_proof(0, len(openings), node_of(openings)))
    note = note_of(openings, SECOND)
    return OwnLog(2, note, begins=shown_begin or begins, path=path)


def test_numbers_run_on_across_a_restore(openings: list[Opening]) -> None:
    begins = going_on(openings, None)
    own = make_opening(60, make_event(60), Chain(SUBJECT, "open", 5, openings[9].leaf_data()))
    logs = [log_of(openings, since=12), second_log(begins, own)]
    entries = shown([begins, own], (1,), number=2) + shown(openings, OWN)

    report = check(logs, entries)

    assert (report.findings, report.entries, report.lost) == ((), 5, 0)
    assert report.memory is not None
    assert (report.memory.log, report.memory.checkpoint.origin) == (2, SECOND)
    again = [log_of(openings), replace(logs[1], consistency=())]
    assert check(again, entries, report.memory).findings == ()


def test_what_a_restore_lost_is_told_as_the_log_admits_it(openings: list[Opening]) -> None:
    memory = check([log_of(openings)], shown(openings, OWN)).memory
    left = openings[:8]
    own = make_opening(60, make_event(60), Chain(SUBJECT, "open", 4, openings[6].leaf_data()))
    for admitted, found in ((4, set()), (3, {"cut", "forgotten"}), (None, {"cut", "forgotten"})):
        begins = going_on(left, admitted)
        logs = [log_of(left, since=None), second_log(begins, own)]
        entries = shown([begins, own], (1,), number=2) + shown(left, OWN[:3])

        report = check(logs, entries, memory)

        assert codes(report) == found, admitted
        if not found:
            assert report.lost == 4
            assert "A restore lost 4 lines of all vaults together" in in_words(report)[1]
            assert report.memory is not None
            assert report.memory.last["open"].seq == 4


def test_a_log_that_goes_on_from_nothing_is_noticed(openings: list[Opening]) -> None:
    begins = going_on(openings, None)
    other = going_on(openings[:3], None)
    for log in (
        second_log(other),
        second_log(other, shown_begin=begins),
        second_log(going_on(openings, None, action="key.rotate")),
        replace(second_log(begins), begins=None),
        replace(second_log(begins, other), path=()),
    ):
        assert "continue" in codes(check([log_of(openings), log], shown(openings, OWN)))


def test_a_key_of_one_log_speaks_for_no_stranger(openings: list[Opening]) -> None:
    """The same key under another name is believed only beside the log whose key it is."""
    alone = replace(second_log(going_on(openings, None)), number=1)
    assert codes(check([alone], [])) == {"note"}
