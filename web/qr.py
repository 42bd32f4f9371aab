"""The QR code of an offer: on a terminal, in a page, as SVG or PNG. Made for poor cameras.

Error level M at least; a higher one where it costs no larger code. One byte segment while that
stays at version 6 or below, for old hand scanners; beyond, segments by kind of character, which
are shorter. Four modules of quiet zone, dark on light, always.
"""

import io
from typing import cast

import segno

_QUIET_MODULES = 4
_PLAIN_VERSION_MAX = 6
_MODULE_PIXELS = 8  # a code of version 6 fills 392 pixels: 8 a module where 5 read reliably


def make(text: str) -> segno.QRCode:
    """The code for `HTTPS://HOST/S#VG1...`."""
    code = segno.make_qr(text, error="m", mode="byte", boost_error=True)
    if cast(int, code.version) <= _PLAIN_VERSION_MAX:
        return code
    address, fragment_mark, secret = text.partition("#")
    # segno takes a list of segments and finds the best mode of each; its type hints don't say so.
    segments = cast(str, [part for part in (address, fragment_mark, secret) if part])
    return segno.make_qr(segments, error="m", boost_error=True)


def lines(text: str) -> list[str]:
    """The picture in half blocks: a line holds two rows of modules, ink where they are dark."""
    rows = [
        [module & 1 == 1 for module in row]
        for row in make(text).matrix_iter(scale=1, border=_QUIET_MODULES)
    ]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    blocks = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}
    return [
        "".join(blocks[upper, lower] for upper, lower in zip(above, below, strict=True))
        for above, below in zip(rows[::2], rows[1::2], strict=True)
    ]


def svg(text: str) -> bytes:
    """A stand-alone SVG file, black on white in every viewer."""
    return _saved(text, "svg", light="#fff", xmldecl=True, svgclass=None, lineclass=None)


def inline(text: str) -> str:
    """A picture to stand in a page: without a size of its own, black on white in every theme."""
    file = io.BytesIO()
    make(text).save(
        file, kind="svg", border=_QUIET_MODULES, dark="#000", light="#fff", omitsize=True,
        xmldecl=False, svgns=False, svgclass=None, lineclass=None, nl=False,
    )  # fmt: skip
    return file.getvalue().decode()


def png(text: str) -> bytes:
    """A PNG file of two colours."""
    return _saved(text, "png", light="white")


def _saved(text: str, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    make(text).save(
        file, kind=kind, scale=_MODULE_PIXELS, border=_QUIET_MODULES, dark="#000", **options
    )
    return file.getvalue()
