"""Statements with their values: what an item of the sequencer looks at and writes.

SQL stands as text that SQLite and PostgreSQL both take, and goes to the driver as it stands: every
value is bound by its name, none is spliced in.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

Values = Mapping[str, Any]
ValuesOfRows = Sequence[Values]

# What opening a vault takes, and how it joins a table that has a vault_id.
_FRAGMENTS = {
    "vault_columns": "v.epoch AS vault_epoch, v.version AS vault_version, v.state AS vault_state,"
    " v.public_key AS vault_public_key, v.subject, v.metadata_box, v.mac AS vault_mac,"
    " v.root_id AS vault_root, k.root_id AS audit_key_root, k.box AS audit_key_box",
    "join_vault": "JOIN vault v USING (vault_id) JOIN audit_key k USING (subject)",
}
_PARAMETER = re.compile(r":([a-z]\w*)")


@dataclass(frozen=True)
class Sql:
    """A statement with `:name` parameters; those in `lists` take a list (`IN :xs`)."""

    text: str
    lists: tuple[str, ...] = ()

    def spread(self, values: Values) -> tuple["Sql", Values]:
        """The statement with a parameter for each member of its lists, and their values."""
        lengths = tuple([len(values[name]) for name in self.lists])
        spread = dict(values)
        for name in self.lists:
            spread |= {f"{name}_{at}": one for at, one in enumerate(spread.pop(name))}
        return _spread(self, lengths), spread

    @cached_property
    def pyformat(self) -> str:
        """The same with `%(name)s`, as psycopg wants it."""
        return _PARAMETER.sub(r"%(\1)s", self.text)


@lru_cache(maxsize=256)
def _spread(statement: Sql, lengths: tuple[int, ...]) -> Sql:
    text = statement.text
    for name, length in zip(statement.lists, lengths, strict=True):
        places = ", ".join(f":{name}_{at}" for at in range(length)) or "NULL"
        text = text.replace(f":{name}", f"({places})")
    return Sql(text)


@dataclass(frozen=True, slots=True)
class Step:
    """One statement and its values. As a condition it must touch exactly one row."""

    statement: Sql
    values: Values | ValuesOfRows
    reason: str = ""  # as a right: why the entry says `denied` when it fails


def sql(statement: str, *lists: str) -> Sql:
    """A statement, its `{fragments}` filled in; parameters in `lists` take a list."""
    return Sql(statement.format_map(_FRAGMENTS), lists)


def insertion(table: str, rows: Iterable[Values]) -> tuple[Step, ...]:
    """The step that inserts rows, all with the same columns; none for no rows."""
    made = list(rows)
    return (Step(insert_into(table, tuple(made[0])), made),) if made else ()


def insert_into(table: str, columns: tuple[str, ...]) -> Sql:
    """The statement that inserts a row with these columns, which are ours and nobody's input."""
    places = ", ".join(f":{column}" for column in columns)
    return Sql(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})")  # noqa: S608
