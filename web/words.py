"""Words in four languages: English in the source, others in `web/locale/<language>/<area>.po`.

The catalogues are read once, as they stand; nothing has to be compiled. A text that nobody has
translated shows in English, and `tests/checks/words.py` fails on it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_timedelta
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = {"nl": "Nederlands", "fr": "Français", "de": "Deutsch", "en": "English"}
SOURCE_LANGUAGE = "en"
DEFAULT_LANGUAGE = "nl"
LOCALE = Path(__file__).with_name("locale")
ZONE = ZoneInfo("Europe/Amsterdam")  # one clock with Brussels
_BABEL = {"en": "en_GB"}


@dataclass(frozen=True)
class Words:
    """One language: its texts, and how it writes dates. Instants are Unix milliseconds."""

    language: str
    translations: NullTranslations

    def gettext(self, text: str) -> str:
        return self.translations.gettext(text)

    def day(self, at_ms: int) -> str:
        """21 november 2026."""
        return format_date(_local(at_ms), "long", locale=self._locale)

    def moment(self, at_ms: int) -> str:
        """21 november 2026 13:05."""
        return format_datetime(_local(at_ms), "d MMMM y HH:mm", tzinfo=ZONE, locale=self._locale)

    def time(self, at_ms: int) -> str:
        """13:05."""
        return format_datetime(_local(at_ms), "HH:mm", tzinfo=ZONE, locale=self._locale)

    def month(self, at_ms: int) -> str:
        """November 2026."""
        return format_datetime(_local(at_ms), "LLLL y", tzinfo=ZONE, locale=self._locale)

    def ago(self, at_ms: int, now_ms: int) -> str:
        """5 minuten geleden; over 5 minuten for what is to come."""
        apart = timedelta(milliseconds=at_ms - now_ms)
        return format_timedelta(apart, add_direction=True, locale=self._locale)

    def span(self, seconds: int) -> str:
        """1 uur, 1 maand."""
        return format_timedelta(timedelta(seconds=seconds), threshold=1, locale=self._locale)

    @property
    def _locale(self) -> str:
        return _BABEL.get(self.language, self.language)


@lru_cache(maxsize=len(LANGUAGES))
def words(language: str) -> Words:
    """The words of one of `LANGUAGES`."""
    if language == SOURCE_LANGUAGE:
        return Words(language, NullTranslations())
    merged = Catalog(locale=language, fuzzy=False)
    for file in sorted((LOCALE / language).glob("*.po")):
        with file.open("rb") as opened:
            for message in read_po(opened, locale=language):
                if message.id:
                    merged[message.id] = message
    compiled = BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return Words(language, GNUTranslations(compiled))


def preferred(accept: str) -> str:
    """The first of our languages that an Accept-Language header names; else the default."""
    wanted: list[tuple[float, str]] = []
    for part in accept.split(",")[:20]:
        tag, _, parameter = part.strip().partition(";")
        language = tag.split("-", 1)[0].lower()
        if language in LANGUAGES:
            wanted.append((_quality(parameter), language))
    best = max(wanted, key=lambda one: one[0], default=(0.0, DEFAULT_LANGUAGE))
    return best[1] if best[0] > 0 else DEFAULT_LANGUAGE


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0


def today(at_ms: int) -> date:
    """The day that calendars at home show at an instant."""
    return _local(at_ms).date()


def day_begins(day: date) -> int:
    """The instant at which a day begins at home."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp() * 1000)


def _local(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZONE)
