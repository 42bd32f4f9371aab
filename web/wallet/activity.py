"""Activity: what happened in the vault, alarms first, with what proves that nothing is missing."""

from collections.abc import Mapping, Set
from itertools import groupby
from types import MappingProxyType
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from api.places import place_of, place_text
from api.shapes import entry_id_bytes
from audit.leaf import leaf_hash
from crypto.encoding import b64u
from evidence.own import NOT_SHOWN
from vault import caller
from vault.activities import Entry, Page
from vault.errors import NotFound
from vault.log import DEFERRED, OPEN, Tally
from vault.logkeys import log_keys
from vault.vault import Vault
from web.citizen import Owner, WalletRoute
from web.forms import GivenForm
from web.names import agency_of, by_name, field_label
from web.pages import OpenedPages, OpenedVault, language_of, see, words_for
from web.papers.words import N_
from web.wallet.filters import KINDS, OUTCOMES, Filter
from web.wallet.lines import Teller, after, in_runs, only_at
from web.wallet.proved import check_all, check_page

router = APIRouter(route_class=WalletRoute, tags=["pages"], include_in_schema=False)

LINES = 50
ALARMS_SHOWN = 20

# What is never in the list, by the code of evidence/own.py, for people.
HIDDEN = MappingProxyType(
    {
        "deferred": N_(
            "Reads that a law lets stay hidden for a time, such as for an investigation. They join"
            " this list when that time is over. Auditors always see them."
        ),
        "strangers": N_(
            "Attempts by somebody who did not show who they are. They are counted, not listed, so"
            " that nobody can fill your list. They got nothing."
        ),
        "retention": N_(
            "Lines that are older than the time they are kept. What they said can't be read any"
            " more."
        ),
    }
)


@router.get("/wallet/activity")
def activity(
    request: Request, owner: Owner, pages: OpenedPages, vault: OpenedVault, before: str = ""
) -> Response:
    """A page of the log, newest first, by month; alarms that nobody has seen stand above it."""
    asked, teller = Filter.of(request), Teller(request, vault, owner)
    wanted = None if asked.is_whole else asked
    found = vault.activity(owner, Page(most=LINES, before=after(before), wanted=wanted))
    is_first = not before
    alarms = vault.activity(owner, Page("alarms", ALARMS_SHOWN)).entries if is_first else ()
    oldest = vault.activity(owner, Page("oldest", 1)).entries
    lines = [*map(teller.tell, found.entries)]
    older = None
    if found.after is not None:
        older = urlencode({**asked.given, "before": place_text(found.after)})
    return pages.render(
        request,
        "wallet/activity.html",
        here="activity",
        asked=asked,
        choices=_choices(request, vault, teller.offices),
        alarms=[*map(teller.tell, alarms)],
        months=[
            (month, in_runs(those) if asked.is_whole else [[one] for one in those])
            for month, those in groupby(lines, key=lambda one: one.month)
        ],
        older=older,
        is_first=is_first,
        counts=_counts(found.tallies),
        begins=oldest[0] if oldest else None,
        checked=check_page(vault, found, is_whole=asked.is_whole, is_first=is_first),
        hidden=[words_for(request).gettext(HIDDEN[code]) for code in NOT_SHOWN],
        keys=_keys(vault),
    )


@router.get("/wallet/activity/check")
def check(request: Request, owner: Owner, pages: OpenedPages, vault: OpenedVault) -> Response:
    """The whole list, checked now."""
    return pages.render(
        request,
        "wallet/activity_check.html",
        here="activity",
        checked=check_all(vault, owner),
        keys=_keys(vault),
    )


@router.post("/wallet/activity/seen")
def seen(form: GivenForm, owner: Owner, vault: OpenedVault) -> Response:
    """The citizen has seen an alarm."""
    vault.acknowledge(owner, entry_id_bytes(form.text("entry")))
    return see("/wallet/activity")


@router.get("/wallet/activity/{place}")
def entry_page(
    request: Request, place: str, owner: Owner, pages: OpenedPages, vault: OpenedVault
) -> Response:
    """One line: who, what, why, and what proves it."""
    entry = entry_at(vault, owner, place)
    found = vault.activity(owner, only_at((entry.log, entry.index)))
    return pages.render(
        request,
        "wallet/entry.html",
        here="activity",
        one=Teller(request, vault, owner).tell(entry),
        contact=agency_of(vault.registry(), entry.event.actor.id or ""),
        checked=check_page(vault, found, is_whole=False, is_first=False),
        number=entry.chain.subject_seq,
        log=entry.log,
        index=entry.index,
        leaf=b64u(leaf_hash(entry.opening.leaf_data())),
        action=entry.event.action,
    )


def entry_at(vault: Vault, owner: caller.Owner, text: str) -> Entry:
    """The citizen's own entry at a place. Raises `NotFound`."""
    place = place_of(text)
    if place is not None:
        for entry in vault.activity(owner, only_at(place)).entries:
            if (entry.log, entry.index) == place:
                return entry
    raise NotFound("There is no such entry in this vault's log.")


def _choices(request: Request, vault: Vault, granted: Set[str]) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer. Offices: those that there were grants for, and all registered."""
    language, gettext = language_of(request), words_for(request).gettext
    registry, catalogue = vault.registry(), vault.system.catalogue
    offices = by_name(registry, granted | set(registry.agencies), language)
    fields = [(one, field_label(catalogue, one, language)) for one in catalogue]
    return {
        "office": [("", gettext("All")), *offices],
        "field": [("", gettext("All")), *fields],
        "kind": [("", gettext("All")), *((k, gettext(text)) for k, (text, _) in KINDS.items())],
        "outcome": [("", gettext("All")), *((k, gettext(t)) for k, t in OUTCOMES.items())],
    }


def _counts(tallies: Mapping[str, tuple[Tally, int]]) -> dict[str, int]:
    seen_, _ = tallies.get(OPEN, (Tally(), 0))
    deferred, hidden = tallies.get(DEFERRED, (Tally(), 0))
    shown = deferred.seq - hidden
    return {"entries": seen_.seq + shown, "reads": seen_.reads, "refusals": seen_.refusals}


def _keys(vault: Vault) -> list[str]:
    """Public halves of the keys, as the command line takes them."""
    return [key.vkey for key in log_keys(vault.system.settings).verifiers]
