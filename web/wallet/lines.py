"""Entries of the log as a citizen reads them: sentences, names, labels; never a value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType

from fastapi import Request

from api.places import place_of, place_text
from audit.entry import Event
from audit.shapes import Place, entry_id_text
from vault import caller
from vault.activities import NEWEST, Entry, Page
from vault.vault import Vault
from web import names
from web.pages import words_for
from web.papers.words import ACTIONS, N_, REASONS

# What an agency did, with its name in it. Anything else has the words of the papers.
_DONE: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("data.read", "permitted"): N_("%(agency)s read your data"),
        ("data.read", "denied"): N_("%(agency)s asked for your data and got nothing"),
        ("grant.redeem", "permitted"): N_("%(agency)s used your code"),
        ("grant.redeem", "denied"): N_("%(agency)s tried a code and got nothing"),
    }
)
_GAVE_BACK = N_("%(agency)s gave its access back")
_DIGITS_WRONG = N_("A code was stopped: the four digits were wrong three times")
_BLOCKER = N_("somebody with your block code")
_AGENCIES = {"agency", "source"}  # the kinds of actor that the register has a name for
_ACTORS: Mapping[str, str] = MappingProxyType(
    {
        "owner": N_("you"),
        "auditor": N_("an auditor"),
        "operator": N_("whoever runs the vault"),
        "system": N_("the vault itself"),
    }
)
_ROUTINE = {("owner", "vault.unlock", "permitted"), ("owner", "log.read", "permitted")}
_ICONS = {
    "data.read": "read",
    "value": "edit",
    "vault": "unlock",
    "method": "key",
    "offer": "share",
    "grant": "access",
    "data": "download",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One entry. `place` finds it again; instants in Unix milliseconds."""

    place: str
    id: str
    at: int
    month: str
    what: str
    icon: str
    outcome: str
    reason: str
    reason_code: str
    agency: str  # id of the one that acted, or that the grant was for; else empty
    who: str
    officer: str
    purpose: str
    legal_basis: str
    fields: tuple[str, ...]
    was_given: bool
    unknown: int
    is_alarm: bool
    is_seen: bool
    was_hidden: bool
    is_routine: bool  # the citizen came and looked


class Teller:
    """Tells a citizen's entries in the language of whoever asks."""

    def __init__(self, request: Request, vault: Vault, owner: caller.Owner) -> None:
        self._granted_to = {one.grant_id: one.terms.agency for one in vault.grants(owner)}
        self._registry, self._catalogue = vault.registry(), vault.system.catalogue
        self._words = words_for(request)

    @property
    def offices(self) -> frozenset[str]:
        """Ids of the agencies that the citizen made codes for."""
        return frozenset(self._granted_to.values())

    def tell(self, entry: Entry) -> Line:
        event = entry.event
        agency = self._agency(event)
        fields = event.fields_given or event.fields_requested or ()
        reason = event.reason
        return Line(
            place=place_text((entry.log, entry.index)),
            id=entry_id_text(event.id),
            at=event.at,
            month=self._words.month(event.at),
            what=self._what(event),
            icon=_icon(event.action, event.outcome),
            outcome=event.outcome,
            reason=self._words.gettext(REASONS.get(reason, reason)) if reason else "",
            reason_code=reason or "",
            agency=agency,
            who=self._who(event),
            officer=event.officer.id if event.officer else "",
            purpose=self._purpose(agency, event.intended_use or ""),
            legal_basis=event.legal_basis or "",
            fields=tuple(self._label(one) for one in fields),
            was_given=event.fields_given is not None,
            unknown=event.fields_unknown or 0,
            is_alarm=entry.chain.alarm,
            is_seen=entry.acknowledged,
            was_hidden=entry.chain.class_ == "deferred",
            is_routine=(event.actor.kind, event.action, event.outcome) in _ROUTINE
            and not entry.chain.alarm,
        )

    def _agency(self, event: Event) -> str:
        """Which one acted, or else had the grant that it is about."""
        acted = event.actor.id if event.actor.kind in _AGENCIES else self._holder(event)
        return acted or ""

    def _holder(self, event: Event) -> str:
        """The agency whose grant it is about."""
        return self._granted_to.get(event.grant or b"", "")

    def _what(self, event: Event) -> str:
        gettext, done = self._words.gettext, _DONE.get((event.action, event.outcome))
        if (event.action, event.reason) == ("grant.end", "declined"):
            done = _GAVE_BACK
        if done is not None and event.actor.kind == "agency":
            return gettext(done) % {"agency": self._name(event.actor.id or "")}
        told = gettext(ACTIONS.get(event.action, event.action))
        if event.action == "offer.create" and (holder := self._holder(event)):
            told = gettext("You made a code for %(agency)s") % {"agency": self._name(holder)}
        if (event.action, event.reason) == ("grant.end", "wrong_tx_code"):
            told = gettext(_DIGITS_WRONG)  # of an offer: nobody had access
        if event.outcome == "permitted":
            return told
        denied = event.outcome == "denied"
        return f"{told} – " + (
            gettext("refused, nothing was given") if denied else gettext("it failed")
        )

    def _who(self, event: Event) -> str:
        actor = event.actor
        if event.action == "vault.block":  # the paper names nobody
            return self._words.gettext(_BLOCKER)
        if actor.kind in _AGENCIES:
            return self._name(actor.id or "")
        return self._words.gettext(_ACTORS.get(actor.kind, _ACTORS["system"]))

    def _purpose(self, agency: str, use: str) -> str:
        if not (agency and use):
            return use
        return names.purpose_of(self._registry, agency, use, self._words.language)

    def _name(self, agency: str) -> str:
        return names.agency_name(self._registry, agency, self._words.language) if agency else ""

    def _label(self, field: str) -> str:
        return names.field_label(self._catalogue, field, self._words.language)


def in_runs(lines: Iterable[Line]) -> list[list[Line]]:
    """The lines in their order; those of routine that follow each other together.

    Who opens the vault each day would else look for what others did among what they did themselves.
    """
    alike = groupby(lines, key=lambda line: "" if line.is_routine else line.place)
    return [[*run] for _, run in alike]


def after(text: str) -> Place:
    """From where a page goes on; from the newest for what is no place."""
    return place_of(text) or NEWEST


def only_at(place: Place) -> Page:
    """The page whose one entry stands there, if it is the citizen's and shown already."""
    return Page(most=1, before=(place[0], place[1] + 1))


def _icon(action: str, outcome: str) -> str:
    if outcome != "permitted":
        return "stop"
    return _ICONS.get(action) or _ICONS.get(action.partition(".")[0], "info")
