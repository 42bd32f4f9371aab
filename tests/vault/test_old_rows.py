"""Old rows put back whole: dead, because a salt is gone, or named by `audit verify --data`."""

import os

import pytest

from crypto.encoding import b64u
from tests.builders import PERSON, AgencyDesk, Store
from tests.vault.rows import (
    BOTH,
    GIVEN,
    NEWER,
    change,
    grant_of,
    insert,
    put_back,
    row_of,
    rows_of,
    shared,
)
from tests.vault.tables import (
    grants,
    methods,
    registrations,
    routes,
    sessions,
    stanzas,
    value_heads,
    values,
    vaults,
)
from vault import caller
from vault.errors import (
    CannotUnlock,
    InvalidGrant,
    InvalidToken,
    Refused,
    SessionEnded,
)
from vault.sessions import UnlockSecret


@pytest.fixture
def agency(store: Store) -> AgencyDesk:
    return store.agency()


def test_a_redeemed_offer_put_back_gives_nothing(store: Store, agency: AgencyDesk) -> None:
    citizen = store.citizen()
    offer = citizen.offer(agency, BOTH)
    old = row_of(store, grants, vault_id=citizen.vault_id)
    held = rows_of(store, stanzas, recipient=offer.grant_id)
    token = agency.redeem(offer.code).token
    put_back(store, grants, [old])
    put_back(store, stanzas, held)

    with pytest.raises(InvalidGrant):
        agency.redeem(offer.code)
    with pytest.raises(InvalidToken):
        agency.read(token, [GIVEN])


def test_an_ended_grant_put_back_gives_nothing(store: Store, agency: AgencyDesk) -> None:
    citizen = store.citizen()
    token = shared(citizen, agency, *BOTH)
    grant_id = grant_of(store, citizen)
    old, held = (
        rows_of(store, grants, grant_id=grant_id),
        rows_of(store, stanzas, recipient=grant_id),
    )
    citizen.vault.end_grant(citizen.owner, grant_id)
    put_back(store, grants, old)
    put_back(store, stanzas, held)

    with pytest.raises(InvalidToken):
        agency.read(token, [GIVEN])
    assert citizen.log()[-2] == ("data.read", "denied", "ended")


def test_a_removed_method_put_back_does_not_unlock(store: Store) -> None:
    citizen, vault = store.citizen(), store.vault
    new = UnlockSecret.device(b64u(os.urandom(32)))
    added = vault.add_method(caller.Stranger(), UnlockSecret.device(citizen.device_secret), new)
    old = row_of(store, methods, method_id=added.id), row_of(store, routes, id=added.id)
    vault.unlock(caller.Stranger(), new)
    vault.remove_method(citizen.owner, added.id)
    insert(store, methods, [old[0]])
    insert(store, routes, [old[1]])

    with pytest.raises(CannotUnlock):
        vault.unlock(caller.Stranger(), new)


def test_a_closed_session_put_back_is_over(store: Store) -> None:
    citizen = store.citizen()
    old = row_of(store, sessions, vault_id=citizen.vault_id)
    route = row_of(store, routes, id=old["session_id"])
    store.vault.log_out(citizen.owner)
    insert(store, sessions, [old])
    insert(store, routes, [route])

    with pytest.raises(SessionEnded):
        citizen.values()


def test_an_erased_vault_put_back_opens_nothing(store: Store, agency: AgencyDesk) -> None:
    citizen = store.citizen()
    token = shared(citizen, agency, GIVEN)
    tables = (vaults, methods, sessions, grants, routes, values, value_heads, stanzas)
    old = {table: rows_of(store, table, vault_id=citizen.vault_id) for table in tables}
    store.vault.erase(citizen.owner)
    for table, rows in old.items():
        insert(store, table, rows)

    with pytest.raises(SessionEnded):
        citizen.values()
    with pytest.raises(CannotUnlock):
        citizen.unlock()
    with pytest.raises(InvalidToken):
        agency.read(token, [GIVEN])


# What the columns beside the macs give to whoever changes them (named by `audit verify --data`).


def test_more_reads_are_all_that_a_changed_count_gives(store: Store, agency: AgencyDesk) -> None:
    citizen = store.citizen()
    token = shared(citizen, agency, GIVEN, reads_max=2)
    agency.read(token, [GIVEN])
    change(store, grants, {"vault_id": citizen.vault_id}, reads_used=0)

    agency.read(token, [GIVEN])
    agency.read(token, [GIVEN])  # the third of two
    with pytest.raises(InvalidToken):
        agency.read(token, [GIVEN])


def test_an_older_value_head_put_back_shows_the_older_version(store: Store) -> None:
    citizen = store.citizen()
    old = rows_of(store, value_heads, vault_id=citizen.vault_id)
    citizen.put(NEWER)
    put_back(store, value_heads, old)

    assert citizen.values()[GIVEN] == PERSON[GIVEN]


def test_a_revoked_registration_put_back_counts_again(store: Store, agency: AgencyDesk) -> None:
    citizen = store.citizen()
    old = rows_of(store, registrations)
    store.vault.revoke_agency(caller.Operator(), agency.id, None)
    with pytest.raises(Refused):
        citizen.offer(agency, [GIVEN])
    put_back(store, registrations, old)
    citizen.vault = store.reopen()

    assert citizen.offer(agency, [GIVEN]).code
