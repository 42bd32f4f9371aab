"""Redeeming an offer's code, once, by the agency it names (docs/format.md, 7 Grants).

The code's keys open the data keys one last time; they are boxed anew for keys that follow from the
access token and a new salt. From here on the code is dead, photographed or not.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from audit.entry import Event, Officer
from consent.decision import Deny, Permit, RedeemFacts, decide_redeem
from consent.terms import Terms
from crypto.box import derive_id
from crypto.code import GRANT as GRANT_CODE
from crypto.code import decode_code
from crypto.encoding import b64u
from crypto.errors import Malformed
from crypto.primitives import constant_time_equal
from crypto.secret import Secret
from vault import caller
from vault.context import VaultContext, context_salts
from vault.database import Connection
from vault.ending import ending_item
from vault.errors import BadInput, Damaged, InvalidGrant, NotFound, Replayed
from vault.grants import Grant, held_values, insert_stanzas
from vault.keys import GrantKeys, grant_salt
from vault.keystore import SaltKey
from vault.log import Recorded
from vault.recording import (
    agency_actor,
    burn_assertion,
    burn_proof,
    draft,
    raise_version,
    registry_is,
    unchanged,
    use_of,
)
from vault.registry import Snapshot
from vault.sequencer import Item
from vault.sessions import route
from vault.steps import Step, sql
from vault.system import System
from vault.values import rewrap

TOKEN_PREFIX = "va1_"  # noqa: S105 - a prefix, not a token
WRONG_CODES_MAX = 3
_BY_CODE = sql(
    """SELECT g.*, {vault_columns} FROM route r JOIN vault_grant g USING (vault_id) {join_vault}
    WHERE r.id = :id AND g.grant_id = r.target"""
)
_REDEEM = sql(
    """UPDATE vault_grant SET state = 'active', phase = :phase, token_id = :token_id,
        public_key = :public_key, key_hash = :key_hash, mac = :mac
    WHERE vault_id = :vault_id AND grant_id = :grant_id AND state = 'offered' AND mac = :old_mac"""
)
_COUNT_WRONG_CODE = sql(
    "UPDATE vault_grant SET wrong_codes = wrong_codes + 1"
    " WHERE vault_id = :vault AND grant_id = :grant"
)
_USAGE_IS = sql(
    """SELECT 1 FROM vault_grant WHERE vault_id = :vault_id AND grant_id = :grant_id
    AND mac = :mac AND state = :state AND reads_used = :reads_used AND wrong_codes = :wrong_codes"""
)


@dataclass(frozen=True, slots=True)
class Redeemed:
    """The access token, shown once, and what it gives. `not_after` in Unix milliseconds."""

    token: str = field(repr=False)
    terms: Terms
    fields: tuple[str, ...]
    not_after: int


# What is to be recorded; the grant's id, and what to hand over if it is recorded as permitted.
_Prepared = tuple[Item, tuple[bytes, Redeemed | None]]


@dataclass(frozen=True, slots=True)
class _Offer:
    """What a code led to: an offer whose row passed its mac."""

    context: VaultContext
    grant: Grant
    terms: Terms
    salts: Mapping[SaltKey, bytes]
    registry: Snapshot
    connection: Connection  # where grant and stanzas are seen as of one moment


def redeem(
    system: System, agency: caller.Agency, code: str, tx_code: str | None, now_ms: int
) -> tuple[Redeemed, Recorded]:
    """Exchanges an offer's code for an access token, once; with the place of its entry.

    A second use by the named agency ends the grant and alarms its owner. Raises `InvalidGrant`,
    `Replayed`, and `BadInput` for a spoken code that is missing or not wanted. Of wrong digits the
    refusal's code says whether the code lives (`wrong_tx_code`) or not any more (`code_over`).
    """
    system.limits.check("refusals_per_minute", agency.client.agency_id, now_ms)
    attempt = _Attempt(system, agency, tx_code, now_ms)
    try:
        secret = decode_code(GRANT_CODE, code)
    except Malformed:
        secret = None
    recorded, (grant_id, redeemed) = system.record(lambda: attempt.prepare(secret))
    event = recorded.event
    if recorded.permitted and redeemed is not None:
        system.keystore.drop_phases(grant_id, below=1)
        return redeemed, recorded
    if recorded.permitted:  # what was recorded is the end of the grant
        system.keystore.drop_grant(grant_id)
    system.limits.admits("refusals_per_minute", agency.client.agency_id, now_ms)
    if event.reason in {"replayed", "assertion_replayed"}:
        raise Replayed(event.reason)
    if event.reason == "wrong_tx_code":  # told to the agency that was named, of a code that lives
        raise InvalidGrant(code="code_over" if recorded.permitted else event.reason)
    raise InvalidGrant


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One agency's presentation of one code."""

    system: System
    agency: caller.Agency
    tx_code: str | None
    now_ms: int

    def prepare(self, code: Secret | None) -> _Prepared:
        with self.system.main.read() as connection:
            found = None if code is None else self._find(connection, code)
            return self._decide(found, code)

    def _decide(self, found: _Offer | None, code: Secret | None) -> _Prepared:
        if code is None or found is None:
            event = self._event(None, outcome="denied", reason="wrong_code")
            return Item(event, self.system.system_key, rights=self._burns()), (b"", None)
        decision = decide_redeem(
            found.registry.registered(found.terms.agency, found.terms.use),
            RedeemFacts(
                terms=found.terms,
                state=found.grant.state,
                phase=found.grant.phase,
                offer_ends=found.grant.offer_ends,
                client=self.agency.client.agency_id,
                tx_code=self.tx_code,
                now=self.now_ms,
            ),
        )
        salt = found.salts.get(grant_salt(found.grant.grant_id, 0))
        if isinstance(decision, Permit) and salt is not None:
            new_salt = self._make_salt(found.grant)
            if new_salt is not None:
                return self._permitted(found, code, salt, new_salt)
        # A missing salt answers like an end that main does not show (yet).
        reason = decision.reason if isinstance(decision, Deny) else "ended"
        return self._denied(found, reason), (found.grant.grant_id, None)

    def _find(self, connection: Connection, code: Secret) -> _Offer | None:
        offer_id = derive_id(code, "id")
        row = connection.execute(_BY_CODE, {"id": offer_id}).one_or_none()
        if row is None:
            return None
        grant = Grant.of(row)
        if not constant_time_equal(grant.offer_id, offer_id):
            return None
        salts = self.system.keystore.get([*context_salts(row), grant_salt(grant.grant_id, 0)])
        try:
            context = self.system.opener.open(row, salts)
            terms, registry = grant.terms(context.keys), self.system.registry.current()
            return _Offer(context, grant, terms, salts, registry, connection)
        except (NotFound, Damaged):
            return None

    def _make_salt(self, grant: Grant) -> bytes | None:
        """The next phase's salt; None where the grant was voided meanwhile.

        Looked at in this order: whoever voids it after the look voids the new salt as well.
        """
        first, second = grant_salt(grant.grant_id, 0), grant_salt(grant.grant_id, 1)
        self.system.keystore.make_all([second], grant.vault_id, grant.not_after)
        salts = self.system.keystore.get([first, second])
        return salts.get(second) if first in salts else None

    def _permitted(self, found: _Offer, code: Secret, salt: bytes, new_salt: bytes) -> _Prepared:
        grant, keys = found.grant, found.context.keys
        vault_id, grant_id, token = keys.vault_id, grant.grant_id, Secret.random()
        token_id = derive_id(token, "id")
        old = GrantKeys.from_token(code, vault_id, grant_id, 0, salt)
        new = GrantKeys.from_token(token, vault_id, grant_id, 1, new_salt)
        handles = {keys.handle(name): name for name in found.terms.fields}
        held = held_values(found.connection, keys, grant_id, handles)
        wrapped = rewrap(((one.value, one.wrapped) for one in held.values()), old, new)
        redeemed = replace(
            grant,
            phase=1,
            token_id=token_id,
            public_key=new.pair.public,
            key_hash=keys.key_hash(grant_id, self.agency.proof.thumbprint),
        ).with_mac(keys)
        available = {handles[handle] for handle in held}
        fields = tuple(name for name in found.terms.fields if name in available)
        item = Item(
            self._event(found, fields_given=fields),
            found.context.audit_key,
            premises=(registry_is(found.registry.version), unchanged(found.context)),
            rights=(
                *self._burns(),
                Step(_REDEEM, asdict(redeemed) | {"old_mac": grant.mac}, "ended"),
            ),
            writes=(
                grant.stanza_removal(),
                *insert_stanzas(wrapped),
                *route(token_id, vault_id, grant_id),
                raise_version(vault_id),
            ),
            refs=redeemed.refs,
        )
        shown = TOKEN_PREFIX + b64u(token.reveal())
        return item, (grant_id, Redeemed(shown, found.terms, fields, grant.not_after))

    def _denied(self, found: _Offer, reason: str) -> Item:
        """The item of a refusal: an entry, and for two reasons what follows from it."""
        key, grant = found.context.audit_key, found.grant
        event = self._event(found, outcome="denied", reason=reason)
        if reason == "second_use":
            return self._second_use(found, event)
        if reason == "wrong_tx_code":
            return self._wrong_tx_code(found, event)
        return Item(event, key, premises=(self._still(grant),), rights=self._burns())

    def _second_use(self, found: _Offer, denied: Event) -> Item:
        """Ends the grant and alarms the owner, once: the premise is that it had not ended.

        The same key again, before anything was read, is most likely an answer that got lost.
        """
        grant, proof = found.grant, self.agency.proof
        same_key = grant.key_hash == found.context.keys.key_hash(grant.grant_id, proof.thumbprint)
        lost = same_key and grant.reads_used == 0 and self.now_ms < grant.offer_ends
        reason = "answer_lost" if lost else "second_use"
        premise = self._still(grant) if lost else grant.is_as_it_was()
        return self._end(found, reason, denied, premise)

    def _wrong_tx_code(self, found: _Offer, denied: Event) -> Item:
        """Counts a wrong spoken code; the third ends the offer, with an alarm."""
        grant = found.grant
        if (self.tx_code is None) != (found.terms.tx_code is None):
            raise BadInput("tx_code is missing, or was not asked for.", "invalid_request")
        if grant.wrong_codes + 1 >= WRONG_CODES_MAX:
            return self._end(found, "wrong_tx_code", denied, self._still(grant))
        return Item(
            denied,
            found.context.audit_key,
            premises=(self._still(grant),),
            rights=self._burns(),
            writes=(Step(_COUNT_WRONG_CODE, grant.this),),
        )

    def _end(self, found: _Offer, reason: str, denied: Event, premise: Step) -> Item:
        """The end of the grant, with an alarm; a replayed request ends nothing."""
        key, grant = found.context.audit_key, found.grant
        item = ending_item(key, grant, denied.actor, reason, self.now_ms, alarm=True)
        return replace(item, premises=(premise,), rights=self._burns(), denied=denied)

    def _event(self, found: _Offer | None, **body: Any) -> Event:
        if found is not None:
            body["grant"] = found.grant.grant_id
            if body.get("reason") != "wrong_agency":  # learns nothing of what another was given
                body |= use_of(found.registry, found.terms)
                body["fields_requested"] = found.terms.fields
        actor = agency_actor(self.agency.client.agency_id)
        if (officer := self.agency.proof.officer) is not None:
            body["officer"] = Officer(officer, "agency")
        return draft(self.now_ms, "grant.redeem", actor, **body)

    def _burns(self) -> tuple[Step, ...]:
        key = self.system.system_key
        return burn_assertion(key, self.agency.client), burn_proof(key, self.agency.proof)

    def _still(self, grant: Grant) -> Step:
        """Premise: the grant is as it was looked at."""
        return Step(_USAGE_IS, asdict(grant))
