"""Drafts of entries and the steps that many items share."""

from typing import Any

from audit.entry import Actor, Event, new_entry_id
from consent.credentials import Client, Proof
from consent.terms import Terms
from crypto.box import kdf, mac
from vault.context import VaultContext
from vault.database import Connection
from vault.keys import AuditKey
from vault.registry import Snapshot
from vault.steps import Step, sql

OWNER = Actor("owner")
SYSTEM = Actor("system")
OPERATOR = Actor("operator")
REPLAY_KEPT_MS = 10 * 60_000

_IS_UNCHANGED = sql(
    "SELECT 1 FROM vault WHERE vault_id = :vault AND version = :version AND state = 'open'"
)
_RAISE_VERSION = sql("UPDATE vault SET version = version + 1 WHERE vault_id = :vault")
_REGISTRY_IS = sql("SELECT 1 FROM instance WHERE registry_version = :version")
_BURN = sql("INSERT INTO replay (key, expires_at) VALUES (:key, :expires) ON CONFLICT DO NOTHING")

_IS_BURNT = sql("SELECT 1 FROM replay WHERE key = :key")


def draft(now_ms: int, action: str, actor: Actor, **body: Any) -> Event:
    """An event that is permitted unless `outcome` or a right says otherwise."""
    body.setdefault("outcome", "permitted")
    return Event(id=new_entry_id(now_ms), at=now_ms, action=action, actor=actor, **body)


def use_of(registry: Snapshot, terms: Terms) -> dict[str, str]:
    """How an entry names an intended use: its id, and its legal basis while it is registered.

    What was never registered is a stranger's word, and is not kept.
    """
    use = registry.registered(terms.agency, terms.use).use
    if use is not None:
        return {"intended_use": use.id, "legal_basis": use.legal_basis_text}
    return {"intended_use": terms.use} if registry.knows(terms.agency, terms.use) else {}


def agency_actor(agency_id: str) -> Actor:
    return Actor("agency", agency_id)


def unchanged(context: VaultContext) -> Step:
    """Premise: the vault is as it was when prepared against. Its writes include `raise_version`."""
    return Step(_IS_UNCHANGED, {"vault": context.vault_id, "version": context.version})


def raise_version(vault_id: bytes) -> Step:
    return Step(_RAISE_VERSION, {"vault": vault_id})


def registry_is(version: int) -> Step:
    """Premise: no registration was added or revoked since."""
    return Step(_REGISTRY_IS, {"version": version})


def burn_proof(system_key: AuditKey, proof: Proof) -> Step:
    """Right: this proof was not used before. Stored is a keyed hash, and for ten minutes only."""
    return burn(system_key, proof.thumbprint, proof.jti, proof.issued_at, "replayed")


def burn_assertion(system_key: AuditKey, client: Client) -> Step:
    """Right: this client assertion was not used before."""
    return burn(system_key, client.agency_id, client.jti, client.expires_at, "assertion_replayed")


def burn(system_key: AuditKey, name: str, jti: str, from_ms: int, reason: str) -> Step:
    """Right: `jti` was not used before under this name."""
    # By a key that no rotation changes: else what was burnt just before could be used again.
    key = mac(kdf(system_key.key, "replay"), name, jti)
    return Step(_BURN, {"key": key, "expires": from_ms + REPLAY_KEPT_MS}, reason)


def is_burnt(connection: Connection, burned: Step) -> bool:
    """Whether what this step would burn is burnt."""
    return connection.execute(_IS_BURNT, burned.values).one_or_none() is not None
