"""What an owner asks of the log: which entries, from where on, proved since when."""

import re
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from api.places import PLACE, place_of
from audit.entry import ACTIONS
from audit.errors import MalformedEntry
from audit.shapes import INSTANT_MAX, parse_instant
from vault.activities import NEWEST, Entry, Page
from vault.errors import BadInput

PAGE_ENTRIES_MAX = 200
ALARMS_MAX = 20
_INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"
_ACTION = f"^({'|'.join(map(re.escape, ACTIONS))})$"


class Filters(BaseModel):
    """The query of `GET /v1/me/activity`. What is not known is refused, not passed over."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=False
    )

    limit: int = Field(50, ge=1, le=PAGE_ENTRIES_MAX)
    before: str | None = Field(
        None,
        pattern=PLACE,
        description="`next` of the page before: a place in the log, so that nothing is lost or "
        "doubled while new entries arrive.",
    )
    agency: str | None = Field(None, min_length=1, max_length=256)
    action: str | None = Field(None, pattern=_ACTION)
    outcome: Literal["permitted", "denied", "failed"] | None = None
    alarms: Literal["all", "new"] | None = Field(None, description="`new`: not acknowledged.")
    since: str | None = Field(None, alias="from", pattern=_INSTANT, description="An instant.")
    until: str | None = Field(None, alias="to", pattern=_INSTANT, description="Before it.")
    since_log: int | None = Field(None, ge=1, le=10**9, description="Without it: the newest log.")
    since_size: int | None = Field(
        None,
        ge=0,
        le=10**15,
        description="The size of a checkpoint of that log that you hold: the answer proves that "
        "the log goes on from it.",
    )

    @property
    def is_first(self) -> bool:
        return self.before is None

    @property
    def is_whole(self) -> bool:
        """Every entry is wanted, so that a gap between two of them is one."""
        return not any(
            (self.agency, self.action, self.outcome, self.alarms, self.since, self.until)
        )

    def page(self) -> Page:
        """One more than asked for: whether there are more, and whether it fits to these."""
        before = NEWEST
        if self.before is not None:
            before = place_of(self.before) or NEWEST
        matches = self._matcher()
        return Page(most=self.limit + 1, before=before, wanted=None if self.is_whole else matches)

    def _matcher(self) -> "Matcher":
        since = _instant(self.since, 0)
        until = _instant(self.until, INSTANT_MAX + 1)
        return Matcher(self, since, until)


class Matcher:
    """Whether an entry is among those asked for."""

    def __init__(self, filters: Filters, since: int, until: int) -> None:
        self._filters = filters
        self._since, self._until = since, until

    def __call__(self, entry: Entry) -> bool:
        event, filters = entry.event, self._filters
        return (
            self._since <= event.at < self._until
            and filters.agency in {None, event.actor.id}
            and filters.action in {None, event.action}
            and filters.outcome in {None, event.outcome}
            and (filters.alarms is None or entry.chain.alarm)
            and (filters.alarms != "new" or not entry.acknowledged)
        )


def _instant(text: str | None, otherwise: int) -> int:
    try:
        return otherwise if text is None else parse_instant(text)
    except MalformedEntry:
        raise BadInput("There is no such day or time.", "invalid_request") from None


Asked = Annotated[Filters, Query()]
