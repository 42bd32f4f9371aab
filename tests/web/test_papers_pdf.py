"""The papers as tagged PDF: what is laid out, that it is tagged, and that values stay text."""

import json
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.fields import load_catalogue
from tests.builders import Citizen, Store
from vault.fields import OwnValue
from vault.statement import Statement
from web.papers import document, recovery, typeset
from web.papers.document import export_pdf
from web.papers.gathering import Export, gather
from web.papers.glyphs import _TABLE, is_printable, printable
from web.papers.press import press
from web.papers.recovery import BadCode, recovery_sheet
from web.papers.tongue import Tongue
from web.papers.typeset import CannotTypeset

NOON_MS = 1_795_262_400_000
GIVEN, FAMILY = "identity.given_name", "identity.family_name"
URL = "https://kluis.example"
CODE = "0123A-4567B-89CDE-FGHJK-MNPQR-STVWX"
BLOCK = "ABCD-EFGH-JKMN-PQRS"
ENGLISH = Tongue("en", str)
HOSTILE = (
    '#read("/etc/passwd")',
    "#{ panic() }",
    "]#heading[owned]",
    '"}], "sections": []',
    "*bold* _it_ $x$ @ref <label> `raw` = no heading",
    '#eval("1")\\ // no comment /* nor this',
    "\u202e\u2066\ufeff\u0000\ud800",
)


@pytest.fixture
def laid_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that the typesetter laid out for the papers made since, in order."""
    found: list[str] = []

    def look(template: str, data: dict[str, Any], made_at: int) -> bytes:
        page = Path(typeset.__file__).parent / template
        shown = json.dumps(typeset.shown(data))
        for selector in ("heading", "par", "table", "list"):
            told = typst.query(
                page, selector, root=page.parent, sys_inputs={"data": shown}, field=None
            )
            found.extend(_texts(json.loads(told)))
        return typeset.typeset(template, data, made_at)

    monkeypatch.setattr(document, "typeset", look)
    monkeypatch.setattr(recovery, "typeset", look)
    return found


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _texts(each)
    elif isinstance(node, dict):
        if isinstance(node.get("text"), str):
            yield node["text"].replace("\u200b", "")
        for each in node.values():
            if isinstance(each, dict | list):
                yield from _texts(each)


def parts(pdf: bytes) -> bytes:
    """The PDF with its compressed streams opened."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    opened = []
    for stream in streams:
        try:
            opened.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return b"\n".join([pdf, *opened])


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type/Page\b(?!s)", parts(pdf)))


def with_value(export: Export, value: str) -> Export:
    version = OwnValue(1, Statement(GIVEN, value, NOON_MS), True)
    return replace(export, values={GIVEN: (version,)})


def shared(store: Store) -> tuple[Citizen, Export]:
    citizen, agency = store.citizen(), store.agency(names=dict.fromkeys(_NAMES, "Stad Łódź"))
    citizen.put({GIVEN: "Čeněk"})
    token = agency.redeem(citizen.offer(agency, (GIVEN, FAMILY), reads_max=3).code).token
    agency.read(token, (GIVEN,), officer="Desk 3")
    return citizen, gather(store.vault, citizen.owner, "nl")


_NAMES = ("nl", "fr", "de", "en")


def test_it_says_all_that_a_person_looks_for(store: Store, laid_out: list[str]) -> None:
    _, export = shared(store)
    export_pdf(export, Tongue("nl", str))

    assert "Wie u bent" in laid_out  # a theme
    assert "Voornamen" in laid_out
    assert "Čeněk" in laid_out
    assert "Canaria-Given" in laid_out  # what it was before
    assert "14 maart 1957" in laid_out
    assert "Stad Łódź" in laid_out
    assert "1 of at most 3" in laid_out
    assert "21 nov 2026, 14:00" in laid_out  # until when, by the clocks of the citizen
    assert "An office read your data" in laid_out
    assert "Stad Łódź, officer Desk 3" in laid_out
    assert "Recovery code" in laid_out


