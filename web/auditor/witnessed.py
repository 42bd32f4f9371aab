"""Who else signed the published checkpoint, by the keys in the installation's policy."""

from dataclasses import dataclass
from pathlib import Path

from audit.errors import AuditError
from audit.note import parse_note
from evidence.cosignature import cosignatures
from evidence.errors import BadPolicy
from evidence.policy import Policy, parse_policy
from vault.logkeys import log_keys
from vault.vault import Vault


@dataclass(frozen=True, slots=True)
class Witness:
    """One of the policy. `at_ms`: when it says it signed; None where it did not."""

    name: str
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The published checkpoint: of how many entries, whether the log signed it, and who else."""

    size: int
    signed: bool
    witnesses: tuple[Witness, ...] = ()
    enough: bool = True


def witnessed(vault: Vault, note: str) -> Witnessed:
    """Each line of a known key is verified; lines of others prove nothing here."""
    if not note:
        return Witnessed(0, True)  # a new log: nothing was published yet
    keys, policy = log_keys(vault.system.settings), _policy(vault)
    newest = vault.system.log.head()
    origin = next(log.origin for log in vault.system.log.logs() if log.log == newest.log)
    try:
        size = parse_note(note)[0].size
        known = [*keys.named(origin).verifiers, *(one.key for one in policy.witnesses)]
        found = {one.verifier: one.at_seconds for one in cosignatures(note, known)}
    except AuditError:
        return Witnessed(0, False)
    witnesses = tuple(
        Witness(one.name, found[one.key] * 1000 if one.key in found else None)
        for one in policy.witnesses
    )
    names = {one.name for one in witnesses if one.at_ms is not None}
    return Witnessed(size, True, witnesses, policy.is_met_by(names))


def _policy(vault: Vault) -> Policy:
    path = vault.system.settings.witness_policy
    try:
        return parse_policy(Path(path).read_bytes()) if path else Policy()
    except (OSError, BadPolicy):
        return Policy()
