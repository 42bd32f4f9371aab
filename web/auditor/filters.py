"""Which entries a page is asked for: the form of a search, from its address.

Nothing in it is secret: the log's name of a vault leads to no person.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from api.places import place_of
from audit.entry import ACTIONS, OUTCOMES
from crypto.encoding import unb64u
from crypto.errors import Malformed
from evidence.selection import Selection
from web.auditor.looking import ALWAYS_MS, EVERYWHERE, Window
from web.words import ZONE

TEXT_CHARACTERS_MAX = 256
SUBJECT_BYTES = 16
DAYS = 7
TEXTS = ("agency", "use", "action", "outcome", "officer", "subject")
_SINCE, _UNTIL, _AFTER, _SHOW = "from", "to", "after", "show"


@dataclass(frozen=True)
class Filters:
    """What was filled in, as text. `faults` names the parts that can't be understood."""

    since: str
    until: str
    texts: dict[str, str]
    after: str = ""
    shown: bool = False
    faults: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, query: QueryParams, now_ms: int) -> "Filters":
        """Those of an address; without any, the last week, and nothing is looked at yet."""
        given = {name: query.get(name, "").strip() for name in (*TEXTS, _SINCE, _UNTIL, _AFTER)}
        faults = {name for name, text in given.items() if len(text) > TEXT_CHARACTERS_MAX}
        faults |= {name for name in (_SINCE, _UNTIL) if given[name] and _day(given[name]) is None}
        faults |= {_AFTER} if given[_AFTER] and place_of(given[_AFTER]) is None else set()
        faults |= {"subject"} if given["subject"] and _subject(given["subject"]) is None else set()
        faults |= {"action"} if given["action"] not in {"", *ACTIONS} else set()
        faults |= {"outcome"} if given["outcome"] not in {"", *OUTCOMES} else set()
        shown = bool(query.get(_SHOW))
        today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZONE).date()
        since = given[_SINCE] if shown else str(today - timedelta(days=DAYS))
        until = given[_UNTIL] if shown else str(today)
        texts = {name: given[name] for name in TEXTS}
        return cls(since, until, texts, given[_AFTER], shown, frozenset(faults))

    @property
    def is_asked(self) -> bool:
        """Whether somebody asked to look, and can be answered."""
        return self.shown and not self.faults

    @property
    def selection(self) -> Selection:
        chosen = {name: text or None for name, text in self.texts.items() if name != "subject"}
        return Selection(**chosen, subject=_subject(self.texts["subject"]))

    def window(self, most: int) -> Window:
        return Window(place_of(self.after) or (0, 0), EVERYWHERE, self.between_ms, most)

    @property
    def between_ms(self) -> tuple[int, int]:
        """Whole days, by the clock of the people who read this page."""
        first, last = _day(self.since), _day(self.until)
        return (
            ALWAYS_MS[0] if first is None else max(ALWAYS_MS[0], _midnight_ms(first)),
            ALWAYS_MS[1] if last is None else _midnight_ms(last + timedelta(days=1)) - 1,
        )

    def link(self, **changes: str) -> str:
        """The address of the same search with changes."""
        held = {_SINCE: self.since, _UNTIL: self.until, **self.texts, _SHOW: "1", **changes}
        return "?" + urlencode({name: text for name, text in held.items() if text})


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1970 < found.year < 9999 else None


def _midnight_ms(day: date) -> int:
    return int(datetime.combine(day, time(), ZONE).timestamp()) * 1000


def _subject(text: str) -> bytes | None:
    try:
        found = unb64u(text)
    except Malformed:
        return None
    return found if len(found) == SUBJECT_BYTES else None
