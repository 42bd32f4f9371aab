"""The registry: agencies and their intended uses, each row under a mac of the root key.

Rows are never edited: a use is revoked and replaced, and stays to judge old grants by. What is
loaded is kept in memory and loaded again when the registry's version has changed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

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
from vault.database import Connection, Database
from vault.rootkey import RootKey
from vault.steps import Step, insertion, sql

ACTIVE, REVOKED = "active", "revoked"

_VERSION = sql("SELECT registry_version FROM instance")
_RAISE_VERSION = sql("UPDATE instance SET registry_version = registry_version + 1")
_ROWS = sql("SELECT * FROM registry ORDER BY created_at, kind, id")
_REVOKE = sql(
    """UPDATE registry SET state = 'revoked', mac = :new_mac, root_id = :root
    WHERE kind = :kind AND id = :id AND parent = :parent"""
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

    def knows(self, agency: str, use: str) -> bool:
        """Whether this use was ever registered."""
        return any((row.kind, row.id, row.parent) == ("use", use, agency) for row in self.rows)

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
        if version is None:
            with self._database.read() as connection:
                version = connection.execute(_VERSION).one()[0]
        snapshot = self._snapshot
        if snapshot is not None and version == snapshot.version:
            return snapshot
        with self._database.read() as connection:
            snapshot = self._load(connection)
        self._snapshot = snapshot
        return snapshot

    def rows_of(self, registration: Registration) -> list[Registrant]:
        """The rows that a registration is kept as."""
        agency = registration.agency
        uses = [self._registrant("use", u.id, agency.id, u.document) for u in registration.uses]
        return [self._registrant("agency", agency.id, "", agency.document), *uses]

    def additions(self, rows: Iterable[Registrant], now_ms: int) -> tuple[Step, ...]:
        """The step that inserts rows."""
        made = {"root_id": self._root.id, "created_at": now_ms}
        return insertion("registry", [asdict(row) | made for row in rows])

    def revocations(self, rows: Iterable[Registrant]) -> tuple[list[bytes], tuple[Step, ...]]:
        """The new macs of rows that are revoked, and the steps that revoke them."""
        macs, steps = [], []
        for row in rows:
            new_mac = self.row_mac(row.kind, row.id, row.parent, row.document, REVOKED)
            macs.append(new_mac)
            values = asdict(row) | {"new_mac": new_mac, "root": self._root.id}
            steps.append(Step(_REVOKE, values))
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
        version = connection.execute(_VERSION).one()[0]
        rows, damaged = [], []
        for row in connection.execute(_ROWS):
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
