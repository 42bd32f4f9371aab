"""Which entries somebody looks for: by agency, action, outcome, officer. Closed ones are none."""

from dataclasses import dataclass

from evidence.entries import Entry


@dataclass(frozen=True, slots=True)
class Selection:
    """All of these must be so; None asks nothing."""

    agency: str | None = None
    action: str | None = None
    outcome: str | None = None
    officer: str | None = None

    @property
    def is_all(self) -> bool:
        return self == Selection()

    def holds(self, entry: Entry) -> bool:
        if entry.bodies is None:
            return self.is_all
        event = entry.bodies[0]
        agency = event.actor.id if event.actor.kind == "agency" else None
        officer = None if event.officer is None else event.officer.id
        return (
            self.agency in {None, agency}
            and self.action in {None, event.action}
            and self.outcome in {None, event.outcome}
            and self.officer in {None, officer}
        )
