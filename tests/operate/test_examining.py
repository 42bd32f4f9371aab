"""A real installation's log, looked at and exported: what is in it, and what its erasure leaves."""

import io
import itertools
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from audit.note import Checkpoint, sign_checkpoint
from consent.credentials import Client, Proof
from crypto import jose
from evidence.archive import Reader
from evidence.cosignature import parse_verifier
from evidence.errors import BadExport
from evidence.examination import Examined, verify_export
from evidence.export import CSV, OPENINGS, POLICY, SHREDDED, compose
from evidence.selection import Selection
from operate import examining
from operate.continuing import go_on, plan
from operate.examining import Window, examine, look, read
from operate.verification import verify_data
from tests.builders import PERSON, Store, texts
from tests.evidence.exports import members_of, resealed
from tests.vault.full_story import SHARED
from tests.vault.rows import change, main_rows, remove, row_of, rows_of, set_back
from tests.vault.tables import audit_checkpoints, audit_keys, audit_openings, vaults
from vault import caller
from vault.auditing import parse_audit_token
from vault.errors import Conflict, InvalidToken, LogUnavailable, NotFound, Replayed
from vault.logkeys import log_keys

AUDITOR = "https://auditor.example"
_serial = itertools.count()


def proof_of(store: Store, thumbprint: str = "key") -> Proof:
    return Proof(thumbprint, f"audit-{next(_serial)}", store.clock.now_ms(), None, None)


def registered(store: Store, auditor: str = AUDITOR) -> str:
    key = jose.public_jwk(jose.generate_key())
    document = {"id": auditor, "names": texts("Auditor"), "jwks": {"keys": [key]}}
    return store.vault.register_auditor(caller.Operator(), document)


def holder(store: Store, auditor: str = AUDITOR, officer: str | None = None) -> caller.TokenHolder:
    """As if the credentials had just been verified."""
    client = Client(auditor, f"a-{next(_serial)}", store.clock.now_ms() + 60_000)
    token = store.vault.issue_audit_token(caller.Auditor(client, proof_of(store)))
    return caller.TokenHolder(parse_audit_token(token), proof_of(store), officer)


def exported(store: Store, previous: tuple[int, bytes] | None = None) -> bytes:
    return b"".join(compose(examine(store.vault, caller.Operator()), previous))


def reader_of(blob: bytes) -> Reader:
    return Reader(io.BytesIO(blob))


def checked(blob: bytes, before: bytes | None = None) -> Examined:
    reader = reader_of(blob)
    keys = [
        parse_verifier(line.split()[1])
        for line in reader.read(POLICY, 10_000).decode().splitlines()
        if line.startswith("log ")
    ]
    return verify_export(reader, keys, None if before is None else reader_of(before))


