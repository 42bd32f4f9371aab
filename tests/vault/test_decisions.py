"""Offering and redeeming at the vault's door: each refusal, its entry, and what follows from it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import PERSON, AgencyDesk, Citizen, Store
from vault import caller
from vault.errors import BadInput, InvalidGrant, NotFound, Refused, Replayed
from vault.offering import OfferMade

GIVEN, FAMILY, BIRTH = "identity.given_name", "identity.family_name", "identity.birth_date"
TWO = (GIVEN, FAMILY)
DAY = 86_400
MONTH = 30 * DAY


@pytest.fixture
def citizen(store: Store) -> Citizen:
    return store.citizen()


@pytest.fixture
def agency(store: Store) -> AgencyDesk:
    return store.agency()


@pytest.fixture
def other(store: Store) -> AgencyDesk:
    return store.agency("https://other.example", use="other-use")


def known(citizen: Citizen, agency: AgencyDesk) -> None:
    """After it, the agency is not new to the citizen any more."""
    agency.redeem(citizen.offer(agency, [GIVEN]).code)


def refused(reason: str, act: Callable[[], object]) -> None:
    with pytest.raises(Refused) as refusal:
        act()
    assert refusal.value.code == reason


def last(citizen: Citizen) -> tuple[str, str, str | None]:
    """The newest entry but for looking at the log."""
    return [entry for entry in citizen.log() if entry[0] != "log.read"][-1]


# Offers.


def test_an_unconfirmed_recovery_code_allows_no_offer(store: Store, agency: AgencyDesk) -> None:
    citizen = store.citizen(confirmed=False)
    refused("unconfirmed_recovery", lambda: citizen.offer(agency, TWO))
    assert last(citizen) == ("offer.create", "denied", "unconfirmed_recovery")

    store.vault.confirm_recovery(citizen.owner, citizen.recovery_code)
    assert citizen.offer(agency, TWO).code


def test_a_first_grant_to_an_agency_follows_a_fresh_unlock(
    store: Store, citizen: Citizen, agency: AgencyDesk
) -> None:
    store.clock.advance(seconds=store.settings.fresh_unlock_seconds + 1)
    refused("unlock_too_old", lambda: citizen.offer(agency, TWO))

    known(citizen.unlock(), agency)
    store.clock.advance(seconds=store.settings.fresh_unlock_seconds + 1)
    assert citizen.offer(agency, TWO).code


def test_an_offer_that_was_never_redeemed_leaves_the_agency_new(
    store: Store, citizen: Citizen, agency: AgencyDesk
) -> None:
    citizen.offer(agency, TWO)
    store.clock.advance(seconds=store.settings.fresh_unlock_seconds + 1)

    refused("unlock_too_old", lambda: citizen.offer(agency, TWO))


def test_a_long_grant_follows_a_fresh_unlock(
    store: Store, citizen: Citizen, agency: AgencyDesk
) -> None:
    known(citizen, agency)
    store.clock.advance(seconds=store.settings.fresh_unlock_seconds)
    assert citizen.offer(agency, TWO, duration_seconds=MONTH + 1).code
    store.clock.advance(seconds=1)

    refused("unlock_too_old", lambda: citizen.offer(agency, TWO, duration_seconds=MONTH + 1))
    assert citizen.offer(agency, TWO, duration_seconds=MONTH).code


def test_there_are_so_many_codes_a_day_and_no_more(
    store: Store, citizen: Citizen, agency: AgencyDesk
) -> None:
    for _ in range(store.settings.offers_per_day):
        citizen.offer(agency, [GIVEN])
    refused("too_many_offers", lambda: citizen.offer(agency, [GIVEN]))
    assert last(citizen) == ("offer.create", "denied", "too_many_offers")

    store.clock.advance(days=1)
    assert citizen.unlock().offer(agency, [GIVEN]).code


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ({"duration_seconds": 0}, "limit_reached"),
        ({"duration_seconds": 367 * DAY}, "limit_reached"),
        ({"reads_max": 0}, "limit_reached"),
        ({"reads_max": 10_001}, "limit_reached"),
    ],
)
def test_a_choice_outside_the_limits_is_refused(
    citizen: Citizen, agency: AgencyDesk, choice: dict[str, Any], reason: str
) -> None:
    refused(reason, lambda: citizen.offer(agency, TWO, **choice))


def test_a_field_outside_the_registration_is_refused(store: Store, citizen: Citizen) -> None:
    narrow = store.agency("https://narrow.example", {GIVEN: True, FAMILY: False})

    refused("not_registered_for", lambda: citizen.offer(narrow, [GIVEN, BIRTH]))
    refused("fields_missing", lambda: citizen.offer(narrow, [FAMILY]))
    refused("not_registered_for", lambda: citizen.offer(narrow, []))


@pytest.mark.parametrize("fields", [(GIVEN, GIVEN), ("identity.nonsense",), ("",)])
def test_fields_that_make_no_sense_leave_no_entry(
    citizen: Citizen, agency: AgencyDesk, fields: tuple[str, ...]
) -> None:
    before = citizen.log()
    with pytest.raises(BadInput):
        citizen.offer(agency, fields)
    assert citizen.log() == before


def test_revoked_agencies_and_uses_are_offered_nothing(
    store: Store, citizen: Citizen, agency: AgencyDesk, other: AgencyDesk
) -> None:
    store.vault.revoke_agency(caller.Operator(), agency.id, agency.use)
    store.vault.revoke_agency(caller.Operator(), other.id, None)

    refused("use_revoked", lambda: citizen.offer(agency, TWO))
    refused("agency_revoked", lambda: citizen.offer(other, TWO))


def test_an_offer_that_replaces_another_kills_its_code(
    citizen: Citizen, agency: AgencyDesk
) -> None:
    old = citizen.offer(agency, TWO)
    new = citizen.offer(agency, TWO, replaces=old.grant_id)

    with pytest.raises(InvalidGrant):
        agency.redeem(old.code)
    assert agency.redeem(new.code).fields == TWO
    assert citizen.alarms() == []


def test_a_grant_that_was_redeemed_is_not_replaced(citizen: Citizen, agency: AgencyDesk) -> None:
    old = citizen.offer(agency, TWO)
    token = agency.redeem(old.code).token
    citizen.offer(agency, TWO, replaces=old.grant_id)

    assert agency.read(token, TWO)


def test_nobody_replaces_or_ends_another_citizens_offer(
    store: Store, citizen: Citizen, agency: AgencyDesk
) -> None:
    theirs = store.citizen().offer(agency, TWO)

    with pytest.raises(NotFound):
        citizen.offer(agency, TWO, replaces=theirs.grant_id)
    with pytest.raises(NotFound):
        store.vault.end_grant(citizen.owner, theirs.grant_id)
    assert agency.redeem(theirs.code).token


# Codes.


def test_a_code_is_redeemed_in_time_or_never(
    store: Store, citizen: Citizen, agency: AgencyDesk
) -> None:
    early, late = citizen.offer(agency, TWO), citizen.offer(agency, TWO)
    store.clock.advance(seconds=store.settings.offer_ttl_seconds - 0.001)
    assert agency.redeem(early.code).token
    store.clock.advance(seconds=0.001)

    with pytest.raises(InvalidGrant):
        agency.redeem(late.code)
    assert last(citizen) == ("grant.redeem", "denied", "offer_expired")
    assert citizen.alarms() == []


def test_a_code_that_was_taken_back_gives_nothing(citizen: Citizen, agency: AgencyDesk) -> None:
    offer = citizen.offer(agency, TWO)
    citizen.vault.end_grant(citizen.owner, offer.grant_id)

    with pytest.raises(InvalidGrant):
        agency.redeem(offer.code)
    assert last(citizen) == ("grant.redeem", "denied", "ended")
    assert citizen.alarms() == []


def test_another_agency_ends_nothing_and_is_named(
    citizen: Citizen, agency: AgencyDesk, other: AgencyDesk
) -> None:
    offer = citizen.offer(agency, TWO)
    with pytest.raises(InvalidGrant):
        other.redeem(offer.code)

    entry = citizen.vault.activity(citizen.owner).entries[1]
    assert (entry.event.outcome, entry.event.reason) == ("denied", "wrong_agency")
    assert (entry.event.actor.kind, entry.event.actor.id) == ("agency", other.id)
    token = agency.redeem(offer.code).token
    with pytest.raises(InvalidGrant):
        other.redeem(offer.code)
    assert agency.read(token, TWO)
    assert citizen.alarms() == []


@pytest.mark.parametrize("revoke_use", [True, False])
def test_a_revoked_agency_or_use_redeems_nothing(
    store: Store, citizen: Citizen, agency: AgencyDesk, revoke_use: bool
) -> None:
    offer = citizen.offer(agency, TWO)
    use = agency.use if revoke_use else None
    store.vault.revoke_agency(caller.Operator(), agency.id, use)

    with pytest.raises(InvalidGrant):
        agency.redeem(offer.code)
    reason = "use_revoked" if revoke_use else "agency_revoked"
    assert last(citizen) == ("grant.redeem", "denied", reason)


def test_a_second_use_by_another_key_of_the_agency_ends_the_grant(
    citizen: Citizen, agency: AgencyDesk
) -> None:
    offer = citizen.offer(agency, TWO)
    agency.redeem(offer.code)
    with pytest.raises(InvalidGrant):
        agency.redeem(offer.code, thumbprint="a-thief-at-the-agency")

    assert citizen.alarms() == ["second_use"]
    assert [grant.state for grant in citizen.vault.grants(citizen.owner)] == ["ended"]


def test_a_second_use_after_a_read_was_no_lost_answer(citizen: Citizen, agency: AgencyDesk) -> None:
    offer = citizen.offer(agency, TWO)
    agency.read(agency.redeem(offer.code).token, TWO)
    with pytest.raises(InvalidGrant):
        agency.redeem(offer.code)

    assert citizen.alarms() == ["second_use"]


def test_a_third_use_alarms_no_more(citizen: Citizen, agency: AgencyDesk) -> None:
    offer = citizen.offer(agency, TWO)
    agency.redeem(offer.code)
    for _ in range(2):
        with pytest.raises(InvalidGrant):
            agency.redeem(offer.code)

    assert citizen.alarms() == ["answer_lost"]


@pytest.mark.parametrize("code", ["", "VG1", "VG1" + "0" * 34, "VG1" + "Z" * 34, "x" * 500])
def test_a_code_that_leads_nowhere_is_no_citizens_entry(
    citizen: Citizen, agency: AgencyDesk, code: str
) -> None:
    before = citizen.log()
    with pytest.raises(InvalidGrant):
        agency.redeem(code)
    assert citizen.log() == before


# The spoken code.


@pytest.fixture
def spoken(citizen: Citizen, agency: AgencyDesk) -> OfferMade:
    offer = citizen.offer(agency, TWO, with_tx_code=True)
    assert offer.tx_code is not None
    assert len(offer.tx_code) == 4
    return offer


def wrong(offer: OfferMade, by: int = 1) -> str:
    return f"{(int(offer.tx_code or 0) + by) % 10_000:04}"


def test_the_third_wrong_spoken_code_ends_the_offer_with_an_alarm(
    citizen: Citizen, agency: AgencyDesk, spoken: OfferMade
) -> None:
    for by in (1, 2):
        with pytest.raises(InvalidGrant):
            agency.redeem(spoken.code, wrong(spoken, by))
        assert last(citizen) == ("grant.redeem", "denied", "wrong_tx_code")
        assert citizen.alarms() == []
    with pytest.raises(InvalidGrant):
        agency.redeem(spoken.code, wrong(spoken, 3))

    assert citizen.alarms() == ["wrong_tx_code"]
    assert last(citizen) == ("grant.end", "permitted", "wrong_tx_code")
    with pytest.raises(InvalidGrant):
        agency.redeem(spoken.code, spoken.tx_code)


def test_after_two_wrong_spoken_codes_the_right_one_counts(
    agency: AgencyDesk, spoken: OfferMade
) -> None:
    for by in (1, 2):
        with pytest.raises(InvalidGrant):
            agency.redeem(spoken.code, wrong(spoken, by))

    assert agency.redeem(spoken.code, spoken.tx_code).fields == TWO


def test_a_missing_spoken_code_is_a_mistake_and_not_a_try(
    citizen: Citizen, agency: AgencyDesk, spoken: OfferMade
) -> None:
    before = citizen.log()
    for _ in range(4):
        with pytest.raises(BadInput):
            agency.redeem(spoken.code, None)

    assert citizen.log() == before
    assert agency.redeem(spoken.code, spoken.tx_code).token


def test_a_spoken_code_that_nobody_asked_for_is_a_mistake(
    citizen: Citizen, agency: AgencyDesk
) -> None:
    offer = citizen.offer(agency, TWO)
    for _ in range(4):
        with pytest.raises(BadInput):
            agency.redeem(offer.code, "1234")

    assert agency.redeem(offer.code).token


def test_another_agencys_tries_do_not_count(
    citizen: Citizen, agency: AgencyDesk, other: AgencyDesk, spoken: OfferMade
) -> None:
    for by in range(1, 5):
        with pytest.raises(InvalidGrant):
            other.redeem(spoken.code, wrong(spoken, by))

    assert agency.redeem(spoken.code, spoken.tx_code).token
    assert citizen.alarms() == []


# What was presented before.


def test_a_replayed_request_redeems_nothing_and_ends_nothing(
    citizen: Citizen, agency: AgencyDesk
) -> None:
    first, second = citizen.offer(agency, TWO), citizen.offer(agency, TWO)
    request = agency.caller()
    token = citizen.vault.redeem(request, first.code, None)[0].token
    for offer in (first, second):
        with pytest.raises(Replayed) as replayed:
            citizen.vault.redeem(request, offer.code, None)
        assert replayed.value.code == "assertion_replayed"

    assert agency.read(token, TWO)
    assert agency.redeem(second.code).token
    assert citizen.alarms() == []


def test_a_replayed_proof_redeems_nothing(citizen: Citizen, agency: AgencyDesk) -> None:
    first, second = citizen.offer(agency, TWO), citizen.offer(agency, TWO)
    agency.redeem(first.code, jti="once")
    with pytest.raises(Replayed) as replayed:
        agency.redeem(second.code, jti="once")

    assert replayed.value.code == "replayed"
    assert last(citizen) == ("grant.redeem", "denied", "replayed")
    assert agency.redeem(second.code).token


def test_nothing_in_the_log_or_the_list_of_grants_is_a_value(
    citizen: Citizen, agency: AgencyDesk, spoken: OfferMade
) -> None:
    agency.read(agency.redeem(spoken.code, spoken.tx_code).token, TWO)

    shown = repr((citizen.vault.activity(citizen.owner), citizen.vault.grants(citizen.owner)))
    assert not any(value in shown for value in PERSON.values())
    assert spoken.code not in shown
