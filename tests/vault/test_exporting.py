"""An export by its owner: one link, one entry, one time, a quarter of an hour."""

import pytest

from tests.builders import Citizen, Store
from vault.errors import LogUnavailable, NotFound, Refused, Replayed, SessionEnded


def exports(citizen: Citizen) -> list[tuple[str, str | None]]:
    return [(o, r) for action, o, r in citizen.log() if action == "vault.export"]


def test_a_link_works_once_and_is_an_entry(store: Store) -> None:
    citizen = store.citizen()
    link = store.vault.export_link(citizen.owner)
    assert exports(citizen) == []
    store.vault.record_export(citizen.owner, link)
    assert exports(citizen) == [("permitted", None)]
    with pytest.raises(Replayed):
        store.vault.record_export(citizen.owner, link)
    store.reopen()
    with pytest.raises(Replayed):
        store.vault.record_export(citizen.owner, link)
    store.vault.record_export(citizen.owner, store.vault.export_link(citizen.owner))


def test_a_link_lives_a_quarter_of_an_hour_and_stays_used_as_long(store: Store) -> None:
    citizen = store.citizen()
    link, late = store.vault.export_link(citizen.owner), store.vault.export_link(citizen.owner)
    store.vault.record_export(citizen.owner, link)
    store.clock.advance(seconds=899)
    store.vault.sweep()
    with pytest.raises(Replayed):
        store.vault.record_export(citizen.owner, link)
    store.clock.advance(seconds=1)
    for one in (link, late):
        with pytest.raises(NotFound):
            store.vault.record_export(citizen.owner, one)


def test_a_link_takes_a_fresh_unlock(store: Store) -> None:
    citizen = store.citizen()
    store.clock.advance(seconds=301)
    with pytest.raises(Refused):
        store.vault.export_link(citizen.owner)


def test_a_link_is_of_the_session_that_made_it(store: Store) -> None:
    citizen, other = store.citizen(), store.citizen()
    link = store.vault.export_link(citizen.owner)
    for one in (link[:-1] + bytes([link[-1] ^ 1]), b"", b"x" * 60):
        with pytest.raises(NotFound):
            store.vault.record_export(citizen.owner, one)
    with pytest.raises(NotFound):
        store.vault.record_export(other.owner, link)
    citizen.unlock()
    with pytest.raises(NotFound):
        store.vault.record_export(citizen.owner, link)


def test_nothing_is_exported_while_the_log_can_not_be_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = store.citizen()
    link = store.vault.export_link(citizen.owner)

    def broken(*_: object) -> None:
        raise LogUnavailable

    monkeypatch.setattr(store.vault.system.sequencer, "submit", broken)
    with pytest.raises(LogUnavailable):
        store.vault.record_export(citizen.owner, link)


def test_a_link_is_looked_up_as_it_is_used_and_not_spent(store: Store) -> None:
    citizen, other = store.citizen(), store.citizen()
    link = store.vault.export_link(citizen.owner)

    def check(by: Citizen, one: bytes) -> None:
        store.vault.check_export(by.owner, one)

    check(citizen, link)
    for by, one in ((other, link), (citizen, b""), (citizen, b"x" * len(link))):
        with pytest.raises(NotFound):
            check(by, one)
    assert exports(citizen) == []
    store.vault.record_export(citizen.owner, link)
    with pytest.raises(Replayed):
        check(citizen, link)
    assert exports(citizen) == [("permitted", None), ("denied", "replayed")]
    store.clock.advance(seconds=900)
    with pytest.raises(NotFound):
        check(citizen, link)
    store.vault.log_out(citizen.owner)
    with pytest.raises(SessionEnded):
        check(citizen, link)
