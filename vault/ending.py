"""Ending a grant: by the owner, by time, by use, by a second use of its code.

Main decides, with the entry; then the salts go; then success is said. Where the log can't be
written the salts go first and the log is owed the entry: an end never waits. Written down in
docs/format.md, 10 Two databases, one order.
"""

from dataclasses import dataclass

from audit.entry import Actor
from consent.decision import ACTIVE, OFFERED
from vault import caller
from vault.errors import LogUnavailable, NotFound
from vault.grants import Grant
from vault.keys import AuditKey
from vault.keystore import Owed
from vault.recording import OWNER, draft, raise_version
from vault.sequencer import Item, PremiseFailed
from vault.sessions import open_session
from vault.steps import sql
from vault.system import System

_GRANT = sql("SELECT * FROM vault_grant WHERE vault_id = :vault AND grant_id = :grant")


@dataclass(frozen=True, slots=True)
class Ended:
    """`recorded` False: nothing opens any more, and the log will say so later (HTTP 202)."""

    recorded: bool


def end_grant(system: System, owner: caller.Owner, grant_id: bytes, now_ms: int) -> Ended:
    """The owner takes a grant back. The next request is refused; ending twice changes nothing.

    Raises `NotFound` for a grant that is not this vault's.
    """
    opened = open_session(system, owner, now_ms)
    grant = find_grant(system, opened.context.vault_id, grant_id)
    return end(system, opened.context.audit_key, grant, OWNER, "revoked", now_ms)


def find_grant(system: System, vault_id: bytes, grant_id: bytes) -> Grant:
    """A vault's own grant; raises `NotFound`."""
    with system.main.read() as connection:
        found = connection.execute(_GRANT, {"vault": vault_id, "grant": grant_id})
        row = found.one_or_none()
    if row is None:
        raise NotFound("This vault has no such grant.")
    return Grant.of(row)


def end(
    system: System, key: AuditKey, grant: Grant, actor: Actor, reason: str, now_ms: int
) -> Ended:
    """Ends a grant with its entry, then deletes its salts. It is fine if another was first.

    Where it says that the entry is recorded, no salt is left, whoever ended it.
    """
    while grant.state in {OFFERED, ACTIVE}:
        try:
            return end_as_it_is(system, key, grant, actor, reason, now_ms)
        except PremiseFailed:  # it has moved on: end it as it is now
            grant = find_grant(system, grant.vault_id, grant.grant_id)
    system.keystore.drop_grant(grant.grant_id)  # whoever was first may have been killed before it
    return Ended(recorded=True)


def end_as_it_is(
    system: System, key: AuditKey, grant: Grant, actor: Actor, reason: str, now_ms: int
) -> Ended:
    """Ends a grant that is as it was looked at; raises `PremiseFailed` where it is not."""
    try:
        system.sequencer.record(ending_item(key, grant, actor, reason, now_ms))
    except LogUnavailable:
        owed = Owed("grant.end", actor.kind, actor.id or "", now_ms, reason)
        system.keystore.void_grant(grant.vault_id, grant.grant_id, owed)
        return Ended(recorded=False)
    system.keystore.drop_grant(grant.grant_id)
    return Ended(recorded=True)


def ending_item(
    key: AuditKey, grant: Grant, actor: Actor, reason: str, now_ms: int, *, alarm: bool = False
) -> Item:
    """The item that ends a grant which had not ended. Its premise: it is as it was looked at."""
    return Item(
        draft(now_ms, "grant.end", actor, reason=reason, grant=grant.grant_id),
        key,
        premises=(grant.is_as_it_was(),),
        writes=(*grant.ending(), raise_version(grant.vault_id)),
        refs=grant.refs,
        alarm=alarm,
    )
