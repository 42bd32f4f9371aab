"""Drafts of entries and the steps that many items share."""

from typing import Any

from sqlalchemy import bindparam as bind
from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from audit.entry import Actor, Event, new_entry_id
from consent.credentials import Client, Proof
from consent.terms import Terms
from crypto.box import mac
from vault.context import VaultContext
from vault.registry import Snapshot
from vault.rootkey import RootKey
from vault.sequencer import Step
from vault.tables import instance, replays, vaults

OWNER = Actor("owner")
SYSTEM = Actor("system")
OPERATOR = Actor("operator")
REPLAY_KEPT_MS = 10 * 60_000

_IS_UNCHANGED = select(vaults.c.state).where(
    vaults.c.vault_id == bind("b_vault"),
    vaults.c.version == bind("b_version"),
    vaults.c.state == "open",
)
_RAISE_VERSION = (
    update(vaults).where(vaults.c.vault_id == bind("b_vault")).values(version=vaults.c.version + 1)
)
_REGISTRY_IS = select(instance.c.id).where(instance.c.registry_version == bind("b_registry"))
_BURN = {
    "sqlite": sqlite.insert(replays).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(replays).on_conflict_do_nothing(),
}


def draft(now_ms: int, action: str, actor: Actor, **body: Any) -> Event:
    """An event that is permitted unless `outcome` or a right says otherwise."""
    body.setdefault("outcome", "permitted")
    return Event(id=new_entry_id(now_ms), at=now_ms, action=action, actor=actor, **body)


def use_of(registry: Snapshot, terms: Terms) -> dict[str, str]:
    """How an entry names an intended use: its id, and its legal basis while it is registered."""
    use = registry.registered(terms.agency, terms.use).use
    named = {"intended_use": terms.use}
    return named if use is None else {**named, "legal_basis": use.legal_basis_text}


def agency_actor(agency_id: str) -> Actor:
    return Actor("agency", agency_id)


def unchanged(context: VaultContext) -> Step:
    """Premise: the vault is as it was when prepared against. Its writes include `raise_version`."""
    return Step(_IS_UNCHANGED, {"b_vault": context.vault_id, "b_version": context.version})


def raise_version(vault_id: bytes) -> Step:
    return Step(_RAISE_VERSION, {"b_vault": vault_id})


def registry_is(version: int) -> Step:
    """Premise: no registration was added or revoked since."""
    return Step(_REGISTRY_IS, {"b_registry": version})


def burn_proof(root: RootKey, dialect: str, proof: Proof) -> Step:
    """Right: this proof was not used before. Stored is a keyed hash, and for ten minutes only."""
    key = mac(root.derive("replay"), proof.thumbprint, proof.jti)
    values = {"key": key, "expires_at": proof.issued_at + REPLAY_KEPT_MS}
    return Step(_BURN[dialect], values, "replayed")


def burn_assertion(root: RootKey, dialect: str, client: Client) -> Step:
    """Right: this client assertion was not used before."""
    key = mac(root.derive("replay"), client.agency_id, client.jti)
    values = {"key": key, "expires_at": client.expires_at + REPLAY_KEPT_MS}
    return Step(_BURN[dialect], values, "assertion_replayed")
