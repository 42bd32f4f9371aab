"""The owner's log in pages: nothing lost or doubled, bounded work, and every number right."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from tests.api.owners import Owner, ask
from tests.builders import PERSON, AgencyDesk, Store
from tests.vault.entries import entries_of
from tests.vault.rows import change, main_rows, remove, row_of, rows_of, set_back
from tests.vault.tables import audit_openings, audit_subjects
from vault import activities
from vault.database import Connection
from vault.errors import BadInput, InvalidGrant, NotFound, UnauthorizedField
from vault.sessions import open_session

FIELD = "identity.given_name"


@pytest.fixture
def owner(store: Store) -> Owner:
    return Owner(store.citizen({FIELD: PERSON[FIELD]}))


def subject_of(owner: Owner) -> bytes:
    vault = owner.citizen.vault
    opened = open_session(vault.system, owner.citizen.owner, vault.system.clock.now_ms())
    return opened.context.audit_key.subject


def read_often(store: Store, owner: Owner, times: int) -> tuple[AgencyDesk, str]:
    """An agency that reads so often, and somebody else's entries between."""
    agency = store.agency(fields={FIELD: False, "identity.birth_date": False})
    token = agency.redeem(owner.citizen.offer(agency, [FIELD]).code).token
    other = store.citizen({})
    for _ in range(times):
        agency.read(token, [FIELD])
        other.unlock()
    return agency, token


def ids(entries: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in entries]


# Paging


def test_pages_lose_and_double_nothing_while_new_entries_of_the_same_instant_arrive(
    store: Store, owner: Owner
) -> None:
    agency, token = read_often(store, owner, 9)
    whole = ids(owner.entries(limit="200"))
    found, page = [], owner.page({"limit": "3"})
    while True:
        found += page["entries"]
        agency.read(token, [FIELD])  # the clock stands still
        if "next" not in page:
            break
        page = owner.page({"limit": "3", "before": page["next"]})

    assert ids(found) == whole
    assert [one["number"] for one in found] == list(range(len(found), 0, -1))
    assert len(owner.entries()) == len(whole) + len(whole) // 3 + bool(len(whole) % 3)


def test_the_last_page_says_that_it_is_the_last(store: Store, owner: Owner) -> None:
    count = len(owner.entries())
    for limit in (count - 1, count, count + 1):
        assert ("next" in owner.page({"limit": str(limit)})) == (limit < count)


def test_counts_are_those_of_all_pages(store: Store, owner: Owner) -> None:
    agency, token = read_often(store, owner, 5)
    with pytest.raises(UnauthorizedField):
        agency.read(token, ["identity.birth_date"])
    for page in owner.pages(limit="2", outcome="permitted"):
        assert page["counts"] == {"entries": 12, "reads": 5, "refusals": 1, "deferred": 0}
    assert len(owner.entries()) == 12
    report = owner.check()
    assert (report.entries, report.reads, report.refusals) == (12, 5, 1)


def test_one_session_that_reads_many_pages_is_one_entry(store: Store, owner: Owner) -> None:
    read_often(store, owner, 5)
    assert len(owner.pages(limit="1")) > 10
    assert owner.citizen.log().count(("log.read", "permitted", None)) == 1
    store.clock.advance(seconds=301)
    assert owner.citizen.log().count(("log.read", "permitted", None)) == 2


