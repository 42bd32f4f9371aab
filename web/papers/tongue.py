"""Values, dates and events in the words of one language, for paper.

`translate` is gettext of the pages: English in, the citizen's language out. Everything returned is
plain text.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, get_timezone_name
from babel.lists import format_list

from catalogue import edtf
from catalogue.kinds import Field
from web.papers.words import ACTIONS, REASONS
from web.words import ZONE


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language. Times are those of the pages' zone; papers say which that is."""

    language: str
    translate: Callable[[str], str]

    @property
    def locale(self) -> str:
        """How dates and lists are written: English as in Europe."""
        return "en_GB" if self.language == "en" else self.language

    def say(self, english: str, **parts: object) -> str:
        """The translation, with its `{parts}` filled in; a part is never a pattern itself."""
        return self.translate(english).format(**parts)

    def day(self, at_ms: int) -> str:
        return format_date(self._local(at_ms).date(), "long", self.locale)

    def moment(self, at_ms: int) -> str:
        """Day and minute, as short as a table needs."""
        return format_datetime(self._local(at_ms), "d MMM y, HH:mm", locale=self.locale)

    def zone_name(self, at_ms: int) -> str:
        local = self._local(at_ms)
        return get_timezone_name(local, zone_variant="generic", locale=self.locale)

    def date(self, text: str) -> str:
        """An EDTF date as far as it is known; what is none stands as it is."""
        try:
            known = edtf.parse(text)
        except edtf.BadDate:
            return text
        if known.year is None:
            return self.translate("not known")
        whole = datetime(known.year, known.month or 1, known.day or 1, tzinfo=UTC)
        if known.month is None:
            return str(known.year)
        if known.day is None:
            return format_skeleton("yMMMM", whole, locale=self.locale)
        return format_date(whole.date(), "long", self.locale)

    def value(self, kind: Field, value: Any) -> str:
        """A value as a person reads it; a code that has no name stands as it is."""
        if isinstance(value, list):
            return format_list([self._one(kind, each) for each in value], locale=self.locale)
        return self._one(kind, value)

    def action(self, code: str) -> str:
        return self.translate(ACTIONS[code]) if code in ACTIONS else code

    def reason(self, code: str) -> str:
        return self.translate(REASONS[code]) if code in REASONS else code

    def _one(self, kind: Field, value: Any) -> str:
        locale = Locale.parse(self.locale)
        if kind.type == "choice" and value in kind.choices:
            return kind.choices[value][self.language]
        if kind.type == "date":
            return self.date(value)
        names: Mapping[str, str] = {}
        if kind.type in {"country", "country_list"}:
            names = locale.territories
        elif kind.type == "language":
            names = locale.languages
        return names.get(str(value), str(value))

    def _local(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZONE)
