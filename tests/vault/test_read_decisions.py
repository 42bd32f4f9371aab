"""Reading at the vault's door: what is refused, what the log says, and which version leaves."""

from typing import Any

import pytest

from tests.builders import PERSON, AgencyDesk, Citizen, Store
from tests.vault.rows import row_of, rows_of
from tests.vault.tables import grants, stanzas
from vault import caller
from vault.errors import (
    BadInput,
    InvalidGrant,
    InvalidToken,
    Refused,
    Replayed,
    UnauthorizedField,
)
from vault.reading import Released

GIVEN, FAMILY, BIRTH = "identity.given_name", "identity.family_name", "identity.birth_date"
TWO = (GIVEN, FAMILY)
NEWER = {GIVEN: "Canaria-Newer"}


@pytest.fixture
def citizen(store: Store) -> Citizen:
    return store.citizen()


@pytest.fixture
def agency(store: Store) -> AgencyDesk:
    return store.agency()


def share(citizen: Citizen, agency: AgencyDesk, **choice: Any) -> str:
    return agency.redeem(citizen.offer(agency, TWO, **choice).code).token


def last(citizen: Citizen) -> tuple[str, str, str | None]:
    """The newest entry but for looking at the log."""
    return [entry for entry in citizen.log() if entry[0] != "log.read"][-1]


def value(released: dict[str, Released], field: str = GIVEN) -> tuple[object, bool]:
    return released[field].statement.value, released[field].is_current


# What is asked for.


@pytest.mark.parametrize("fields", [(), (GIVEN, GIVEN), ("x",) * 2, tuple(map(str, range(101)))])
def test_a_request_without_fields_or_with_one_twice_leaves_no_entry(
    citizen: Citizen, agency: AgencyDesk, fields: tuple[str, ...]
) -> None:
    token = share(citizen, agency)
    before = citizen.log()
    with pytest.raises(BadInput):
        agency.read(token, fields)
    assert citizen.log() == before


def test_unknown_fields_are_logged_as_a_number_and_never_as_text(
    citizen: Citizen, agency: AgencyDesk
) -> None:
    token = share(citizen, agency)
    with pytest.raises(UnauthorizedField):
        agency.read(token, [GIVEN, "tell.tale", "tell.another"])

    activity = citizen.vault.activity(citizen.owner)
    event = activity.entries[1].event
    assert (event.outcome, event.reason) == ("denied", "not_granted")
    assert (event.fields_requested, event.fields_unknown) == ((GIVEN,), 2)
    assert event.fields_given is None
    assert "tell." not in repr(activity)


def test_one_field_too_many_releases_nothing_and_names_what_was_asked(
    citizen: Citizen, agency: AgencyDesk
) -> None:
    token = share(citizen, agency, reads_max=1)
    with pytest.raises(UnauthorizedField):
        agency.read(token, [GIVEN, BIRTH])

    event = citizen.vault.activity(citizen.owner).entries[1].event
    assert (event.fields_requested, event.fields_given) == ((GIVEN, BIRTH), None)
    assert agency.read(token, [GIVEN])  # what was refused used up nothing


def test_an_entry_names_exactly_what_was_given(citizen: Citizen, agency: AgencyDesk) -> None:
    agency.read(share(citizen, agency), [FAMILY])

    event = citizen.vault.activity(citizen.owner).entries[1].event
    assert (event.action, event.outcome) == ("data.read", "permitted")
    assert (event.fields_requested, event.fields_given) == ((FAMILY,), (FAMILY,))
    assert (event.actor.id, event.intended_use) == (agency.id, agency.use)
    assert event.legal_basis == "consent"


# When and how often.


def test_after_the_last_read_the_grant_is_over(citizen: Citizen, agency: AgencyDesk) -> None:
    token = share(citizen, agency, reads_max=2)
    agency.read(token, TWO)
    agency.read(token, TWO)
    with pytest.raises(InvalidToken):
        agency.read(token, TWO)

    assert citizen.log()[-4:-1] == [
        ("data.read", "permitted", None),
        ("grant.end", "permitted", "used_up"),
        ("data.read", "denied", "ended"),
    ]


