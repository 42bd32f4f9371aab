"""National numbers whose digits check one another, so that a slip of the pen is found at once.

A field of the catalogue names the numbers that it takes (`numbers`). What has so many digits that
it can only be one of them must be one, and is kept without what stands between the digits. Any
other value is another country's number, of which nothing is known here: it passes as it is. One of
as many digits is told apart by the letters of its country: `DE 12345678901`.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from catalogue.errors import BadInput

_BETWEEN = str.maketrans("", "", " ./-")
_DIGITS = re.compile(r"[0-9]+")
_WITH_COUNTRY = re.compile(r"([A-Za-z]{2})([ ./-]*[0-9][0-9 ./-]*)")
_ANOTHER = "before one of another country stand its two letters, like DE 12345678901"


class BadNumber(BadInput):
    """Not one of the numbers that are taken here. The number itself is never said."""

    code = "bad_check_digits"


@dataclass(frozen=True, slots=True)
class National:
    """A kind of number: whose it is, how many digits it has, and whether they fit."""

    country: str
    digits: int
    passes: Callable[[str], bool]


def passes_eleven_test(bsn: str) -> bool:
    """Nine digits, of which 9a + 8b + 7c + 6d + 5e + 4f + 3g + 2h - i is a multiple of eleven.

    A Dutch citizen service number (BSN). Official test numbers start with 9999 and pass it.
    """
    if not re.fullmatch(r"[0-9]{9}", bsn) or bsn == "000000000":
        return False
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(w * int(digit) for w, digit in zip(weights, bsn, strict=True)) % 11 == 0


def passes_modulo_97(number: str) -> bool:
    """Eleven digits, of which the last two are 97 less the rest of the first nine by 97.

    A Belgian national register number, or bis number. Of who was born from 2000 on, a 2 stands
    before the nine.
    """
    if not re.fullmatch(r"[0-9]{11}", number) or number.startswith("0" * 9):
        return False
    first, last = int(number[:9]), int(number[9:])
    return last in {97 - first % 97, 97 - (2_000_000_000 + first) % 97}


NUMBERS: Mapping[str, National] = MappingProxyType(
    {
        "bsn": National("NL", 9, passes_eleven_test),
        "rijksregisternummer": National("BE", 11, passes_modulo_97),
    }
)


def checked_number(text: str, kinds: Collection[str]) -> str:
    """The number as it is kept. Raises `BadNumber`: `bad_check_digits`, or `bad_number_length` for
    a digit too few or too many.
    """
    known = [NUMBERS[kind] for kind in kinds]
    if named := _WITH_COUNTRY.fullmatch(text):
        known = [kind for kind in known if kind.country == named[1].upper()]
    digits = (named[2] if named else text).translate(_BETWEEN)
    if not known or not _DIGITS.fullmatch(digits):
        return text
    # Whose number it is is said, or follows from how many digits it has.
    if not named and all(abs(len(digits) - kind.digits) > 1 for kind in known):
        return text
    if all(len(digits) != kind.digits for kind in known):
        lengths = " or ".join(str(kind.digits) for kind in known)
        raise BadNumber(f"this number has {lengths} digits; {_ANOTHER}", "bad_number_length")
    if not any(kind.passes(digits) for kind in known):
        raise BadNumber(f"one of the digits is wrong: they do not fit together; {_ANOTHER}")
    return digits
