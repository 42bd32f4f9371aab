"""What the log is owed: ends and erasures that took effect while it could not be written.

The note stands beside the voided salt in the keystore. The sequencer writes the entry before
anything else once it can; the salt's row goes when main shows the end. Written down in
docs/audit.md, 7 Sequencing.
"""

from collections.abc import Iterator

from audit.entry import Actor
from consent.decision import ENDED
from vault.context import audit_key_of
from vault.database import Database
from vault.ending import ending_item
from vault.erasing import erasing_item
from vault.grants import Grant
from vault.keys import AuditKey
from vault.keystore import Keystore, Owed
from vault.rootkey import RootKey
from vault.sequencer import Item
from vault.steps import sql

_GRANT = sql(
    """SELECT g.*, {vault_columns} FROM vault_grant g {join_vault}
    WHERE g.vault_id = :vault AND g.grant_id = :grant"""
)


def owed_items(
    main: Database, keystore: Keystore, root: RootKey, system_key: AuditKey
) -> tuple[Item, ...]:
    """The items of all that is owed. Each holds only while main has not shown it yet."""
    owed: dict[tuple[bytes, bytes], Owed] = {}
    for row in keystore.voided():
        if row.owed is not None:
            is_grant = row.owed.action == "grant.end"
            owed[row.vault_id, row.key.id if is_grant else b""] = row.owed
    items: list[Item] = []
    for (vault_id, grant_id), note in owed.items():
        if grant_id:
            items += _end_items(main, keystore, root, vault_id, grant_id, note)
        else:
            items.append(erasing_item(system_key, vault_id, note.at))
    return tuple(items)


def _end_items(
    main: Database, keystore: Keystore, root: RootKey, vault_id: bytes, grant_id: bytes, note: Owed
) -> Iterator[Item]:
    with main.read() as connection:
        found = connection.execute(_GRANT, {"vault": vault_id, "grant": grant_id})
        row = found.one_or_none()
    if row is None:
        return
    key = audit_key_of(root, keystore, row)
    if key is None:
        return  # the vault is erased: nobody is left to tell
    actor = Actor(note.actor, note.actor_id or None)
    grant = Grant.of(row)
    if grant.state != ENDED:
        yield ending_item(key, grant, actor, note.reason, note.at)
