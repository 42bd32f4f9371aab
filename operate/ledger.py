"""What the tables must hold, according to the log: gathered entry by entry.

Which rows an entry speaks of: docs/audit.md, 2 Entries.
"""

from dataclasses import dataclass, field
from typing import Any, cast

from audit.entry import Chain, Event
from consent.decision import ACTIVE, ENDED, OFFERED

Values = dict[tuple[bytes, int], tuple[bytes, bytes]]  # (value_id, c) by (handle, seq)


@dataclass(slots=True)
class ExpectedGrant:
    """A grant as the log tells it: from the offer on, or of what is past retention no more.

    `mac_hash` is empty where nothing that is left tells it.
    """

    mac_hash: bytes
    state: str = OFFERED
    reads: int = 0
    wrong_codes: int = 0
    offered: bool = False

    def agrees(self, state: str, reads: int, wrong_codes: int) -> bool:
        if not self.offered:
            return state == self.state and reads >= self.reads and wrong_codes >= self.wrong_codes
        return (state, reads, wrong_codes) == (self.state, self.reads, self.wrong_codes)


@dataclass(slots=True)
class ExpectedTally:
    """How many reads and refusals the entries of a subject and class give, from number `first`."""

    first: int
    reads: int = 0
    refusals: int = 0

    def agrees(self, reads: int, refusals: int) -> bool:
        if self.first > 1:
            return reads >= self.reads and refusals >= self.refusals
        return (reads, refusals) == (self.reads, self.refusals)


@dataclass(slots=True)
class ExpectedVault:
    """A subject's values and grants, as the log tells them: from the first entry on, or of what
    is past retention no more (`begins_late`).
    """

    values: Values = field(default_factory=dict)
    grants: dict[bytes, ExpectedGrant] = field(default_factory=dict)
    begins_late: bool = False

    def told_of(self, found: Values) -> Values:
        """Those of the versions found that the log has to tell: not those before its beginning."""
        if not self.begins_late:
            return found
        first: dict[bytes, int] = {}
        for handle, seq in self.values:
            first[handle] = min(seq, first.get(handle, seq))
        return {
            (handle, seq): found[handle, seq]
            for handle, seq in found
            if handle in first and seq >= first[handle]
        }


def newest_of(values: Values) -> dict[bytes, tuple[int, bytes]]:
    """The newest (seq, value_id) by handle."""
    newest: dict[bytes, tuple[int, bytes]] = {}
    for (handle, seq), (value_id, _) in values.items():
        if handle not in newest or seq > newest[handle][0]:
            newest[handle] = seq, value_id
    return newest


@dataclass(slots=True)
class Ledger:
    """Learns from entries in the order of the log; `operate.comparing` compares."""

    vaults: dict[bytes, ExpectedVault] = field(default_factory=dict)
    added: set[bytes] = field(default_factory=set)  # SHA-256 of the macs of registry rows
    revoked: set[bytes] = field(default_factory=set)
    erased: int = 0
    tallies: dict[tuple[bytes, str], ExpectedTally] = field(default_factory=dict)

    def vault(self, subject: bytes, some_gone: bool) -> ExpectedVault:
        """What is told of a subject; nothing, where all of it may be past retention."""
        told = self.vaults.get(subject, ExpectedVault())
        open_ones = self.tallies.get((subject, "open"))
        told.begins_late = some_gone if open_ones is None else open_ones.first > 1
        if not told.begins_late:  # then a grant that was never offered is none
            told.grants = {id_: one for id_, one in told.grants.items() if one.offered}
        return told

    def learn(self, event: Event, chain: Chain) -> None:
        """Takes one entry. Which refs an action has was checked before: `audit.refs`."""
        vault = self.vaults.setdefault(chain.subject, ExpectedVault())
        self._count(event, chain)
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
                vault.grants[refs[0]] = ExpectedGrant(refs[1], offered=True)
            case "grant.redeem" | "grant.rekey":
                self._learn_phase(vault, refs, ACTIVE)
            case "grant.end":
                self._learn_phase(vault, refs, ENDED)
            # A deferred read is not counted: its owner would see the count.
            case "data.read" if event.grant is not None and chain.class_ == "open":
                grant = vault.grants.setdefault(event.grant, ExpectedGrant(b"", ACTIVE))
                grant.reads += 1
            case "registry.add":
                self.added.update(refs)
            case "registry.revoke":
                self.revoked.update(refs)
            case "key.rotate":
                self._learn_macs(refs)
            case "vault.erase":
                self.erased += 1

    def _count(self, event: Event, chain: Chain) -> None:
        key = chain.subject, chain.class_
        tally = self.tallies.setdefault(key, ExpectedTally(chain.subject_seq))
        tally.reads += (event.action, event.outcome) == ("data.read", "permitted")
        tally.refusals += (event.actor.kind, event.outcome) == ("agency", "denied")

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
