"""Reading granted fields: decide, open, record, and only then release (docs/agency.md, 3 Read).

Three looks at databases: main for grant and vault, the keystore for the salts, main for the values.
The values are decrypted before the entry is committed, so that what the log says was given could
be; they leave this function only after the commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from audit.entry import Event, Officer
from consent.decision import Deny, ReadFacts, decide_read
from consent.terms import Terms
from crypto.box import derive_id
from crypto.encoding import unb64u
from crypto.errors import Malformed
from crypto.primitives import constant_time_equal
from crypto.secret import Secret
from vault import caller
from vault.context import VaultContext, context_salts
from vault.database import Connection
from vault.ending import end
from vault.errors import (
    BadInput,
    Damaged,
    InvalidToken,
    NotFound,
    Refused,
    Replayed,
    UnauthorizedField,
    VaultError,
)
from vault.grants import Grant, Held, held_values
from vault.keys import GrantKeys, grant_salt
from vault.log import Recorded
from vault.recording import SYSTEM, agency_actor, burn_proof, draft, registry_is, use_of
from vault.redeeming import TOKEN_PREFIX
from vault.registry import Snapshot
from vault.sequencer import Item
from vault.settings import DAY_SECONDS
from vault.statement import Statement
from vault.steps import Step, sql
from vault.system import Aside, System

_BY_TOKEN = sql(
    """SELECT g.*, {vault_columns}, (SELECT registry_version FROM instance) AS registry_version
    FROM route r JOIN vault_grant g USING (vault_id) {join_vault}
    WHERE r.id = :id AND g.grant_id = r.target"""
)
_READS_LEFT = sql(
    "SELECT 1 FROM vault_grant WHERE vault_id = :vault AND grant_id = :grant AND reads_used < :most"
)
_READS_USED = sql(
    "SELECT reads_used FROM vault_grant WHERE vault_id = :vault AND grant_id = :grant"
)
_COUNT_READ = sql(
    "UPDATE vault_grant SET reads_used = reads_used + 1"
    " WHERE vault_id = :vault AND grant_id = :grant AND state = 'active' AND mac = :mac"
)


@dataclass(frozen=True, slots=True)
class Released:
    """A value that may leave: its entry is in the log."""

    statement: Statement
    is_current: bool


def parse_access_token(token: str) -> Secret:
    """The secret of an access token; raises `InvalidToken`."""
    if not token.startswith(TOKEN_PREFIX):
        raise InvalidToken
    try:
        return Secret(unb64u(token.removeprefix(TOKEN_PREFIX), 32))
    except Malformed:
        raise InvalidToken from None


async def read(
    system: System, holder: caller.TokenHolder, fields: Sequence[str], now_ms: int, aside: Aside
) -> tuple[dict[str, Released], Recorded]:
    """The fields asked for, all of them or none, once their entry is committed, and its place.

    It goes by itself on an event loop, where `aside` takes to a thread what may have to wait: not
    the looks at SQLite files, whose readers wait for nobody.

    Refused: `BadInput`, `InvalidToken`, `UnauthorizedField`, `Refused`, `Replayed`, `TooMany`.
    Not now: `LogUnavailable`; `Conflict`, where others kept changing it. `Damaged`: a stored row
    does not pass its check. `NotFound`: the vault was erased while its last read was recorded.
    """
    if not fields or len(set(fields)) != len(fields) or len(fields) > system.settings.fields_max:
        raise BadInput("Name the fields you need, each of them once.", "invalid_request")
    system.check_anchored()
    system.limits.check("refusals_per_minute", holder.proof.thumbprint, now_ms)
    reading = _Reading(system, holder, tuple(fields), now_ms)
    recorded, released = await system.record_soon(reading.look, reading.prepare, aside)
    if recorded.permitted and released is not None and released.reads_max is None:
        return released.values, recorded
    return await aside(lambda: reading.finish(recorded, released)), recorded


def stands(system: System, holder: caller.TokenHolder, now_ms: int) -> int | None:
    """Until when the token still gives access; None once it does not. It is no read, no entry."""
    reading = _Reading(system, holder, (), now_ms)
    try:
        with system.main.read() as connection:
            found = reading._find(connection)
    except InvalidToken:
        return None
    facts = reading._facts(found, {})
    registered = found.registry.registered(found.terms.agency, found.terms.use)
    # Asked for no field, the rules get no further than to that: all before it hold.
    could_read = decide_read(registered, facts) == Deny("not_granted")
    return facts.not_after if could_read and found.keys is not None else None


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Opened values that wait for their entry."""

    context: VaultContext
    grant: Grant
    values: dict[str, Released]
    reads_max: int | None


