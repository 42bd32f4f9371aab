"""`consent.decision`: one test per rule, that it refuses and that its edge is allowed."""

from dataclasses import replace
from typing import Any

import pytest

from catalogue.registration import HiddenReads, LegalBasis, parse_registration
from consent.decision import (
    ACTIVE,
    ENDED,
    OFFERED,
    Decision,
    Deny,
    OfferFacts,
    OfferLimits,
    Permit,
    ReadFacts,
    RedeemFacts,
    Registered,
    decide_offer,
    decide_read,
    decide_redeem,
)
from consent.terms import Terms
from crypto import jose
from tests.builders import registration

GIVEN, FAMILY = "identity.given_name", "identity.family_name"
BIRTH, PLACE = "identity.birth_date", "identity.birth_place"
FIELDS = {GIVEN: True, FAMILY: False, BIRTH: False}
KNOWN = {*FIELDS, PLACE}
NOW = 1_000_000


def registered(agency: str = "https://agency.example", **extra: Any) -> Registered:
    """As the registry would have it; the agency needs GIVEN and may ask for FAMILY and BIRTH."""
    found = parse_registration(registration(agency, jose.generate_key(), FIELDS, **extra), KNOWN)
    return Registered(found.agency, found.uses[0])


HERE = registered()
TERMS = Terms("https://agency.example", "test-use", (GIVEN, FAMILY), reads_max=None, follow=False)
LIMITS = OfferLimits(
    duration_seconds_max=1000,
    fresh_above_seconds=500,
    fresh_unlock_seconds=300,
    offers_per_day=20,
    reads_max=50,
)
OFFER = OfferFacts(
    terms=TERMS,
    duration_seconds=400,
    unlock_age_seconds=0,
    agency_is_new=False,
    recovery_confirmed=True,
    offers_today=0,
)
REDEEM = RedeemFacts(
    terms=TERMS,
    state=OFFERED,
    phase=0,
    offer_ends=NOW + 1,
    client="https://agency.example",
    tx_code=None,
    now=NOW,
)
READ = ReadFacts(
    terms=TERMS,
    state=ACTIVE,
    reads_used=0,
    not_after=NOW + 1,
    key_matches=True,
    officer_named=False,
    requested=(FAMILY,),
    readable={GIVEN, FAMILY},
    now=NOW,
)


def offer(at: Registered = HERE, **changes: Any) -> Decision:
    return decide_offer(at, replace(OFFER, **changes), LIMITS)


def redeem(at: Registered = HERE, **changes: Any) -> Decision:
    return decide_redeem(at, replace(REDEEM, **changes))


def read(at: Registered = HERE, **changes: Any) -> Decision:
    return decide_read(at, replace(READ, **changes))


def terms(*fields: str, **changes: Any) -> Terms:
    return replace(TERMS, fields=fields or TERMS.fields, **changes)


WITHOUT_AGENCY = Registered(None, HERE.use)
WITHOUT_USE = Registered(HERE.agency, None)
UNKNOWN = Registered(None, None)
USE_OF_ANOTHER = Registered(HERE.agency, registered("https://other.example").use)


# To offer.


def test_an_offer_by_all_rules_is_permitted_for_its_fields() -> None:
    assert offer() == Permit((GIVEN, FAMILY))


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (UNKNOWN, "agency_revoked"),
        (WITHOUT_AGENCY, "agency_revoked"),
        (WITHOUT_USE, "use_revoked"),
        (USE_OF_ANOTHER, "use_revoked"),
    ],
)
def test_offer_1_agency_and_use_are_registered_now(at: Registered, reason: str) -> None:
    assert offer(at) == Deny(reason)


def test_offer_2_no_field_beyond_the_registration() -> None:
    assert offer(terms=terms(GIVEN, PLACE)) == Deny("not_registered_for")
    assert offer(terms=replace(TERMS, fields=())) == Deny("not_registered_for")
    assert offer(terms=terms(GIVEN, FAMILY, BIRTH)) == Permit((GIVEN, FAMILY, BIRTH))


