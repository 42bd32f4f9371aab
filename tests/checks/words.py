"""Every text of the pages is there in every language, whole and with the same parts.

`python tests/checks/words.py` names what is missing, fuzzy, left over, translated twice or torn;
`python tests/checks/words.py --missing nl` prints what is missing in a language, to be filled in.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

WEB = Path(__file__).resolve().parents[2] / "web"
LANGUAGES = ("nl", "fr", "de")
METHODS = [("templates/**", "jinja2.ext.babel_extract"), ("**.py", "python")]
KEYWORDS = {
    "_": None,
    "N_": None,
    "gettext": None,
    "translate": None,
    "ngettext": (1, 2),
}
_PART = re.compile(r"%\(\w+\)s|%[sd]|\{\w*\}|<[^>]+>")
_NOT_TRANSLATED = {"Burgerkluis"}

Id = str | tuple[str, ...]


@dataclass(frozen=True)
class Translation:
    """One entry of a catalogue, and the file that it stands in."""

    file: Path
    message: Message

    @property
    def texts(self) -> tuple[str, ...]:
        string = self.message.string or ""
        return (string,) if isinstance(string, str) else tuple(string)


def asked() -> dict[Id, str]:
    """Every text that a page or paper asks for, with a place where it does."""
    found: dict[Id, str] = {}
    options = {"templates/**": {"trimmed": "true", "silent": "false"}}
    places = extract_from_dir(
        WEB, METHODS, options, KEYWORDS, directory_filter=lambda path: "node_modules" not in path
    )
    for name, line, text, _comments, _context in places:
        found.setdefault(text, f"web/{name}:{line}")
    return found


def catalogue(language: str) -> Iterator[tuple[Id, Translation]]:
    for file in sorted((WEB / "locale" / language).glob("*.po")):
        with file.open("rb") as opened:
            for message in read_po(opened, locale=language, abort_invalid=True):
                if message.id:  # a text in two areas has to be said alike
                    yield _key(message.id), Translation(file, message)


def faults(language: str, wanted: dict[Id, str]) -> Iterator[str]:
    """What is wrong with one language, a line each."""
    entries = list(catalogue(language))
    known = dict(entries)
    for text, place in wanted.items():
        if text not in known and text not in _NOT_TRANSLATED:
            yield f"{language}: missing, {place}: {text!r}"
    said: dict[Id, set[tuple[str, ...]]] = {}
    for text, found in entries:
        said.setdefault(text, set()).add(found.texts)
    for text in (text for text, ways in said.items() if len(ways) > 1):
        yield f"{language}: said in two ways: {text!r}"
    for text, found in known.items():
        where = f"{language}/{found.file.name}"
        if text not in wanted:
            yield f"{where}: nobody asks for {text!r}"
        elif found.message.fuzzy or not all(found.texts):
            yield f"{where}: not finished: {text!r}"
        elif any(parts(one) != parts(_last(text)) for one in found.texts[-1:]):
            yield f"{where}: other parts than in English: {text!r}"


def parts(text: str) -> list[str]:
    """Placeholders and marks, which a translation has to keep."""
    return sorted(_PART.findall(text))


def _key(id_: Id | list[str]) -> Id:
    return id_ if isinstance(id_, str) else tuple(id_)


def _last(text: Id) -> str:
    return text if isinstance(text, str) else text[-1]


def _missing(language: str) -> Iterator[str]:
    known = {text for text, _ in catalogue(language)}
    for text, place in asked().items():
        if text in known or text in _NOT_TRANSLATED:
            continue
        yield f"#: {place}"
        if isinstance(text, str):
            yield f'msgid {_quoted(text)}\nmsgstr ""\n'
        else:
            yield f"msgid {_quoted(text[0])}\nmsgid_plural {_quoted(text[1])}"
            yield 'msgstr[0] ""\nmsgstr[1] ""\n'


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--missing"]:
        print("\n".join(_missing(arguments[1])))
        return 0
    wanted = asked()
    found = [fault for language in LANGUAGES for fault in faults(language, wanted)]
    for fault in found:
        print(fault)
    print(f"words: {len(wanted)} texts in {1 + len(LANGUAGES)} languages, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
