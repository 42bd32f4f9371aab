"""Two processes at the same moment: the log says what happened first, and both sides agree with it.

Redemption against put, end, expiry and another redemption; read against end and the last read. What
must hold is read from the opened entries of the log.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from audit.entry import Event
from operate.verification import verify_data
from tests.builders import Store
from tests.vault.acts import BOTH, GIVEN, end, grant_id, offered, put, read, redeem, state, sweep
from tests.vault.acts import NEWER as PUT
from tests.vault.crash import Perform, Scene
from tests.vault.entries import entries_of
from tests.vault.racing import Call, Outcome, Racers
from vault.ending import Ended
from vault.errors import InvalidToken
from vault.redeeming import Redeemed
from vault.sessions import open_session

ROUNDS = 100
ROUND_ENTRIES_MAX = 20
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def racers(store: Store) -> Iterator[Racers]:
    store.reopen(offers_per_day=1_000_000, owner_acts_per_hour=1_000_000)
    with Racers.start(store.settings) as started:
        yield started
    store.vault.sweep()
    assert verify_data(store.settings).findings == ()
    assert not store.vault.system.keystore.voided()


def rounds(store: Store, **choice: object) -> Iterator[tuple[int, Scene]]:
    """One citizen and agency, with a new offer in each round."""
    scene = offered(store, **choice)
    for seed in range(ROUNDS):
        yield seed, scene
        scene = replace(scene, offer=scene.citizen.offer(scene.agency, BOTH, **choice))


def race(
    racers: Racers, store: Store, seed: int, scene: Scene, *acts: Perform, later: int = 0
) -> tuple[Outcome, Outcome]:
    """`later`: by how many seconds the second's clock is ahead."""
    first, second = acts
    now_ms = store.clock.ms
    return racers.race(seed, Call(first, scene, now_ms), Call(second, scene, now_ms + later * 1000))


def told(store: Store, scene: Scene) -> list[tuple[str, str, str | None]]:
    """(action, outcome, reason) of the grant's entries, in the order of the log."""
    return [(e.action, e.outcome, e.reason) for e in events(store, scene)]


def events(store: Store, scene: Scene) -> list[Event]:
    opened = open_session(store.vault.system, scene.citizen.owner, store.clock.ms)
    found = entries_of(store.vault.system, opened.context.audit_key, ROUND_ENTRIES_MAX)
    return [one.event for one in found if one.event.grant == grant_id(scene)]


def opens(scene: Scene, token: str) -> bool:
    try:
        return bool(scene.agency.read(token, BOTH))
    except InvalidToken:
        return False


OFFER = ("offer.create", "permitted", None)
REDEEMED = ("grant.redeem", "permitted", None)
REVOKED = ("grant.end", "permitted", "revoked")
READ = ("data.read", "permitted", None)


def test_of_two_redemptions_one_gives_a_token_and_the_other_ends_it(
    store: Store, racers: Racers
) -> None:
    for seed, scene in rounds(store):
        outcomes = race(racers, store, seed, scene, redeem, redeem)

        [redeemed] = [one.value for one in outcomes if one.error is None]
        assert {one.error for one in outcomes} == {None, "InvalidGrant"}
        offer, first, last = told(store, scene)
        assert (offer, first) == (OFFER, REDEEMED)
        assert last in {("grant.end", "permitted", why) for why in ("answer_lost", "second_use")}
        assert not opens(scene, redeemed.token)
    assert len(scene.citizen.alarms()) == ROUNDS


def test_a_value_put_during_a_redemption_is_read_whichever_was_first(
    store: Store, racers: Racers
) -> None:
    for seed, scene in rounds(store, follow=True):
        scene.citizen.put({GIVEN: f"Before-{seed}"})

        redeemed, was_put = race(racers, store, seed, scene, redeem, put)

        assert (redeemed.error, was_put.error) == (None, None)
        assert told(store, scene) == [OFFER, REDEEMED]
        released = scene.agency.read(redeemed.value.token, BOTH)
        assert {name: one.statement.value for name, one in released.items()} == PUT
        end(store.vault, scene)  # or each put would go to all of them


def test_a_redemption_stands_in_the_log_before_the_end_or_gives_nothing(
    store: Store, racers: Racers
) -> None:
    for seed, scene in rounds(store):
        redeemed, ended = race(racers, store, seed, scene, redeem, end)

        assert ended.value == Ended(recorded=True)
        if isinstance(redeemed.value, Redeemed):
            assert told(store, scene) == [OFFER, REDEEMED, REVOKED]
            assert not opens(scene, redeemed.value.token)
        else:
            assert redeemed.error == "InvalidGrant"
            assert told(store, scene)[:2] == [OFFER, REVOKED]
            assert {outcome for _, outcome, _ in told(store, scene)[2:]} <= {"denied"}
    assert scene.citizen.alarms() == []


def test_a_redemption_stands_in_the_log_before_the_expiry_or_gives_nothing(
    store: Store, racers: Racers
) -> None:
    for seed, scene in rounds(store):
        redeemed, swept = race(racers, store, seed, scene, redeem, sweep, later=120)

        assert swept.error is None
        store.vault.sweep()
        if isinstance(redeemed.value, Redeemed):
            assert told(store, scene) == [OFFER, REDEEMED]
            assert opens(scene, redeemed.value.token)
        else:
            assert redeemed.error == "InvalidGrant"
            assert REDEEMED not in told(store, scene)
            assert ("grant.end", "permitted", "offer_expired") in told(store, scene)


def test_a_read_is_released_exactly_if_it_stands_in_the_log_before_the_end(
    store: Store, racers: Racers
) -> None:
    for seed, offer in rounds(store):
        scene = replace(offer, token=redeem(store.vault, offer).token)

        released, ended = race(racers, store, seed, scene, read, end)

        assert ended.value == Ended(recorded=True)
        [one, other] = told(store, scene)[2:]
        if released.error is None:
            assert (one, other) == (READ, REVOKED)
        else:
            assert released.error == "InvalidToken"
            assert (one, other) == (REVOKED, ("data.read", "denied", "ended"))


def test_of_two_last_reads_one_is_released_and_ends_the_grant(store: Store, racers: Racers) -> None:
    for seed, offer in rounds(store, reads_max=1):
        scene = replace(offer, token=redeem(store.vault, offer).token)

        outcomes = race(racers, store, seed, scene, read, read)

        assert sorted(one.error or "" for one in outcomes) == ["", "InvalidToken"]
        found = told(store, scene)[2:]
        assert found.count(READ) == 1
        assert found.count(("grant.end", "permitted", "used_up")) == 1
        assert found[0] == READ
        assert state(scene) == ("ended", 1)
