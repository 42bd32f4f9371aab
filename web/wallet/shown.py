"""Grants, uses and values as pages show them: ids become names in the citizen's language."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import Request

from catalogue.registration import IntendedUse
from consent.decision import ACTIVE, OFFERED
from crypto.encoding import b64u
from vault import caller
from vault.overviews import GrantInfo
from vault.registry import Snapshot
from vault.vault import Vault
from web.names import agency_name, field_label, purpose_of
from web.pages import language_of
from web.words import Words

_PERIOD = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")
_DAYS = (365, 30, 7, 1)


@dataclass(frozen=True, slots=True)
class ShownGrant:
    """One offer or grant. Instants in Unix milliseconds. `stored_state`: without the clock."""

    id: str
    agency: str
    agency_id: str
    purpose: str
    use: IntendedUse | None  # None: not registered any more
    fields: tuple[str, ...]
    field_ids: tuple[str, ...]
    state: str  # offered | active | ended | expired
    stored_state: str
    created_at: int
    offer_ends: int
    not_after: int
    reads_used: int
    reads_max: int | None
    follow: bool
    with_tx_code: bool

    @property
    def is_open(self) -> bool:
        return self.state in {OFFERED, ACTIVE}

    @property
    def is_new(self) -> bool:
        return self.reads_used == 0

    @property
    def was_scanned(self) -> bool:
        return self.stored_state == ACTIVE or self.reads_used > 0

    @property
    def used_up(self) -> bool:
        return self.reads_max is not None and self.reads_used >= self.reads_max


def grants_shown(request: Request, vault: Vault, owner: caller.Owner) -> list[ShownGrant]:
    """Every offer and grant of the owner, newest first."""
    now_ms, registry = vault.system.clock.now_ms(), vault.registry()
    language = language_of(request)
    return [_shown(one, registry, language, vault, now_ms) for one in vault.grants(owner)]


def times_shared(found: Iterable[ShownGrant], agency: str) -> int:
    """How often this agency was let in before: codes that it scanned."""
    return sum(one.agency_id == agency and one.was_scanned for one in found)


def period_text(period: str, words: Words) -> str:
    """An ISO 8601 period of days or more, like P1Y, as people say it."""
    found = _PERIOD.fullmatch(period)
    if found is None or not any(found.groups()):
        return period
    parts = [
        words.span(int(count) * days * 86_400)
        for count, days in zip(found.groups(), _DAYS, strict=True)
        if count
    ]
    return ", ".join(parts)


def _shown(
    found: GrantInfo, registry: Snapshot, language: str, vault: Vault, now_ms: int
) -> ShownGrant:
    terms = found.terms
    ends = found.offer_ends if found.state == OFFERED else found.not_after
    is_open = found.state in {OFFERED, ACTIVE}
    return ShownGrant(
        id=b64u(found.grant_id),
        agency=agency_name(registry, terms.agency, language),
        agency_id=terms.agency,
        purpose=purpose_of(registry, terms.agency, terms.use, language),
        use=registry.registered(terms.agency, terms.use).use,
        fields=tuple(field_label(vault.system.catalogue, name, language) for name in terms.fields),
        field_ids=terms.fields,
        state="expired" if is_open and now_ms >= ends else found.state,
        stored_state=found.state,
        created_at=found.created_at,
        offer_ends=found.offer_ends,
        not_after=found.not_after,
        reads_used=found.reads_used,
        reads_max=terms.reads_max,
        follow=terms.follow,
        with_tx_code=terms.tx_code is not None,
    )