@pytest.mark.parametrize("language", _NAMES)
def test_it_is_tagged_with_language_title_and_header_cells(store: Store, language: str) -> None:
    _, export = shared(store)
    pdf = export_pdf(export, Tongue(language, str))
    inside = parts(pdf)

    assert pdf.startswith(b"%PDF-1.7")
    assert b"/MarkInfo<</Marked true" in inside
    assert b"/StructTreeRoot " in inside
    assert f"/Lang({language})".encode() in inside
    assert b"/DisplayDocTitle true" in inside
    assert b"<pdfuaid:part>1<" in inside
    assert b"/S/H1" in inside
    assert re.search(rb"/S/TH\b[^>]*/Scope/Column", inside)
    assert re.search(rb"/MediaBox\[0 0 595\.2\d* 841\.8", inside)


def test_the_letters_of_a_name_can_be_copied_and_read_aloud(store: Store) -> None:
    citizen = store.citizen({})
    export = gather(store.vault, citizen.owner, "nl")
    inside = parts(export_pdf(with_value(export, "ő ș ł ž Ω Ж"), ENGLISH)).lower()

    for letter in "őșłžΩЖ":
        assert f"<{ord(letter):04x}>".encode() in inside, letter


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_value_is_laid_out_as_it_is(
    store: Store, laid_out: list[str], hostile: str
) -> None:
    citizen = store.citizen({})
    export = gather(store.vault, citizen.owner, "nl")
    harmless = export_pdf(with_value(export, "Ada"), ENGLISH)
    del laid_out[:]
    attacked = export_pdf(with_value(export, hostile), ENGLISH)

    assert printable(hostile).replace("\u200b", "") in laid_out
    for tag in (b"/S/H1", b"/S/H2", b"/S/H3", b"/S/TD", b"/S/Link"):
        assert parts(attacked).count(tag) == parts(harmless).count(tag)


def test_what_has_no_glyph_is_named_and_explained(store: Store, laid_out: list[str]) -> None:
    citizen = store.citizen({})
    export = gather(store.vault, citizen.owner, "nl")

    export_pdf(with_value(export, "Ada 中"), ENGLISH)

    assert "Ada [U+4E2D]" in laid_out
    assert any("can't be printed" in text for text in laid_out)


def test_every_character_that_is_called_printable_has_a_glyph(store: Store) -> None:
    citizen = store.citizen({})
    export = gather(store.vault, citizen.owner, "nl")
    # Marks stand on a letter, as they do in names.
    every = " ".join(f"a{chr(code)}" for code in sorted(_TABLE))

    export_pdf(with_value(export, every), ENGLISH)


@settings(max_examples=60)
@given(st.text(st.sampled_from(sorted(map(chr, _TABLE))), max_size=60))
def test_no_text_makes_it_fail(text: str) -> None:
    assert is_printable(text)
    data = {
        "title": text,
        "language": "nl",
        "footer": text,
        "page_word": "p",
        "about": [text],
        "sections": [],
    }
    press("document.typ", typeset.shown(data | {"title": f"x{text}"}), NOON_MS)


def test_a_long_word_gets_places_to_break() -> None:
    shown = printable("x" * 90)
    assert max(map(len, shown.split("\u200b"))) <= 12
    assert shown.replace("\u200b", "") == "x" * 90
    assert printable("burgerservicenummer") == "burgerservicenummer"


def test_the_same_moment_gives_the_same_bytes(store: Store) -> None:
    _, export = shared(store)
    assert export_pdf(export, ENGLISH) == export_pdf(export, ENGLISH)


