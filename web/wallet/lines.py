"""Entries of the log as a citizen reads them: sentences, names, labels; never a value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fastapi import Request

from api.places import place_of, place_text
from audit.shapes import entry_id_text
from vault import caller
from vault.activities import NEWEST, Entry, Page, Place
from vault.vault import Vault
from web import names
from web.pages import language_of, words_for
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


Shower = Callable[[Entry], Line]


def shower(request: Request, vault: Vault, owner: caller.Owner) -> Shower:
    """What turns entries into lines, in the language of whoever asks."""
    granted_to = {one.grant_id: one.terms.agency for one in vault.grants(owner)}
    registry, language, words = vault.registry(), language_of(request), words_for(request)
    catalogue, gettext = vault.system.catalogue, words.gettext

    def name(id_: str | None) -> str:
        return names.agency_name(registry, id_, language) if id_ else ""

    def who(entry: Entry) -> str:
        kind, id_ = entry.event.actor.kind, entry.event.actor.id
        known = {
            "owner": gettext("you"),
            "auditor": gettext("an auditor"),
            "operator": gettext("whoever runs the vault"),
        }
        return name(id_) if kind in {"agency", "source"} else known.get(
            kind, gettext("the vault itself")
        )  # fmt: skip

    def what(entry: Entry) -> str:
        event = entry.event
        done = _DONE.get((event.action, event.outcome))
        if (event.action, event.reason) == ("grant.end", "declined"):
            done = _GAVE_BACK
        if done is not None and event.actor.kind == "agency":
            return gettext(done) % {"agency": name(event.actor.id)}
        told = gettext(ACTIONS.get(event.action, event.action))
        if event.action == "offer.create" and (event.grant or b"") in granted_to:
            office = name(granted_to[event.grant or b""])
            told = gettext("You made a code for %(agency)s") % {"agency": office}
        if event.outcome == "permitted":
            return told
        return f"{told} – " + (
            gettext("refused, nothing was given") if event.outcome == "denied"
            else gettext("it failed")
        )  # fmt: skip

    def line(entry: Entry) -> Line:
        event = entry.event
        by_agency = event.actor.kind in {"agency", "source"}
        agency = event.actor.id if by_agency else granted_to.get(event.grant or b"")
        fields = event.fields_given or event.fields_requested or ()
        reason = event.reason
        return Line(
            place=place_text((entry.log, entry.index)),
            id=entry_id_text(event.id),
            at=event.at,
            month=words.month(event.at),
            what=what(entry),
            icon=_icon(event.action, event.outcome),
            outcome=event.outcome,
            reason=gettext(REASONS.get(reason, reason)) if reason else "",
            agency=agency or "",
            who=who(entry),
            officer=event.officer.id if event.officer else "",
            purpose=names.purpose_of(registry, agency, event.intended_use, language)
            if agency and event.intended_use
            else event.intended_use or "",
            legal_basis=event.legal_basis or "",
            fields=tuple(names.field_label(catalogue, one, language) for one in fields),
            was_given=event.fields_given is not None,
            unknown=event.fields_unknown or 0,
            is_alarm=entry.chain.alarm,
            is_seen=entry.acknowledged,
            was_hidden=entry.chain.class_ == "deferred",
        )

    return line


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
