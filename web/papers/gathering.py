"""All that a citizen takes away: every value with its history, grants, activity, ways to unlock."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from audit.shapes import Place
from catalogue.fields import Catalogue
from catalogue.registration import (
    Agency,
    IntendedUse,
    agency_from_document,
    use_from_document,
)
from crypto.encoding import parse_canonical
from vault import caller
from vault.activities import Entry, Page
from vault.errors import NotFound
from vault.fields import OwnValue
from vault.methods import MethodInfo
from vault.overviews import GrantInfo
from vault.registry import ACTIVE, Snapshot
from vault.vault import Vault

ENTRIES_MAX = 20_000  # of the log, newest first; `log_is_whole` says whether there are more
_ENTRIES_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class Party:
    """An agency that a grant or an entry names, as it registered itself, also when revoked since.

    `revoked_uses`: ids of those of its `uses` that it may not ask for any more.
    """

    agency: Agency
    uses: tuple[IntendedUse, ...]
    is_revoked: bool
    revoked_uses: frozenset[str]


@dataclass(frozen=True, slots=True)
class Export:
    """A citizen's own data at one moment. `values`: every version, newest first, by field.

    `damaged`: places in the log whose entry does not open. `hidden`: how many reads a law keeps
    hidden for now. `made_at` is Unix milliseconds.
    """

    made_at: int
    url: str
    language: str
    catalogue: Catalogue
    values: Mapping[str, tuple[OwnValue, ...]]
    grants: tuple[GrantInfo, ...]
    parties: Mapping[str, Party]
    entries: tuple[Entry, ...]
    damaged: tuple[Place, ...]
    log_is_whole: bool
    hidden: int
    methods: tuple[MethodInfo, ...]


def gather(vault: Vault, owner: caller.Owner, language: str) -> Export:
    """The owner's data as it stands now. Raises what the vault raises: nothing is left out."""
    grants = tuple(vault.grants(owner))
    entries, damaged, is_whole, hidden = _log(vault, owner)
    named = {grant.terms.agency for grant in grants} | {
        entry.event.actor.id for entry in entries if entry.event.actor.kind == "agency"
    }
    return Export(
        made_at=vault.system.clock.now_ms(),
        url=vault.system.settings.url,
        language=language,
        catalogue=vault.system.catalogue,
        values=_values(vault, owner),
        grants=grants,
        parties=_parties(vault.registry(), {agency for agency in named if agency}),
        entries=entries,
        damaged=damaged,
        log_is_whole=is_whole,
        hidden=hidden,
        methods=vault.overview(owner).methods,
    )


def _values(vault: Vault, owner: caller.Owner) -> dict[str, tuple[OwnValue, ...]]:
    found = {}
    for field in vault.system.catalogue:
        try:
            found[field] = tuple(vault.history(owner, field))
        except NotFound:
            continue  # a field without a value
    return found


def _log(
    vault: Vault, owner: caller.Owner
) -> tuple[tuple[Entry, ...], tuple[Place, ...], bool, int]:
    entries: list[Entry] = []
    damaged: list[Place] = []
    page = Page(most=_ENTRIES_AT_A_TIME)
    while True:
        found = vault.activity(owner, page)
        entries += found.entries
        damaged += found.damaged
        # Rows that don't open are bounded too: a log full of them must not keep us here.
        is_enough = len(entries) + len(damaged) >= ENTRIES_MAX
        if found.after is None or is_enough:
            hidden = sum(count for _, count in found.tallies.values())
            return tuple(entries[:ENTRIES_MAX]), tuple(damaged), found.after is None, hidden
        page = Page(most=_ENTRIES_AT_A_TIME, before=found.after)


def _parties(registry: Snapshot, named: Iterable[str]) -> dict[str, Party]:
    return {agency: party for agency in sorted(named) for party in _party(registry, agency)}


def _party(registry: Snapshot, id_: str) -> Iterator[Party]:
    """The party of that id, unless the registry lost it: rows that fail their mac are not there."""
    for row in registry.rows:
        if (row.kind, row.id) == ("agency", id_):
            own = [use for use in registry.rows if (use.kind, use.parent) == ("use", id_)]
            yield Party(
                agency=agency_from_document(parse_canonical(row.document)),
                uses=tuple(use_from_document(parse_canonical(use.document)) for use in own),
                is_revoked=row.state != ACTIVE,
                revoked_uses=frozenset(use.id for use in own if use.state != ACTIVE),
            )
            return
