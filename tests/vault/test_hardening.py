"""Attacks that a close reading found: each tells its story, and that it leads nowhere."""

import os
from collections.abc import Callable

import pytest
from sqlalchemy import delete, text

from crypto import jose
from crypto.encoding import b64u
from crypto.errors import Malformed
from operate.verification import verify_data
from tests.builders import PERSON, Citizen, Store
from tests.vault.rows import change, row_of, rows_of
from tests.vault.tables import audit_heads, audit_leaves, audit_openings, grants, vaults
from vault import caller
from vault.agencies import parse_invite
from vault.errors import Conflict, InvalidToken, LogUnavailable, Refused, SessionEnded
from vault.fields import NewValue
from vault.keystore import Keystore
from vault.sessions import UnlockSecret

NAME = "identity.given_name"


def device() -> UnlockSecret:
    return UnlockSecret.device(b64u(os.urandom(32)))


def test_a_log_set_back_under_a_running_server_is_not_signed_over(store: Store) -> None:
    """Whoever writes the database takes the newest entries away and waits for the next ones."""
    citizen = store.citizen()
    before = row_of(store, audit_heads)
    citizen.put({NAME: "Nova"})
    anchored = store.vault.system.log.head().frontier.size
    with store.vault.system.main.via_sqlalchemy() as connection:
        connection.execute(delete(audit_leaves).where(audit_leaves.c.idx >= before["size"]))
        connection.execute(delete(audit_openings).where(audit_openings.c.idx >= before["size"]))
    earlier = {name: before[name] for name in ("size", "frontier", "note")}
    change(store, audit_heads, {"id": 0}, **earlier)

    with pytest.raises(LogUnavailable):
        citizen.put({NAME: "Vera"})

    assert store.vault.system.log.head().frontier.size == before["size"] < anchored


@pytest.mark.parametrize("column", ["frontier", "note"])
def test_no_head_is_built_on_that_the_log_did_not_sign(store: Store, column: str) -> None:
    citizen = store.citizen()
    change(store, audit_heads, {"id": 0}, **{column: "x" if column == "note" else b"x"})

    with pytest.raises(LogUnavailable):
        citizen.put({NAME: "Vera"})


@pytest.mark.parametrize("column", ["frontier", "note"])
def test_an_end_never_waits_for_a_log_that_is_broken(store: Store, column: str) -> None:
    citizen, agency = store.citizen(), store.agency()
    offer = citizen.offer(agency, [NAME])
    token = agency.redeem(offer.code).token
    change(store, audit_heads, {"id": 0}, **{column: "x" if column == "note" else b"x"})

    ended = store.vault.end_grant(citizen.owner, offer.grant_id)

    assert not ended.recorded
    assert store.vault.system.keystore.rows("grant")[0].is_gone
    with pytest.raises(LogUnavailable):
        agency.read(token, [NAME])


def test_an_erasure_takes_no_other_vaults_audit_key_along(store: Store) -> None:
    """The row of a vault that is erased names another one's subject."""
    erased, other = store.citizen({}), store.citizen({})
    subject = row_of(store, vaults, vault_id=other.vault_id)["subject"]
    change(store, vaults, {"vault_id": erased.vault_id}, subject=subject)
    keystore = store.vault.system.keystore

    keystore.drop_vault(erased.vault_id, subject, retain_until=store.clock.ms)
    store.vault.sweep()

    audit = {row.key.id: row.vault_id for row in keystore.rows("audit")}
    assert audit[subject] == other.vault_id
    assert other.unlock().token


