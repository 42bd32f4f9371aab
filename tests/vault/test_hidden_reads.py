"""Reads that a law lets stay hidden: nothing an owner can fetch tells of one before its day."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from audit.entry import decode_chain
from catalogue.errors import BadRegistration
from crypto import jose
from operate.verification import verify_data
from tests.api.owners import Owner, ask
from tests.builders import PERSON, AgencyDesk, Store, registration
from tests.vault.entries import entries_of
from tests.vault.rows import change, row_of
from tests.vault.tables import audit_openings, audit_subjects, grants
from vault import caller
from vault.activities import Entry
from vault.errors import InvalidGrant, InvalidToken, Refused, UnauthorizedField
from vault.sessions import open_session

FIELD, OTHER = "identity.given_name", "identity.birth_date"
DAYS = 30
LAW = {"kind": "law", "reference": "Wet, art. 1"}
RIGHT = {"legal_basis": "Wet, art. 2", "days_max": DAYS}


def investigators(store: Store, agency: str = "https://police.example") -> AgencyDesk:
    """An agency whose use may be read hidden."""
    key = jose.generate_key()
    document = registration(agency, key, {FIELD: False, OTHER: False})
    document["intended_uses"][0] |= {"legal_basis": LAW, "hidden_reads": RIGHT}
    store.vault.register_agency(caller.Operator(), document)
    return AgencyDesk(store.vault, agency, "test-use", key)


@dataclass
class Case:
    store: Store
    owner: Owner
    police: AgencyDesk
    token: str
    code: str
    grant: bytes

    @classmethod
    def make(cls, store: Store) -> "Case":
        police = investigators(store)
        owner = Owner(store.citizen({FIELD: PERSON[FIELD], OTHER: PERSON[OTHER]}))
        offer = owner.citizen.offer(police, [FIELD], duration_seconds=90 * 86_400)
        token = police.redeem(offer.code).token
        return cls(store, owner, police, token, offer.code, offer.grant_id)

    def read(self) -> None:
        assert self.police.read(self.token, [FIELD])

    def unlocked(self) -> Owner:
        self.owner.citizen.unlock()
        return self.owner

    def all_entries(self) -> list[Entry]:
        """As an auditor sees them."""
        system = self.store.vault.system
        opened = open_session(system, self.owner.citizen.owner, self.store.clock.ms)
        return entries_of(system, opened.context.audit_key)


@pytest.fixture
def case(store: Store) -> Case:
    return Case.make(store)


# Before its day


def fetched(case: Case) -> dict[str, Any]:
    """Everything that the owner can ask for, through the real door."""
    paths = [
        "/v1/vault",
        "/v1/values",
        f"/v1/values/{FIELD}",
        "/v1/grants",
        "/v1/agencies",
        "/v1/catalogue",
        "/v1/me/activity",
        "/v1/me/activity?limit=2",
        "/v1/me/activity?limit=2&before=1.6",
        "/v1/me/activity?action=data.read",
        "/v1/me/activity?agency=https://police.example",
        "/v1/me/activity?alarms=all",
        "/v1/me/activity?since_size=3",
    ]
    answers = {}
    for path in paths:
        answer = ask(case.store.vault, case.owner.citizen.token, path)
        answers[path] = answer.status_code, _told(answer.json()), sorted(answer.headers)
    return answers


_RANDOM = re.compile(r"[A-Za-z0-9_-]{22,}|[0-9a-f-]{36}|\n[A-Za-z0-9+/=]{44}\n|\u2014 .*")


def _told(body: Any) -> Any:
    """What an answer tells: its random bytes are others in each installation, and as many."""
    if isinstance(body, dict):
        return {name: _told(value) for name, value in body.items()}
    if isinstance(body, list):
        told = [_told(value) for value in body]
        is_by_id = any(isinstance(one, dict) and "confirmed_at" in one for one in told)
        return sorted(told, key=str) if is_by_id else told
    if isinstance(body, str):
        return _RANDOM.sub(lambda found: f"<{len(found[0])}>", body)
    return body


def one_world(tmp_path: Path, act: Callable[[Case, str], None]) -> dict[str, Any]:
    store = Store.make(tmp_path)
    try:
        case = Case.make(store)
        agency = store.agency(fields={FIELD: False, OTHER: False})
        other = store.citizen({FIELD: PERSON[FIELD]})
        token = agency.redeem(other.offer(agency, [FIELD]).code).token
        store.clock.advance(seconds=60)
        act(case, token)
        case.owner.citizen.unlock()
        found = fetched(case)
        found["check"] = case.owner.check().memory is not None
        case.store.clock.advance(days=DAYS - 1)
        case.owner.citizen.unlock()
        found["later"] = fetched(case)
        return found
    finally:
        store.close()


def hidden(case: Case, _token: str) -> None:
    case.read()


def refused_hidden(case: Case, _token: str) -> None:
    with pytest.raises(UnauthorizedField):
        case.police.read(case.token, [OTHER])


def elsewhere(case: Case, token: str) -> None:
    """The same work for somebody else: what grows is the log of all."""
    agency = AgencyDesk(case.store.vault, "https://agency.example", "test-use", {})
    assert agency.read(token, [FIELD])


@pytest.mark.parametrize("act", [hidden, refused_hidden])
def test_two_vaults_with_and_without_a_hidden_read_tell_their_owners_the_same(
    tmp_path: Path, act: Callable[[Case, str], None]
) -> None:
    with_one = one_world(tmp_path / "with", act)
    without = one_world(tmp_path / "without", elsewhere)
    assert with_one.keys() == without.keys()
    for path, answer in with_one.items():
        assert json.dumps(answer) == json.dumps(without[path]), path


def test_an_open_read_would_be_told(tmp_path: Path) -> None:
    """The comparison above sees what an owner sees."""

    def open_read(case: Case, _token: str) -> None:
        agency = AgencyDesk(case.store.vault, "https://agency.example", "test-use", {})
        offer = case.owner.citizen.offer(agency, [FIELD])
        agency.read(agency.redeem(offer.code).token, [FIELD])

    assert one_world(tmp_path / "a", open_read) != one_world(tmp_path / "b", elsewhere)


def test_a_code_used_again_is_told_alike_whether_it_was_read_or_not(case: Case) -> None:
    case.read()
    with pytest.raises(InvalidGrant):
        case.police.redeem(case.code)
    assert case.owner.citizen.alarms() == ["answer_lost"]


def test_grants_show_no_use_of_a_hidden_read(case: Case) -> None:
    for _ in range(3):
        case.read()
    [grant] = case.store.vault.grants(case.owner.citizen.owner)
    assert (grant.state, grant.reads_used) == ("active", 0)
    assert row_of(case.store, grants)["reads_used"] == 0


def test_an_offer_under_such_a_use_can_not_number_its_reads(case: Case) -> None:
    """The end of the grant would show them."""
    with pytest.raises(Refused) as refused:
        case.owner.citizen.offer(case.police, [FIELD], reads_max=3)
    assert refused.value.code == "limit_reached"


def test_what_ends_the_access_ends_hidden_reads_too(case: Case) -> None:
    """Only under a grant."""
    case.read()
    case.store.vault.end_grant(case.owner.citizen.owner, case.grant)
    with pytest.raises(InvalidToken):
        case.police.read(case.token, [FIELD])
    assert [(e.event.outcome, e.event.reason) for e in case.all_entries()[-2:]] == [
        ("permitted", "revoked"),
        ("denied", "ended"),
    ]
    assert case.all_entries()[-1].chain.class_ == "deferred"
    assert case.owner.citizen.log()[-1][0] == "log.read"


def test_who_comes_with_another_key_has_no_right_to_hide(case: Case) -> None:
    with pytest.raises(InvalidToken):
        case.police.read(case.token, [FIELD], thumbprint="of a thief")
    assert ("data.read", "denied", "wrong_key") in case.owner.citizen.log()


def test_a_right_that_was_withdrawn_hides_nothing_more(case: Case) -> None:
    case.read()
    case.store.vault.revoke_agency(caller.Operator(), case.police.id, case.police.use)
    with pytest.raises(InvalidToken):
        case.police.read(case.token, [FIELD])
    assert ("data.read", "denied", "use_revoked") in case.owner.citizen.log()


# On its day


def test_after_its_day_it_stands_in_its_place_unchanged_and_proved(case: Case) -> None:
    case.store.clock.advance(seconds=1)
    case.read()
    case.store.clock.advance(seconds=1)
    case.read()
    case.owner.citizen.unlock()
    before = case.owner.check()
    stored = [e.opening for e in case.all_entries() if e.chain.class_ == "deferred"]
    assert (before.findings, before.reads, before.deferred) == ((), 0, 0)

    case.store.clock.advance(days=DAYS, seconds=-2)
    assert case.unlocked().check().reads == 0
    case.store.clock.advance(seconds=1)
    assert case.unlocked().check().reads == 1, "from the first millisecond of its day on"
    case.store.clock.advance(seconds=1)

    after = case.unlocked().check(before.memory)
    assert (after.findings, after.reads, after.deferred) == ((), 2, 2)
    page = case.owner.page()
    shown = [one for one in page["entries"] if one.get("deferred")]
    assert [one["number"] for one in shown] == [2, 1]
    places = [(one["log"], one["index"]) for one in page["entries"]]
    assert places == sorted(places, reverse=True), "in its place, and not on top"
    assert page["counts"] == {"entries": after.entries, "reads": 0, "refusals": 0, "deferred": 2}
    still = [e.opening for e in case.all_entries() if e.chain.class_ == "deferred"]
    assert still == stored
    assert page["damaged"] == []


def test_a_later_read_is_never_shown_before_an_earlier_one(case: Case) -> None:
    """A clock that went back, or another use with a shorter delay, changes no order."""
    case.read()
    case.store.clock.advance(seconds=-3600)
    case.read()
    chains = [e.chain for e in case.all_entries() if e.chain.class_ == "deferred"]
    assert chains[0].visible_after == chains[1].visible_after
    assert verify_data(case.store.settings).findings == ()


def test_the_numbers_of_both_classes_run_without_a_gap(case: Case) -> None:
    for _ in range(3):
        case.read()
        case.owner.citizen.put({FIELD: PERSON[FIELD]})
    numbers = {"open": [0], "deferred": [0]}
    for entry in case.all_entries():
        numbers[entry.chain.class_].append(entry.chain.subject_seq)
    assert numbers["deferred"] == [0, 1, 2, 3]
    assert numbers["open"] == list(range(len(numbers["open"])))


def test_reads_of_one_batch_are_deferred_in_order(case: Case) -> None:
    """Whatever the sequencer commits together."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: case.read(), range(16)))
    chains = [e.chain for e in case.all_entries() if e.chain.class_ == "deferred"]
    assert [chain.subject_seq for chain in chains] == list(range(1, 17))
    assert verify_data(case.store.settings).findings == ()


