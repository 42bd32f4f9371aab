"""Phone numbers as people write them. What can be read in one way only is taken; a number without
its country is offered in full, to be confirmed, and never guessed.
"""

import re
from dataclasses import dataclass

_BETWEEN = re.compile(r"[ \-./()]+")
_TRUNK = re.compile(r"\+(31|32)0([0-9]+)")
_DIALLED = {  # the digits after the 0 that is dialled within the country
    "NL": ("+31", re.compile(r"[1-9][0-9]{8}")),
    "BE": ("+32", re.compile(r"4[0-9]{8}|[1-9][0-9]{7}")),
}
_MOBILES = (  # how these are written in both countries
    (re.compile(r"\+31(6)([0-9]{8})"), r"+31 \1 \2"),
    (re.compile(r"\+32(4..)(..)(..)(..)"), r"+32 \1 \2 \3 \4"),
)


@dataclass(frozen=True, slots=True)
class Offered:
    """A full number that may have been meant, how it is shown, and whose country it is."""

    number: str
    shown: str
    country: str


def with_country(typed: str) -> str:
    """What was typed, beginning with + where it began with 00; else as it is."""
    text = typed.strip()
    return re.sub(r"^0[ \-./]?0[ \-./]*(?=[1-9])", "+", text)


def offered(typed: str) -> list[Offered]:
    """The full numbers that a number of within a country may be; none for any other."""
    plain = _BETWEEN.sub("", with_country(typed))
    if twice := _TRUNK.fullmatch(plain):  # with the country, and with the 0 of within it
        country = {"31": "NL", "32": "BE"}[twice[1]]
        code, digits = _DIALLED[country]
        return [_full(code, twice[2], country)] if digits.fullmatch(twice[2]) else []
    if not plain.startswith("0"):
        return []
    found = []
    for country, (code, digits) in _DIALLED.items():
        if digits.fullmatch(plain[1:]):
            found.append(_full(code, plain[1:], country))
    return found


def _full(code: str, dialled: str, country: str) -> Offered:
    number = shown = code + dialled
    for pattern, groups in _MOBILES:
        shown = pattern.sub(groups, shown) if pattern.fullmatch(number) else shown
    if shown == number:
        shown = " ".join([code, *re.findall(".{1,3}", dialled)])
    return Offered(number, shown, country)
