"""The catalogue: which fields a vault can hold.

`load_catalogue` reads `vault/catalogue.toml` and then a deployment's own files, which may add
themes and fields and never change ours. A catalogue that loads is complete: every label stands in
every language, every type and size is known. docs/catalogue.md says how to add fields.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from catalogue.errors import CatalogueFault
from catalogue.kinds import LANGUAGES, TYPES, VALUE_BYTES_MAX, Field, Labels, Theme
from catalogue.numbers import NUMBERS

SENSITIVITIES = ("ordinary", "sensitive", "special")
_LABEL_CHARACTERS_MAX = 120
_FILE_BYTES_MAX = 1_048_576
_OWN_FILE = Path(__file__).resolve().parents[1] / "vault" / "catalogue.toml"


class CatalogueError(CatalogueFault):
    """A catalogue file that can not be used. The message names the file and the field."""

    code = "bad_catalogue"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code)


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue(Mapping[str, Field]):
    """All fields by id, and the themes, both in the order of the files."""

    fields: Mapping[str, Field]
    themes: tuple[Theme, ...]

    def __getitem__(self, field_id: str) -> Field:
        return self.fields[field_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def by_theme(self) -> Iterator[tuple[Theme, tuple[Field, ...]]]:
        """Each theme with its fields; a theme without fields is left out."""
        for theme in self.themes:
            found = tuple(each for each in self.fields.values() if each.theme == theme.id)
            if found:
                yield theme, found


def load_catalogue(*extra_files: Path) -> Catalogue:
    """Our catalogue with the fields that these files add, or `CatalogueError`."""
    themes: dict[str, Theme] = {}
    fields: dict[str, Field] = {}
    for path in (_OWN_FILE, *extra_files):
        document = _read(path)
        for entry in _entries(path, document, "theme"):
            theme = _theme(entry)
            _add(themes, theme.id, theme, entry)
        for entry in _entries(path, document, "field"):
            new = _field(entry, themes)
            _add(fields, new.id, new, entry)
    return Catalogue(MappingProxyType(fields), tuple(themes.values()))


_SEGMENT = r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*"
_THEME_ID = re.compile(rf"(?=.{{1,64}}\Z){_SEGMENT}")
_FIELD_ID = re.compile(rf"(?=.{{1,64}}\Z){_SEGMENT}(?:\.{_SEGMENT}){{1,2}}")
_CHOICE = re.compile(rf"(?=.{{1,64}}\Z){_SEGMENT}")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One table of a file, with the words that name it in an error."""

    where: str
    table: dict[str, Any]

    def error(self, code: str, message: str) -> CatalogueError:
        return CatalogueError(code, f"{self.where}: {message}")

    def only(self, required: set[str], optional: frozenset[str] = frozenset()) -> None:
        for key in sorted(required - self.table.keys()):
            raise self.error("missing_key", f"{key!r} is missing")
        for key in sorted(self.table.keys() - required - optional):
            raise self.error("unknown_key", f"{key!r} means nothing here")

    def text(self, key: str) -> str:
        value = self.table[key]
        if not isinstance(value, str) or not value.strip():
            raise self.error("bad_text", f"{key!r} must be text")
        return value

    def one_of(self, key: str, code: str, allowed: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in allowed:
            raise self.error(code, f"{key!r} must be one of {', '.join(allowed)}")
        return value


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
        if len(raw) > _FILE_BYTES_MAX:
            raise CatalogueError("too_large", f"{path}: at most {_FILE_BYTES_MAX} bytes")
        document = tomllib.loads(raw.decode())
    except OSError as error:
        message = f"{path}: can not be read ({error.strerror})"
        raise CatalogueError("unreadable", message) from None
    except ValueError as error:
        raise CatalogueError("not_toml", f"{path}: is not TOML ({error})") from None
    _Entry(str(path), document).only(set(), frozenset({"theme", "field"}))
    return document


def _entries(path: Path, document: dict[str, Any], kind: str) -> Iterator[_Entry]:
    tables = document.get(kind, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise CatalogueError("bad_table", f"{path}: write each {kind} as [[{kind}]]")
    for number, table in enumerate(tables, start=1):
        # An entry is named by its id where it has one, else by its place in the file.
        name = table.get("id") if isinstance(table.get("id"), str) else f"number {number}"
        yield _Entry(f"{path}: {kind} {name}", table)


def _theme(entry: _Entry) -> Theme:
    entry.only({"id", "labels"})
    if not _THEME_ID.fullmatch(entry.text("id")):
        raise entry.error("bad_id", "an id is lower snake case, such as work or study_results")
    return Theme(entry.text("id"), _labels(entry, entry.table["labels"]))


def _field(entry: _Entry, themes: Mapping[str, Theme]) -> Field:
    entry.only(
        {"id", "type", "theme", "sensitivity", "value_bytes_max", "labels"},
        frozenset({"choices", "pid", "brp", "numbers", "lifetime"}),
    )
    if not _FIELD_ID.fullmatch(entry.text("id")):
        raise entry.error("bad_id", "an id is a path in lower snake case, such as work.job_title")
    kind = entry.one_of("type", "unknown_type", TYPES)
    if ("choices" in entry.table) is not (kind == "choice"):
        raise entry.error("bad_choices", "the type choice has choices, and no other type has")
    return Field(
        id=entry.text("id"),
        type=kind,
        theme=entry.one_of("theme", "unknown_theme", tuple(themes)),
        sensitivity=entry.one_of("sensitivity", "unknown_sensitivity", SENSITIVITIES),
        value_bytes_max=_size(entry),
        labels=_labels(entry, entry.table["labels"]),
        choices=_choices(entry),
        pid=entry.text("pid") if "pid" in entry.table else None,
        brp=entry.text("brp") if "brp" in entry.table else None,
        numbers=_numbers(entry, kind),
        lifetime=_lifetime(entry, kind),
    )


def _size(entry: _Entry) -> int:
    size = entry.table["value_bytes_max"]
    if type(size) is not int or not 1 <= size <= VALUE_BYTES_MAX:
        raise entry.error("bad_size", f"value_bytes_max must be from 1 to {VALUE_BYTES_MAX}")
    return size


def _choices(entry: _Entry) -> Mapping[str, Labels]:
    choices = entry.table.get("choices", {})
    if not isinstance(choices, dict) or ("choices" in entry.table and not choices):
        raise entry.error("bad_choices", "choices must be a table of names and their labels")
    for name in choices:
        if not _CHOICE.fullmatch(name):
            raise entry.error("bad_choices", "a choice is a name in lower snake case")
    return MappingProxyType({name: _labels(entry, labels) for name, labels in choices.items()})


def _numbers(entry: _Entry, kind: str) -> tuple[str, ...]:
    named = entry.table.get("numbers", [])
    known = isinstance(named, list) and all(
        isinstance(name, str) and name in NUMBERS for name in named
    )
    if not known or ("numbers" in entry.table and (kind != "code" or not named)):
        raise entry.error("bad_numbers", f"of a code, numbers may be {', '.join(NUMBERS)}")
    return tuple(named)


def _lifetime(entry: _Entry, kind: str) -> bool:
    holds = entry.table.get("lifetime", False)
    if not isinstance(holds, bool) or (holds and kind != "date"):
        raise entry.error("bad_lifetime", "lifetime is true or false, and a date's")
    return holds


def _labels(entry: _Entry, labels: object) -> Labels:
    if not isinstance(labels, dict):
        raise entry.error("bad_labels", "labels must be a table with nl, fr, de and en")
    for language in LANGUAGES:
        if language not in labels:
            raise entry.error("missing_language", f"a label in {language!r} is missing")
    for language, label in labels.items():
        if language not in LANGUAGES:
            raise entry.error("unknown_language", f"{language!r} is not a language of the pages")
        if not isinstance(label, str) or not 1 <= len(label.strip()) <= _LABEL_CHARACTERS_MAX:
            limit = f"1 to {_LABEL_CHARACTERS_MAX} characters"
            raise entry.error("bad_labels", f"the label in {language!r} must be {limit}")
    return MappingProxyType({language: labels[language].strip() for language in LANGUAGES})


def _add(known: dict[str, Any], new_id: str, new: Theme | Field, entry: _Entry) -> None:
    if new_id in known:
        raise entry.error("duplicate_id", "this id is taken; a file can add, and not change")
    known[new_id] = new