def test_reads_without_a_number_go_on(citizen: Citizen, agency: AgencyDesk) -> None:
    token = share(citizen, agency)
    for _ in range(4):
        assert value(agency.read(token, TWO)) == (PERSON[GIVEN], True)


@pytest.mark.parametrize("swept", [False, True])
def test_after_its_time_a_grant_gives_nothing(
    store: Store, citizen: Citizen, agency: AgencyDesk, swept: bool
) -> None:
    token = share(citizen, agency, duration_seconds=600)
    store.clock.advance(seconds=599.999)
    assert agency.read(token, TWO)
    store.clock.advance(seconds=0.001)
    if swept:
        store.vault.sweep()

    with pytest.raises(InvalidToken):
        agency.read(token, TWO)
    assert last(citizen) == ("data.read", "denied", "ended" if swept else "expired")


def test_after_it_was_taken_back_a_grant_gives_nothing(
    store: Store, citizen: Citizen, agency: AgencyDesk
) -> None:
    token, kept = share(citizen, agency), share(citizen, agency)
    ended = citizen.vault.grants(citizen.owner)[1].grant_id
    citizen.vault.end_grant(citizen.owner, ended)
    outcomes = []
    for one in (token, kept):
        try:
            outcomes.append(len(agency.read(one, TWO)))
        except InvalidToken:
            outcomes.append(0)

    assert sorted(outcomes) == [0, 2]
    assert rows_of(store, stanzas, recipient=ended) == []


# Who asks.


@pytest.mark.parametrize("use", [True, False])
def test_a_revoked_use_or_agency_reads_nothing(
    store: Store, citizen: Citizen, agency: AgencyDesk, use: bool
) -> None:
    token = share(citizen, agency)
    assert agency.read(token, TWO)
    store.vault.revoke_agency(caller.Operator(), agency.id, agency.use if use else None)

    with pytest.raises(InvalidToken):
        agency.read(token, TWO)
    reason = "use_revoked" if use else "agency_revoked"
    assert last(citizen) == ("data.read", "denied", reason)


def test_an_agency_that_registered_so_names_the_officer(store: Store, citizen: Citizen) -> None:
    strict = store.agency("https://strict.example", officer_required=True)
    token = share(citizen, strict)
    with pytest.raises(Refused) as refused:
        strict.read(token, TWO)
    assert refused.value.code == "officer_required"
    strict.read(token, TWO, officer="officer-17")

    events = [entry.event for entry in citizen.vault.activity(citizen.owner).entries[1:3]]
    assert [(e.outcome, e.reason) for e in events] == [
        ("permitted", None),
        ("denied", "officer_required"),
    ]
    officer = events[0].officer
    assert officer is not None
    assert (officer.id, officer.stated_by) == ("officer-17", "agency")


def test_a_token_in_the_hands_of_another_key_reads_nothing(
    citizen: Citizen, agency: AgencyDesk
) -> None:
    token = share(citizen, agency)
    with pytest.raises(InvalidToken):
        agency.read(token, TWO, thumbprint="a-thief")

    assert last(citizen) == ("data.read", "denied", "wrong_key")
    assert agency.read(token, TWO)


def test_a_thief_does_not_fill_the_log(store: Store, citizen: Citizen, agency: AgencyDesk) -> None:
    token, limit = share(citizen, agency), store.settings.stranger_refusals_per_hour
    for _ in range(limit + 5):
        with pytest.raises(InvalidToken):
            agency.read(token, TWO, thumbprint="a-thief")

    assert citizen.log().count(("data.read", "denied", "wrong_key")) == limit


def test_a_proof_counts_once(citizen: Citizen, agency: AgencyDesk) -> None:
    token = share(citizen, agency, reads_max=2)
    agency.read(token, TWO, jti="once")
    with pytest.raises(Replayed):
        agency.read(token, TWO, jti="once")

    assert last(citizen) == ("data.read", "denied", "replayed")
    assert agency.read(token, TWO)  # the replay used up nothing


