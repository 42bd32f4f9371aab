"""Erasing a vault: its salts, its rows, and one entry that names nobody.

Written down in docs/audit.md, 9 Erasure and retention.
"""

from typing import Any

from crypto.box import kdf, mac
from crypto.primitives import constant_time_equal
from vault import caller
from vault.ending import Ended
from vault.errors import LogUnavailable
from vault.keys import AuditKey
from vault.keystore import Owed
from vault.recording import OWNER, draft
from vault.sequencer import Item, PremiseFailed
from vault.sessions import check_fresh, open_session
from vault.settings import DAY_SECONDS
from vault.steps import Step, sql
from vault.system import System

_IS_OPEN = sql("SELECT 1 FROM vault WHERE vault_id = :vault AND state = 'open'")
_MARK = sql("UPDATE vault SET state = 'erasing', mac = :mac WHERE vault_id = :vault")
_END_GRANTS = sql("UPDATE vault_grant SET state = 'ended' WHERE vault_id = :vault")
_DELETE_STANZAS = sql("DELETE FROM stanza WHERE vault_id = :vault")
_ERASING = sql("SELECT vault_id, subject, mac FROM vault WHERE state = 'erasing'")
_ACCESS = ("stanza", "session", "method", "route", "vault_grant")
_DATA = ("value_head", "value", "vault")
_DELETE_ROWS = [sql(f"DELETE FROM {table} WHERE vault_id = :vault") for table in _ACCESS + _DATA]  # noqa: S608


def erase(system: System, owner: caller.Owner, now_ms: int) -> Ended:
    """Erases the owner's vault. From the answer on nothing of it opens, here or from a backup.

    Takes a fresh unlock. 202 like an end, where the log can't be written.
    """
    opened = open_session(system, owner, now_ms)
    check_fresh(system, opened, now_ms)
    vault_id = opened.context.vault_id
    try:
        system.sequencer.record(erasing_item(system.system_key, vault_id, now_ms))
    except PremiseFailed:
        pass  # another request was first
    except LogUnavailable:
        owed = Owed("vault.erase", OWNER.kind, "", now_ms, "erased")
        system.keystore.void_vault(vault_id, owed)
        return Ended(recorded=False)
    finish_erasing(system, vault_id, opened.context.audit_key.subject, now_ms)
    return Ended(recorded=True)


def erasing_mac(system_key: AuditKey, vault_id: bytes) -> bytes:
    """What a vault's row carries while it is erased: nobody else's word deletes its salts."""
    return mac(kdf(system_key.key, "row"), "erasing/1", vault_id)


def erasing_item(system_key: AuditKey, vault_id: bytes, now_ms: int) -> Item:
    """The item that marks a vault as erasing. The entry is the system's: it names no vault."""
    this = {"vault": vault_id, "mac": erasing_mac(system_key, vault_id)}
    return Item(
        draft(now_ms, "vault.erase", OWNER),
        system_key,
        premises=(Step(_IS_OPEN, this),),
        writes=(Step(_MARK, this), Step(_END_GRANTS, this), Step(_DELETE_STANZAS, this)),
    )


def finish_erasing(system: System, vault_id: bytes, subject: bytes, now_ms: int) -> None:
    """Deletes the salts, then the rows, of a vault that main shows as erasing."""
    retention_ms = system.settings.audit_retention_days * DAY_SECONDS * 1000
    system.keystore.drop_vault(vault_id, subject, now_ms + retention_ms)
    with system.main.write() as connection:
        for statement in _DELETE_ROWS:
            connection.execute(statement, {"vault": vault_id})


def erasing_vaults(system: System) -> list[Any]:
    """The rows (vault_id, subject, mac) of vaults whose erasure has still to be finished."""
    with system.main.read() as connection:
        rows = connection.execute(_ERASING).all()
    key = system.system_key
    return [row for row in rows if constant_time_equal(row.mac, erasing_mac(key, row.vault_id))]
