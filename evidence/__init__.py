"""What someone outside checks, and by what: logs, receipts, exports, witnesses (docs/audit.md).

Bytes in, findings out: no clock, disk, network or setting; needs `audit` and `crypto` and nothing
else of ours. No value leaves and no entry is written by anything here, so it stands outside the
trusted core: if all of it were wrong, nothing would be released that must not be.
"""
