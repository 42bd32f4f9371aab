"""The audit log that anyone can check: entries, hiding leaves, tree, notes, proofs (docs/audit.md).

Bytes in, bytes out: no clock, disk, network or setting; needs `crypto` and nothing else of ours.
"""