def story(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    token = agency.redeem(citizen.offer(agency, SHARED).code).token
    agency.read(token, SHARED, officer="j.devries")
    with pytest.raises(InvalidToken):
        agency.read(token, SHARED, thumbprint="thief")


def test_an_export_of_an_installation_is_whole_and_holds_no_value(store: Store) -> None:
    story(store)
    blob = exported(store)

    examined = checked(blob)

    assert examined.findings == ()
    assert examined.size == store.vault.system.log.head().frontier.size
    for value in PERSON.values():
        assert str(value).encode() not in blob
    assert b"j.devries" in blob


def test_an_export_continues_the_one_before_while_the_log_grows(store: Store) -> None:
    story(store)
    first = exported(store)
    one = checked(first)
    store.citizen()
    second = exported(store, (one.size, one.root))
    two = checked(second, first)
    assert two.findings == ()
    assert two.size > one.size


def test_entries_committed_while_it_is_written_are_not_in_it(store: Store) -> None:
    story(store)
    examined = examine(store.vault, caller.Operator())
    pieces = compose(examined)
    parts = [next(pieces)]
    store.citizen()
    parts += pieces
    found = checked(b"".join(parts))
    assert (found.size, found.findings) == (examined.total, ())


def test_an_export_is_an_entry_and_the_manifest_says_which(store: Store) -> None:
    story(store)
    examined = examine(store.vault, caller.Operator())
    (log,) = examined.logs
    entry = list(examined.entries(log))[examined.index]
    assert entry.bodies is not None
    event = entry.bodies[0]
    assert (event.action, event.actor.kind, event.count) == (
        "log.export",
        "operator",
        examined.total,
    )


def test_erased_entries_are_listed_with_their_reason_and_everything_verifies(
    store: Store,
) -> None:
    store.reopen(audit_retention_days=0)
    citizen = store.citizen()
    store.citizen()
    store.vault.erase(citizen.owner)
    store.clock.advance(seconds=1)
    store.vault.sweep()

    blob = exported(store)

    found = checked(blob)
    assert found.findings == ()
    reasons = list(reader_of(blob).lines(SHREDDED))
    assert len(reasons) == 3  # made, recovery code typed back, put
    assert all(b'"erased"' in line for line in reasons)
    opened = sum(1 for _ in reader_of(blob).lines(OPENINGS))
    assert opened + len(reasons) == found.size


def test_an_opening_that_somebody_removed_or_changed_is_named(store: Store) -> None:
    story(store)
    subject = row_of(store, vaults)["subject"]
    rows = sorted(rows_of(store, audit_openings, subject=subject), key=lambda row: row["idx"])
    remove(store, audit_openings, idx=rows[1]["idx"])
    change(store, audit_openings, {"idx": rows[2]["idx"]}, opening=rows[0]["opening"])

    named = [str(one) for one in checked(exported(store)).findings]

    assert f"closed: entry {rows[1]['idx']}: its opening is missing: no time does that" in named
    assert f"closed: entry {rows[2]['idx']}: its opening is damaged: no time does that" in named


def test_a_published_checkpoint_that_somebody_changed_is_exported_and_named(store: Store) -> None:
    story(store)
    store.vault.sweep()
    store.citizen()
    change(store, audit_checkpoints, {"log": 1}, note="nonsense")
    (named,) = [str(one) for one in checked(exported(store)).findings]
    assert named.startswith("note: checkpoints/")


def test_a_subject_whose_key_row_is_gone_is_damaged_and_not_erased(store: Store) -> None:
    story(store)
    subject = row_of(store, vaults)["subject"]
    remove(store, audit_keys, subject=subject)
    closed = {e.closed for e in read(store.vault.system, Window()) if e.opening is None}
    assert closed == {"damaged"}


def test_an_opening_that_vanishes_while_it_is_written_breaks_the_export_off(store: Store) -> None:
    story(store)
    subject = row_of(store, vaults)["subject"]
    rendered = False

    def vanish(_: int) -> None:
        nonlocal rendered
        count["seen"] += 1
        if count["seen"] == count["size"] * 2 and not rendered:  # openings written, table not yet
            rendered = True
            remove(store, audit_openings, subject=subject)

    examined = examine(store.vault, caller.Operator())
    count = {"seen": 0, "size": examined.total}
    count["seen"] -= examined.total - 1  # the tiles are told bundle by bundle
    with pytest.raises(BadExport, match="erased meanwhile"):
        list(compose(examined, None, vanish))


def test_a_log_that_went_on_after_a_restore_is_exported_with_its_seam(tmp_path: Path) -> None:
    store = Store.make(tmp_path)
    citizen = store.citizen()
    before = exported(store)
    old = main_rows(store)
    for _ in range(3):
        citizen.unlock()
    store.vault.close()
    set_back(store, old)
    store.vault.close()
    go_on(store.settings, store.clock, plan(store.settings))
    citizen.vault = store.reopen()
    citizen.unlock()

    blob = exported(store)

    # Another end of the log before, by whoever has its key, is not the one that was gone on from.
    members = members_of(blob)
    key = log_keys(store.settings).newest
    other = sign_checkpoint(key, Checkpoint(key.name, 3, bytes(32)))
    forged = resealed(members | {"earlier/1/checkpoint": other.encode()})
    assert (
        "continue: kluis.example/audit-2 does not go on from the end of kluis.example/audit "
        "(in kluis.example/audit)" in [str(one) for one in checked(forged).findings]
    )
    without = resealed({n: raw for n, raw in members.items() if not n.startswith("earlier/")})
    assert any(one.code == "member" for one in checked(without).findings)

    names = reader_of(blob).names
    assert {"earlier/1/checkpoint", "earlier/1/openings.ndjson", "checkpoint"} <= set(names)
    found = checked(blob, before)
    assert found.findings == ()
    assert (
        "kluis.example/audit ends with 4 entries, kluis.example/audit-2 goes on; "
        "3 more were signed and are lost, as it says" in found.checked
    )
    store.close()


@pytest.mark.parametrize("windows", [1, 3, 7])
def test_windows_of_any_size_give_the_same(
    store: Store, windows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    story(store)
    whole = [one.index for one in read(store.vault.system, Window())]
    monkeypatch.setattr(examining, "WINDOW_ENTRIES", windows)
    at, found = (0, 0), list[int]()
    while page := read(store.vault.system, Window(at, most=windows)):
        found += [one.index for one in page]
        at = page[-1].log, page[-1].index
    assert found == whole


# Who looks, and what that leaves.


def last(store: Store) -> Mapping[str, object]:
    entry = read(store.vault.system, Window())[-1]
    assert entry.bodies is not None
    return entry.bodies[0].members()


def test_an_auditors_look_names_it_its_officer_and_how_many(store: Store) -> None:
    story(store)
    registered(store)
    found = look(store.vault, holder(store, officer="m.audit"), Window(most=4))
    assert [one.index for one in found] == [0, 1, 2, 3]
    said = last(store)
    assert said["actor"] == {"kind": "auditor", "id": AUDITOR}
    assert said["officer"] == {"id": "m.audit", "stated_by": "auditor"}
    assert (said["action"], said["count"]) == ("log.read", 4)


def test_what_is_given_is_never_more_than_was_recorded(store: Store) -> None:
    """Entries that come in between the count and the look are not shown."""
    story(store)
    registered(store)
    size = store.vault.system.log.head().frontier.size
    found = look(store.vault, holder(store), Window())
    assert (len(found), last(store)["count"]) == (size, size)


def test_nothing_is_shown_while_the_log_can_not_be_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    story(store)
    registered(store)
    by = holder(store)

    def fail(*_: object) -> None:
        raise LogUnavailable

    monkeypatch.setattr(store.vault.system.sequencer, "record", fail)
    with pytest.raises(LogUnavailable):
        look(store.vault, by, Window())
    with pytest.raises(LogUnavailable):
        examine(store.vault, by)


def test_a_proof_that_comes_twice_at_once_shows_the_log_once(store: Store) -> None:
    story(store)
    registered(store)
    by = holder(store)
    results: list[object] = []

    def run() -> None:
        try:
            results.append(len(look(store.vault, by, Window())))
        except Replayed:
            results.append("replayed")

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, results))[1:] == ["replayed"] * 3


