"""The tables, compared with what the log tells of them: registrations, vaults, values, grants.

A row that was changed, put back, added or taken away without an entry is a finding.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crypto.primitives import constant_time_equal, sha256
from evidence.findings import Finding
from operate.ledger import ExpectedVault, Ledger, newest_of
from vault.context import Opener, VaultContext, context_salts
from vault.database import Connection, Row
from vault.erasing import erasing_mac
from vault.errors import Damaged, NotFound
from vault.grants import grants_of
from vault.keys import AuditKey
from vault.keystore import Keystore
from vault.registry import ACTIVE, REVOKED, Registry
from vault.steps import sql
from vault.values import StoredValue

_REGISTRY = sql("SELECT * FROM registry")
_VAULTS = sql(
    "SELECT v.vault_id, {vault_columns} FROM vault v LEFT JOIN audit_key k USING (subject)"
)
_VALUES = sql("SELECT * FROM value WHERE vault_id = :vault")
_HEADS = sql("SELECT * FROM value_head WHERE vault_id = :vault")


@dataclass(frozen=True, slots=True)
class Told:
    """What the entries tell. `keys` are the audit keys that open, by subject.

    `shredded` counts subjects that have no salt any more, `logs` those that were kept one after the
    other; `some_gone`: entries are past the time they are kept.
    """

    ledger: Ledger
    keys: Mapping[bytes, AuditKey]
    shredded: int
    system_subject: bytes
    logs: int
    some_gone: bool


class Comparison:
    """One snapshot of the tables. `closed` counts vaults that open nothing since a restore."""

    def __init__(
        self,
        told: Told,
        connection: Connection,
        keystore: Keystore,
        registry: Registry,
        opener: Opener,
    ) -> None:
        self._told = told
        self._connection = connection
        self._keystore = keystore
        self._registry = registry
        self._opener = opener
        self.findings: list[Finding] = []
        self.closed = 0

    def compare_registry(self) -> None:
        """Every registration is one that was recorded, and revoked where that was."""
        expected = set(self._told.ledger.added)
        for row in self._connection.execute(_REGISTRY):
            name = f"{row.kind} {row.id}"
            if row.state not in (ACTIVE, REVOKED) or not self._registry.is_whole(row):
                self._find("registry", f"{name} was changed")
                continue
            macs = {
                state: self._registry.row_mac(row, state, row.root_id)
                for state in (ACTIVE, REVOKED)
            }
            expected.discard(sha256(macs[ACTIVE]))
            if sha256(macs[ACTIVE]) not in self._told.ledger.added:
                self._find("registry", f"{name} was never registered")
            is_revoked = sha256(macs[REVOKED]) in self._told.ledger.revoked
            if is_revoked != (row.state == REVOKED):
                self._find("registry", f"{name} is an older row, put back")
        if expected:
            self._find("registry", f"{len(expected)} registrations are gone")

    def compare_vaults(self) -> int:
        """How many vaults are open; what each holds has to be what was recorded."""
        rows = self._connection.execute(_VAULTS).all()
        for row in rows:
            name = f"vault {row.vault_id.hex()[:8]}"
            if row.vault_state != "open":
                self._check_erasing(name, row)
                continue
            if row.audit_key_box is None:
                self._find("audit_key", f"{name} has no audit key")
                continue
            try:
                salts = self._keystore.get(context_salts(row))
                context = self._opener.open(row, salts)
            except NotFound:
                self.closed += 1
                if self._told.logs == 1:  # a restored one may show what was erased since
                    self._find("vault", f"{name} does not pass its check, or its salt is gone")
                continue
            except Damaged:
                self._find("vault", f"{name} does not pass its check, or its salt is gone")
                continue
            expected = self._told.ledger.vault(context.audit_key.subject, self._told.some_gone)
            self._compare_values(name, context, expected)
            self._compare_grants(name, context, expected)
        open_vaults = len([row for row in rows if row.vault_state == "open"])
        known = (
            self._told.ledger.vaults.keys() | self._told.keys.keys()
        )  # some have no openings left
        subjects = known - {self._told.system_subject}
        # An erased vault's subject stays readable for a time, and then loses its salt.
        gone = len(subjects) - open_vaults + self._told.shredded - self._told.ledger.erased
        if gone > 0:
            self._find("vault", f"{gone} vaults, or their audit keys, are gone without an erasure")
        return open_vaults

    def _check_erasing(self, name: str, row: Row) -> None:
        key = self._told.keys.get(self._told.system_subject)
        expected = b"" if key is None else erasing_mac(key, row.vault_id)
        if not constant_time_equal(row.vault_mac, expected):
            self._find("vault", f"{name} is marked as erased, and nobody erased it")

    def _compare_values(self, name: str, context: VaultContext, expected: ExpectedVault) -> None:
        keys = context.keys
        found = {}
        for row in self._connection.execute(_VALUES, {"vault": context.vault_id}):
            value = StoredValue(context.vault_id, row.handle, row.seq, row.value_id, row.box)
            if not constant_time_equal(value.mac(keys), row.mac):
                self._find("value", f"{name}: version {row.seq} of a field was changed")
            found[row.handle, row.seq] = row.value_id, value.commitment
        told = expected.told_of(found)
        self._differ("value", f"{name}: a version of a field", told, expected.values)
        heads = {}
        for row in self._connection.execute(_HEADS, {"vault": context.vault_id}):
            head = StoredValue(context.vault_id, row.handle, row.seq, row.value_id, b"")
            if not constant_time_equal(head.head_mac(keys), row.mac):
                self._find("value_head", f"{name}: a value head was changed")
            heads[row.handle] = row.seq, row.value_id
        newest = newest_of(found if expected.begins_late else expected.values)
        self._differ("value_head", f"{name}: a value head", heads, newest)

    def _compare_grants(self, name: str, context: VaultContext, expected: ExpectedVault) -> None:
        found = {g.grant_id: g for g in grants_of(self._connection, context.vault_id)}
        for grant_id in found.keys() ^ expected.grants.keys():
            if expected.begins_late and grant_id in found:
                continue  # nothing of it is told any more
            where = "log" if grant_id in found else "tables"
            self._find("grant", f"{name}: grant {grant_id.hex()[:8]} is not in the {where}")
        for grant_id in found.keys() & expected.grants.keys():
            grant, wanted = found[grant_id], expected.grants[grant_id]
            label = f"{name}: grant {grant_id.hex()[:8]}"
            if not constant_time_equal(grant.computed_mac(context.keys), grant.mac):
                self._find("grant", f"{label} was changed")
            elif wanted.mac_hash and sha256(grant.mac) != wanted.mac_hash:
                self._find("grant", f"{label} is an older row, put back")
            if not wanted.agrees(grant.state, grant.reads_used, grant.wrong_codes):
                self._find("usage", f"{label}: state or usage is not what the log tells")

    def _differ(
        self, code: str, what: str, found: Mapping[Any, Any], expected: Mapping[Any, Any]
    ) -> None:
        for key in expected.keys() - found.keys():
            self._find(code, f"{what} is gone ({_short(key)})")
        for key in found.keys() - expected.keys():
            self._find(code, f"{what} was never recorded ({_short(key)})")
        for key in found.keys() & expected.keys():
            if found[key] != expected[key]:
                self._find(code, f"{what} is not the newest recorded ({_short(key)})")

    def _find(self, code: str, what: str) -> None:
        self.findings.append(Finding(None, code, what))


def _short(key: Any) -> str:
    handle = key[0] if isinstance(key, tuple) else key
    return f"handle {handle.hex()[:8]}"
