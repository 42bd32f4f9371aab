"""What is unusual in a log, told in words with the figures it rests on. It accuses nobody.

An agency is compared with its own past, days with earlier days, and where there is too little past
nothing is said. Days and hours are UTC; an hour's neighbours count as usual too, for the clocks
change twice a year.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from audit.entry import Event
from audit.shapes import instant_text
from evidence.entries import Entry

CODES = (
    "volume",  # an agency read much more in a day than on any earlier day
    "hours",  # an agency read at hours at which it never did
    "officer",  # one officer read of many vaults in a day
    "refusals",  # an agency was refused again and again
)
PLACES_MAX = 100
_DAY_MS, _HOUR_MS = 86_400_000, 3_600_000
_HOURS = 24

Place = tuple[int, int]  # log, index


# From which numbers on something is told.
_PAST_DAYS_MIN = 7  # on which the agency read, before there is a past to compare with
_PAST_READS_MIN = 100  # before hours are usual
_READS_MIN = 20  # in a day
_TIMES_MIN = 3  # what the busiest earlier day is exceeded by
_VAULTS_MIN = 20  # of one officer in a day
_VAULTS_WITHOUT_PAST_MIN = 100
_REFUSALS_MIN = 10  # in a day
_REFUSALS_SHARE = 4  # at least one in so many calls


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One thing that is unusual: a word of `CODES`, in words, and the first entries it rests on.

    `figures` are what `what` says, for telling it in another language.
    """

    code: str
    what: str
    places: tuple[Place, ...]
    figures: Mapping[str, str | int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Act:
    """An event with its place and the subject it is about."""

    place: Place
    event: Event
    subject: bytes


@dataclass(slots=True)
class _Day:
    """What one agency did in one day."""

    calls: int = 0
    reads: list[Place] = field(default_factory=list)
    refused: list[Place] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    hours: dict[int, list[Place]] = field(default_factory=dict)
    vaults: dict[str, dict[bytes, Place]] = field(default_factory=dict)  # by officer

    def add(self, act: Act) -> None:
        event = act.event
        self.calls += 1
        if event.outcome == "denied":
            self.refused.append(act.place)
            self.reasons[event.reason or "unknown"] += 1
        elif event.action == "data.read" and event.outcome == "permitted":
            self.reads.append(act.place)
            self.hours.setdefault(event.at % _DAY_MS // _HOUR_MS, []).append(act.place)
            if event.officer is not None:
                self.vaults.setdefault(event.officer.id, {}).setdefault(act.subject, act.place)


def anomalies_of(entries: Iterable[Entry]) -> tuple[Anomaly, ...]:
    """The same of entries as they lie in a log; closed ones say nothing."""
    return anomalies(
        Act((one.log, one.index), one.bodies[0], one.bodies[1].subject)
        for one in entries
        if one.bodies is not None
    )


def anomalies(acts: Iterable[Act]) -> tuple[Anomaly, ...]:
    """Everything unusual that agencies did, agency by agency and day by day."""
    agencies: dict[str, dict[int, _Day]] = {}
    for act in acts:
        actor = act.event.actor
        if actor.kind == "agency" and actor.id is not None:
            days = agencies.setdefault(actor.id, {})
            days.setdefault(act.event.at // _DAY_MS, _Day()).add(act)
    return tuple(found for name in sorted(agencies) for found in _of_agency(name, agencies[name]))


def _of_agency(agency: str, days: dict[int, _Day]) -> Iterator[Anomaly]:
    past = _Past()
    for number in sorted(days):
        day, date = days[number], instant_text(number * _DAY_MS)[:10]
        yield from _volume(agency, date, day, past)
        yield from _hours(agency, date, day, past)
        yield from _officers(agency, date, day, past)
        yield from _refusals(agency, date, day)
        past.add(day)


@dataclass(slots=True)
class _Past:
    """The earlier days of an agency on which it read."""

    days: int = 0
    reads: int = 0
    busiest: int = 0
    most_vaults: int = 0
    hours: set[int] = field(default_factory=set)

    def add(self, day: _Day) -> None:
        if not day.reads:
            return
        self.days += 1
        self.reads += len(day.reads)
        self.busiest = max(self.busiest, len(day.reads))
        self.most_vaults = max([self.most_vaults, *map(len, day.vaults.values())])
        self.hours |= {(hour + near) % _HOURS for hour in day.hours for near in (-1, 0, 1)}


def _volume(agency: str, date: str, day: _Day, past: _Past) -> Iterator[Anomaly]:
    reads = len(day.reads)
    if past.days < _PAST_DAYS_MIN or reads < _READS_MIN or reads <= _TIMES_MIN * past.busiest:
        return
    what = (
        f"{agency} read {reads} times on {date}; on {past.days} earlier days "
        f"at most {past.busiest} times a day"
    )
    figures: dict[str, str | int] = {
        "agency": agency,
        "date": date,
        "reads": reads,
        "days": past.days,
        "busiest": past.busiest,
    }
    yield Anomaly("volume", what, tuple(day.reads[:PLACES_MAX]), figures)


def _hours(agency: str, date: str, day: _Day, past: _Past) -> Iterator[Anomaly]:
    if past.days < _PAST_DAYS_MIN or past.reads < _PAST_READS_MIN:
        return
    for hour in sorted(day.hours.keys() - past.hours):
        places = day.hours[hour]
        what = (
            f"{agency} read {len(places)} times between {hour:02}:00 and {hour + 1:02}:00 UTC on "
            f"{date}; none of its {past.reads} earlier reads, on {past.days} days, was within an "
            "hour of that"
        )
        figures: dict[str, str | int] = {
            "agency": agency,
            "date": date,
            "reads": len(places),
            "hour": hour,
            "earlier": past.reads,
            "days": past.days,
        }
        yield Anomaly("hours", what, tuple(places[:PLACES_MAX]), figures)


def _officers(agency: str, date: str, day: _Day, past: _Past) -> Iterator[Anomaly]:
    for officer, vaults in sorted(day.vaults.items()):
        others = [len(found) for name, found in day.vaults.items() if name != officer]
        usual = max([past.most_vaults, *others])
        if past.days >= _PAST_DAYS_MIN:
            many = len(vaults) >= _VAULTS_MIN and len(vaults) > _TIMES_MIN * usual
            beside = f"no officer of it read of more than {usual} in a day before, or this day"
        else:
            many = len(vaults) >= _VAULTS_WITHOUT_PAST_MIN and len(vaults) > _TIMES_MIN * usual
            beside = f"there are only {past.days} earlier days to compare with"
        if many:
            what = f"{officer} of {agency} read of {len(vaults)} vaults on {date}; {beside}"
            figures: dict[str, str | int] = {
                "agency": agency,
                "date": date,
                "officer": officer,
                "vaults": len(vaults),
                "days": past.days,
                "usual": usual,
            }
            yield Anomaly("officer", what, tuple(vaults.values())[:PLACES_MAX], figures)


def _refusals(agency: str, date: str, day: _Day) -> Iterator[Anomaly]:
    refused = len(day.refused)
    if refused < _REFUSALS_MIN or refused * _REFUSALS_SHARE < day.calls:
        return
    reasons = ", ".join(f"{reason} {count}" for reason, count in day.reasons.most_common(3))
    what = f"{agency} was refused {refused} of {day.calls} times on {date}: {reasons}"
    figures: dict[str, str | int] = {
        "agency": agency,
        "date": date,
        "refused": refused,
        "calls": day.calls,
        "reasons": reasons,
    }
    yield Anomaly("refusals", what, tuple(day.refused[:PLACES_MAX]), figures)
