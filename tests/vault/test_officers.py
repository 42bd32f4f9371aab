"""Officers: invited once, signed in by a passkey, bound to one session, gone when revoked."""

import asyncio

import pytest

from catalogue.registration import Officer
from crypto import jose
from operate.listing import show
from operate.verification import verify_data
from tests.builders import PERSON, AgencyDesk, Store, texts
from tests.vault.rows import change, remove
from tests.vault.tables import instance, registrations
from vault import caller
from vault.errors import (
    BadInput,
    Conflict,
    InvalidGrant,
    InvalidToken,
    NotFound,
    Refused,
    Replayed,
    SessionEnded,
)
from vault.officers import OfficerSession

AUDITOR = "https://auditor.example"
KEY_ID, PUBLIC_KEY = b"credential-of-a-test", b"\xa5cose-key-of-a-test"
STRANGER, OPERATOR = caller.Stranger(), caller.Operator()


@pytest.fixture
def desk(store: Store) -> AgencyDesk:
    return store.agency(officer_required=True)


@pytest.fixture
def audited(store: Store) -> str:
    jwks = {"keys": [jose.public_jwk(jose.generate_key())]}
    document = {"id": AUDITOR, "names": texts("The auditor"), "jwks": jwks}
    return store.vault.register_auditor(OPERATOR, document)


def invite(store: Store, party: str, officer: str = "j.jansen") -> str:
    return store.vault.invite_officer(OPERATOR, party, officer, "Jo Jansen", 3600)


def enrol(store: Store, party: str, officer: str = "j.jansen", key_id: bytes = KEY_ID) -> Officer:
    return store.vault.enrol_officer(STRANGER, invite(store, party, officer), key_id, PUBLIC_KEY)


def sign_in(store: Store, key_id: bytes = KEY_ID) -> OfficerSession:
    challenge = store.vault.officer_challenge(STRANGER)
    return store.vault.start_officer_session(STRANGER, key_id, challenge)


def enter(store: Store, party: str) -> caller.Officer:
    enrol(store, party)
    return caller.Officer(sign_in(store).token)


def read(store: Store, by: caller.Officer, token: str) -> set[str]:
    holder = store.vault.holder_of(by, token)
    given, _ = asyncio.run(store.vault.read(holder, list(PERSON), asyncio.to_thread))
    return set(given)


def test_an_invited_officer_enrols_signs_in_redeems_and_reads_under_a_name(
    store: Store, desk: AgencyDesk
) -> None:
    citizen = store.citizen()
    code = invite(store, desk.id)
    invited = store.vault.read_invitation(STRANGER, code)
    assert (invited.id, invited.name, invited.party) == ("j.jansen", "Jo Jansen", desk.id)
    officer = store.vault.enrol_officer(STRANGER, code, KEY_ID, PUBLIC_KEY)
    assert store.vault.registry().officers == {KEY_ID: officer}
    assert officer.public_key == PUBLIC_KEY
    by = caller.Officer(sign_in(store).token)

    made = citizen.offer(desk, list(PERSON))
    redeemed, _ = store.vault.redeem(store.vault.agency_of(by), made.code, None)
    assert read(store, by, redeemed.token) == set(PERSON)

    entries = store.vault.activity(citizen.owner).entries
    named = {e.event.action: e.event.officer for e in entries if e.event.actor.kind == "agency"}
    assert {who.id for who in named.values() if who is not None} == {"j.jansen"}
    assert named.keys() == {"grant.redeem", "data.read"}


def test_an_invitation_is_for_one_person_once_and_not_for_long(
    store: Store, desk: AgencyDesk
) -> None:
    code, late = invite(store, desk.id), invite(store, desk.id, "a.late")
    store.vault.enrol_officer(STRANGER, code, KEY_ID, PUBLIC_KEY)
    with pytest.raises(Conflict):
        store.vault.enrol_officer(STRANGER, code, b"another", PUBLIC_KEY)
    with pytest.raises(Conflict):
        invite(store, desk.id)
    store.clock.advance(seconds=3600)
    with pytest.raises(Refused):
        store.vault.read_invitation(STRANGER, late)
    with pytest.raises(Refused):
        store.vault.enrol_officer(STRANGER, late, b"another", PUBLIC_KEY)


def test_a_revoked_officers_id_is_never_used_again(store: Store, desk: AgencyDesk) -> None:
    code = invite(store, desk.id)
    store.vault.enrol_officer(STRANGER, code, KEY_ID, PUBLIC_KEY)
    store.vault.revoke_officer(OPERATOR, desk.id, "j.jansen")
    with pytest.raises(Conflict):
        store.vault.enrol_officer(STRANGER, code, KEY_ID, PUBLIC_KEY)


