"""How much agencies ask that they are not given: a sign of a form that wants too much."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from audit.entry import Event


@dataclass(slots=True)
class Asked:
    """One agency's reads: how many fields it named in all of them, and how many it was given.

    `unknown` fields are in no catalogue: it asked for what nobody has.
    """

    agency: str
    calls: int = 0
    fields: int = 0
    given: int = 0
    unknown: int = 0

    @property
    def not_given(self) -> int:
        return self.fields + self.unknown - self.given

    @property
    def percent(self) -> int:
        """Of what it asked, how much it was not given."""
        asked = self.fields + self.unknown
        return round(100 * self.not_given / asked) if asked else 0


def asked_by(events: Iterable[Event], name: Callable[[str], str]) -> list[Asked]:
    """Every agency that tried to read, the one with the most that was not given first."""
    found: dict[str, Asked] = {}
    for event in events:
        if event.action != "data.read" or event.actor.kind != "agency" or not event.actor.id:
            continue
        one = found.setdefault(event.actor.id, Asked(name(event.actor.id)))
        one.calls += 1
        one.fields += len(event.fields_requested or ())
        one.given += len(event.fields_given or ())
        one.unknown += event.fields_unknown or 0
    return sorted(found.values(), key=lambda one: (-one.not_given, one.agency))
