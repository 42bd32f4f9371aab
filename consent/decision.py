"""The decisions: may this owner offer, may this agency redeem, may it read.

Each function is a list of numbered rules over facts that the caller looked up; the first rule that
fails gives the reason. Whatever no rule allows is denied. The keys decide beside the rules: a
`Permit` opens nothing by itself, and a `Deny` is what the caller and the citizen get to hear.
"""

from collections.abc import Collection
from dataclasses import dataclass

from catalogue.registration import Agency, IntendedUse
from consent.terms import Terms

OFFERED, ACTIVE, ENDED = "offered", "active", "ended"


@dataclass(frozen=True, slots=True)
class Permit:
    """Yes, for these fields."""

    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deny:
    """No; `reason` is one of the closed list that the log knows."""

    reason: str


Decision = Permit | Deny


@dataclass(frozen=True, slots=True)
class Registered:
    """An agency and one of its uses as the registry has them now; None once revoked or unknown."""

    agency: Agency | None
    use: IntendedUse | None


@dataclass(frozen=True, slots=True)
class OfferFacts:
    """What is known when an owner asks to make an offer. Durations and ages in seconds."""

    terms: Terms
    duration_seconds: int
    unlock_age_seconds: int
    agency_is_new: bool
    recovery_confirmed: bool
    offers_today: int


@dataclass(frozen=True, slots=True)
class OfferLimits:
    duration_seconds_max: int
    fresh_above_seconds: int
    fresh_unlock_seconds: int
    offers_per_day: int
    reads_max: int


def decide_offer(registered: Registered, facts: OfferFacts, limits: OfferLimits) -> Decision:
    """May the owner offer this?

    (1) the agency and the use are registered now, (2) every field stands in the use: over-asking
    is refused here already, (3) every mandatory field is among them, (4) duration and number of
    reads are within limits, and reads that may be hidden are not numbered: the end of the grant
    would show them, (5) the recovery code was typed back, (6) a grant to a new agency, or
    a long one, follows a fresh unlock, (7) not too many codes today.
    """
    agency, use, terms = registered.agency, registered.use, facts.terms
    # (1)
    if agency is None:
        return Deny("agency_revoked")
    if use is None or use.agency_id != agency.id:
        return Deny("use_revoked")
    # (2)
    if not terms.fields or not set(terms.fields) <= {field.id for field in use.fields}:
        return Deny("not_registered_for")
    # (3)
    if not {field.id for field in use.fields if field.mandatory} <= set(terms.fields):
        return Deny("fields_missing")
    # (4)
    reads = terms.reads_max if terms.reads_max is not None else 1
    if not 0 < facts.duration_seconds <= limits.duration_seconds_max:
        return Deny("limit_reached")
    if not 0 < reads <= limits.reads_max or (use.hidden_reads and terms.reads_max is not None):
        return Deny("limit_reached")
    # (5)
    if not facts.recovery_confirmed:
        return Deny("unconfirmed_recovery")
    # (6)
    weighty = facts.agency_is_new or facts.duration_seconds > limits.fresh_above_seconds
    if weighty and facts.unlock_age_seconds > limits.fresh_unlock_seconds:
        return Deny("unlock_too_old")
    # (7)
    if facts.offers_today >= limits.offers_per_day:
        return Deny("too_many_offers")
    return Permit(terms.fields)


@dataclass(frozen=True, slots=True)
class RedeemFacts:
    """What is known when an agency presents an offer's code. Instants in Unix milliseconds."""

    terms: Terms
    state: str
    phase: int
    offer_ends: int
    client: str
    tx_code: str | None
    now: int


def decide_redeem(registered: Registered, facts: RedeemFacts) -> Decision:
    """May this agency redeem this offer?

    (1) it is the agency the offer names, (2) the offer was not redeemed before, (3) it has not
    ended, (4) agency and use are registered still, (5) the spoken code is the one shown.
    """
    # (1)
    if facts.client != facts.terms.agency:
        return Deny("wrong_agency")
    # (2)
    if facts.state == ACTIVE:
        return Deny("second_use")
    if facts.state != OFFERED or facts.phase != 0:
        return Deny("ended")
    # (3)
    if facts.now >= facts.offer_ends:
        return Deny("offer_expired")
    # (4)
    if registered.agency is None:
        return Deny("agency_revoked")
    if registered.use is None:
        return Deny("use_revoked")
    # (5)
    if facts.tx_code != facts.terms.tx_code:
        return Deny("wrong_tx_code")
    return Permit(facts.terms.fields)


@dataclass(frozen=True, slots=True)
class ReadFacts:
    """What is known when an agency presents a token. `readable`: granted fields with a key."""

    terms: Terms
    state: str
    reads_used: int
    not_after: int
    key_matches: bool
    officer_named: bool
    requested: tuple[str, ...]
    readable: Collection[str]
    now: int


def decide_read(registered: Registered, facts: ReadFacts) -> Decision:
    """May the holder of this token read these fields now?

    (1) the proof is by the key that the token is bound to, (2) the grant is active, (3) its time
    is not over, (4) agency and use are registered still, (5) an officer is named where the agency
    registered so, (6) every field asked for is granted, else nothing is given, (7) reads are left.
    """
    # (1)
    if not facts.key_matches:
        return Deny("wrong_key")
    # (2)
    if facts.state != ACTIVE:
        return Deny("ended")
    # (3)
    if facts.now >= facts.not_after:
        return Deny("expired")
    # (4)
    if registered.agency is None:
        return Deny("agency_revoked")
    if registered.use is None:
        return Deny("use_revoked")
    # (5)
    if registered.agency.officer_required and not facts.officer_named:
        return Deny("officer_required")
    # (6)
    granted = set(facts.terms.fields) & set(facts.readable)
    if not facts.requested or not set(facts.requested) <= granted:
        return Deny("not_granted")
    # (7)
    if facts.terms.reads_max is not None and facts.reads_used >= facts.terms.reads_max:
        return Deny("used_up")
    return Permit(facts.requested)