@pytest.mark.parametrize("code", ["", "oi1_", "oi1_AAAA", "os1_AAAA", "oi1_*", "x"])
def test_what_is_no_invitation_enrols_nobody(store: Store, code: str) -> None:
    with pytest.raises(Refused):
        store.vault.enrol_officer(STRANGER, code, KEY_ID, PUBLIC_KEY)


@pytest.mark.parametrize("officer", ["", " a", "é", "a" * 129, "a\n"])
def test_an_officers_id_is_printable_ascii_of_128_characters(
    store: Store, desk: AgencyDesk, officer: str
) -> None:
    with pytest.raises(BadInput):
        invite(store, desk.id, officer)


def test_nobody_is_invited_for_a_party_that_is_not_registered(
    store: Store, desk: AgencyDesk
) -> None:
    code = invite(store, desk.id)
    with pytest.raises(NotFound):
        invite(store, "https://nobody.example")
    store.vault.revoke_agency(OPERATOR, desk.id, None)
    with pytest.raises(NotFound):
        invite(store, desk.id, "another")
    with pytest.raises(Refused):
        store.vault.read_invitation(STRANGER, code)


def test_a_passkey_is_one_officers(store: Store, desk: AgencyDesk) -> None:
    enrol(store, desk.id)
    with pytest.raises(Conflict):
        enrol(store, desk.id, "another")


def test_a_challenge_starts_one_session_and_is_soon_too_old(store: Store, desk: AgencyDesk) -> None:
    enrol(store, desk.id)
    challenge, old = (store.vault.officer_challenge(STRANGER) for _ in range(2))
    store.vault.start_officer_session(STRANGER, KEY_ID, challenge)
    with pytest.raises(Replayed):
        store.vault.start_officer_session(STRANGER, KEY_ID, challenge)
    with pytest.raises(Refused):
        store.vault.start_officer_session(STRANGER, b"unknown", old)
    with pytest.raises(Refused):
        store.vault.start_officer_session(STRANGER, KEY_ID, b"made by somebody else")
    store.clock.advance(seconds=300)
    with pytest.raises(Refused):
        store.vault.start_officer_session(STRANGER, KEY_ID, old)


def test_a_session_ends_when_idle_and_in_the_end_whatever_is_done(
    store: Store, desk: AgencyDesk
) -> None:
    by = enter(store, desk.id)
    for _ in range(33):
        store.clock.advance(seconds=870)
        by = caller.Officer(store.vault.officer_session(by).token)
    session = store.vault.officer_session(by)
    assert session.idle_ends == session.ends == session.started + 8 * 3_600_000
    store.clock.ms = session.ends - 1
    assert store.vault.officer_session(by).id == session.id
    store.clock.ms = session.ends
    with pytest.raises(SessionEnded):
        store.vault.officer_session(by)


def test_an_idle_session_is_over_after_a_quarter_of_an_hour(store: Store, desk: AgencyDesk) -> None:
    by = enter(store, desk.id)
    store.clock.advance(seconds=899)
    store.vault.officer_session(by)  # a look whose renewed token nobody kept
    store.clock.advance(seconds=1)
    with pytest.raises(SessionEnded):
        store.vault.agency_of(by)


def test_who_signed_out_is_out_with_every_token_of_the_session_also_after_a_restart(
    store: Store, desk: AgencyDesk
) -> None:
    first = enter(store, desk.id)
    second = caller.Officer(store.vault.officer_session(first).token)
    other = caller.Officer(sign_in(store).token)
    store.vault.end_officer_session(first)
    vault = store.reopen()
    for by in (first, second):
        with pytest.raises(SessionEnded):
            vault.officer_session(by)
        with pytest.raises(SessionEnded):
            vault.holder_of(by, "va1_" + "A" * 43)
    store.clock.advance(seconds=800)
    vault.sweep()
    with pytest.raises(SessionEnded):
        vault.officer_session(second)
    assert vault.officer_session(other).officer.id == "j.jansen"


def test_the_burnt_session_is_remembered_as_long_as_its_token_could_live(
    store: Store, desk: AgencyDesk
) -> None:
    by = enter(store, desk.id)
    store.reopen(officer_idle_seconds=3600)
    store.vault.end_officer_session(by)
    store.clock.advance(seconds=3599)
    store.vault.sweep()
    with pytest.raises(SessionEnded):
        store.vault.officer_session(by)