def test_offer_3_every_mandatory_field_is_among_them() -> None:
    assert offer(terms=terms(FAMILY)) == Deny("fields_missing")
    assert offer(terms=terms(GIVEN)) == Permit((GIVEN,))


@pytest.mark.parametrize("seconds", [-1, 0, 1001])
def test_offer_4_a_duration_outside_the_limits_is_denied(seconds: int) -> None:
    assert offer(duration_seconds=seconds) == Deny("limit_reached")


@pytest.mark.parametrize("seconds", [1, 1000])
def test_offer_4_a_duration_at_the_limits_is_permitted(seconds: int) -> None:
    assert offer(duration_seconds=seconds) == Permit(TERMS.fields)


@pytest.mark.parametrize("reads", [-1, 0, 51])
def test_offer_4_a_number_of_reads_outside_the_limits_is_denied(reads: int) -> None:
    assert offer(terms=terms(reads_max=reads)) == Deny("limit_reached")


@pytest.mark.parametrize("reads", [None, 1, 50])
def test_offer_4_a_number_of_reads_at_the_limits_is_permitted(reads: int | None) -> None:
    assert offer(terms=terms(reads_max=reads)) == Permit(TERMS.fields)


def test_offer_4_reads_that_may_be_hidden_are_not_numbered() -> None:
    assert HERE.use is not None
    basis = LegalBasis("law", "Wetboek, art. 126nd")
    use = replace(HERE.use, legal_basis=basis, hidden_reads=HiddenReads("Wetboek", 90))
    at = replace(HERE, use=use)
    assert offer(at) == Permit((GIVEN, FAMILY))
    assert offer(at, terms=terms(reads_max=1)) == Deny("limit_reached")


def test_offer_5_the_recovery_code_was_typed_back() -> None:
    assert offer(recovery_confirmed=False) == Deny("unconfirmed_recovery")


def test_offer_4_any_number_of_reads_where_one_may_be_the_most() -> None:
    assert decide_offer(HERE, OFFER, replace(LIMITS, reads_max=1)) == Permit(TERMS.fields)


@pytest.mark.parametrize("weighty", [{"agency_is_new": True}, {"duration_seconds": 501}])
def test_offer_6_a_weighty_grant_follows_a_fresh_unlock(weighty: dict[str, Any]) -> None:
    assert offer(unlock_age_seconds=301, **weighty) == Deny("unlock_too_old")
    assert offer(unlock_age_seconds=300, **weighty) == Permit(TERMS.fields)


def test_offer_6_a_light_grant_takes_an_older_unlock() -> None:
    assert offer(unlock_age_seconds=301, duration_seconds=500) == Permit(TERMS.fields)


def test_offer_7_not_too_many_codes_a_day() -> None:
    assert offer(offers_today=20) == Deny("too_many_offers")
    assert offer(offers_today=19) == Permit(TERMS.fields)


# To redeem.


def test_a_redemption_by_all_rules_is_permitted() -> None:
    assert redeem() == Permit((GIVEN, FAMILY))


def test_redeem_1_only_the_agency_that_the_offer_names() -> None:
    assert redeem(client="https://other.example") == Deny("wrong_agency")


@pytest.mark.parametrize("state", [OFFERED, ACTIVE, ENDED])
def test_redeem_1_another_agency_learns_nothing_else_about_the_offer(state: str) -> None:
    other = {"client": "https://other.example", "state": state, "now": NOW + 9}
    assert redeem(UNKNOWN, **other, tx_code="1") == Deny("wrong_agency")


def test_redeem_2_a_code_works_once() -> None:
    assert redeem(state=ACTIVE, phase=1) == Deny("second_use")
    assert redeem(state=ACTIVE, phase=1, now=NOW + 9) == Deny("second_use")


