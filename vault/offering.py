"""Making an offer: the owner chooses agency, use, fields, time and reads; a code is shown once.

The code's 20 bytes are not stored. With the grant's salt they give the keys that the chosen values'
data keys are boxed for: holding the code is the access (docs/format.md, 7 Grants).
"""

import secrets
from dataclasses import dataclass, field
from typing import Any

from audit.entry import Event
from consent.decision import OFFERED, Decision, Deny, OfferFacts, OfferLimits, decide_offer
from consent.terms import TX_CODE_DIGITS, Terms
from crypto.box import ID_BYTES, derive_id
from crypto.code import GRANT as GRANT_CODE
from crypto.code import encode_code
from crypto.primitives import random_bytes
from crypto.secret import Secret
from vault import caller
from vault.ending import end, find_grant
from vault.errors import BadInput, Refused
from vault.grants import Grant, grants_of, held_values, insert_stanzas, sound_grants
from vault.keys import GrantKeys, grant_salt
from vault.methods import recovery_confirmed
from vault.recording import OWNER, draft, raise_version, registry_is, unchanged, use_of
from vault.registry import Snapshot
from vault.sequencer import Item
from vault.sessions import OpenVault, open_session, route
from vault.settings import DAY_SECONDS
from vault.system import System
from vault.unlocking import session_id
from vault.values import rewrap

