"""Dates of which a part may be unknown: the subset of EDTF level 1 (ISO 8601-2) a register needs.

    1985-04-12   the day is known            1985   the year is known
    1985-04      the month is known          XXXX   nothing is known

One date has one spelling, and only days that exist in the Gregorian calendar pass. Anything else
of EDTF (intervals, seasons, `~`, `?`, years outside 0001-9999) raises `BadDate`.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from typing import Self

from catalogue.errors import BadInput

UNKNOWN = "XXXX"
_PARTS = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


class BadDate(BadInput):
    """Not a date of this subset, or a day that does not exist. The date itself is never said."""

    code = "bad_date"

    def __init__(self) -> None:
        super().__init__("A date is YYYY-MM-DD, YYYY-MM, YYYY, or XXXX where nothing is known.")


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A date as far as it is known; without arguments, the date of which nothing is known."""

    year: int | None = None
    month: int | None = None
    day: int | None = None

    def __post_init__(self) -> None:
        # JSON's true would pass for the year 1: it is an int to Python.
        if bool in map(type, (self.year, self.month, self.day)):
            raise BadDate
        if not _exists(self.year, self.month, self.day):
            raise BadDate

    @classmethod
    def parse(cls, text: str) -> Self:
        """The date that `text` spells; `str` of it gives the same text. Else `BadDate`."""
        if text == UNKNOWN:
            return cls()
        found = _PARTS.fullmatch(text)
        if not found:
            raise BadDate
        return cls(*(None if part is None else int(part) for part in found.groups()))

    def __str__(self) -> str:
        if self.year is None:
            return UNKNOWN
        rest = "".join(f"-{part:02}" for part in (self.month, self.day) if part is not None)
        return f"{self.year:04}{rest}"


def parse(text: str) -> PartialDate:
    """`PartialDate.parse`: the date that `text` spells, else `BadDate`."""
    return PartialDate.parse(text)


class EndsBeforeItBegins(BadInput):
    """A time that is over before it begins."""

    code = "ends_before_it_begins"

    def __init__(self) -> None:
        super().__init__("It would be valid until a day before the day it is valid from.")


def check_period(first: str | None, last: str | None) -> None:
    """Both are dates, or open, and in this order as far as they are known.

    Raises `BadDate` or `EndsBeforeItBegins`.
    """
    begins, ends = (_known(UNKNOWN if text is None else text) for text in (first, last))
    both = min(len(begins), len(ends))
    if ends[:both] < begins[:both]:
        raise EndsBeforeItBegins


def _known(text: str) -> list[int]:
    date = parse(text)
    return [part for part in (date.year, date.month, date.day) if part is not None]


def _exists(year: int | None, month: int | None, day: int | None) -> bool:
    if year is None:
        return month is None and day is None
    if not 1 <= year <= 9999:
        return False
    if month is None:
        return day is None
    return 1 <= month <= 12 and (day is None or 1 <= day <= monthrange(year, month)[1])
