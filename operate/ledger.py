"""What the tables must hold, according to the log: gathered entry by entry.

Which rows an entry speaks of: docs/audit.md, 2 Entries.
"""

from dataclasses import dataclass, field
from typing import Any, cast

from audit.entry import Chain, Event
from consent.decision import ACTIVE, ENDED, OFFERED


@dataclass(slots=True)
class ExpectedGrant:
    """A grant as the log tells it."""

    mac_hash: bytes
    state: str = OFFERED
    reads: int = 0
    wrong_codes: int = 0


@dataclass(slots=True)
class ExpectedVault:
    """A subject's values, (value_id, c) by (handle, seq), and grants, as the log tells them."""

    values: dict[tuple[bytes, int], tuple[bytes, bytes]] = field(default_factory=dict)
    grants: dict[bytes, ExpectedGrant] = field(default_factory=dict)

    def heads(self) -> dict[bytes, tuple[int, bytes]]:
        """The newest (seq, value_id) by handle."""
        newest: dict[bytes, tuple[int, bytes]] = {}
        for (handle, seq), (value_id, _) in self.values.items():
            if handle not in newest or seq > newest[handle][0]:
                newest[handle] = seq, value_id
        return newest


@dataclass(slots=True)
class Ledger:
    """Learns from entries in the order of the log; `operate.verification` compares."""

    vaults: dict[bytes, ExpectedVault] = field(default_factory=dict)
    added: set[bytes] = field(default_factory=set)  # SHA-256 of the macs of registry rows
    revoked: set[bytes] = field(default_factory=set)
    erased: int = 0

    def learn(self, event: Event, chain: Chain) -> None:
        """Takes one entry. Which refs an action has was checked before: `audit.refs`."""
        vault = self.vaults.setdefault(chain.subject, ExpectedVault())
        refs = cast(Any, chain.refs)
        if event.outcome != "permitted":
            self._learn_refusal(vault, event)
            return
        if refs is None and event.action not in {"data.read", "vault.erase"}:
            return
        match event.action:
            case "value.put" | "value.deposit":
                for handle, value_id, seq, commitment in refs:
                    vault.values[handle, seq] = value_id, commitment
            case "offer.create":
                vault.grants[refs[0]] = ExpectedGrant(refs[1])
            case "grant.redeem" | "grant.rekey":
                self._learn_phase(vault, refs, ACTIVE)
            case "grant.end":
                self._learn_phase(vault, refs, ENDED)
            # A deferred read is not counted: its owner would see the count.
            case "data.read" if event.grant in vault.grants and chain.class_ == "open":
                vault.grants[event.grant].reads += 1
            case "registry.add":
                self.added.update(refs)
            case "registry.revoke":
                self.revoked.update(refs)
            case "key.rotate":
                self._learn_macs(refs)
            case "vault.erase":
                self.erased += 1

    def _learn_phase(self, vault: ExpectedVault, refs: Any, state: str) -> None:
        grant = vault.grants.setdefault(refs[0], ExpectedGrant(refs[1]))
        grant.mac_hash, grant.state = refs[1], state

    def _learn_macs(self, refs: Any) -> None:
        """A row of the registry goes on under another mac: old and new stand by turns."""
        for old, new in zip(refs[::2], refs[1::2], strict=False):
            for known in (self.added, self.revoked):
                if old in known:
                    known.remove(old)
                    known.add(new)

    def _learn_refusal(self, vault: ExpectedVault, event: Event) -> None:
        if event.reason == "wrong_tx_code" and event.grant in vault.grants:
            vault.grants[event.grant].wrong_codes += 1
