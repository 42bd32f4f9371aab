"""Codes of the log, and of an import, in plain words, as citizens read them (docs/citizens.md)."""

from collections.abc import Mapping
from typing import Any

from evidence.own import NOT_SHOWN
from web.papers.words import REASONS, why_left_out

ALARMS: Mapping[str, str] = {
    "answer_lost": "one code was used twice by the same desk, before anything was read. Most "
    "likely an answer got lost on the way. That access was ended; make a new code.",
    "second_use": "one code was used twice. Somebody may have copied it. That access was "
    "ended; what was read before stays read.",
    "wrong_tx_code": "the spoken code was wrong three times. The offer was ended.",
    "damaged": "somebody changed your vault where it is stored, so it stays shut. Tell whoever "
    "runs it.",
}


def reason(code: object) -> str:
    """`expired: the time you gave was over`; a reason from a newer server as it is."""
    return _with_words(code, REASONS)


def alarm(code: object) -> str:
    return _with_words(code, ALARMS)


def left_out(code: str) -> str:
    """Why a value of a register was left out of an import."""
    return f"{code}: {why_left_out(code)}"


def begins(number: int, at: str) -> str:
    """How far back the list goes."""
    if number == 1:
        return f"It goes back to the beginning, {at}."
    return f"It goes back to {at}, number {number}. What is older is not kept any more."


def not_shown(code: str, otherwise: str) -> str:
    """What is never in the list; of a newer server in its own words."""
    return NOT_SHOWN.get(code, otherwise)


def hidden_reads(right: Mapping[str, Any]) -> str:
    days, law = right.get("days_max"), right.get("legal_basis")
    return f"Reads may stay hidden from you for up to {days} days ({law}). You see them later."


def _with_words(code: object, words: Mapping[str, str]) -> str:
    found = words.get(code) if isinstance(code, str) else None
    return str(code) if found is None else f"{code}: {found}"
