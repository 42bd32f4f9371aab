"""The log's closed lists in plain words, as citizens read them (docs/citizens.md)."""

from collections.abc import Mapping
from typing import Any

from evidence.own import NOT_SHOWN

REASONS: Mapping[str, str] = {
    "not_granted": "you did not share this, or it has no value",
    "use_revoked": "the office may not ask for this purpose any more",
    "agency_revoked": "the office may not ask here any more",
    "not_registered_for": "the office did not say beforehand that it needs this",
    "expired": "the time you gave was over",
    "revoked": "you took it back",
    "used_up": "it was read as often as you allowed",
    "declined": "you or the office said no",
    "replayed": "the same request came a second time",
    "wrong_key": "it came from another computer than the one that used your code",
    "wrong_agency": "the code was meant for another office",
    "wrong_code": "no such code",
    "wrong_tx_code": "the four digits were wrong",
    "second_use": "the code had been used before",
    "answer_lost": "the same desk sent the code again at once, most likely an answer got lost",
    "ended": "it had ended before",
    "offer_expired": "nobody used the code in time",
    "fields_missing": "something that the office needs was not chosen",
    "officer_required": "the office did not say which person asks",
    "unlock_too_old": "the vault had to be opened again first",
    "unconfirmed_recovery": "the recovery code was not typed over yet",
    "too_many_offers": "there were too many codes that day",
    "erased": "the vault was erased",
    "bad_secret": "what was given does not open the vault",
    "limit_reached": "it was longer or more than is allowed",
    "unknown_grant": "there is no such access",
    "recorded_later": "it was done before the log could be written",
    "logout": "you closed the vault",
    "retention": "the time to keep it was over",
    "assertion_replayed": "the office signed in a second time with the same paper",
    "damaged": "somebody changed what is stored",
}

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
