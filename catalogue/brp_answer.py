"""An answer of the population register, taken apart: a part that is absent is empty, and one of
another shape is refused. No error repeats a value.
"""

import re
from typing import Any

from catalogue.edtf import UNKNOWN
from catalogue.errors import BadInput

Part = dict[str, Any]
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class BadAnswer(BadInput):
    """What was given is not an answer of the register about this person."""

    code = "not_a_register_answer"


def part_of(holder: Part, key: str) -> Part:
    value = holder.get(key, {})
    if not isinstance(value, dict):
        raise wrong(key)
    return value


def parts_of(holder: Part, key: str) -> list[Part]:
    value = holder.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise wrong(key)
    return value


def text_of(holder: Part, key: str) -> str:
    value = holder.get(key, "")
    if not isinstance(value, str):
        raise wrong(key)
    return value.strip()


def code_of(holder: Part, key: str) -> str:
    """Of something that the register has a table of."""
    return text_of(part_of(holder, key), "code")


def words_of(holder: Part, key: str) -> str:
    """What stands beside a code; nothing beside the one of what is not known."""
    return "" if code_of(holder, key) == "0000" else text_of(part_of(holder, key), "omschrijving")


def date_of(holder: Part, key: str) -> str:
    """A date as EDTF, as far as the register knows it; also one that is not in the calendar, which
    no field takes: it is one slip, and the answer still is one of the register.
    """
    date = part_of(holder, key)
    match date:
        case {"type": "Datum", "datum": str(day)} if _DAY.fullmatch(day):
            return day
        case {"type": "JaarMaandDatum", "jaar": year, "maand": month} if _whole(year, month):
            return f"{year:04}-{month:02}"
        case {"type": "JaarDatum", "jaar": year} if _whole(year):
            return f"{year:04}"
        case {"type": "DatumOnbekend"}:
            return UNKNOWN
        case _ if date:
            raise wrong(key)
    return ""


def _whole(*numbers: object) -> bool:
    # `type`, because JSON's true is an int to isinstance.
    return all(type(number) is int for number in numbers)


def wrong(part: str) -> BadAnswer:
    return BadAnswer(f"This is not an answer of the register: {part!r} has another shape.")