def test_a_long_log_is_cut_and_says_so(
    store: Store, laid_out: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, export = shared(store)
    monkeypatch.setattr(document, "LINES_MAX", 2)

    export_pdf(export, ENGLISH)

    assert "Only the first 2 lines are here. The JSON file has more." in laid_out


def test_a_long_history_is_cut_and_says_so(
    store: Store, laid_out: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = store.citizen({GIVEN: "Value-1"})
    for number in range(2, 6):
        citizen.put({GIVEN: f"Value-{number}"})
    monkeypatch.setattr(document, "EARLIER_MAX", 3)

    export_pdf(gather(store.vault, citizen.owner, "en"), ENGLISH)

    assert "Only the first 3 lines are here. The JSON file has more." in laid_out
    assert [text for text in laid_out if text.startswith("Value-")] == [
        "Value-5", "Value-4", "Value-3", "Value-2",
    ]  # fmt: skip


def test_damage_and_hidden_reads_are_told(store: Store, laid_out: list[str]) -> None:
    _, export = shared(store)

    export_pdf(replace(export, damaged=((1, 3),), hidden=4), ENGLISH)

    assert any("can't be read: 1." in text for text in laid_out)
    assert any("Hidden for now, because a law says so: 4." in text for text in laid_out)


def test_partial_dates_stand_as_far_as_they_are_known() -> None:
    dutch = Tongue("nl", str)
    kinds = load_catalogue()
    dates = {text: dutch.date(text) for text in ("1985-12-01", "1985-12", "1985", "XXXX")}

    assert list(dates.values()) == ["1 december 1985", "december 1985", "1985", "not known"]
    assert dutch.value(kinds["contact.language"], "fr") == "Frans"
    assert dutch.value(kinds["household.children_names"], ["Ada", "Bo"]) == "Ada en Bo"


def test_times_are_those_of_the_zone_that_is_named() -> None:
    home = Tongue("nl", str)
    assert (home.moment(NOON_MS), home.zone_name(NOON_MS)) == (
        "21 nov 2026, 13:00", "Midden-Europese tijd",
    )  # fmt: skip


# The recovery sheet


@pytest.mark.parametrize("language", _NAMES)
def test_the_recovery_sheet_is_one_tagged_page(language: str, laid_out: list[str]) -> None:
    pdf = recovery_sheet(CODE, BLOCK, Tongue(language, str), URL, NOON_MS)

    assert pages(pdf) == 1
    assert f"/Lang({language})".encode() in parts(pdf)
    assert b"/MarkInfo<</Marked true" in parts(pdf)
    assert "Recovery code: opens your vault" in laid_out


def test_the_codes_stand_in_their_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(recovery, "typeset", lambda *given: seen.append(given[1]))

    recovery_sheet(CODE, BLOCK, ENGLISH, URL, NOON_MS)

    groups = [part["groups"] for part in seen[0]["parts"]]
    assert groups == [CODE.split("-"), BLOCK.split("-")]


@pytest.mark.parametrize("code", ["", "- -", "ABC$x$", "#read", "A" * 65, "ABCDÉ", "AB\n\n#CD"])
def test_what_is_no_code_is_not_printed(code: str) -> None:
    for codes in ((code, BLOCK), (CODE, code)):
        with pytest.raises(BadCode) as refused:
            recovery_sheet(*codes, ENGLISH, URL, NOON_MS)
        assert not code or code not in str(refused.value)


def test_the_sheet_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recovery_sheet(CODE, BLOCK, ENGLISH, URL, NOON_MS)
    assert list(tmp_path.iterdir()) == []


def test_the_typesetter_never_works_in_the_server() -> None:
    """What it remembers, it remembers in a process that ends: it is not even loaded here."""
    importing = (
        "import sys, web.papers.document, web.papers.recovery; print('typst' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", importing], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_the_press_has_no_environment_and_takes_data_through_a_pipe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Any] = []
    run = subprocess.run

    def look(arguments: Any, **options: Any) -> Any:
        seen.append((arguments, options))
        return run(arguments, **options)

    monkeypatch.setattr(subprocess, "run", look)
    recovery_sheet(CODE, BLOCK, ENGLISH, URL, NOON_MS)

    [(arguments, options)] = seen
    assert options["env"] == {}
    assert options["stderr"] == subprocess.DEVNULL
    assert not any("0123A" in str(argument) for argument in arguments)


def test_a_press_that_fails_or_hangs_says_nothing_about_the_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for program, seconds in (
        ("import sys; sys.exit('0123A')", 30),
        ("import signal; signal.pause()", 0.2),
    ):
        monkeypatch.setattr(typeset, "_PRESS", (sys.executable, "-c", program))
        monkeypatch.setattr(typeset, "SECONDS_MAX", seconds)
        with pytest.raises(CannotTypeset) as failed:
            recovery_sheet(CODE, BLOCK, ENGLISH, URL, NOON_MS)
        assert failed.value.__cause__ is None
        assert failed.value.__suppress_context__
        assert "0123A" not in str(failed.value)
