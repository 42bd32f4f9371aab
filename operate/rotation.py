"""`kluis root rotate`: every row from the old root keys to the newest one (docs/backup.md).

No citizen is needed: what the root key boxes is opened and boxed anew, the box of a method's outer
layer only. Each row names its root key, and several can be read at once, so a server may run.

(1) The new key is made. (2) In one transaction with an entry `key.rotate`: the registry's macs, old
and new named in its refs, and the system's audit key, which tells a later run that this is done.
(3) The other boxes, a few at a time, each replaced only where it is still the one that was opened.
Killed anywhere, the same command goes on. A server that was started before (1) still writes under
the old key: restart it, and run the command once more.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from audit.refs import REFS_MAX
from crypto.box import box, open_box
from crypto.errors import CannotOpen
from crypto.primitives import sha256
from operate.pair import opened
from operate.token import make_root, root_ids, root_key
from vault.clock import Clock
from vault.database import Row
from vault.errors import NotReady
from vault.keys import (
    audit_salt,
    box_audit_key,
    box_metadata_key,
    open_audit_key,
    open_metadata_key,
    vault_salt,
)
from vault.recording import OPERATOR, draft, registry_is
from vault.registry import ACTIVE, REVOKED
from vault.sequencer import Item, PremiseFailed
from vault.settings import Settings
from vault.steps import Sql, Step, sql
from vault.system import System
from vault.unlocking import Method
from vault.vault import Vault

_ROWS_AT_ONCE = 100
Rebox = Callable[[System, Row], bytes]
_TABLES = ("vault", "method", "audit_key", "registry")
_COUNTS = {t: sql(f"SELECT root_id, count(*) AS n FROM {t} GROUP BY root_id") for t in _TABLES}  # noqa: S608
_OLD_VAULTS = sql(
    """SELECT vault_id, root_id, metadata_box AS box FROM vault
    WHERE root_id < :new AND vault_id > :after ORDER BY vault_id LIMIT :limit"""
)
_OLD_METHODS = sql(
    """SELECT vault_id, method_id, kind, epoch, root_id, box FROM method
    WHERE root_id < :new AND method_id > :after ORDER BY method_id LIMIT :limit"""
)
_OLD_AUDIT_KEYS = sql(
    """SELECT subject, root_id, box FROM audit_key
    WHERE root_id < :new AND subject > :after ORDER BY subject LIMIT :limit"""
)
_OLD_REGISTRY = sql("SELECT * FROM registry WHERE root_id < :new ORDER BY kind, id, parent")
_SYSTEM_KEY = sql("SELECT subject, root_id, box FROM audit_key WHERE subject = :subject")
_PUT_VAULT = sql(
    """UPDATE vault SET metadata_box = :fresh, root_id = :new
    WHERE vault_id = :vault_id AND metadata_box = :box"""
)
_PUT_METHOD = sql(
    """UPDATE method SET box = :fresh, root_id = :new
    WHERE vault_id = :vault_id AND method_id = :method_id AND box = :box"""
)
_PUT_AUDIT_KEY = sql(
    "UPDATE audit_key SET box = :fresh, root_id = :new WHERE subject = :subject AND box = :box"
)
_PUT_REGISTRY = sql(
    """UPDATE registry SET mac = :fresh, root_id = :new
    WHERE kind = :kind AND id = :id AND parent = :parent AND mac = :mac"""
)


@dataclass(frozen=True, slots=True)
class State:
    """Which rows name which root key: {table: {root id: rows}}, and the keys at hand."""

    newest: int
    at_hand: tuple[int, ...]
    rows: dict[str, dict[int, int]]

    def old(self, table: str) -> int:
        return sum(n for root_id, n in self.rows[table].items() if root_id < self.newest)

    @property
    def still_old(self) -> int:
        return sum(self.old(table) for table in _TABLES)

    @property
    def unneeded(self) -> tuple[int, ...]:
        """Root keys at hand that no row names any more."""
        named = {root_id for rows in self.rows.values() for root_id in rows}
        return tuple(i for i in self.at_hand if i != self.newest and i not in named)


@dataclass(frozen=True, slots=True)
class Rotated:
    """What was done. `dead` rows could not be opened: they have no salt, or were changed."""

    state: State
    made: str | None
    moved: int

    @property
    def dead(self) -> int:
        return self.state.still_old


def state(settings: Settings) -> State:
    """How far a rotation is. Changes nothing."""
    with opened(settings) as (main, _), main.read() as connection:
        rows = {
            table: {row.root_id: row.n for row in connection.execute(statement)}
            for table, statement in _COUNTS.items()
        }
    ids = root_ids(settings)
    if not ids:
        raise NotReady("There is no root key.")
    return State(ids[-1], tuple(ids), rows)


def rotate(settings: Settings, clock: Clock) -> Rotated:
    """Makes a new root key, or goes on with one that was begun, and moves every row to it.

    No new one is made while an older one is at hand, needed or not: first take that away.
    """
    before = state(settings)
    made = None
    if before.at_hand == (before.newest,):
        made = make_root(settings, before.newest + 1)
    with Vault.open(settings, clock, root_key(settings)) as vault:
        _begin(vault.system)
        moved = 0
        while now := sum(_move(vault.system, *kind) for kind in _KINDS):
            moved += now  # a server beside us may have written more under the old one
    return Rotated(state(settings), made, moved)


def _begin(system: System) -> None:
    """The entry, the registry, and the system's own key: all or nothing, and once."""
    while (item := _first_item(system)) is not None:
        with suppress(PremiseFailed):  # an agency was registered meanwhile
            system.sequencer.record(item)


