"""The look keeps what it promises to whoever reads a page, and to whoever makes a theme."""

import gzip
import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"
CSS = WEB / "static/css"
CSS_GZIP_BYTES_MAX = 15 * 1024
LANGUAGES = ("nl", "fr", "de")
COMMON = [
    WEB / "templates/base.html",
    WEB / "templates/macros.html",
    *sorted((WEB / "templates/common").iterdir()),
]

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
    together = b"".join(path.read_bytes() for path in sorted(CSS.glob("*.css")))
    assert len(gzip.compress(together, 9)) <= CSS_GZIP_BYTES_MAX


def test_the_style_fetches_nothing() -> None:
    for path in CSS.glob("*.css"):
        assert not re.search(r"url\(|@import|@font-face", path.read_text()), path.name


@pytest.mark.parametrize("path", COMMON, ids=lambda path: path.name)
def test_a_template_has_nothing_that_the_content_security_policy_forbids(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle=|\son\w+=|javascript:|\|\s*safe\b", text)
    assert re.findall(r"<script(?![^>]*\ssrc=)", text) == []
    assert "<style" not in text


def _words_asked() -> set[str]:
    extract = pytest.importorskip("jinja2.ext").babel_extract
    asked: set[str] = set()
    for path in COMMON:
        with path.open("rb") as file:
            for _line, _function, message, _comments in extract(
                file, ["_", "gettext", "ngettext"], [], {"silent": "false"}
            ):
                asked.add(message if isinstance(message, str) else message[0])
    return asked


def _words_known(language: str) -> dict[str, list[str]]:
    """What the catalogue of a language says; these files have one line for each message."""
    text = (WEB / f"locale/{language}/common.po").read_text()
    known = {}
    for entry in text.split("\n\n")[1:]:
        asked = re.search(r'^msgid "(.*)"$', entry, re.M)
        if asked:
            answers = re.findall(r'^msgstr(?:\[\d\])? "(.*)"$', entry, re.M)
            known[asked[1].replace('\\"', '"')] = answers
    return known


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_frame_is_there_in_every_language(language: str) -> None:
    known = _words_known(language)
    assert _words_asked() == set(known)
    assert [asked for asked, answers in known.items() if not all(answers)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_the_places_that_are_filled_in(language: str) -> None:
    places = re.compile(r"%\(\w+\)s|\{\w+\}")
    for asked, answers in _words_known(language).items():
        for answer in answers:
            assert sorted(places.findall(asked)) == sorted(places.findall(answer)), asked


def test_no_module_makes_html_or_runs_text() -> None:
    for path in (WEB / "static/js").glob("*.js"):
        forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
        assert not re.search(forbidden, path.read_text()), path.name
