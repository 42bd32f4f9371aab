"""The look keeps what it promises to whoever reads a page, and to whoever makes a theme."""

import gzip
import re
from pathlib import Path

import pytest

from web.statics import SHEETS, Statics

WEB = Path(__file__).parents[2] / "web"
CSS = WEB / "static/css"
CSS_GZIP_BYTES_MAX = 15 * 1024
LINES_MAX = 300
TEMPLATES = sorted(path for path in (WEB / "templates").rglob("*") if path.is_file())
UNESCAPED = {  # drawn by us, of nothing that a person wrote but escaped text
    "code.html": ["{{ picture | safe }}"],
    "scanner.html": ["{{ picture | safe }}"],
    "pictures.html": ["{{ picture.svg | safe }}"],
}

# What is written on what. Text needs 4.5:1, what is only drawn needs 3:1.
TEXT_ON = [
    ("ink", "ground"),
    ("ink", "surface"),
    ("ink", "surface-2"),
    ("ink", "action-soft"),
    ("ink-soft", "ground"),
    ("ink-soft", "surface"),
    ("ink-soft", "surface-2"),
    ("ink-soft", "action-soft"),
    ("brand-ink", "brand"),
    ("brand-soft", "brand"),
    ("action-ink", "action"),
    ("action-ink", "action-hover"),
    ("action", "surface"),
    ("action", "ground"),
    ("action", "action-soft"),
    ("link", "ground"),
    ("link", "surface"),
    ("info-ink", "info"),
    ("success-ink", "success"),
    ("warning-ink", "warning"),
    ("danger-ink", "danger"),
    ("danger-ink", "ground"),
    ("danger-ink", "surface"),
    ("danger-fill-ink", "danger-fill"),
    ("practice-ink", "practice"),
]
DRAWN_ON = [
    ("line-strong", "surface"),
    ("line-strong", "ground"),
    ("focus", "ground"),
    ("focus", "surface"),
    ("brass", "brand"),
    ("danger-fill", "surface"),
]


def _tokens(dark: bool, area: str) -> dict[str, str]:
    """The colours that a page of this area has, read as a browser would: later wins."""
    text = (CSS / "tokens.css").read_text()
    light, _, rest = text.partition("@media screen and (prefers-color-scheme: dark)")
    dark_part = rest.partition("@media (prefers-contrast")[0]
    found: dict[str, str] = {}
    for part in [light, dark_part] if dark else [light]:
        for where in (":root", f'[data-area="{area}"]'):
            for block in re.findall(rf"{re.escape(where)} \{{(.*?)\}}", part, re.S):
                found |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    return found


def test_dark_is_other_colours_and_nothing_else() -> None:
    """So that what was looked at in light needs only its colours looked at in dark."""
    for sheet in CSS.rglob("*.css"):
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text("utf-8"), flags=re.S)
        dark = re.findall(r"^@media[^{]*: dark[^{]*\{(.*?)^\}", text, re.M | re.S)
        schemes = text.count("color-scheme: light dark;")
        assert text.count("dark") == len(dark) + schemes, sheet
        for line in "".join(dark).splitlines():
            is_part = line.strip() in {"", "}"} or line.endswith("{")
            assert is_part or re.fullmatch(r"\s+--([\w-]+: #[0-9a-f]{6}|shadow: .*);", line), line


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("area", ["wallet", "desk", "auditor"])
def test_every_text_can_be_read_on_its_ground(dark: bool, area: str) -> None:
    tokens = _tokens(dark, area)
    pairs = [(pair, 4.5) for pair in TEXT_ON] + [(pair, 3.0) for pair in DRAWN_ON]
    found = {pair: _contrast(tokens[pair[0]], tokens[pair[1]]) for pair, _ in pairs}
    assert {pair: found[pair] for pair, least in pairs if found[pair] < least} == {}


def test_the_style_of_a_first_visit_stays_small() -> None:
    together = b"".join(path.read_bytes() for path in sorted(CSS.rglob("*.css")))
    assert len(gzip.compress(together, 9)) <= CSS_GZIP_BYTES_MAX


def test_a_sheet_is_fetched_whole_and_each_of_its_pieces_is_one_idea() -> None:
    files = Statics().files
    for sheet, pieces in SHEETS.items():
        assert {path.stem for path in (CSS / sheet).iterdir()} == set(pieces)
        whole = files[f"css/{sheet}.css"].decode()
        for piece in pieces:
            text = (CSS / sheet / f"{piece}.css").read_text()
            assert text in whole
            assert text.startswith("/* ")
            assert len(text.splitlines()) <= LINES_MAX
    assert [name for name in files if name.count("/") > 1 and name.startswith("css/")] == []


def test_the_style_fetches_nothing() -> None:
    for path in CSS.rglob("*.css"):
        assert not re.search(r"url\(|@import|@font-face", path.read_text()), path.name


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_nothing_that_the_content_security_policy_forbids(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle=|\son\w+=|javascript:", text)
    unescaped = re.findall(r"\{\{[^}]*\|\s*safe\b[^}]*\}\}", text)
    assert unescaped == UNESCAPED.get(path.name, [])
    assert "autoescape" not in text
    assert re.findall(r"<script(?![^>]*\ssrc=)", text) == []
    assert "<style" not in text


def test_no_module_makes_html_or_runs_text() -> None:
    for path in (WEB / "static/js").glob("*.js"):
        forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
        assert not re.search(forbidden, path.read_text()), path.name