# Auditors and the tables


def test_an_auditor_sees_them_at_once_and_the_tables_agree(case: Case) -> None:
    case.read()
    verified = verify_data(case.store.settings)
    assert verified.findings == ()
    [entry] = [e for e in case.all_entries() if e.chain.class_ == "deferred"]
    assert entry.event.actor.id == case.police.id
    assert (
        decode_chain(entry.opening.chain).visible_after == case.store.clock.ms + DAYS * 86_400_000
    )


@pytest.mark.parametrize("day", [None, 1, 2**50])
def test_a_row_that_shows_it_sooner_or_never_is_found(case: Case, day: int | None) -> None:
    case.read()
    change(case.store, audit_openings, {"idx": case.all_entries()[-1].index}, visible_after=day)
    found = [finding.code for finding in verify_data(case.store.settings).findings]
    assert found == ["opening"]


@pytest.mark.parametrize("column", ["reads", "refusals", "visible_after", "last_seq"])
def test_counts_that_were_changed_are_found(case: Case, column: str) -> None:
    case.read()
    subject = case.all_entries()[0].chain.subject
    change(case.store, audit_subjects, {"subject": subject, "class": "deferred"}, **{column: 77})
    found = [finding.code for finding in verify_data(case.store.settings).findings]
    assert found == ["subject"]


# What is said beforehand


def test_the_public_list_and_the_offer_say_that_reads_may_be_hidden(case: Case) -> None:
    def asked(path: str, body: dict[str, Any] | None = None) -> Any:
        answer = ask(case.store.vault, case.owner.citizen.token, path, body)
        assert answer.status_code == (200 if body is None else 201), answer.text
        return answer.json()

    ordinary = case.store.agency()
    rights = {
        agency["id"]: agency["intended_uses"][0].get("hidden_reads")
        for agency in asked("/v1/agencies")["agencies"]
    }
    assert rights == {case.police.id: RIGHT, ordinary.id: None}
    for agency in (case.police, ordinary):
        body = {"agency": agency.id, "use": agency.use, "fields": [FIELD], "duration_seconds": 60}
        assert asked("/v1/offers", body).get("hidden_reads") == rights[agency.id]


def test_without_the_right_in_the_registration_nothing_is_hidden(store: Store) -> None:
    agency, citizen = store.agency(), store.citizen()
    agency.read(agency.redeem(citizen.offer(agency, [FIELD]).code).token, [FIELD])
    assert ("data.read", "permitted", None) in citizen.log()
    with pytest.raises(BadRegistration):
        store.agency("https://other.example", hidden_reads=["test-use"])
