"""Whether a token still gives access, asked without reading: no entry, and no more told."""

import pytest

from tests.builders import PERSON, AgencyDesk, Store
from vault import caller
from vault.reading import parse_access_token


def stands(desk: AgencyDesk, token: str, **changes: str) -> int | None:
    holder = caller.TokenHolder(parse_access_token(token), desk.proof(**changes), None)
    return desk.vault.stands(holder)


def test_it_stands_until_it_is_taken_back_and_asking_is_no_entry(store: Store) -> None:
    citizen, desk = store.citizen(), store.agency()
    offer = citizen.offer(desk, list(PERSON), reads_max=2)
    token = desk.redeem(offer.code).token
    before = citizen.log()
    assert stands(desk, token) == offer.not_after
    assert citizen.log() == before
    store.vault.end_grant(citizen.owner, offer.grant_id)
    assert stands(desk, token) is None


@pytest.mark.parametrize("what", ["agency", "use"])
def test_it_stands_no_longer_once_the_agency_or_its_use_is_revoked(store: Store, what: str) -> None:
    citizen, desk = store.citizen(), store.agency()
    token = desk.redeem(citizen.offer(desk, list(PERSON)).code).token
    assert stands(desk, token) is not None
    use = desk.use if what == "use" else None
    store.vault.revoke_agency(caller.Operator(), desk.id, use)
    assert stands(desk, token) is None


def test_it_stands_for_nobody_else_and_not_beyond_its_time_or_reads(store: Store) -> None:
    citizen, desk = store.citizen(), store.agency()
    token = desk.redeem(citizen.offer(desk, list(PERSON)).code).token
    assert stands(desk, token, thumbprint="another-key") is None
    assert stands(desk, "va1_" + "A" * 43) is None
    once = desk.redeem(citizen.offer(desk, list(PERSON), reads_max=1).code).token
    desk.read(once, list(PERSON))
    assert stands(desk, once) is None
    store.clock.advance(seconds=3600)
    assert stands(desk, token) is None
