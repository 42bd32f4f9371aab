"""`kluis audit show`: the newest entries, as far as an operator may see them."""

from dataclasses import dataclass

from audit.entry import decode_event
from audit.errors import AuditError
from audit.leaf import open_opening
from crypto.errors import CannotOpen
from operate.pair import snapshot
from operate.token import root_key
from vault.database import Row
from vault.keys import AuditKey
from vault.keystore import Keystore
from vault.log import Head
from vault.opening import system_key
from vault.settings import Settings
from vault.steps import sql

_NEWEST = sql(
    """SELECT l.idx, l.entry_id, o.subject, o.opening
    FROM audit_leaf l LEFT JOIN audit_opening o USING (log, idx)
    WHERE l.log = :log ORDER BY l.idx DESC LIMIT :limit"""
)


@dataclass(frozen=True, slots=True)
class Line:
    """One entry as the operator may list it: only those about no single vault are opened."""

    index: int
    at: int | None
    action: str | None
    outcome: str | None
    actor: str | None
    reason: str | None


def show(settings: Settings, limit: int = 50) -> list[Line]:
    """The newest entries, newest first. Those of the system are opened; a citizen's are not."""
    with snapshot(settings) as (main, keystore, connection):
        head = Head.read(connection)
        key = system_key(main, Keystore(keystore), root_key(settings), head.system_subject)
        newest = connection.execute(_NEWEST, {"log": head.log, "limit": limit})
        return [_line(row, key, head.origin) for row in newest]


def _line(row: Row, key: AuditKey, origin: str) -> Line:
    if row.subject != key.subject:
        return Line(row.idx, None, None, None, None, None)
    try:
        opening = open_opening(key.key, origin, row.entry_id, row.opening)
        event = decode_event(opening.event)
    except (CannotOpen, AuditError):
        return Line(row.idx, None, "damaged", None, None, None)
    actor = event.actor.id or event.actor.kind
    return Line(row.idx, event.at, event.action, event.outcome, actor, event.reason)