def test_a_last_read_that_broke_off_ends_the_grant_when_it_is_next_presented(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, agency = store.citizen(), store.agency()
    token = agency.redeem(citizen.offer(agency, [NAME], reads_max=1).code).token
    with monkeypatch.context() as crash:
        crash.setattr("vault.reading._Reading._end_if_used_up", lambda *_: None)
        agency.read(token, [NAME])
    assert [grant.state for grant in store.vault.grants(citizen.owner)] == ["active"]

    with pytest.raises(InvalidToken):
        agency.read(token, [NAME])

    assert [grant.state for grant in store.vault.grants(citizen.owner)] == ["ended"]
    assert ("grant.end", "permitted", "used_up") in citizen.log()
    assert verify_data(store.settings).findings == ()


def test_strangers_leave_no_salts_behind(store: Store) -> None:
    vault = store.reopen(registration="invite")
    used = parse_invite(vault.invite(caller.Operator(), 3600))
    vault.create(caller.Stranger(), device(), used)
    before = len(vault.system.keystore.rows())

    for invitation in (None, used):
        with pytest.raises(Refused):
            vault.create(caller.Stranger(), device(), invitation)

    assert len(vault.system.keystore.rows()) == before


def test_a_device_secret_in_use_is_refused_before_anything_is_queued(store: Store) -> None:
    citizen, other = store.citizen({}), store.citizen({})
    size = store.vault.system.log.head().frontier.size
    unlock = UnlockSecret.device(citizen.device_secret)

    with pytest.raises(Conflict):
        store.vault.add_method(caller.Stranger(), unlock, UnlockSecret.device(other.device_secret))

    assert store.vault.system.log.head().frontier.size == size


def two_devices(store: Store) -> tuple[Citizen, UnlockSecret, bytes]:
    citizen, second = store.citizen(), device()
    unlock = UnlockSecret.device(citizen.device_secret)
    added = store.vault.add_method(caller.Stranger(), unlock, second)
    return citizen, second, added.id


def test_a_lost_phones_session_ends_with_its_method(store: Store) -> None:
    citizen, phone, method_id = two_devices(store)
    stolen = store.vault.unlock(caller.Stranger(), phone).token

    store.vault.remove_method(citizen.owner, method_id)

    assert citizen.values()
    citizen.token = stolen
    with pytest.raises(SessionEnded):
        citizen.values()


def test_a_lost_phones_session_ends_also_when_the_removal_broke_off(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, phone, method_id = two_devices(store)
    stolen = store.vault.unlock(caller.Stranger(), phone).token

    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(Keystore, "drop", power_cut)
        with pytest.raises(KeyboardInterrupt):
            store.vault.remove_method(citizen.owner, method_id)
    store.vault.sweep()

    citizen.token = stolen
    with pytest.raises(SessionEnded):
        citizen.values()


def test_an_offer_can_not_be_redeemed_when_its_grant_is_over(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()

    offer = citizen.offer(agency, [NAME], duration_seconds=5)

    assert offer.offer_ends == offer.not_after == store.clock.ms + 5000


def test_no_value_and_no_password_is_in_a_repr(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    token = agency.redeem(citizen.offer(agency, [NAME]).code).token
    shown = [
        repr(NewValue(NAME, PERSON[NAME])),
        repr(agency.read(token, [NAME])),
        repr(store.vault.values(citizen.owner)),
        repr(store.settings.model_copy(update={"database_url": "postgresql://u:canary@host/db"})),
    ]
    for text_ in shown:
        assert PERSON[NAME] not in text_
        assert "canary" not in text_


@pytest.mark.parametrize("spoil", [lambda e: e[:-1] + "A", lambda e: b64u(b"\x01" + b"\x00" * 300)])
def test_an_rsa_key_with_another_exponent_is_refused(spoil: Callable[[str], str]) -> None:
    """A large exponent makes a stranger's proof thirty times as expensive to check."""
    modulus = b64u(b"\xc1" + os.urandom(255))
    with pytest.raises(Malformed):
        jose.parse_jwk({"kty": "RSA", "n": modulus, "e": spoil("AQAB")})


def test_a_damaged_audit_key_holds_no_other_expiry_up(store: Store) -> None:
    citizens, agency = [store.citizen(), store.citizen()], store.agency()
    for citizen in citizens:
        citizen.offer(agency, [NAME])
    subject = row_of(store, vaults, vault_id=citizens[0].vault_id)["subject"]
    with store.vault.system.main.via_sqlalchemy() as connection:
        connection.execute(
            text("UPDATE audit_key SET box = :box WHERE subject = :subject"),
            {"box": os.urandom(113), "subject": subject},
        )
    store.clock.advance(seconds=121)

    store.vault.sweep()

    assert store.vault.system.keystore.rows("grant") == []
    states = {row["vault_id"]: row["state"] for row in rows_of(store, grants)}
    assert states[citizens[1].vault_id] == "ended"
