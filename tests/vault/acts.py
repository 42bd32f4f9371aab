"""What can be cut off in the middle, and what must be true however far it came.

An `Act` is prepared, performed in a process that is killed, and looked at after the restart: then
it is done again, as whoever got no answer would.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

from crypto.encoding import b64u
from crypto.primitives import random_bytes
from operate.rotation import rotate
from tests.builders import PERSON, AgencyDesk, Citizen, Store
from tests.vault.crash import Perform, Scene, die
from vault import caller
from vault.ending import Ended
from vault.errors import CannotUnlock, Conflict, InvalidGrant, InvalidToken, SessionEnded
from vault.keystore import SaltKey
from vault.sessions import UnlockSecret
from vault.unlocking import method_id
from vault.vault import Vault

GIVEN, FAMILY = "identity.given_name", "identity.family_name"
BOTH = (GIVEN, FAMILY)
NEWER = {GIVEN: "Canaria-Newer", FAMILY: "Canaria-Other"}
AGENCY = "https://agency.example"
STRANGER = caller.Stranger()


@dataclass(frozen=True)
class Act:
    """`name` as docs/architecture.md has it. `again(store, scene, answer)` looks, and does it
    again; `answer` is a list with what was answered, empty where nothing was.
    """

    name: str
    prepare: Callable[[Store], Scene]
    perform: Perform
    again: Callable[[Store, Scene, list[Any]], None]


def people(store: Store) -> Scene:
    known = store.vault.registry().agencies
    agency = AgencyDesk(store.vault, AGENCY, "test-use", {}) if known else store.agency(AGENCY)
    return Scene(store.citizen({GIVEN: PERSON[GIVEN], FAMILY: PERSON[FAMILY]}), agency)


def offered(store: Store, **choice: Any) -> Scene:
    scene = people(store)
    return replace(scene, offer=scene.citizen.offer(scene.agency, BOTH, **choice))


def redeemed(store: Store, **choice: Any) -> Scene:
    scene = offered(store, **choice)
    return replace(scene, token=scene.agency.redeem(code(scene)).token)


def last_read_left(store: Store) -> Scene:
    return redeemed(store, reads_max=1)


def second_device(store: Store) -> Scene:
    scene = replace(new_secret(store), citizen=store.citizen({}))
    device = UnlockSecret.device(scene.citizen.device_secret)
    added = store.vault.add_method(STRANGER, device, UnlockSecret.device(scene.secret))
    store.vault.unlock(STRANGER, UnlockSecret.device(scene.secret))
    return replace(scene, method_id=added.id)


def new_secret(store: Store) -> Scene:
    return replace(people(store), secret=b64u(random_bytes(32)))


def code(scene: Scene) -> str:
    assert scene.offer is not None
    return scene.offer.code


def grant_id(scene: Scene) -> bytes:
    assert scene.offer is not None
    return scene.offer.grant_id


def state(scene: Scene) -> tuple[str, int]:
    """State of the grant and how often it was read."""
    found = scene.citizen.vault.grants(scene.citizen.owner)
    [grant] = [one for one in found if one.grant_id == grant_id(scene)]
    return grant.state, grant.reads_used


def told(scene: Scene, action: str, outcome: str = "permitted") -> int:
    """How many entries of that kind the citizen finds in her log."""
    return sum(entry[:2] == (action, outcome) for entry in scene.citizen.log())


def refused(scene: Scene) -> None:
    with pytest.raises(InvalidToken):
        scene.agency.read(scene.token, BOTH)


# put


def put(vault: Vault, scene: Scene) -> None:
    scene.citizen.put(NEWER)


def put_again(_: Store, scene: Scene, answer: list[Any]) -> None:
    before = {name: PERSON[name] for name in BOTH}
    found, entries = scene.citizen.values(), told(scene, "value.put")
    assert found == (NEWER if answer or entries == 2 else before)
    scene.citizen.put(NEWER)
    assert scene.citizen.values() == NEWER
    assert told(scene, "value.put") == entries + 1


# offer, redeem


def make_offer(vault: Vault, scene: Scene) -> Any:
    return scene.citizen.offer(scene.agency, BOTH)


def offer_again(_: Store, scene: Scene, answer: list[Any]) -> None:
    made = len(scene.citizen.vault.grants(scene.citizen.owner))
    assert made == told(scene, "offer.create") >= len(answer)
    for offer in (*answer, scene.citizen.offer(scene.agency, BOTH)):
        assert scene.agency.read(scene.agency.redeem(offer.code).token, BOTH)


def redeem(vault: Vault, scene: Scene) -> Any:
    return scene.agency.redeem(code(scene))


def redeem_again(_: Store, scene: Scene, answer: list[Any]) -> None:
    recorded = told(scene, "grant.redeem")
    assert recorded == 1 or not answer
    if answer:
        assert scene.agency.read(answer[0].token, BOTH)
    elif recorded:
        with pytest.raises(InvalidGrant):
            scene.agency.redeem(code(scene))
        assert (state(scene), scene.citizen.alarms()) == (("ended", 0), ["answer_lost"])
    else:
        assert scene.agency.read(scene.agency.redeem(code(scene)).token, BOTH)
    offer_again(_, scene, [])


# read


def read(vault: Vault, scene: Scene) -> dict[str, Any]:
    released = scene.agency.read(scene.token, BOTH)
    return {name: one.statement.value for name, one in released.items()}


def read_again(_: Store, scene: Scene, answer: list[Any]) -> None:
    assert answer in ([], [{name: PERSON[name] for name in BOTH}])
    assert state(scene)[1] == told(scene, "data.read") >= len(answer)
    with suppress(InvalidToken):  # the last one was used
        scene.agency.read(scene.token, BOTH)
    assert state(scene)[1] == told(scene, "data.read") >= 1


def last_read_again(_: Store, scene: Scene, answer: list[Any]) -> None:
    read_again(_, scene, answer)
    assert state(scene) == ("ended", 1)
    refused(scene)


# end


def end(vault: Vault, scene: Scene) -> Ended:
    return vault.end_grant(scene.citizen.owner, grant_id(scene))


def end_unrecorded(vault: Vault, scene: Scene) -> Ended:
    vault.system.sequencer.close()  # this process can't write the log any more
    return end(vault, scene)


def end_again(store: Store, scene: Scene, answer: list[Any]) -> None:
    is_over = state(scene)[0] == "ended"
    assert is_over or not answer
    assert told(scene, "grant.end") == is_over
    if not is_over:
        assert scene.agency.read(scene.token, BOTH)
    assert end(store.vault, scene) == Ended(recorded=True)
    refused(scene)
    assert told(scene, "grant.end") == 1


# unlock, log out, methods


def unlock(vault: Vault, scene: Scene) -> Any:
    return vault.unlock(STRANGER, UnlockSecret.device(scene.citizen.device_secret))


def unlock_again(_: Store, scene: Scene, answer: list[Any]) -> None:
    for started in answer:
        assert replace(scene.citizen, token=started.token).values()
    assert scene.citizen.unlock().values()


def log_out(vault: Vault, scene: Scene) -> None:
    vault.log_out(scene.citizen.owner)


def log_out_again(store: Store, scene: Scene, answer: list[Any]) -> None:
    if not answer:
        with suppress(SessionEnded):
            log_out(store.vault, scene)
    with pytest.raises(SessionEnded):
        scene.citizen.values()
    assert scene.citizen.unlock().values()


def add_method(vault: Vault, scene: Scene) -> Any:
    old = UnlockSecret.device(scene.citizen.device_secret)
    return vault.add_method(STRANGER, old, UnlockSecret.device(scene.secret))


def add_method_again(store: Store, scene: Scene, answer: list[Any]) -> None:
    try:
        add_method(store.vault, scene)
    except Conflict:  # it is there
        assert told(scene, "method.add") == 2
    else:
        assert not answer
    assert replace(scene.citizen, device_secret=scene.secret).unlock().values()


def remove_method(vault: Vault, scene: Scene) -> None:
    vault.remove_method(scene.citizen.owner, scene.method_id)


def remove_method_again(store: Store, scene: Scene, answer: list[Any]) -> None:
    scene.citizen.unlock()
    recorded = told(scene, "method.remove")
    assert recorded or not answer
    if not recorded:
        remove_method(store.vault, scene)
    with pytest.raises(CannotUnlock):
        store.vault.unlock(STRANGER, UnlockSecret.device(scene.secret))
    assert SaltKey("method", scene.method_id) not in salts(store)
    assert scene.citizen.unlock().log()


def shut_out(store: Store) -> Scene:
    scene = offered(store)
    device = UnlockSecret.device(scene.citizen.device_secret)
    added = store.vault.add_method(STRANGER, device, None)
    return replace(scene, secret=added.block_code or "")


def block(vault: Vault, scene: Scene) -> int:
    return vault.block(STRANGER, UnlockSecret.block(scene.secret))


def block_again(store: Store, scene: Scene, answer: list[Any]) -> None:
    by_code = UnlockSecret.recovery(scene.citizen.recovery_code)
    scene.citizen.token = store.vault.unlock(STRANGER, by_code).token
    recorded = told(scene, "vault.block")
    assert recorded or not answer
    if recorded:
        assert state(scene) == ("ended", 0), "nobody waits until its time is over"
        with pytest.raises(CannotUnlock):
            scene.citizen.unlock()
    block(store.vault, scene)
    with pytest.raises(SessionEnded):
        scene.citizen.values()
    with pytest.raises(CannotUnlock):
        scene.citizen.unlock()
    with pytest.raises(InvalidGrant):
        scene.agency.redeem(code(scene))
    scene.citizen.token = store.vault.unlock(STRANGER, by_code).token
    assert told(scene, "grant.end") == 1
    assert scene.citizen.values()


def salts(store: Store) -> set[SaltKey]:
    return {row.key for row in store.vault.system.keystore.rows()}


# make and erase a vault


def create(vault: Vault, scene: Scene) -> Any:
    return vault.create(STRANGER, UnlockSecret.device(scene.secret), None)


def create_again(store: Store, scene: Scene, answer: list[Any]) -> None:
    """With the same device secret, as a phone does that got no answer; then with a new one."""
    device = UnlockSecret.device(scene.secret)
    if not answer:
        with suppress(Conflict):  # it is there, or a salt of it
            create(store.vault, scene)
    try:
        erase_made(store, scene.citizen, store.vault.unlock(STRANGER, device).token)
        assert SaltKey("method", method_id(device.secret)) not in salts(store)
    except CannotUnlock:
        assert not answer
    made = create(store.vault, replace(scene, secret=b64u(random_bytes(32))))
    erase_made(store, scene.citizen, made.session.token)


def erase_made(store: Store, citizen: Citizen, token: str) -> None:
    owner = replace(citizen, token=token)
    owner.put(NEWER)
    assert store.vault.erase(owner.owner) == Ended(recorded=True)


def erase(vault: Vault, scene: Scene) -> Ended:
    return vault.erase(scene.citizen.owner)


def erase_again(store: Store, scene: Scene, answer: list[Any]) -> None:
    with suppress(SessionEnded):
        erase(store.vault, scene)
        assert not answer
    refused(scene)
    with pytest.raises(CannotUnlock):
        scene.citizen.unlock()
    rows = store.vault.system.keystore.rows()
    assert scene.citizen.vault_id not in {row.vault_id for row in rows}


# sweep


def sweep(vault: Vault, _: Scene) -> None:
    vault.sweep()


def rotate_root(vault: Vault, _: Scene) -> None:
    rotate(vault.system.settings, vault.system.clock)


ACTS = {
    act.name: act
    for act in (
        Act("make a vault", new_secret, create, create_again),
        Act("unlock", people, unlock, unlock_again),
        Act("log out", people, log_out, log_out_again),
        Act("add a method", new_secret, add_method, add_method_again),
        Act("remove a method", second_device, remove_method, remove_method_again),
        Act("block", shut_out, block, block_again),
        Act("put", people, put, put_again),
        Act("offer", people, make_offer, offer_again),
        Act("redeem", offered, redeem, redeem_again),
        Act("read", redeemed, read, read_again),
        Act("read, the last one", last_read_left, read, last_read_again),
        Act("end", redeemed, end, end_again),
        Act("end, the log broken", redeemed, end_unrecorded, end_again),
        Act("erase", redeemed, erase, erase_again),
    )
}


def much_to_do(store: Store) -> Scene:
    """Everything that the sweeper finishes was cut off in the middle, or is over."""
    offered(store)
    redeemed(store, duration_seconds=60)
    for name, at in (("redeem", 4), ("end", 2)):
        _cut_off(store, ACTS[name], at)
    store.clock.advance(seconds=3600)  # over: offers, grants, sessions, proofs
    for name, at in (("remove a method", 2), ("erase", 2)):
        _cut_off(store, ACTS[name], at)
    scene = redeemed(store)
    _cut_off(store, ACTS["end, the log broken"], 2)
    return scene


def _cut_off(store: Store, act: Act, at: int) -> None:
    die(store, act.perform, act.prepare(store), at)
    store.reopen()
