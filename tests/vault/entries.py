"""A subject's entries as somebody sees them who has the database and the key, deferred ones too."""

from sqlalchemy import select

from audit.entry import decode_chain, decode_event
from audit.leaf import open_opening
from tests.vault.tables import audit_leaves, audit_logs, audit_openings
from vault.activities import Entry
from vault.keys import AuditKey
from vault.system import System


def entries_of(system: System, key: AuditKey, newest: int | None = None) -> list[Entry]:
    """Oldest first; all of them, or so many of the newest: a long race looks at its last round."""
    with system.main.via_sqlalchemy() as connection:
        rows = connection.execute(
            select(audit_openings, audit_leaves.c.entry_id, audit_logs.c.origin)
            .join(
                audit_leaves,
                (audit_leaves.c.log == audit_openings.c.log)
                & (audit_leaves.c.idx == audit_openings.c.idx),
            )
            .join(audit_logs, audit_logs.c.log == audit_openings.c.log)
            .where(audit_openings.c.subject == key.subject)
            .order_by(audit_openings.c.log.desc(), audit_openings.c.idx.desc())
            .limit(newest)
        ).all()
    found = []
    for row in reversed(rows):
        opening = open_opening(key.key, row.origin, row.entry_id, row.opening)
        event, chain = decode_event(opening.event), decode_chain(opening.chain)
        found.append(Entry(row.log, row.idx, opening, event, chain, row.alarm == "seen"))
    return found
