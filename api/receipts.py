"""Receipts: an answer proves that its entry is in the log (docs/audit.md, 12 Receipts)."""

from evidence.growth import path_of_new
from evidence.receipt import encode_receipt
from vault.log import Recorded

DESCRIPTION = (
    "Proof that the entry of this answer is in the log, as text in the form of C2SP tlog-proof. "
    "Keep it: `kluis desk receipt` checks it."
)


def receipt(recorded: Recorded) -> str:
    """The receipt of an entry whose batch is committed."""
    growth = recorded.growth
    path = path_of_new(growth.before, growth.leaf_hashes, recorded.index)
    return encode_receipt(
        recorded.n1, recorded.encoded, recorded.h2, recorded.index, path, growth.note
    )