@pytest.mark.parametrize("what", ["officer", "agency", "row"])
def test_a_revoked_officer_or_party_ends_every_session_at_once(
    store: Store, desk: AgencyDesk, what: str
) -> None:
    by = enter(store, desk.id)
    if what == "officer":
        store.vault.revoke_officer(OPERATOR, desk.id, "j.jansen")
    elif what == "agency":
        store.vault.revoke_agency(OPERATOR, desk.id, None)
    else:  # somebody changes the row in the database
        change(store, registrations, {"kind": "officer"}, mac=bytes(32))
        change(store, instance, {"id": 0}, registry_version=99)
    for use in (store.vault.officer_session, store.vault.agency_of):
        with pytest.raises(SessionEnded):
            use(by)
    with pytest.raises(Refused):
        sign_in(store)


def test_a_passkey_that_went_to_another_officer_opens_no_older_session(
    store: Store, desk: AgencyDesk
) -> None:
    by = enter(store, desk.id)
    store.vault.revoke_officer(OPERATOR, desk.id, "j.jansen")
    enrol(store, desk.id, "another")
    with pytest.raises(SessionEnded):
        store.vault.officer_session(by)
    assert sign_in(store).officer.id == "another"


def test_an_access_token_works_in_the_session_that_redeemed_it_and_in_no_other(
    store: Store, desk: AgencyDesk
) -> None:
    citizen, mine = store.citizen(), enter(store, desk.id)
    other = caller.Officer(sign_in(store).token)
    made = citizen.offer(desk, list(PERSON))
    redeemed, _ = store.vault.redeem(store.vault.agency_of(mine), made.code, None)
    with pytest.raises(InvalidToken):
        read(store, other, redeemed.token)
    assert read(store, mine, redeemed.token)
    renewed = caller.Officer(store.vault.officer_session(mine).token)
    assert read(store, renewed, redeemed.token)


def test_an_officer_of_one_agency_redeems_no_code_for_another(
    store: Store, desk: AgencyDesk
) -> None:
    citizen, other = store.citizen(), store.agency("https://other.example")
    by = enter(store, other.id)
    made = citizen.offer(desk, list(PERSON))
    with pytest.raises(InvalidGrant):
        store.vault.redeem(store.vault.agency_of(by), made.code, None)


def test_an_auditors_officer_looks_at_the_log_and_is_named_there(
    store: Store, audited: str
) -> None:
    by = enter(store, audited)
    token = store.vault.issue_audit_token(store.vault.auditor_of(by))
    store.vault.record_look(store.vault.holder_of(by, token), "log.read", 3)
    other = caller.Officer(sign_in(store).token)
    with pytest.raises(InvalidToken):
        store.vault.record_look(store.vault.holder_of(other, token), "log.read", 3)
    with pytest.raises(Refused):
        store.vault.agency_of(by)
    with pytest.raises(InvalidToken):
        store.vault.holder_of(by, "va1_" + "A" * 43)


def test_an_agencys_officer_sees_nothing_of_the_log(store: Store, desk: AgencyDesk) -> None:
    by = enter(store, desk.id)
    with pytest.raises(Refused):
        store.vault.auditor_of(by)
    with pytest.raises(InvalidToken):
        store.vault.holder_of(by, "aa1_AAAA")


@pytest.mark.parametrize("token", ["", "os1_", "os1_AAAA", "ks1_AAAA", "os1_é"])
def test_what_is_no_session_opens_nothing(store: Store, desk: AgencyDesk, token: str) -> None:
    enrol(store, desk.id)
    by = caller.Officer(token)
    uses = (store.vault.officer_session, store.vault.agency_of, store.vault.auditor_of)
    for use in (*uses, store.vault.end_officer_session):
        with pytest.raises(SessionEnded):
            use(by)


def test_an_invitation_is_no_session_and_a_session_no_invitation(
    store: Store, desk: AgencyDesk
) -> None:
    code = invite(store, desk.id, "another")
    by = enter(store, desk.id)
    with pytest.raises(SessionEnded):
        store.vault.officer_session(caller.Officer("os1_" + code.removeprefix("oi1_")))
    with pytest.raises(Refused):
        store.vault.read_invitation(STRANGER, "oi1_" + by.token.removeprefix("os1_"))


def test_an_officers_enrolment_and_end_are_entries_that_fit_the_registry(
    store: Store, desk: AgencyDesk
) -> None:
    enrol(store, desk.id)
    assert [f for f in verify_data(store.settings).findings if f.code == "registry"] == []
    line = next(one for one in show(store.settings) if one.action == "registry.add")
    assert line.actor == desk.id
    store.vault.revoke_officer(OPERATOR, desk.id, "j.jansen")
    assert [f for f in verify_data(store.settings).findings if f.code == "registry"] == []
    remove(store, registrations, kind="officer")
    assert [f for f in verify_data(store.settings).findings if f.code == "registry"] != []
