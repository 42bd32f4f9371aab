"""What is unusual, in the reader's language and with its figures. It accuses nobody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from api.places import place_text
from evidence.anomalies import Anomaly
from vault.registry import Snapshot
from web.auditor import words as told
from web.names import agency_name
from web.papers.words import N_
from web.words import Words

_FIGURES: Mapping[str, str] = MappingProxyType(
    {
        "volume": N_(
            "{agency} read {reads} times on {date}. On {days} earlier days it read at most "
            "{busiest} times a day."
        ),
        "hours": N_(
            "{agency} read {reads} times from {hour}:00 to {hour}:59 UTC on {date}. None of its "
            "{earlier} earlier reads, on {days} days, was within an hour of that."
        ),
        "officer": N_(
            "{officer} of {agency} read of {vaults} vaults on {date}. Otherwise an officer reads "
            "of at most {usual} in a day; there are {days} earlier days to compare with."
        ),
        "refusals": N_("{agency} was refused {refused} of {calls} times on {date}: {reasons}."),
    }
)


@dataclass(frozen=True, slots=True)
class Unusual:
    """One thing: what it is called, what it rests on, and the first entry of it."""

    title: str
    what: str
    places: tuple[str, ...]


def unusual(found: Iterable[Anomaly], registry: Snapshot, words: Words) -> list[Unusual]:
    """The same in words."""
    return [_unusual(one, registry, words) for one in found]


def _unusual(one: Anomaly, registry: Snapshot, words: Words) -> Unusual:
    agency = agency_name(registry, str(one.figures["agency"]), words.language)
    figures = {**one.figures, "agency": agency, "reasons": _reasons(one, words)}
    what = words.gettext(_FIGURES[one.code]).format(**figures)
    places = tuple(place_text(place) for place in one.places)
    return Unusual(words.gettext(told.ANOMALIES[one.code]), what, places)


def _reasons(one: Anomaly, words: Words) -> str:
    """`expired 3, revoked 1` with the reasons in words."""
    pairs = [part.rpartition(" ") for part in str(one.figures.get("reasons", "")).split(", ")]
    return ", ".join(
        f"{words.gettext(told.REASONS.get(reason, reason))} ({count})" if reason else count
        for reason, _, count in pairs
    )
