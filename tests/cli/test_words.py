"""What the log's closed lists are called in plain words, in the commands and on the page."""

import re
from pathlib import Path

import pytest

from audit.entry import ACTIONS
from audit.reasons import REASONS
from cli import words
from web.papers.words import REASONS as IN_WORDS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "citizens.md").read_text("utf-8")
NEVER_A_CITIZENS = {"registry.add", "registry.revoke", "calls.limited", "vault.erase"}
NOT_WRITTEN_YET = {
    *("value.deposit", "grant.rekey", "data.export"),
    *("log.export", "log.continue", "key.rotate"),
}


def _first_cells(heading: str) -> list[str]:
    table = PAGE.split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0].split("\n### ", 1)[0]
    cells = re.findall(r"^\| ([^|]*) \|", table, flags=re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_every_reason_has_words() -> None:
    assert tuple(IN_WORDS) == REASONS
    assert set(words.ALARMS) <= set(REASONS)
    assert words.reason("expired") == "expired: the time you gave was over"
    assert words.reason("a_newer_one") == "a_newer_one"


def test_the_page_says_what_the_commands_say() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", PAGE, flags=re.MULTILINE))
    assert {code: rows.get(code) for code in IN_WORDS} == dict(IN_WORDS)


@pytest.mark.parametrize("action", sorted(set(ACTIONS) - NEVER_A_CITIZENS - NOT_WRITTEN_YET))
def test_the_page_explains_every_action_of_a_citizen_s_list(action: str) -> None:
    assert action in _first_cells("### What the lines mean")