_REFUSALS = {
    "agency_revoked": "This agency is not registered here, or not any more.",
    "use_revoked": "This intended use is not registered, or not any more.",
    "not_registered_for": "The agency did not register this use for all of these fields.",
    "fields_missing": "The agency needs all mandatory fields of this use. Choose them, or none.",
    "limit_reached": "The duration or the number of reads is outside the limits.",
    "unconfirmed_recovery": "Type your recovery code back first.",
    "unlock_too_old": "Unlock the vault again first: this is a weighty decision.",
    "too_many_offers": "There were too many codes today. Try again tomorrow.",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What the owner chose. `replaces`: an offer of the same choice that the new code kills."""

    agency: str
    use: str
    fields: tuple[str, ...]
    duration_seconds: int
    reads_max: int | None = None
    follow: bool = False
    with_tx_code: bool = False
    replaces: bytes | None = None


@dataclass(frozen=True, slots=True)
class OfferMade:
    """The code, shown once, and until when it can be redeemed (Unix milliseconds)."""

    grant_id: bytes
    code: str = field(repr=False)
    tx_code: str | None = field(repr=False)
    offer_ends: int
    not_after: int

    def qr_text(self, url: str) -> str:
        """What the QR code holds. The secret is in the fragment: no server log ever sees it."""
        return f"{url.upper()}/S#{self.code}"


def offer(system: System, owner: caller.Owner, choice: Choice, now_ms: int) -> OfferMade:
    """Makes an offer. Raises `Refused` with the reason that `decide_offer` gives."""
    if len(set(choice.fields)) != len(choice.fields):
        raise BadInput("Name each field once.", "bad_fields")
    if any(name not in system.catalogue for name in choice.fields):
        raise BadInput("There is no such field in the catalogue.", "unknown_field")

    def prepare() -> tuple[Item, OfferMade | Deny]:
        opened = open_session(system, owner, now_ms)
        if choice.replaces is not None:
            find_grant(system, opened.context.vault_id, choice.replaces)
        tx_digits = f"{secrets.randbelow(10**TX_CODE_DIGITS):0{TX_CODE_DIGITS}}"
        terms = Terms(
            agency=choice.agency,
            use=choice.use,
            fields=choice.fields,
            reads_max=choice.reads_max,
            follow=choice.follow,
            tx_code=tx_digits if choice.with_tx_code else None,
        )
        registry = system.registry.current()
        decision = _decide(system, opened, registry, terms, choice, now_ms)
        if isinstance(decision, Deny):
            return _refusal(opened, registry, terms, decision, now_ms), decision
        return _prepare(system, opened, registry, terms, choice, now_ms)

    system.limits.check("refusals_per_minute", session_id(owner.token), now_ms)
    _, made = system.record(prepare)
    if isinstance(made, Deny):
        system.limits.admits("refusals_per_minute", session_id(owner.token), now_ms)
        raise Refused(_REFUSALS[made.reason], made.reason)
    _end_replaced(system, owner, choice, now_ms)
    return made


def _end_replaced(system: System, owner: caller.Owner, choice: Choice, now_ms: int) -> None:
    """The new code kills the old one; access that was redeemed meanwhile stays."""
    if choice.replaces is not None:
        opened = open_session(system, owner, now_ms)
        old = find_grant(system, opened.context.vault_id, choice.replaces)
        if old.state == OFFERED:
            end(system, opened.context.audit_key, old, OWNER, "revoked", now_ms)


def _decide(
    system: System, opened: OpenVault, registry: Snapshot, terms: Terms, choice: Choice, now_ms: int
) -> Decision:
    limits = system.settings
    with system.main.read() as connection:
        earlier = grants_of(connection, opened.context.vault_id)
    known = {t.agency for g, t in sound_grants(earlier, opened.context.keys) if g.phase > 0}
    return decide_offer(
        registry.registered(terms.agency, terms.use),
        OfferFacts(
            terms=terms,
            duration_seconds=choice.duration_seconds,
            unlock_age_seconds=opened.unlock_age_seconds(now_ms),
            agency_is_new=terms.agency not in known,
            recovery_confirmed=recovery_confirmed(system, opened),
            offers_today=sum(g.created_at > now_ms - DAY_SECONDS * 1000 for g in earlier),
        ),
        OfferLimits(
            duration_seconds_max=limits.grant_seconds_max,
            fresh_above_seconds=limits.grant_fresh_seconds,
            fresh_unlock_seconds=limits.fresh_unlock_seconds,
            offers_per_day=limits.offers_per_day,
            reads_max=limits.reads_max,
        ),
    )


def _prepare(
    system: System, opened: OpenVault, registry: Snapshot, terms: Terms, choice: Choice, now_ms: int
) -> tuple[Item, OfferMade]:
    keys, vault_id = opened.context.keys, opened.context.vault_id
    grant_id, code = random_bytes(ID_BYTES), Secret.random(GRANT_CODE.secret_bytes)
    not_after = now_ms + choice.duration_seconds * 1000
    offer_ends = min(now_ms + system.settings.offer_ttl_seconds * 1000, not_after)
    salt = system.keystore.make(grant_salt(grant_id, 0), vault_id, offer_ends)
    grant_keys = GrantKeys.from_token(code, vault_id, grant_id, 0, salt)
    grant = Grant(
        vault_id=vault_id,
        grant_id=grant_id,
        phase=0,
        offer_id=derive_id(code, "id"),
        token_id=None,
        prev_token_id=None,
        prev_until=None,
        public_key=grant_keys.pair.public,
        key_hash=None,
        offer_ends=offer_ends,
        not_after=not_after,
        box=keys.box_terms(grant_id, terms.encode()),
        mac=b"",
        state=OFFERED,
        reads_used=0,
        wrong_codes=0,
        created_at=now_ms,
    ).with_mac(keys)
    with system.main.read() as connection:
        held = held_values(connection, keys, vault_id, [keys.handle(f) for f in terms.fields])
    wrapped = rewrap(((h.value, h.wrapped) for h in held.values()), opened.keys, grant_keys)
    item = Item(
        _event(registry, terms, now_ms, grant=grant_id, fields_given=terms.fields),
        opened.context.audit_key,
        premises=(registry_is(registry.version), unchanged(opened.context)),
        writes=(
            *grant.insertion(),
            *route(grant.offer_id, vault_id, grant_id),
            *insert_stanzas(wrapped),
            raise_version(vault_id),
        ),
        refs=grant.refs,
    )
    return item, OfferMade(
        grant_id, encode_code(GRANT_CODE, code), terms.tx_code, offer_ends, not_after
    )


def _refusal(
    opened: OpenVault, registry: Snapshot, terms: Terms, denied: Deny, now_ms: int
) -> Item:
    event = _event(registry, terms, now_ms, outcome="denied", reason=denied.reason)
    return Item(event, opened.context.audit_key)


def _event(registry: Snapshot, terms: Terms, now_ms: int, **body: Any) -> Event:
    return draft(
        now_ms,
        "offer.create",
        OWNER,
        fields_requested=terms.fields,
        **use_of(registry, terms),
        **body,
    )
