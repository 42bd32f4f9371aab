"""The check of the words notices what is wrong with them."""

from pathlib import Path

import pytest

from tests.checks import words

HEAD = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'


def faults_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *catalogues: str) -> list[str]:
    """What is wrong with a language of these catalogues, where two texts are asked for."""
    monkeypatch.setattr(words, "WEB", tmp_path)
    for number, text in enumerate(catalogues):
        file = tmp_path / "locale" / "nl" / f"{number}.po"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(HEAD + text, "utf-8")
    wanted: dict[words.Id, str] = {
        "Read by %(who)s": "a.html:1",
        ("%(num)s day", "%(num)s days"): "b.html:2",
    }
    return list(words.faults("nl", wanted))


GOOD = (
    'msgid "Read by %(who)s"\nmsgstr "Gelezen door %(who)s"\n\n'
    'msgid "%(num)s day"\nmsgid_plural "%(num)s days"\n'
    'msgstr[0] "%(num)s dag"\nmsgstr[1] "%(num)s dagen"\n'
)


def test_a_whole_language_has_no_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults_of(tmp_path, monkeypatch, GOOD) == []


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ('msgid "Read by %(who)s"\nmsgstr "Gelezen door %(who)s"\n\n', "", "missing"),
        ("Gelezen door %(who)s", "Gelezen", "other parts"),
        ("Gelezen door %(who)s", "", "not finished"),
        ('msgstr[1] "%(num)s dagen"', 'msgstr[1] ""', "not finished"),
        ('msgstr[1] "%(num)s dagen"', 'msgstr[1] "dagen"', "other parts"),
        ('msgid "Read by', '#, fuzzy\nmsgid "Read by', "not finished"),
        ('msgid "Read by', 'msgid "Nobody asks"\nmsgstr "x"\n\nmsgid "Read by', "nobody asks"),
    ],
)
def test_each_fault_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str, fault: str
) -> None:
    assert before in GOOD
    found = faults_of(tmp_path, monkeypatch, GOOD.replace(before, after))
    assert [one for one in found if fault in one] == found != []


def test_a_text_is_said_in_one_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = GOOD.replace("Gelezen", "Bekeken")
    assert ["two ways" in one for one in faults_of(tmp_path, monkeypatch, GOOD, other)] == [True]


def test_every_text_of_the_pages_is_found() -> None:
    texts = words.asked()
    assert {"Help", "My data"} <= texts.keys()
    assert any(isinstance(one, tuple) for one in texts)
