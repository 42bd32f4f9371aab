"""The pulse: it moves with what the owner can see, and never with a hidden read."""

import pytest

from tests.builders import PERSON, Store
from tests.vault.test_hidden_reads import Case
from vault.caller import Owner
from vault.errors import SessionEnded, UnauthorizedField
from vault.unlocking import parse_session_token


def test_it_stands_still_until_something_can_be_seen_and_then_moves(store: Store) -> None:
    citizen, desk = store.citizen(), store.agency()
    vault, seen = store.vault, [store.vault.pulse(citizen.owner)]

    def moved() -> bool:
        seen.append(vault.pulse(citizen.owner))
        assert vault.pulse(citizen.owner) == seen[-1]
        return seen[-1] not in seen[:-1]

    offer = citizen.offer(desk, list(PERSON))
    assert moved()
    token = desk.redeem(offer.code).token
    assert moved()
    desk.read(token, list(PERSON))
    assert moved()
    with pytest.raises(UnauthorizedField):
        desk.read(token, ["address.resident_country"])
    assert moved()
    citizen.put({"identity.given_name": "Canaria-Next"})
    assert moved()
    vault.end_grant(citizen.owner, offer.grant_id)
    assert moved()


def test_a_hidden_read_or_refusal_does_not_move_it(store: Store) -> None:
    case = Case.make(store)
    before = store.vault.pulse(case.owner.citizen.owner)
    case.read()
    with pytest.raises(UnauthorizedField):
        case.police.read(case.token, ["identity.birth_date"])
    assert store.vault.pulse(case.owner.citizen.owner) == before


def test_another_vaults_acts_do_not_move_it_and_two_sessions_see_other_words(
    store: Store,
) -> None:
    citizen, other = store.citizen(), store.citizen()
    before = store.vault.pulse(citizen.owner)
    other.put({"identity.given_name": "Canaria-Next"})
    assert store.vault.pulse(citizen.owner) == before
    old = citizen.owner
    citizen.unlock()
    assert store.vault.pulse(old) != store.vault.pulse(citizen.owner)


def test_it_ends_with_the_session(store: Store) -> None:
    citizen, other = store.citizen(), store.citizen()
    store.vault.log_out(citizen.owner)
    with pytest.raises(SessionEnded):
        store.vault.pulse(citizen.owner)
    with pytest.raises(SessionEnded):
        store.vault.pulse(Owner(parse_session_token("ks1_" + "A" * 43)))
    store.clock.advance(seconds=3600)
    with pytest.raises(SessionEnded):
        store.vault.pulse(other.owner)