def _first_item(system: System) -> Item | None:
    new = system.root.id
    snapshot = system.registry.current()
    subject = system.system_key.subject
    with system.main.read() as connection:
        key_row = connection.execute(_SYSTEM_KEY, {"subject": subject}).one()
        found = connection.execute(_OLD_REGISTRY, {"new": new}).all()
    rows = [row for row in found if system.registry.is_whole(row)]  # none is made whole by us
    steps, refs = [], []
    for row in rows[: REFS_MAX // 4]:
        fresh = {s: system.registry.row_mac(row, s, new) for s in (ACTIVE, REVOKED)}
        stale = {s: system.registry.row_mac(row, s, row.root_id) for s in (ACTIVE, REVOKED)}
        refs += [sha256(macs[s]) for s in (ACTIVE, REVOKED) for macs in (stale, fresh)]
        values = {"kind": row.kind, "id": row.id, "parent": row.parent, "mac": row.mac}
        steps.append(Step(_PUT_REGISTRY, values | {"fresh": fresh[row.state], "new": new}))
    if key_row.root_id != new:
        fresh_box = _audit_box(system, key_row)
        values = {"subject": subject, "box": key_row.box, "fresh": fresh_box, "new": new}
        steps.append(Step(_PUT_AUDIT_KEY, values))
    if not steps:
        return None
    return Item(
        draft(system.clock.now_ms(), "key.rotate", OPERATOR, count=len(steps)),
        system.system_key,
        premises=(registry_is(snapshot.version),),
        writes=(*steps, system.registry.raise_version()),
        refs=tuple(refs) or None,
    )


def _move(system: System, select: Sql, update: Sql, columns: tuple[str, ...], rebox: Rebox) -> int:
    """Moves the rows of one table that open; returns how many. In the order of the first column."""
    moved, after = 0, b""
    while True:
        values = {"new": system.root.id, "after": after, "limit": _ROWS_AT_ONCE}
        with system.main.read() as connection:
            rows = connection.execute(select, values).all()
        if not rows:
            return moved
        fresh = [one for row in rows if (one := _reboxed(system, row, columns, rebox)) is not None]
        if fresh:
            with system.main.write() as connection:
                for one in fresh:
                    moved += connection.execute(update, one).rowcount
        after = getattr(rows[-1], columns[0])


def _reboxed(
    system: System, row: Row, columns: tuple[str, ...], rebox: Rebox
) -> dict[str, Any] | None:
    """The row's values with its box under the new root; None where it does not open."""
    try:
        made = {"fresh": rebox(system, row), "new": system.root.id}
        return made | {name: getattr(row, name) for name in columns}
    except (CannotOpen, KeyError):  # no salt, no root key, or changed
        return None


def _vault_box(system: System, row: Row) -> bytes:
    name = vault_salt(row.vault_id)
    salt = system.keystore.get([name])[name]
    old = system.root.at(row.root_id)
    return box_metadata_key(system.root, open_metadata_key(old, row.vault_id, salt, row.box), salt)


def _audit_box(system: System, row: Row) -> bytes:
    name = audit_salt(row.subject)
    salt = system.keystore.get([name])[name]
    old = system.root.at(row.root_id)
    return box_audit_key(system.root, open_audit_key(old, row.subject, salt, row.box), salt)


def _method_box(system: System, row: Row) -> bytes:
    """The outer layer only: what it holds is boxed under the citizen's secret, and stays so."""
    method = Method(row.vault_id, row.epoch, row.method_id, row.kind)
    old, new = system.root.at(row.root_id), system.root
    inner = open_box(old.derive("outer", row.vault_id), method.outer(old), row.box)
    return box(new.derive("outer", row.vault_id), method.outer(new), inner)


_KINDS: tuple[tuple[Sql, Sql, tuple[str, ...], Rebox], ...] = (
    (_OLD_VAULTS, _PUT_VAULT, ("vault_id", "box"), _vault_box),
    (_OLD_METHODS, _PUT_METHOD, ("method_id", "vault_id", "box"), _method_box),
    (_OLD_AUDIT_KEYS, _PUT_AUDIT_KEY, ("subject", "box"), _audit_box),
)
