"""The QR code of an offer can be read, by a decoder that is not ours."""

import struct
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from web import qr

SECRET = "VG1" + "7K3M9Q0TVXYZ01234567" + "89ABCDEFGHJKMN"
_UP = 2  # PNG: a row holds the differences to the row above
TEXTS = [
    f"HTTP://LOCALHOST:8000/S#{SECRET}",
    f"HTTPS://KLUIS.EXAMPLE.ORG/S#{SECRET}",
    f"HTTPS://MIJN.BURGERKLUIS.GEMEENTE-WATERBEEK.EXAMPLE.NL/S#{SECRET}",
    f"HTTPS://MIJN.BURGERKLUIS.GEMEENTE-WATERBEEK.EXAMPLE.NL/{'DEEP/' * 20}S#{SECRET}",
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_png_reads_back(text: str) -> None:
    width, height, pixels = _pixels_of(qr.png(text))
    (found,) = _decoded(width, height, pixels)
    assert found.text == text
    assert found.ec_level in {"M", "Q", "H"}


@pytest.mark.parametrize("text", TEXTS)
def test_the_terminal_picture_reads_back_and_is_dark_on_light(text: str) -> None:
    rows: list[list[bool]] = []
    for line in qr.lines(text):
        rows.append([block in "▀█" for block in line])
        rows.append([block in "▄█" for block in line])
    scale = 4
    pixels = b"".join(
        b"".join((b"\x00" if dark else b"\xff") * scale for dark in row)
        for row in rows
        for _ in range(scale)
    )
    (found,) = _decoded(len(rows[0]) * scale, len(rows) * scale, pixels)
    assert found.text == text


@pytest.mark.parametrize("text", TEXTS)
def test_the_quiet_zone_is_four_modules(text: str) -> None:
    lines = qr.lines(text)
    assert not "".join(lines[:2] + lines[-2:]).strip()
    assert all(line[:4].strip() == line[-4:].strip() == "" for line in lines)


def test_a_usual_address_gives_a_small_code_of_one_segment() -> None:
    assert qr.make(TEXTS[0]).version == 4
    assert qr.make(TEXTS[1]).mode == "byte"
    assert qr.make(TEXTS[2]).version == 6


def test_a_long_address_gives_a_smaller_code_by_segments() -> None:
    assert int(qr.make(TEXTS[3]).version) <= 8


def test_the_svg_is_one_picture_black_on_white() -> None:
    root = ElementTree.fromstring(qr.svg(TEXTS[0]))  # noqa: S314 - our own
    assert root.tag.endswith("svg")
    assert SECRET not in qr.svg(TEXTS[0]).decode(), "the code is a picture, not text to copy"
    assert b"#fff" in qr.svg(TEXTS[0])
    assert b"#000" in qr.svg(TEXTS[0])


def _decoded(width: int, height: int, grey: bytes) -> list[Any]:
    decoder: Any = pytest.importorskip("zxingcpp", reason="no QR decoder is installed")
    image = memoryview(grey).cast("B", shape=[height, width])
    # No rescue of a picture that is light on dark: cheap scanners don't do it either.
    return list(decoder.read_barcodes(image, try_invert=False, try_rotate=False))


def _pixels_of(png: bytes) -> tuple[int, int, bytes]:
    """Width, height and grey pixels of a PNG with one bit per pixel."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    place, parts = 8, dict[bytes, bytes]()
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        kind = png[place + 4 : place + 8]
        parts[kind] = parts.get(kind, b"") + png[place + 8 : place + 8 + length]
        place += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", parts[b"IHDR"][:10])
    assert depth == 1
    light = [0x00, 0xFF] if colour == 0 else list(parts[b"PLTE"][::3])
    rows = zlib.decompress(parts[b"IDAT"])
    stride = 1 + (width + 7) // 8
    grey, above = bytearray(), bytes(stride - 1)
    for start in range(0, height * stride, stride):
        row = rows[start + 1 : start + stride]
        if rows[start] == _UP:
            row = bytes((x + y) & 0xFF for x, y in zip(row, above, strict=True))
        else:
            assert rows[start] == 0, "another filter"
        above = row
        grey += bytes(light[row[x // 8] >> (7 - x % 8) & 1] for x in range(width))
    return width, height, bytes(grey)


def test_files_are_written_whole(tmp_path: Path) -> None:
    (tmp_path / "code.png").write_bytes(qr.png(TEXTS[0]))
    assert _pixels_of((tmp_path / "code.png").read_bytes())[0] > 200
