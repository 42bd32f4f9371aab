"""The story at the vault's own door: what each step promises, without HTTP."""

import pytest

from tests.builders import PERSON, Store
from vault.errors import InvalidGrant, InvalidToken, UnauthorizedField

THREE = ("identity.given_name", "identity.family_name", "identity.birth_date")


def test_three_fields_are_shared_read_and_taken_back(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()

    offer = citizen.offer(agency, THREE, reads_max=3)
    redeemed = agency.redeem(offer.code)
    released = agency.read(redeemed.token, THREE)

    assert {name: one.statement.value for name, one in released.items()} == {
        name: PERSON[name] for name in THREE
    }
    store.vault.end_grant(citizen.owner, offer.grant_id)
    with pytest.raises(InvalidToken):
        agency.read(redeemed.token, THREE)
    assert citizen.log() == [
        ("vault.create", "permitted", None),
        ("method.add", "permitted", None),
        ("value.put", "permitted", None),
        ("offer.create", "permitted", None),
        ("grant.redeem", "permitted", None),
        ("data.read", "permitted", None),
        ("grant.end", "permitted", "revoked"),
        ("data.read", "denied", "ended"),
        ("log.read", "permitted", None),
    ]


def test_a_code_used_twice_ends_the_grant_and_alarms_the_owner(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    offer = citizen.offer(agency, THREE)
    redeemed = agency.redeem(offer.code)

    with pytest.raises(InvalidGrant):
        agency.redeem(offer.code)

    with pytest.raises(InvalidToken):
        agency.read(redeemed.token, THREE)
    assert citizen.alarms() == ["answer_lost"]


def test_a_field_that_was_not_granted_releases_nothing(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    redeemed = agency.redeem(citizen.offer(agency, THREE).code)

    with pytest.raises(UnauthorizedField):
        agency.read(redeemed.token, (*THREE, "identity.birth_place"))

    assert citizen.log()[-2] == ("data.read", "denied", "not_granted")
