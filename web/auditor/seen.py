"""The checkpoint that this browser saw last: whoever shows it another history is found out."""

import re
from dataclasses import dataclass

from api.proofs import ShownLog, Trees
from audit.errors import AuditError
from evidence.proofs import verify_consistency
from vault.vault import Vault
from web.auditor.proved import signed_by

SEEN = "__Host-kluis-checkpoint"
_HELD = re.compile(r"([1-9][0-9]{0,8})\.([0-9]{1,18})\.([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Continued:
    """`state`: first, same, goes_on, other_log or broken; of `size` entries then. `hold` is what
    the browser keeps from now on; empty where the old one is evidence.
    """

    state: str
    hold: str
    size: int = 0


def continued(vault: Vault, held: str) -> Continued:
    """Whether the log goes on from what the browser holds, by a proof computed just now."""
    trees = Trees(vault)
    newest, found = trees.logs[-1], _HELD.fullmatch(held)
    try:
        signed = signed_by(vault, newest)
    except AuditError:
        return Continued("broken", "")
    hold = f"{newest.number}.{signed.size}.{signed.root.hex()}"
    if found is None:
        return Continued("first", hold)
    number, size, root = int(found[1]), int(found[2]), bytes.fromhex(found[3])
    log = next((one for one in trees.logs if one.number == number), None)
    if log is None or not _goes_on(vault, trees, log, size, root):
        return Continued("broken", "", size)
    if log.number != newest.number:
        return Continued("other_log", hold, size)
    return Continued("same" if held == hold else "goes_on", hold, size)


def _goes_on(vault: Vault, trees: Trees, log: ShownLog, size: int, root: bytes) -> bool:
    proof = trees.consistency(log.number, (log.number, size))
    if proof is None:
        return False
    try:
        signed = signed_by(vault, log)
        verify_consistency(size, root, signed.size, signed.root, proof)
    except AuditError:
        return False
    return True
