"""The words of papers and pictures: none is missing in any language, and each fits its parts."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from audit.entry import ACTIONS as ACTIONS_OF_THE_LOG
from audit.reasons import REASONS as REASONS_OF_THE_LOG
from tests.builders import PERSON, Store
from web import pictures
from web.papers import recovery
from web.papers.document import export_pdf
from web.papers.gathering import gather
from web.papers.recovery import recovery_sheet
from web.papers.tongue import Tongue
from web.papers.words import ACTIONS, REASONS

WEB = Path(pictures.__file__).parent
SOURCES = (*sorted((WEB / "papers").glob("*.py")), WEB / "pictures.py")
TRANSLATED = ("nl", "fr", "de")
LONGEST_URL = "https://datentresor.bezirksverwaltung.example.org"


def catalog(language: str) -> Catalog:
    with (WEB / "locale" / language / "papers.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def tongue(language: str) -> Tongue:
    if language == "en":
        return Tongue("en", str)
    known = {str(m.id): str(m.string) for m in catalog(language) if m.id}
    return Tongue(language, known.__getitem__)  # a missing word is an error here


def english() -> Iterator[str]:
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            first = node.args[0]
            if called in {"_", "N_", "translate"} and isinstance(first, ast.Constant):
                yield str(first.value)


def parts(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text)} - {None}


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_word_is_translated_and_none_is_left_over(language: str) -> None:
    known = {str(message.id): str(message.string) for message in catalog(language) if message.id}

    assert set(known) == set(english())
    for source, text in known.items():
        assert text.strip(), source
        assert parts(text) == parts(source), source
        assert source.endswith(".") == text.endswith("."), source


def test_every_code_of_the_log_has_words() -> None:
    assert set(ACTIONS) == set(ACTIONS_OF_THE_LOG)
    assert set(REASONS) == set(REASONS_OF_THE_LOG)


@pytest.mark.parametrize("language", [*TRANSLATED, "en"])
def test_the_papers_come_in_every_language(language: str, tmp_path: Path) -> None:
    store = Store.make(tmp_path)
    citizen, agency = store.citizen(), store.agency()
    agency.read(agency.redeem(citizen.offer(agency, tuple(PERSON)).code).token, tuple(PERSON))
    export = gather(store.vault, citizen.owner, language)
    store.close()

    assert export_pdf(export, tongue(language)).startswith(b"%PDF-")


@pytest.mark.parametrize("language", [*TRANSLATED, "en"])
def test_the_recovery_sheet_stays_one_page_with_the_longest_words(language: str) -> None:
    code = "-".join(["WWWWW"] * 6)
    block = "-".join(["WWWW"] * 8)
    pdf = recovery_sheet(code, block, tongue(language), LONGEST_URL, 1_795_262_400_000)

    assert len(block) <= recovery.CODE_CHARACTERS_MAX
    assert len(re.findall(rb"/Type/Page\b(?!s)", pdf)) == 1