@pytest.mark.parametrize("changes", [{"state": ENDED}, {"state": "other"}, {"phase": 1}])
def test_redeem_2_what_is_no_offer_any_more_has_ended(changes: dict[str, Any]) -> None:
    assert redeem(**changes) == Deny("ended")


def test_redeem_3_in_time() -> None:
    assert redeem(now=NOW + 1) == Deny("offer_expired")
    assert redeem(now=NOW) == Permit(TERMS.fields)


@pytest.mark.parametrize(
    ("at", "reason"), [(WITHOUT_AGENCY, "agency_revoked"), (WITHOUT_USE, "use_revoked")]
)
def test_redeem_4_agency_and_use_are_registered_still(at: Registered, reason: str) -> None:
    assert redeem(at) == Deny(reason)


@pytest.mark.parametrize("spoken", [None, "", "1235", "01234", "1234 "])
def test_redeem_5_the_spoken_code_is_the_one_shown(spoken: str | None) -> None:
    shown = terms(tx_code="1234")
    assert redeem(terms=shown, tx_code=spoken) == Deny("wrong_tx_code")
    assert redeem(terms=shown, tx_code="1234") == Permit(TERMS.fields)


def test_redeem_5_no_spoken_code_where_none_was_shown() -> None:
    assert redeem(tx_code="1234") == Deny("wrong_tx_code")


# To read.


def test_a_read_by_all_rules_is_permitted_for_what_was_asked() -> None:
    assert read() == Permit((FAMILY,))


def test_read_1_by_the_key_that_the_token_is_bound_to() -> None:
    assert read(key_matches=False) == Deny("wrong_key")
    assert read(UNKNOWN, key_matches=False, state=ENDED, now=NOW + 9) == Deny("wrong_key")


@pytest.mark.parametrize("state", [OFFERED, ENDED, "", "other"])
def test_read_2_while_the_grant_is_active(state: str) -> None:
    assert read(state=state) == Deny("ended")


def test_read_3_before_its_time_is_over() -> None:
    assert read(now=NOW + 1) == Deny("expired")
    assert read(now=NOW) == Permit((FAMILY,))


@pytest.mark.parametrize(
    ("at", "reason"), [(WITHOUT_AGENCY, "agency_revoked"), (WITHOUT_USE, "use_revoked")]
)
def test_read_4_while_agency_and_use_are_registered(at: Registered, reason: str) -> None:
    assert read(at) == Deny(reason)


def test_read_5_with_an_officer_where_the_agency_registered_so() -> None:
    strict = registered(officer_required=True)
    assert read(strict) == Deny("officer_required")
    assert read(strict, officer_named=True) == Permit((FAMILY,))


def test_read_6_all_that_is_granted() -> None:
    assert read(requested=(FAMILY, GIVEN)) == Permit((FAMILY, GIVEN))


@pytest.mark.parametrize("asked", [(), (BIRTH,), (FAMILY, BIRTH), (FAMILY, "nonsense")])
def test_read_6_all_or_nothing(asked: tuple[str, ...]) -> None:
    assert read(requested=asked) == Deny("not_granted")


def test_read_6_a_granted_field_without_a_key_is_not_given() -> None:
    assert read(readable={GIVEN}) == Deny("not_granted")


def test_read_6_a_key_for_a_field_that_is_not_granted_gives_nothing() -> None:
    assert read(requested=(BIRTH,), readable={GIVEN, FAMILY, BIRTH}) == Deny("not_granted")


def test_read_7_as_often_as_was_granted() -> None:
    twice = terms(reads_max=2)
    assert read(terms=twice, reads_used=2) == Deny("used_up")
    assert read(terms=twice, reads_used=3) == Deny("used_up")
    assert read(terms=twice, reads_used=1) == Permit((FAMILY,))


def test_read_7_without_a_number_any_number() -> None:
    assert read(reads_used=10_000) == Permit((FAMILY,))