def test_a_page_costs_as_much_in_a_long_log_as_in_a_short_one(
    store: Store, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statements and openings, the first page's and one in the middle."""
    read_often(store, owner, 10)
    asked: list[str] = []
    opened: list[object] = []
    open_entry = activities._open

    def counted(*row: Any) -> object:
        opened.append(row)
        return open_entry(*row)

    monkeypatch.setattr(activities, "_open", counted)

    def cost(**query: str) -> tuple[int, int]:
        asked.clear()
        opened.clear()
        owner.page({"limit": "5", **query})
        return len(asked), len(opened)

    with every_statement(asked):
        owner.page()
        short = cost(), cost(before="1.20")
        read_more = store.citizen({})
        agency = AgencyDesk(store.vault, "https://agency.example", "test-use", {})
        token = agency.redeem(owner.citizen.offer(agency, [FIELD]).code).token
        for _ in range(120):
            agency.read(token, [FIELD])
            read_more.unlock()
        long = cost(), cost(before="1.200")
    for before, after in zip(short, long, strict=True):
        assert after[1] == before[1] <= 5 + 1 + 1, "openings: the page, one more, the oldest"
        assert after[0] <= before[0] + 5, "statements: a few tiles more in a higher tree"
    assert long[0][0] <= 40


@contextmanager
def every_statement(asked: list[str]) -> Iterator[None]:
    """Notes each statement that any database is asked."""
    execute = Connection.execute

    def counted(connection: Any, statement: Any, *rest: Any) -> Any:
        asked.append(statement.text)
        if "FROM audit_opening o JOIN" in statement.text:
            assert statement.text.endswith("LIMIT :most"), "nor are more rows fetched"
            assert rest[0]["most"] <= 50 + 2
        return execute(connection, statement, *rest)

    with patch.object(Connection, "execute", counted):
        yield


# Filters


def test_filters_find_what_they_name_and_nothing_else(store: Store, owner: Owner) -> None:
    agency, _ = read_often(store, owner, 2)
    second = store.agency("https://second.example", {FIELD: False})
    store.clock.advance(days=1)
    second.read(second.redeem(owner.citizen.unlock().offer(second, [FIELD]).code).token, [FIELD])

    def found(**query: str) -> list[str]:
        return [f"{one['action']} {one['outcome']}" for one in owner.entries(limit="2", **query)]

    assert found(agency=second.id) == ["data.read permitted", "grant.redeem permitted"]
    assert found(action="data.read", outcome="permitted", agency=agency.id) == [
        "data.read permitted",
        "data.read permitted",
    ]
    assert found(**{"from": "2026-11-22T12:00:00.000Z"})[-1] == "vault.unlock permitted"
    assert found(**{"to": "1970-01-02T00:00:00.000Z"}) == []
    whole = len(owner.entries())
    early = found(to="2026-11-22T12:00:00.000Z")
    late = found(**{"from": "2026-11-22T12:00:00.000Z"})
    assert len(early) + len(late) == whole


def test_a_rare_match_takes_more_requests_and_never_more_work(
    store: Store, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_often(store, owner, 12)
    monkeypatch.setattr(activities, "LOOKED_AT_MAX", 4)
    pages = owner.pages(action="vault.create")
    assert len(pages) > 3
    assert [one["action"] for page in pages for one in page["entries"]] == ["vault.create"]


def test_an_instant_that_is_none_is_refused(owner: Owner) -> None:
    with pytest.raises(BadInput):
        owner.page({"from": "2026-02-30T00:00:00.000Z"})


def test_alarms_come_first_until_they_are_acknowledged(store: Store, owner: Owner) -> None:
    agency, _ = read_often(store, owner, 1)
    codes = [owner.citizen.offer(agency, [FIELD]).code for _ in range(2)]
    for code in codes:
        agency.redeem(code)
        with pytest.raises(InvalidGrant):
            agency.redeem(code)
    for _ in range(5):
        owner.citizen.unlock()

    first = owner.page({"limit": "1"})
    assert [one["action"] for one in first["entries"]] == ["log.read"]
    assert [(one["reason"], one["acknowledged"]) for one in first["alarms"]] == [
        ("answer_lost", False)
    ] * 2
    assert owner.page({"limit": "1", "before": first["next"]})["alarms"] == []
    assert owner.entries(alarms="new") == owner.entries(alarms="all") == first["alarms"]

    [newer, older] = first["alarms"]
    entry_id = bytes.fromhex(newer["id"].replace("-", ""))
    owner.citizen.vault.acknowledge(owner.citizen.owner, entry_id)
    assert ids(owner.page()["alarms"]) == [older["id"]]
    assert ids(owner.entries(alarms="new")) == [older["id"]]
    assert [one["acknowledged"] for one in owner.entries(alarms="all")] == [True, False]


def test_nobody_acknowledges_anothers_alarm(store: Store, owner: Owner) -> None:
    agency, _ = read_often(store, owner, 1)
    code = owner.citizen.offer(agency, [FIELD]).code
    agency.redeem(code)
    with pytest.raises(InvalidGrant):
        agency.redeem(code)
    [alarm] = owner.page()["alarms"]
    other = store.citizen({})
    for entry_id in (bytes.fromhex(alarm["id"].replace("-", "")), b"", bytes(16)):
        with pytest.raises(NotFound):
            store.vault.acknowledge(other.owner, entry_id)
    assert len(owner.page()["alarms"]) == 1


# What does not fit


def damaged(owner: Owner, **query: str) -> list[str]:
    found: list[str] = owner.page(query)["damaged"]
    return found


@pytest.fixture
def mine(store: Store, owner: Owner) -> list[int]:
    """The places of the owner's entries, oldest first."""
    read_often(store, owner, 6)
    owner.page()
    return [row["idx"] for row in rows_of(store, audit_openings, subject=subject_of(owner))]


@pytest.fixture(params=["first", "middle", "newest"])
def lost(request: pytest.FixtureRequest, mine: list[int]) -> int:
    return {"first": mine[0], "middle": mine[4], "newest": mine[-1]}[request.param]


def test_an_opening_that_was_removed_is_missed(store: Store, owner: Owner, lost: int) -> None:
    remove(store, audit_openings, idx=lost)
    assert damaged(owner)
    assert [one for page in owner.pages(limit="1") for one in page["damaged"]]


def test_an_opening_that_was_changed_or_exchanged_is_named(
    store: Store, owner: Owner, mine: list[int]
) -> None:
    one, other = (row_of(store, audit_openings, idx=idx)["opening"] for idx in mine[3:5])
    change(store, audit_openings, {"idx": mine[3]}, opening=other)
    assert f"entry {mine[3]} of log 1 can't be opened, or is not the one in the log" in damaged(
        owner
    )
    change(store, audit_openings, {"idx": mine[3]}, opening=one)
    assert damaged(owner) == []


def test_an_entry_that_is_hidden_by_its_row_is_missed(
    store: Store, owner: Owner, lost: int
) -> None:
    change(store, audit_openings, {"idx": lost}, visible_after=2**52)
    assert damaged(owner)


def test_numbers_that_were_set_back_are_noticed(store: Store, owner: Owner) -> None:
    read_often(store, owner, 2)
    owner.page()
    subject = subject_of(owner)
    last = row_of(store, audit_subjects, subject=subject)
    change(store, audit_subjects, {"subject": subject}, last_leaf=bytes(33))
    assert damaged(owner) == [
        f"the newest entry there is number {last['last_seq']}, and not {last['last_seq']}"
    ]


# Proofs


def test_every_entry_is_proved_across_tiles(store: Store, owner: Owner) -> None:
    """More than 256 leaves: some of a path's nodes come from stored tiles."""
    read_often(store, owner, 2)
    others = store.citizen({})
    for _ in range(260):
        others.unlock()
        store.clock.advance(seconds=60)
    owner.citizen.unlock()
    report = owner.check()
    assert (report.findings, report.reads) == ((), 2)
    assert report.memory is not None
    again = owner.check(report.memory)
    assert (again.findings, again.first) == ((), 1)
    system = store.vault.system
    key = open_session(system, owner.citizen.owner, store.clock.ms).context.audit_key
    assert again.entries == len(entries_of(system, key))


def test_the_check_follows_a_log_that_is_set_back(store: Store, owner: Owner) -> None:
    old = main_rows(store)
    read_often(store, owner, 2)
    memory = owner.check().memory
    set_back(store, old)
    store.vault.system.log.seen = 0
    store.vault.system.registry._snapshot = None
    assert {finding.code for finding in owner.check(memory).findings} >= {"cut"}


def test_what_is_not_shown_and_how_far_it_goes_back_is_said(owner: Owner) -> None:
    page = owner.page()
    assert page["begins"] == {"number": 1, "at": "2026-11-21T12:00:00.000Z"}
    assert [one["code"] for one in page["not_shown"]] == ["deferred", "strangers", "retention"]
    assert all(one["what"] for one in page["not_shown"])


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=3&limit=4",
        "before=1",
        "before=x.y",
        "before=-1.2",
        "before=1.9999999999999999999",
        "action=nothing",
        "outcome=maybe",
        "alarms=yes",
        "agency=",
        "from=soon",
        "from=2026-02-30T00:00:00.000Z",
        "since_size=-1",
        "since_log=0&since_size=1",
        "surprise=1",
    ],
)
def test_a_query_that_is_none_is_refused_with_a_code(owner: Owner, query: str) -> None:
    citizen = owner.citizen
    answer = ask(citizen.vault, citizen.token, f"/v1/me/activity?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("query", "proof"),
    [("since_size=0", []), ("since_size=999999999", None), ("since_log=7&since_size=1", None)],
)
def test_a_checkpoint_that_no_log_goes_on_from_gets_no_proof(
    owner: Owner, query: str, proof: list[str] | None
) -> None:
    citizen = owner.citizen
    answer = ask(citizen.vault, citizen.token, f"/v1/me/activity?{query}")
    assert answer.status_code == 200
    assert answer.json()["logs"][0].get("consistency") == proof