@dataclass(frozen=True, slots=True)
class _Found:
    """What a token led to: a grant whose row passed its mac."""

    context: VaultContext
    grant: Grant
    terms: Terms
    keys: GrantKeys | None  # None: the salt is gone, and with it the access
    registry: Snapshot


@dataclass(frozen=True, slots=True)
class _Reading:
    """One presentation of a token for some fields."""

    system: System
    holder: caller.TokenHolder
    fields: tuple[str, ...]
    now_ms: int

    def look(self) -> tuple[_Found, dict[str, Held]]:
        """Grant and values, of one snapshot; each row passed its mac. No value is open."""
        with self.system.sequencer.turn, self.system.main.read() as connection:
            found = self._find(connection)
            return found, self._held(connection, found)

    def prepare(self, looked: tuple[_Found, dict[str, Held]]) -> tuple[Item, _Prepared | None]:
        """The entry to be, permitted or denied, and the opened values if it is permitted."""
        found, held = looked
        facts = self._facts(found, held)
        decision = decide_read(
            found.registry.registered(found.terms.agency, found.terms.use), facts
        )
        if isinstance(decision, Deny):
            if not facts.key_matches:
                self._check_stranger(found.context.vault_id)
            used_up = _Prepared(found.context, found.grant, {}, found.terms.reads_max)
            ends = decision.reason == "used_up"  # a read that broke off may have been the last
            return self._denied(found, decision.reason), used_up if ends else None
        if found.keys is None:
            return self._denied(found, "ended"), None
        values = {field: _release(found.keys, held[field], field) for field in decision.fields}
        return self._permitted(found, held), _Prepared(
            found.context, found.grant, values, found.terms.reads_max
        )

    def finish(self, recorded: Recorded, released: _Prepared | None) -> dict[str, Released]:
        """What a refusal and a counted read take beyond the entry."""
        if released is not None and released.reads_max is not None:
            self._end_if_used_up(released, released.reads_max)
        if not recorded.permitted or released is None:
            who = self.holder.proof.thumbprint
            self.system.limits.admits("refusals_per_minute", who, self.now_ms)
            raise _refusal(recorded.event)
        return released.values

    def _end_if_used_up(self, released: _Prepared, reads_max: int) -> None:
        """After the last allowed read the grant ends: counted anew, for others may have read."""
        grant, key = released.grant, released.context.audit_key
        with self.system.main.read() as connection:
            used = connection.execute(_READS_USED, grant.this).scalar_one_or_none()
        if used is not None and used >= reads_max:
            end(self.system, key, grant, SYSTEM, "used_up", self.now_ms)

    def _find(self, connection: Connection) -> _Found:
        token_id = derive_id(self.holder.token, "id")
        row = connection.execute(_BY_TOKEN, {"id": token_id}).one_or_none()
        if row is None:
            raise InvalidToken
        grant = Grant.of(row)
        if grant.token_id is None or not constant_time_equal(grant.token_id, token_id):
            raise InvalidToken
        salt_key = grant_salt(grant.grant_id, grant.phase)
        salts = self.system.keystore.get([*context_salts(row), salt_key])
        try:
            context = self.system.opener.open(row, salts)
            terms = grant.terms(context.keys)
        except (NotFound, Damaged):
            raise InvalidToken from None
        keys = None
        if salt_key in salts:
            keys = GrantKeys.from_token(
                self.holder.token, grant.vault_id, grant.grant_id, grant.phase, salts[salt_key]
            )
        registry = self.system.registry.current(row.registry_version)
        return _Found(context, grant, terms, keys, registry)

    def _held(self, connection: Connection, found: _Found) -> dict[str, Held]:
        keys = found.context.keys
        handles = {keys.handle(f): f for f in self.fields if f in found.terms.fields}
        held = held_values(connection, keys, found.grant.grant_id, handles)
        return {handles[handle]: one for handle, one in held.items()}

    def _facts(self, found: _Found, held: dict[str, Held]) -> ReadFacts:
        grant = found.grant
        presented = found.context.keys.key_hash(grant.grant_id, self.holder.proof.thumbprint)
        return ReadFacts(
            terms=found.terms,
            state=grant.state,
            reads_used=grant.reads_used,
            not_after=grant.not_after,
            key_matches=constant_time_equal(grant.key_hash or b"", presented),
            officer_named=self.holder.officer is not None,
            requested=self.fields,
            readable=held.keys(),
            now=self.now_ms,
        )

    def _permitted(self, found: _Found, held: dict[str, Held]) -> Item:
        grant = found.grant
        rights = [self._burn()]
        if found.terms.reads_max is not None:
            rights.append(
                Step(_READS_LEFT, grant.this | {"most": found.terms.reads_max}, "used_up")
            )
        visible_after = self._visible_after(found)
        still = Step(_COUNT_READ, grant.this | {"mac": grant.mac})
        if visible_after is not None:
            still = grant.is_as_it_was()  # a count would show the read
        rights.append(replace(still, reason="ended"))
        return Item(
            self._event(found, fields_given=self.fields),
            found.context.audit_key,
            premises=(registry_is(found.registry.version),),
            rights=tuple(rights),
            refs=tuple(held[field].value.value_id for field in self.fields),
            visible_after=visible_after,
        )

    def _denied(self, found: _Found, reason: str) -> Item:
        event = self._event(found, outcome="denied", reason=reason)
        # Who comes with another key is not the agency that has the right: the owner sees that.
        after = None if reason == "wrong_key" else self._visible_after(found)
        key, rights = found.context.audit_key, (self._burn(),)
        premises = (found.grant.is_as_it_was(), registry_is(found.registry.version))
        return Item(event, key, premises, rights, visible_after=after)

    def _visible_after(self, found: _Found) -> int | None:
        """When the owner sees this, where the use is registered with the right to hide reads."""
        use = found.registry.registered(found.terms.agency, found.terms.use).use
        right = None if use is None else use.hidden_reads
        return None if right is None else self.now_ms + right.days_max * DAY_SECONDS * 1000

    def _check_stranger(self, vault_id: bytes) -> None:
        """A token in the hands of another key: so many per hour become entries, and no more."""
        if not self.system.limits.admits("stranger_refusals_per_hour", vault_id, self.now_ms):
            raise InvalidToken

    def _event(self, found: _Found, **body: object) -> Event:
        known = tuple(field for field in self.fields if field in self.system.catalogue)
        unknown = len(self.fields) - len(known)
        officer = self.holder.officer
        return draft(
            self.now_ms,
            "data.read",
            agency_actor(found.terms.agency),
            grant=found.grant.grant_id,
            fields_requested=known,
            fields_unknown=unknown or None,
            officer=None if officer is None else Officer(officer, "agency"),
            **use_of(found.registry, found.terms),
            **body,
        )

    def _burn(self) -> Step:
        return burn_proof(self.system.system_key, self.holder.proof)


def _release(keys: GrantKeys, held: Held, field: str) -> Released:
    statement = held.value.open(held.value.unwrap(keys, held.wrapped), field)
    return Released(statement, held.is_current)


def _refusal(event: Event) -> VaultError:
    match event.reason:
        case "not_granted":
            return UnauthorizedField()
        case "officer_required":
            return Refused("Name the officer who asks, in Kluis-Officer.", "officer_required")
        case "replayed":
            return Replayed("replayed")
        case _:
            return InvalidToken()
