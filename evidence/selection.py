"""Which entries somebody looks for: by who, what, for what and of whom. Closed ones are none."""

from dataclasses import dataclass

from evidence.entries import Entry


@dataclass(frozen=True, slots=True)
class Selection:
    """All of these must be so; None asks nothing. `subject` is the log's name of a vault."""

    agency: str | None = None
    action: str | None = None
    outcome: str | None = None
    officer: str | None = None
    use: str | None = None
    subject: bytes | None = None

    @property
    def is_all(self) -> bool:
        return self == Selection()

    def holds(self, entry: Entry) -> bool:
        if entry.bodies is None:
            return self.is_all
        event, chain = entry.bodies
        agency = event.actor.id if event.actor.kind == "agency" else None
        officer = None if event.officer is None else event.officer.id
        return (
            self.agency in {None, agency}
            and self.action in {None, event.action}
            and self.outcome in {None, event.outcome}
            and self.officer in {None, officer}
            and self.use in {None, event.intended_use}
            and self.subject in {None, chain.subject}
        )
