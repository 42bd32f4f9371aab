"""How many statements a read takes: counted where they arrive, at SQLite and at PostgreSQL."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.builders import PERSON, Store, to_the_pool
from tests.postgresql import Databases, run_on
from vault.activities import Page

# Of one row, or of few, or read whole and kept.
MAY_BE_SCANNED = {"audit_head", "audit_log", "g", "instance", "registry"}
_SCAN = re.compile(r"SCAN (\w+)\b(?! USING INDEX salt_voided)")  # this one has few rows
_LINE = re.compile(r"(\S+) (\d+) LOG:  (?:statement|execute [^:]*): (.*)")
# How a database is told that a transaction only reads (vault/database.py).
_READ = {"sqlite": "BEGIN", "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}


@dataclass(frozen=True, slots=True)
class Transaction:
    """What one connection was asked between BEGIN and COMMIT or ROLLBACK."""

    database: str
    begin: str
    statements: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Seen:
    """The transactions, in the order of their beginnings."""

    read_begin: str
    transactions: list[Transaction] = field(default_factory=list)
    open: dict[object, Transaction] = field(default_factory=dict)

    def take(self, database: str, connection: object, statement: str) -> None:
        if statement.startswith("BEGIN"):
            self.open[connection] = Transaction(database, statement)
            self.transactions.append(self.open[connection])
        elif statement in {"COMMIT", "ROLLBACK"}:
            self.open.pop(connection, None)
        elif connection in self.open:
            self.open[connection].statements.append(statement)
        elif statement.startswith("SELECT"):  # alone, and by itself a transaction
            self.transactions.append(Transaction(database, self.read_begin, [statement]))

    def read(self, database: str) -> list[str]:
        """Every statement of transactions that only read."""
        begun = [one for one in self.transactions if one.begin == self.read_begin]
        return [s for one in begun if one.database == database for s in one.statements]

    def written(self) -> list[Transaction]:
        return [one for one in self.transactions if one.begin != self.read_begin]


@contextmanager
def watched_files(store: Store) -> Iterator[Seen]:
    """SQLite tells each connection's statements itself."""
    seen, system = Seen(_READ["sqlite"]), store.vault.system
    databases = {"main": system.main, "keystore": system.keystore._database}

    def watch(database: str) -> Callable[..., None]:
        def taken(connection: Any, *_: object) -> None:
            connection.set_trace_callback(partial(seen.take, database, connection))

        return taken

    watching = [(databases[name], watch(name)) for name in databases]
    for database, taken in watching:
        event.listen(database.engine, "checkout", taken)
        to_the_pool(database)
    yield seen
    for database, taken in watching:
        event.remove(database.engine, "checkout", taken)


@contextmanager
def watched_server(store: Store, databases: Databases) -> Iterator[Seen]:
    """PostgreSQL writes into its log what it is asked, before it looks at it."""
    names = {f"{name}_{databases.worker}": name for name in ("main", "keystore")}
    admin, seen = databases.url_of("postgres"), Seen(_READ["postgresql"])
    try:
        for name in names:
            run_on(admin, f"ALTER DATABASE \"{name}\" SET log_statement = 'all'")
        store.vault.system.main.engine.dispose()
        store.vault.system.keystore._database.engine.dispose()
        start = databases.log.stat().st_size
        yield seen
        with databases.log.open(encoding="utf-8", errors="replace") as log:
            log.seek(start)
            for line in log:
                if (found := _LINE.match(line)) and found[1] in names:
                    seen.take(names[found[1]], found[2], found[3].rstrip(";"))
    finally:
        for name in names:
            run_on(admin, f'ALTER DATABASE "{name}" RESET log_statement')


def test_a_read_of_five_fields_asks_main_twice_and_the_keystore_once(
    store: Store, request: pytest.FixtureRequest
) -> None:
    citizen, agency = store.citizen(), store.agency()
    token = agency.redeem(citizen.offer(agency, list(PERSON)).code).token
    agency.read(token, list(PERSON))  # the registry is read once for all
    if store.vault.system.main.is_sqlite:
        watched = watched_files(store)
    else:
        watched = watched_server(store, request.getfixturevalue("postgresql"))

    with watched as seen:
        assert len(agency.read(token, list(PERSON))) == 5

    assert len(seen.read("main")) == 2, seen.read("main")
    assert len(seen.read("keystore")) == 1, seen.read("keystore")
    assert [one.database for one in seen.written()] == ["main"], "the sequencer's alone"
    assert any("audit_leaf" in statement for statement in seen.written()[0].statements)


def test_no_call_looks_through_a_table(store: Store) -> None:
    """What is slow only with many vaults: a statement that no index serves."""
    if not store.vault.system.main.is_sqlite:
        pytest.skip("SQLite tells the plan of a statement before there are many rows")
    agency = store.agency()
    store.citizen()
    with watched_files(store) as seen:
        citizen = store.citizen()
        offer = citizen.offer(agency, list(PERSON))
        agency.read(agency.redeem(offer.code).token, list(PERSON))
        citizen.unlock()
        store.vault.end_grant(citizen.owner, offer.grant_id)
        for which in ("newest", "alarms", "oldest"):
            store.vault.activity(citizen.owner, Page(which))
        [*_, newest] = store.vault.activity(citizen.owner).entries
        store.vault.acknowledge(citizen.owner, newest.event.id)
        store.vault.system.log.logs()

    assert len(seen.transactions) > 10
    assert looked_through(store, seen) == []


def test_no_round_of_the_sweeper_looks_through_a_table(store: Store) -> None:
    """Nor does it look at what most vaults have: a round costs the same with many of them."""
    if not store.vault.system.main.is_sqlite:
        pytest.skip("SQLite tells the plan of a statement before there are many rows")
    agency = store.agency()
    citizen = store.citizen()
    agency.redeem(citizen.offer(agency, list(PERSON)).code)
    store.clock.advance(seconds=7200)
    with watched_files(store) as seen:
        store.vault.sweep()

    assert len([s for one in seen.transactions for s in one.statements]) > 15
    assert looked_through(store, seen) == []


def looked_through(store: Store, seen: Seen) -> list[tuple[str, str, str]]:
    """(database, statement, table) of statements that no index serves."""
    system = store.vault.system
    engines = {"main": system.main.engine, "keystore": system.keystore._database.engine}
    looked = [
        (one.database, statement, found)
        for one in seen.transactions
        for statement in one.statements
        if statement.startswith(("SELECT", "UPDATE", "DELETE"))
        for found in _SCAN.findall(plan(engines[one.database], statement))
    ]
    return [one for one in looked if one[2] not in MAY_BE_SCANNED]


def plan(engine: Engine, statement: str) -> str:
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()
    return "\n".join(row.detail for row in rows)
