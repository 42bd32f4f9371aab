"""A camera that looks at a QR code: a film of still frames that Chromium plays as its camera."""

import random
from pathlib import Path

import segno

WIDTH, HEIGHT = 640, 480
FRAMES = 10
_DARK, _LIGHT, _TABLE = 30, 225, 128
_NO_COLOUR = bytes([128]) * (WIDTH * HEIGHT // 2)


def camera_flags(film: Path) -> tuple[str, ...]:
    """Flags for a browser whose camera shows that film."""
    return (
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    )


def film_of(text: str, film: Path, *, module_pixels: int = 7, noise: int = 6) -> Path:
    """Writes a film of the text as a QR code that lies on a grey table, with a camera's noise."""
    rows = _rows(text, module_pixels)
    dice = random.Random(text)  # noqa: S311 - grain of a picture, no secret
    with film.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A0:0 C420jpeg\n".encode())
        for _ in range(FRAMES):
            file.write(b"FRAME\n" + _grained(b"".join(rows), dice, noise) + _NO_COLOUR)
    return film


def _rows(text: str, module_pixels: int) -> list[bytes]:
    """A picture of one byte a pixel, the code in the middle."""
    matrix = list(segno.make_qr(text, error="m").matrix_iter(scale=1, border=4))
    side = len(matrix) * module_pixels
    assert side <= HEIGHT, f"{side} pixels: fewer pixels a module"
    left, top = (WIDTH - side) // 2, (HEIGHT - side) // 2
    margin, right = bytes([_TABLE]) * left, bytes([_TABLE]) * (WIDTH - side - left)
    rows = [bytes([_TABLE]) * WIDTH] * top
    for line in matrix:
        pixels = b"".join(bytes([_DARK if dark else _LIGHT]) * module_pixels for dark in line)
        rows += [margin + pixels + right] * module_pixels
    return rows + [bytes([_TABLE]) * WIDTH] * (HEIGHT - len(rows))


def _grained(picture: bytes, dice: random.Random, noise: int) -> bytes:
    """Adds the same few kinds of grain in another place for each frame."""
    if not noise:
        return picture
    grain = bytes(dice.randrange(2 * noise) for _ in range(4096))
    start = dice.randrange(4096)
    spread = (grain[start:] + grain[:start]) * (len(picture) // 4096 + 1)
    return bytes(map(int.__add__, picture, spread))
