"""Which lines of the activity are wanted: days, office, field, kind and outcome."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from types import MappingProxyType

from fastapi import Request

from vault.activities import Entry
from web.papers.words import N_
from web.words import day_begins

_CHARACTERS_MAX = 256
_DAY_MS = 86_400_000

KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "reads": (N_("Reading your data"), ("data.read",)),
        "sharing": (N_("Sharing and taking back"), ("offer.", "grant.")),
        "data": (N_("Changing or copying your data"), ("value.", "data.export", "vault.export")),
        "opening": (N_("Opening and securing your vault"), ("vault.", "method.")),
        "log": (N_("Looking at this list"), ("log.",)),
    }
)
OUTCOMES = MappingProxyType(
    {
        "permitted": N_("It was done"),
        "denied": N_("It was refused"),
        "failed": N_("It failed"),
    }
)


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for, as it stands in the address; what means nothing is passed over."""

    since: str = ""
    until: str = ""
    office: str = ""
    field: str = ""
    kind: str = ""
    outcome: str = ""

    @classmethod
    def of(cls, request: Request) -> "Filter":
        asked = {name: request.query_params.get(name, "") for name in cls.__slots__}
        return cls(**{name: text[:_CHARACTERS_MAX].strip() for name, text in asked.items()})

    @property
    def given(self) -> dict[str, str]:
        """What of it is asked for."""
        return {name: text for name, text in asdict(self).items() if text}

    @property
    def is_whole(self) -> bool:
        """Every line is wanted."""
        return not self.given

    @property
    def wrong_days(self) -> tuple[str, ...]:
        return tuple(name for name in ("since", "until") if self._bad_day(getattr(self, name)))

    def __call__(self, entry: Entry) -> bool:
        event = entry.event
        first, last = _instant(self.since), _instant(self.until)
        named = (event.fields_given or ()) + (event.fields_requested or ())
        return (
            (first is None or event.at >= first)
            and (last is None or event.at < last + _DAY_MS)
            and self.office in {"", event.actor.id}
            and (not self.field or self.field in named)
            and (self.kind not in KINDS or event.action.startswith(KINDS[self.kind][1]))
            and (self.outcome not in OUTCOMES or event.outcome == self.outcome)
        )

    @staticmethod
    def _bad_day(text: str) -> bool:
        return bool(text) and _instant(text) is None


def _instant(day: str) -> int | None:
    try:
        return day_begins(date.fromisoformat(day)) if len(day) == 10 else None
    except (ValueError, OverflowError):
        return None
