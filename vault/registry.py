"""The registry: agencies, their intended uses, auditors and officers, each row under a mac of the
root key.

Rows are never edited: a use is revoked and replaced, and stays to judge old grants by. What is
loaded is kept in memory and loaded again when the registry's version has changed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from operator import attrgetter
from typing import Any

from catalogue.registration import (
    Agency,
    Auditor,
    IntendedUse,
    Officer,
    Registration,
    agency_from_document,
    auditor_from_document,
    officer_from_document,
    use_from_document,
)
from consent.decision import Registered
from crypto.box import mac
from crypto.encoding import canonical_json, parse_canonical
from crypto.errors import CannotOpen
from crypto.jose import PublicJwk
from crypto.primitives import constant_time_equal, sha256
from vault.database import Connection, Database, Row
from vault.rootkey import RootKey
from vault.steps import Step, insertion, sql

ACTIVE, REVOKED = "active", "revoked"

_VERSION = sql("SELECT registry_version FROM instance")
_RAISE_VERSION = sql("UPDATE instance SET registry_version = registry_version + 1")
_ROWS = sql("SELECT * FROM registry ORDER BY created_at, kind, id")
_REVOKE = sql(
    """UPDATE registry SET state = 'revoked', mac = :new_mac
    WHERE kind = :kind AND id = :id AND parent = :parent"""
)


_COLUMNS = attrgetter("kind", "id", "parent", "document", "state", "mac", "root_id")


@dataclass(frozen=True, slots=True)
class Registrant:
    """One row of the registry that passed its mac."""

    kind: str
    id: str
    parent: str
    document: bytes
    state: str
    mac: bytes
    root_id: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The registry at one version, whole rows only."""

    version: int
    rows: tuple[Registrant, ...]
    agencies: Mapping[str, Agency]
    uses: Mapping[tuple[str, str], IntendedUse]
    auditors: Mapping[str, Auditor]
    officers: Mapping[bytes, Officer]  # by credential id; of parties that may act, and no others
    damaged: tuple[str, ...]

    @property
    def parties(self) -> dict[str, Collection[str]]:
        """The ids of who may act, by role."""
        return {"agency": self.agencies.keys(), "auditor": self.auditors.keys()}

    def registered(self, agency: str, use: str) -> Registered:
        """The agency and use as they may act now; None for what is revoked or unknown."""
        return Registered(self.agencies.get(agency), self.uses.get((agency, use)))

    def knows(self, agency: str, use: str) -> bool:
        """Whether this use was ever registered."""
        return any((row.kind, row.id, row.parent) == ("use", use, agency) for row in self.rows)

    def keys_of(self, agency: str) -> tuple[PublicJwk, ...] | None:
        found = self.agencies.get(agency)
        return None if found is None else found.jwks

    def auditor_keys_of(self, auditor: str) -> tuple[PublicJwk, ...] | None:
        found = self.auditors.get(auditor)
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

    def row_of(self, one: Auditor | Officer) -> Registrant:
        """The row that an auditor or officer is kept as."""
        if isinstance(one, Officer):
            return self._registrant("officer", one.id, one.party, one.document)
        return self._registrant("auditor", one.id, "", one.document)

    def additions(self, rows: Iterable[Registrant], now_ms: int) -> tuple[Step, ...]:
        """The step that inserts rows."""
        return insertion("registry", [asdict(row) | {"created_at": now_ms} for row in rows])

    def revocations(self, rows: Sequence[Registrant]) -> tuple[list[bytes], tuple[Step, ...]]:
        """The new macs of rows that are revoked, and the steps that revoke them.

        Under the root key that the row has: a rotation moves both states of a row together.
        """
        macs = [self.row_mac(row, REVOKED, row.root_id) for row in rows]
        made = zip(rows, macs, strict=True)
        return macs, tuple(Step(_REVOKE, asdict(row) | {"new_mac": new}) for row, new in made)

    def raise_version(self) -> Step:
        return Step(_RAISE_VERSION, {})

    def row_mac(self, row: Row, state: str, root_id: int) -> bytes:
        """`kind`/1: (i, id, parent, SHA-256(canonical registration), state)."""
        key = self._root.at(root_id).derive("row")
        return mac(key, f"{row.kind}/1", root_id, row.id, row.parent, sha256(row.document), state)

    def is_whole(self, row: Row) -> bool:
        """Whether a row passes its mac: else somebody changed it, and it is not used, ever."""
        try:
            return constant_time_equal(self.row_mac(row, row.state, row.root_id), row.mac)
        except CannotOpen:
            return False

    def _registrant(self, kind: str, id_: str, parent: str, body: Mapping[str, Any]) -> Registrant:
        raw = canonical_json(dict(body))
        row = Registrant(kind, id_, parent, raw, ACTIVE, b"", self._root.id)
        return replace(row, mac=self.row_mac(row, ACTIVE, row.root_id))

    def _load(self, connection: Connection) -> Snapshot:
        version = connection.execute(_VERSION).one()[0]
        found = connection.execute(_ROWS).all()
        rows = [Registrant(*_COLUMNS(row)) for row in found if self.is_whole(row)]
        damaged = [f"{row.kind} {row.id}" for row in found if not self.is_whole(row)]

        def active(kind: str) -> list[tuple[Registrant, Any]]:
            found = [row for row in rows if (row.kind, row.state) == (kind, ACTIVE)]
            return [(row, parse_canonical(row.document)) for row in found]

        agencies = {row.id: agency_from_document(d) for row, d in active("agency")}
        auditors = {row.id: auditor_from_document(d) for row, d in active("auditor")}
        officers = [officer_from_document(d) for _, d in active("officer")]
        snapshot = Snapshot(
            version=version,
            rows=tuple(rows),
            agencies=agencies,
            uses={(row.parent, row.id): use_from_document(d) for row, d in active("use")},
            auditors=auditors,
            officers={},
            damaged=tuple(damaged),
        )
        acting = (one for one in officers if one.party in snapshot.parties[one.role])
        return replace(snapshot, officers={one.credential_id: one for one in acting})
