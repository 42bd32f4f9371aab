"""Days of somebody who lives now: none is still to come, and none lies longer ago than a life.

A date is judged as far as it is known: this year passes, and next year does not. Today is the day
in the Netherlands and Belgium, where it begins up to two hours before that of UTC.
"""

from datetime import UTC, datetime

from catalogue.edtf import PartialDate
from catalogue.errors import BadInput

YEARS_MAX = 130  # nobody grew older
_BEFORE_UTC_MS = 2 * 3_600_000


class OutOfLife(BadInput):
    """A day that is still to come, or too long ago. The day itself is never said."""

    code = "date_to_come"


def check_lifetime(date: PartialDate, now_ms: int) -> None:
    """Raises `OutOfLife`: `date_to_come` or `date_too_long_ago`."""
    today = datetime.fromtimestamp((now_ms + _BEFORE_UTC_MS) / 1000, UTC)
    known = [part for part in (date.year, date.month, date.day) if part is not None]
    if known > [today.year, today.month, today.day][: len(known)]:
        raise OutOfLife("this day is still to come")
    if known and known[0] < today.year - YEARS_MAX:
        raise OutOfLife(f"this is more than {YEARS_MAX} years ago", "date_too_long_ago")
