"""Statements with their values: what an item of the sequencer looks at and writes.

SQL stands as text that SQLite and PostgreSQL both take; every value is bound, none is spliced in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Executable, Table, TextClause, bindparam, insert, text

Values = Mapping[str, Any]

# What opening a vault takes, and how it joins a table that has a vault_id.
_FRAGMENTS = {
    "vault_columns": "v.epoch AS vault_epoch, v.version AS vault_version, v.state AS vault_state,"
    " v.public_key AS vault_public_key, v.subject, v.metadata_box, v.mac AS vault_mac,"
    " k.box AS audit_key_box",
    "join_vault": "JOIN vault v USING (vault_id) JOIN audit_key k USING (subject)",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One statement and its values. As a condition it must touch exactly one row."""

    statement: Executable
    values: Values | Sequence[Values]
    reason: str = ""  # as a right: why the entry says `denied` when it fails


def sql(statement: str, *lists: str) -> TextClause:
    """A statement, its `{fragments}` filled in; parameters in `lists` take a list (`IN :xs`)."""
    filled = text(statement.format_map(_FRAGMENTS))
    return filled.bindparams(*(bindparam(name, expanding=True) for name in lists))


def insertion(table: Table, rows: Iterable[Values]) -> tuple[Step, ...]:
    """The step that inserts rows; none for no rows."""
    made = list(rows)
    return (Step(insert(table), made),) if made else ()
