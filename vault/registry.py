"""The registry: agencies and their intended uses, each row under a mac of the root key.

Rows are never edited: a use is revoked and replaced, and stays to judge old grants by. What is
loaded is kept in memory and loaded again when the registry's version has changed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy import bindparam as bind

from consent.decision import Registered
from consent.registration import (
    Agency,
    IntendedUse,
    Registration,
    agency_from_document,
    use_from_document,
)
from crypto.box import mac
from crypto.encoding import canonical_json, parse_canonical
from crypto.jose import PublicJwk
from crypto.primitives import constant_time_equal, sha256
from vault.database import Database
from vault.rootkey import RootKey
from vault.sequencer import Step
from vault.tables import instance, registrations

ACTIVE, REVOKED = "active", "revoked"

VERSION = select(instance.c.registry_version).scalar_subquery()
_RAISE_VERSION = update(instance).values(registry_version=instance.c.registry_version + 1)
_INSERT = insert(registrations)
# Conditions name the mac that was checked: a row changed since then is not revoked in its name.
_REVOKE = (
    update(registrations)
    .where(
        registrations.c.kind == bind("b_kind"),
        registrations.c.id == bind("b_id"),
        registrations.c.parent == bind("b_parent"),
        registrations.c.mac == bind("b_mac"),
    )
    .values(state=REVOKED, mac=bind("b_new_mac"), root_id=bind("b_root"))
)


@dataclass(frozen=True, slots=True)
class Registrant:
    """One row of the registry that passed its mac."""

    kind: str
    id: str
    parent: str
    document: bytes
    state: str
    mac: bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The registry at one version, whole rows only."""

    version: int
    rows: tuple[Registrant, ...]
    agencies: Mapping[str, Agency]
    uses: Mapping[tuple[str, str], IntendedUse]
    damaged: tuple[str, ...]

    def registered(self, agency: str, use: str) -> Registered:
        """The agency and use as they may act now; None for what is revoked or unknown."""
        return Registered(self.agencies.get(agency), self.uses.get((agency, use)))

    def keys_of(self, agency: str) -> tuple[PublicJwk, ...] | None:
        found = self.agencies.get(agency)
        return None if found is None else found.jwks


class Registry:
    """Loads the registry and makes the steps that change it."""

    def __init__(self, database: Database, root: RootKey) -> None:
        self._database = database
        self._root = root
        self._snapshot: Snapshot | None = None

    def current(self, version: int | None = None) -> Snapshot:
        """The snapshot of `version`, or of now; from memory where it is the same."""
        snapshot = self._snapshot
        if snapshot is not None and version == snapshot.version:
            return snapshot
        with self._database.read() as connection:
            snapshot = self._load(connection)
        self._snapshot = snapshot
        return snapshot

    def additions(self, registration: Registration, now_ms: int) -> tuple[list[Registrant], Step]:
        """The rows of a new registration and the step that inserts them."""
        agency = registration.agency
        rows = [self._registrant("agency", agency.id, "", agency.document)]
        rows += [
            self._registrant("use", use.id, agency.id, use.document) for use in registration.uses
        ]
        values = [
            {
                "kind": row.kind,
                "id": row.id,
                "parent": row.parent,
                "root_id": self._root.id,
                "document": row.document,
                "state": row.state,
                "created_at": now_ms,
                "mac": row.mac,
            }
            for row in rows
        ]
        return rows, Step(_INSERT, values)

    def revocations(self, rows: Iterable[Registrant]) -> tuple[list[bytes], tuple[Step, ...]]:
        """The new macs of rows that are revoked, and the conditions that revoke them."""
        macs, steps = [], []
        for row in rows:
            new_mac = self.row_mac(row.kind, row.id, row.parent, row.document, REVOKED)
            macs.append(new_mac)
            steps.append(
                Step(
                    _REVOKE,
                    {
                        "b_kind": row.kind,
                        "b_id": row.id,
                        "b_parent": row.parent,
                        "b_mac": row.mac,
                        "b_new_mac": new_mac,
                        "b_root": self._root.id,
                    },
                )
            )
        return macs, tuple(steps)

    def raise_version(self) -> Step:
        return Step(_RAISE_VERSION, {})

    def row_mac(self, kind: str, id_: str, parent: str, document: bytes, state: str) -> bytes:
        """agency/1, use/1: (i, id, parent, SHA-256(canonical JSON of the registration), state)."""
        key = self._root.derive("row")
        return mac(key, f"{kind}/1", self._root.id, id_, parent, sha256(document), state)

    def _registrant(
        self, kind: str, id_: str, parent: str, document: Mapping[str, Any]
    ) -> Registrant:
        raw = canonical_json(dict(document))
        computed = self.row_mac(kind, id_, parent, raw, ACTIVE)
        return Registrant(kind, id_, parent, raw, ACTIVE, computed)

    def _load(self, connection: Connection) -> Snapshot:
        version = connection.execute(select(instance.c.registry_version)).scalar_one()
        rows, damaged = [], []
        for row in connection.execute(select(registrations).order_by(registrations.c.created_at)):
            computed = self.row_mac(row.kind, row.id, row.parent, row.document, row.state)
            if not constant_time_equal(computed, row.mac):
                damaged.append(f"{row.kind} {row.id}")  # somebody changed it: not used, ever
                continue
            rows.append(Registrant(row.kind, row.id, row.parent, row.document, row.state, row.mac))
        active = [row for row in rows if row.state == ACTIVE]
        return Snapshot(
            version=version,
            rows=tuple(rows),
            agencies={
                row.id: agency_from_document(parse_canonical(row.document))
                for row in active
                if row.kind == "agency"
            },
            uses={
                (row.parent, row.id): use_from_document(parse_canonical(row.document))
                for row in active
                if row.kind == "use"
            },
            damaged=tuple(damaged),
        )