def test_a_revoked_auditor_is_refused_and_can_not_come_back_under_its_id(store: Store) -> None:
    registered(store)
    by = holder(store)
    store.vault.revoke_auditor(caller.Operator(), AUDITOR)
    with pytest.raises(InvalidToken):
        look(store.vault, by, Window())
    with pytest.raises(InvalidToken):
        look(store.vault, holder(store), Window())
    with pytest.raises(NotFound):
        store.vault.revoke_auditor(caller.Operator(), AUDITOR)
    with pytest.raises(Conflict):
        registered(store)
    assert verify_data(store.settings).findings == ()


def test_agency_and_auditor_of_one_id_are_two_registrations(store: Store) -> None:
    agency = store.agency(AUDITOR)
    citizen = store.citizen()
    registered(store)
    store.vault.revoke_auditor(caller.Operator(), AUDITOR)
    agency.redeem(citizen.offer(agency, SHARED).code)  # the agency stays
    registered(store, other := "https://other.example")
    store.agency(other)
    store.vault.revoke_agency(caller.Operator(), other, None)
    assert look(store.vault, holder(store, other), Window(most=1))  # the auditor stays


def test_a_restart_does_not_end_a_token_and_another_installation_does_not_know_it(
    store: Store, tmp_path: Path
) -> None:
    registered(store)
    by = holder(store)
    store.reopen()
    assert look(store.vault, by, Window())
    other = Store.make(tmp_path / "other")
    registered(other)
    with pytest.raises(InvalidToken):
        look(other.vault, caller.TokenHolder(by.token, proof_of(other), None), Window())
    other.close()


def test_entries_are_selected_by_what_they_say(store: Store) -> None:
    story(store)
    entries = read(store.vault.system, Window())
    reads = [one for one in entries if Selection(action="data.read").holds(one)]
    assert len(reads) == 2
    denied = Selection(agency="https://agency.example", action="data.read", outcome="denied")
    assert [one.index for one in reads if denied.holds(one)] == [reads[-1].index]
    assert [Selection(officer="j.devries").holds(one) for one in reads] == [True, False]
    assert all(Selection().holds(one) for one in entries)


def test_windows_are_bounded_by_when_calls_came_in(store: Store) -> None:
    first = store.clock.now_ms()
    store.citizen()
    store.clock.advance(days=1)
    store.citizen()
    second = store.clock.now_ms()
    everything = read(store.vault.system, Window())
    early = read(store.vault.system, Window(between_ms=(first, second - 1)))
    late = read(store.vault.system, Window(between_ms=(second, second)))
    assert [*early, *late] == everything
    assert {one.bodies[0].at for one in late if one.bodies} == {second}


def test_the_table_of_an_export_lists_who_read(store: Store) -> None:
    story(store)
    rows = list(reader_of(exported(store)).lines(CSV))
    assert sum(b"data.read,permitted" in row for row in rows) == 1