def test_a_proof_that_was_refused_counts_no_second_time(
    citizen: Citizen, agency: AgencyDesk
) -> None:
    token = share(citizen, agency)
    with pytest.raises(UnauthorizedField):
        agency.read(token, [BIRTH], jti="once")
    with pytest.raises(Replayed):
        agency.read(token, TWO, jti="once")


@pytest.mark.parametrize("token", ["", "va1_", "va1_" + "A" * 43, "ks1_" + "A" * 43, "va1_é"])
def test_a_token_that_leads_nowhere_is_no_citizens_entry(
    citizen: Citizen, agency: AgencyDesk, token: str
) -> None:
    before = citizen.log()
    with pytest.raises(InvalidToken):
        agency.read(token, TWO)
    assert citizen.log() == before


def test_an_offers_code_is_no_token(citizen: Citizen, agency: AgencyDesk) -> None:
    offer = citizen.offer(agency, TWO)
    with pytest.raises(InvalidToken):
        agency.read(f"va1_{offer.code}", TWO)
    with pytest.raises(InvalidGrant):
        agency.redeem(share(citizen, agency))


# Which version.


def test_a_grant_reads_the_version_of_its_day(citizen: Citizen, agency: AgencyDesk) -> None:
    token = share(citizen, agency)
    assert value(agency.read(token, TWO)) == (PERSON[GIVEN], True)
    citizen.put(NEWER)

    released = agency.read(token, TWO)
    assert value(released) == (PERSON[GIVEN], False)  # shown as superseded
    assert value(released, FAMILY) == (PERSON[FAMILY], True)


def test_a_grant_that_follows_reads_the_newest_version(
    citizen: Citizen, agency: AgencyDesk
) -> None:
    token = share(citizen, agency, follow=True)
    citizen.put(NEWER)
    assert value(agency.read(token, TWO)) == (NEWER[GIVEN], True)
    citizen.put({GIVEN: "Canaria-Newest"})

    assert value(agency.read(token, TWO)) == ("Canaria-Newest", True)


@pytest.mark.parametrize("follow", [True, False])
def test_a_put_between_offer_and_redemption_counts_as_the_grant_says(
    citizen: Citizen, agency: AgencyDesk, follow: bool
) -> None:
    offer = citizen.offer(agency, TWO, follow=follow)
    citizen.put(NEWER)
    token = agency.redeem(offer.code).token

    wanted = (NEWER[GIVEN], True) if follow else (PERSON[GIVEN], False)
    assert value(agency.read(token, TWO)) == wanted


def test_a_field_that_gets_its_first_value_later_reaches_who_follows(
    store: Store, agency: AgencyDesk
) -> None:
    citizen = store.citizen({GIVEN: PERSON[GIVEN]})
    follows, stays = share(citizen, agency, follow=True), share(citizen, agency)
    citizen.put({FAMILY: PERSON[FAMILY]})

    assert value(agency.read(follows, TWO), FAMILY) == (PERSON[FAMILY], True)
    with pytest.raises(UnauthorizedField):
        agency.read(stays, [FAMILY])


def test_an_ended_grant_receives_no_more_stanzas(
    store: Store, citizen: Citizen, agency: AgencyDesk
) -> None:
    share(citizen, agency, follow=True)
    grant_id = row_of(store, grants)["grant_id"]
    citizen.vault.end_grant(citizen.owner, grant_id)
    citizen.put(NEWER)

    assert rows_of(store, stanzas, recipient=grant_id) == []


def test_a_grant_past_its_time_receives_no_more_stanzas(
    store: Store, citizen: Citizen, agency: AgencyDesk
) -> None:
    share(citizen, agency, follow=True, duration_seconds=600)
    grant_id = row_of(store, grants)["grant_id"]
    before = rows_of(store, stanzas, recipient=grant_id)
    store.clock.advance(seconds=600)
    citizen.put(NEWER)

    assert rows_of(store, stanzas, recipient=grant_id) == before
