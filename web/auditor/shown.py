"""Entries as an auditor's pages show them: codes, ids and instants in words."""

from dataclasses import dataclass, field

from api.places import place_text
from api.shapes import id_text
from audit.entry import Chain, Event
from audit.shapes import entry_id_text
from evidence.entries import Entry
from vault.registry import Snapshot
from vault.vault import Vault
from web.auditor import words as told
from web.names import purpose_of
from web.words import Words


@dataclass(frozen=True, slots=True)
class Shown:
    """One entry. `closed` says why there is nothing more of it. Instants in Unix milliseconds."""

    place: str
    id: str
    closed: str = ""
    at: int = 0
    action: str = ""
    outcome: str = ""
    outcome_kind: str = ""
    reason: str = ""
    who: str = ""
    who_kind: str = ""
    who_id: str = ""
    officer: str = ""
    officer_stated_by: str = ""
    on_behalf_of: str = ""
    purpose: str = ""
    use: str = ""
    basis: str = ""
    grant: str = ""
    asked: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    unknown: int = 0
    count: int | None = None
    subject: str = ""
    number: int = 0
    first: bool = False
    deferred_until: int | None = None
    alarm: bool = False


@dataclass(frozen=True)
class Teller:
    """Tells entries in one language."""

    vault: Vault
    words: Words
    registry: Snapshot = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "registry", self.vault.registry())

    def tell(self, entry: Entry) -> Shown:
        """One entry; in short where it is closed."""
        place, id_ = place_text((entry.log, entry.index)), entry_id_text(entry.entry_id)
        if entry.bodies is None:
            return Shown(place, id_, closed=self.words.gettext(told.CLOSED[entry.why_closed]))
        return self._open(place, id_, *entry.bodies)

    def _open(self, place: str, id_: str, event: Event, chain: Chain) -> Shown:
        say, actor, language = self.words.gettext, event.actor, self.words.language
        asked, given = event.fields_requested or (), event.fields_given or ()
        withheld = tuple(name for name in asked if name not in given)
        return Shown(
            place,
            id_,
            at=event.at,
            action=say(told.ACTIONS[event.action]),
            outcome=say(told.OUTCOMES[event.outcome]),
            outcome_kind=event.outcome,
            reason=say(told.REASONS[event.reason]) if event.reason else "",
            who=told.actor_name(self.registry, actor.kind, actor.id, language)
            or say(told.ACTORS[actor.kind]),
            who_kind=say(told.ACTORS[actor.kind]),
            who_id=actor.id or "",
            officer=event.officer.id if event.officer else "",
            officer_stated_by=self._stated_by(event),
            on_behalf_of=event.on_behalf_of or "",
            purpose=self._purpose(event),
            use=event.intended_use or "",
            basis=self._basis(event.legal_basis),
            grant=id_text(event.grant) if event.grant else "",
            asked=self._labels(asked),
            given=self._labels(given),
            withheld=self._labels(withheld),
            unknown=event.fields_unknown or 0,
            count=event.count,
            subject=id_text(chain.subject),
            number=chain.subject_seq,
            first=chain.subject_prev is None,
            deferred_until=chain.visible_after,
            alarm=chain.alarm,
        )

    def _stated_by(self, event: Event) -> str:
        said = event.officer.stated_by if event.officer else ""
        return self.words.gettext(told.ACTORS[said]) if said in told.ACTORS else said

    def _purpose(self, event: Event) -> str:
        if event.intended_use is None:
            return ""
        agency = event.on_behalf_of or event.actor.id
        agencies = [agency] if agency else self._agencies_with(event.intended_use)
        # An owner's entry names no agency: several may give their uses one id, for one purpose.
        purposes = {
            purpose_of(self.registry, one, event.intended_use, self.words.language)
            for one in agencies
        }
        return purposes.pop() if len(purposes) == 1 else event.intended_use

    def _agencies_with(self, use: str) -> list[str]:
        return [agency for agency, name in self.registry.uses if name == use]

    def _basis(self, basis: str | None) -> str:
        return self.words.gettext(told.LEGAL_BASES.get(basis, basis)) if basis else ""

    def _labels(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return told.field_labels(self.vault.system.catalogue, names, self.words.language)
