"""Grants, uses and values as pages show them: ids become names in the citizen's language."""

from dataclasses import dataclass

from fastapi import Request

from consent.decision import ACTIVE, OFFERED
from crypto.encoding import b64u
from vault import caller
from vault.overviews import GrantInfo
from vault.registry import Snapshot
from vault.vault import Vault
from web.names import agency_name, field_label, purpose_of
from web.pages import language_of


@dataclass(frozen=True, slots=True)
class ShownGrant:
    """One offer or grant. Instants in Unix milliseconds."""

    id: str
    agency: str
    purpose: str
    fields: tuple[str, ...]
    field_ids: tuple[str, ...]
    state: str  # offered | active | ended | expired
    created_at: int
    offer_ends: int
    not_after: int
    reads_used: int
    reads_max: int | None
    is_new: bool

    @property
    def is_open(self) -> bool:
        return self.state in {OFFERED, ACTIVE}


def grants_shown(request: Request, vault: Vault, owner: caller.Owner) -> list[ShownGrant]:
    """Every offer and grant of the owner, newest first."""
    now_ms, registry = vault.system.clock.now_ms(), vault.registry()
    language = language_of(request)
    return [_shown(one, registry, language, vault, now_ms) for one in vault.grants(owner)]


def _shown(
    found: GrantInfo, registry: Snapshot, language: str, vault: Vault, now_ms: int
) -> ShownGrant:
    terms = found.terms
    ends = found.offer_ends if found.state == OFFERED else found.not_after
    is_open = found.state in {OFFERED, ACTIVE}
    return ShownGrant(
        id=b64u(found.grant_id),
        agency=agency_name(registry, terms.agency, language),
        purpose=purpose_of(registry, terms.agency, terms.use, language),
        fields=tuple(field_label(vault.system.catalogue, name, language) for name in terms.fields),
        field_ids=terms.fields,
        state="expired" if is_open and now_ms >= ends else found.state,
        created_at=found.created_at,
        offer_ends=found.offer_ends,
        not_after=found.not_after,
        reads_used=found.reads_used,
        reads_max=terms.reads_max,
        is_new=found.reads_used == 0,
    )
