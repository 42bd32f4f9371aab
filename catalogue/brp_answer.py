"""An answer of the population register, taken apart: a part that is absent is empty, and one of
another shape is refused. No error repeats a value.
"""

from typing import Any

from catalogue.edtf import BadDate, PartialDate
from catalogue.errors import BadInput

Part = dict[str, Any]


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
    """A date as EDTF, as far as the register knows it."""
    date = part_of(holder, key)
    if not date:
        return ""
    try:
        match date:
            case {"type": "Datum", "datum": str(day)} if len(day) == 10:
                return str(PartialDate.parse(day))
            case {"type": "JaarMaandDatum", "jaar": int(year), "maand": int(month)}:
                return str(PartialDate(year, month))
            case {"type": "JaarDatum", "jaar": int(year)}:
                return str(PartialDate(year))
            case {"type": "DatumOnbekend"}:
                return str(PartialDate())
    except BadDate:
        pass
    raise wrong(key)


def wrong(part: str) -> BadAnswer:
    return BadAnswer(f"This is not an answer of the register: {part!r} has another shape.")
