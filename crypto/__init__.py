"""Bytes in, bytes out: the primitives and encodings of format KLUIS1 (docs/format.md).

Nothing here reads a clock, disk, network or setting; the only effect is drawing random bytes.
"""
