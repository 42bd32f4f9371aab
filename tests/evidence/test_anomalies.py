"""What is unusual is told with its figures; quiet histories, or those with no past, are silent."""

from collections.abc import Iterable, Iterator

import pytest

from audit.entry import Actor, Event, Officer
from evidence.anomalies import Act, Anomaly, anomalies
from tests.audit.logbook import entry_id, fixed

DAY, HOUR = 86_400_000, 3_600_000
MONDAY = 1_795_392_000_000 // DAY * DAY
AGENCY, OTHER = "https://agency.example", "https://other.example"


def act(at: int, number: int = 0, **changed: object) -> Act:
    body: dict[str, object] = {
        "outcome": "permitted",
        "actor": Actor("agency", AGENCY),
        "officer": Officer("j.devries", "agency"),
    }
    event = Event(entry_id(at % 1000), at, "data.read", **(body | changed))  # type: ignore[arg-type]
    return Act((1, at % 10**6), event, fixed(f"subject {number}", 16))


def office_days(days: int, reads: int = 20, first: int = 0) -> Iterator[Act]:
    """Reads between nine and five, of as many citizens as there are reads, by four officers."""
    for day in range(first, first + days):
        for number in range(reads):
            at = MONDAY + day * DAY + 9 * HOUR + number * 8 * HOUR // reads
            officer = Officer(f"officer-{number % 4}", "agency")
            yield act(at, number, officer=officer)


def codes(acts: Iterable[Act]) -> list[str]:
    return [one.code for one in anomalies(acts)]


def only(acts: Iterable[Act]) -> Anomaly:
    (one,) = anomalies(acts)
    return one


@pytest.mark.parametrize(
    "acts",
    [
        [],
        list(office_days(30)),
        list(office_days(1, reads=500)),  # no past to compare with
        [*office_days(6), *office_days(1, reads=500, first=6)],  # too little of it
        [*office_days(30), *office_days(1, reads=60, first=30)],  # three times is not more
        [*office_days(30, reads=2), *office_days(1, reads=19, first=30)],  # too few to tell
        [act(MONDAY + 3 * HOUR + day * DAY, day) for day in range(20)],  # always at night
    ],
    ids=["nothing", "quiet", "new", "short past", "busy", "small", "by night"],
)
def test_quiet_histories_say_nothing(acts: list[Act]) -> None:
    assert codes(acts) == []


def test_a_sudden_volume_is_told_with_its_figures() -> None:
    one = only([*office_days(30), *office_days(1, reads=61, first=30)])
    assert one.code == "volume"
    assert one.what == (
        f"{AGENCY} read 61 times on 2026-12-23; on 30 earlier days at most 20 times a day"
    )
    assert len(one.places) == 61


def test_an_agency_is_compared_with_its_own_past_alone() -> None:
    busy = [act(MONDAY + day * DAY + 10 * HOUR + n, n, actor=Actor("agency", OTHER), officer=None)
            for day in range(31) for n in range(200)]  # fmt: skip
    acts = [*office_days(30), *office_days(1, reads=61, first=30), *busy]
    assert [(one.code, one.what.split()[0]) for one in anomalies(acts)] == [("volume", AGENCY)]


def test_reads_at_an_hour_that_was_never_used_are_told() -> None:
    night = [act(MONDAY + 30 * DAY + 3 * HOUR + minute, minute) for minute in range(2)]
    one = only([*office_days(30), *night])
    assert one.code == "hours"
    assert one.what == (
        f"{AGENCY} read 2 times between 03:00 and 04:00 UTC on 2026-12-23; none of its 600 earlier "
        "reads, on 30 days, was within an hour of that"
    )


def test_an_hour_beside_the_usual_ones_is_usual_for_clocks_change() -> None:
    early = [act(MONDAY + 30 * DAY + 8 * HOUR)]
    late = [act(MONDAY + 30 * DAY + 17 * HOUR)]
    assert codes([*office_days(30), *early, *late]) == []


def test_an_officer_who_reads_of_many_vaults_is_told() -> None:
    curious = [
        act(MONDAY + 30 * DAY + 10 * HOUR + n, n, officer=Officer("curious", "agency"))
        for n in range(20)
    ]
    one = only([*office_days(30), *curious])
    assert one.code == "officer"
    assert one.what == (
        f"curious of {AGENCY} read of 20 vaults on 2026-12-23; no officer of it read of more than "
        "5 in a day before, or this day"
    )


def test_reading_of_the_same_vaults_again_and_again_is_not_reading_of_many() -> None:
    same = [
        act(MONDAY + 30 * DAY + 10 * HOUR + n, n % 3, officer=Officer("busy", "agency"))
        for n in range(30)
    ]
    assert codes([*office_days(30), *same]) == []


def test_without_a_past_only_very_many_vaults_are_told_and_it_says_so() -> None:
    def day_of(vaults: int) -> list[Act]:
        return [act(MONDAY + 10 * HOUR + n, n) for n in range(vaults)]

    assert codes(day_of(99)) == []
    assert only(day_of(100)).what.endswith("there are only 0 earlier days to compare with")


def test_repeated_refusals_are_told_with_their_reasons() -> None:
    refused = [
        act(MONDAY + 30 * DAY + 10 * HOUR + n, n, outcome="denied", reason="not_granted")
        for n in range(9)
    ]
    replayed = act(MONDAY + 30 * DAY + 11 * HOUR, outcome="denied", reason="replayed")
    one = only([*office_days(30), *refused, replayed])
    assert one.code == "refusals"
    assert one.what == (
        f"{AGENCY} was refused 10 of 10 times on 2026-12-23: not_granted 9, replayed 1"
    )
    few_among_many = [*refused, replayed, *office_days(1, reads=31, first=30)]
    assert codes(few_among_many) == []


def test_what_owners_operators_and_auditors_do_is_none_of_this() -> None:
    acts = [
        act(MONDAY + n, n, actor=Actor(kind), outcome="denied", reason="replayed")
        for kind in ("owner", "operator", "system")
        for n in range(500)
    ]
    assert codes(acts) == []
