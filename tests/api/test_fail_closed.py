"""A real server whose databases are full, read-only, locked or stopped: it answers, in time, and
releases nothing; what needs no database goes on; it comes back by itself.
"""

import resource
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from api.app import threads_max
from operate.setup import Places, initialise
from operate.verification import verify_data
from tests.api.conftest import (
    NAMES,
    Agency,
    Citizen,
    Seen,
    Server,
    furnish,
    make_citizen,
    register,
)
from tests.cli.conftest import start_kluis
from tests.ports import free_ports
from tests.stalls import measured
from tests.stoppable import Stoppable
from vault.settings import Settings
from vault.vault import Vault

ANSWER_SECONDS_MAX = 3
BACK_SECONDS_MAX = 60
TOGETHER = 50
ALIVE = ("/healthz", "/v1/catalogue", "/.well-known/oauth-authorization-server", "/S", "/nothing")


@dataclass
class Site:
    """A server process, its databases, and who speaks to it."""

    settings: Settings
    pid: int
    http: httpx.Client
    agency: Agency
    databases: Stoppable | None
    citizen: Citizen = field(init=False)

    def __post_init__(self) -> None:
        self.citizen = furnish(make_citizen(self.http))

    def shared(self) -> tuple[str, str]:
        """A grant and its token."""
        made = self.citizen.offer()
        return made["grant"], self.agency.token(made["code"])

    def read_together(self, token: str) -> list[tuple[int, float, str]]:
        """Status, seconds and text of reads that begin at once."""
        proofs = [self.agency.proof("GET", "/v1/data", token) for _ in range(TOGETHER)]
        start = threading.Barrier(TOGETHER)

        def read(proof: str) -> tuple[int, float, str]:
            start.wait()
            began = time.monotonic()
            answer = self.agency.read(token, proof=proof)
            return answer.status_code, time.monotonic() - began, answer.text

        with ThreadPoolExecutor(TOGETHER) as pool:
            return list(pool.map(read, proofs))


Fault = Callable[[Site], AbstractContextManager[None]]


@contextmanager
def full(site: Site) -> Iterator[None]:
    """The log's file may not grow any more."""
    size = (site.settings.data / "db-wal").stat().st_size
    assert size > (site.settings.keys / "keystore-wal").stat().st_size
    _, hard = resource.prlimit(site.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(site.pid, resource.RLIMIT_FSIZE, (size, hard))
    yield
    resource.prlimit(site.pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def locked(site: Site) -> Iterator[None]:
    """Somebody holds the write lock of the main database."""
    held = sqlite3.connect(site.settings.data / "db", isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    yield
    held.close()


@contextmanager
def read_only(site: Site) -> Iterator[None]:
    """The main database takes no more writes."""
    assert site.databases is not None
    site.databases.run("ALTER DATABASE main SET default_transaction_read_only = on")
    site.databases.end_connections()
    yield
    site.databases.run("ALTER DATABASE main RESET default_transaction_read_only")
    site.databases.end_connections()


@contextmanager
def row_locked(site: Site) -> Iterator[None]:
    """Somebody holds the row lock of the log."""
    with psycopg.connect(site.settings.main_url) as holder:
        holder.execute("SELECT 1 FROM audit_head FOR UPDATE")
        yield


@contextmanager
def stopped(site: Site) -> Iterator[None]:
    """The database server is there, takes connections, and says nothing."""
    assert site.databases is not None
    site.databases.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        site.databases.signal(signal.SIGCONT)


FAULTS: dict[Fault, str] = {
    full: "sqlite",
    locked: "sqlite",
    read_only: "postgresql",
    row_locked: "postgresql",
    stopped: "postgresql",
}


@contextmanager
def serving(folder: Path, kind: str) -> Iterator[Site]:
    """`kluis serve` in a process of its own, that sweeps every second."""
    with ExitStack() as stack:
        databases = stack.enter_context(Stoppable.start()) if kind == "postgresql" else None
        port = free_ports()
        url = f"http://127.0.0.1:{port}"
        places = Places.beside(folder / "kluis")
        settings = initialise(places, url, "open", **(databases.urls if databases else {}))
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        http = httpx.Client(base_url=url, timeout=60, limits=limits, trust_env=False)
        agency = Agency(stack.enter_context(http), url)
        with Vault.open(settings) as vault:
            register(Server(url, vault, Seen(), []), agency)
        arguments = ("serve", "--data", settings.data, "--port", port)
        process = stack.enter_context(start_kluis(*arguments, KLUIS_SWEEP_SECONDS="1"))
        stack.callback(process.kill)
        assert process.stdout is not None
        assert url in process.stdout.readline()
        yield Site(settings, process.pid, http, agency, databases)
        process.terminate()
        process.wait(timeout=60)


def test_what_needs_no_database_answers_while_every_thread_waits(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, waiting, over = serve(), threading.Semaphore(0), threading.Event()

    def wait_for_a_database() -> None:
        waiting.release()
        over.wait(60)

    monkeypatch.setattr(server.vault, "checkpoint", wait_for_a_database)
    with server.client() as http, ThreadPoolExecutor(TOGETHER) as pool:
        asked = [pool.submit(http.get, "/audit/checkpoint") for _ in range(TOGETHER)]
        try:
            for _ in range(threads_max(server.vault)):
                assert waiting.acquire(timeout=60)
            for path in ALIVE:
                answer = http.get(path, timeout=30)
                assert answer.status_code == (404 if path == "/nothing" else 200)
        finally:
            over.set()
        assert {one.result().status_code for one in asked} == {404}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_reads_are_refused_in_time_and_all_else_goes_on_and_comes_back(
    tmp_path: Path, fault: Fault
) -> None:
    with serving(tmp_path, FAULTS[fault]) as site:
        _, token = site.shared()
        grant, ended = site.shared()
        other = furnish(make_citizen(site.http))
        calm = calmly(lambda: site.read_together(token))
        slack = max(seconds for _, seconds, _ in calm)  # of this machine, and of fifty at once

        with fault(site):
            for _ in range(2 if fault in {locked, stopped} else 1):
                with measured() as stalls:
                    reads, alive = beside(site, lambda: site.read_together(token))
                late = slack + stalls.seconds
                assert {status for status, *_ in reads} == {503}
                assert max(seconds for _, seconds, _ in reads) < ANSWER_SECONDS_MAX + late
                assert [text for *_, text in reads if "Ada" in text or NAMES[0] in text] == []
                assert max(alive) < 1 + late
            said = {503} if fault is stopped else {202}
            assert {site.citizen.delete(f"/v1/grants/{grant}").status_code} == said
            assert {other.delete("/v1/vault").status_code} == said
            assert site.agency.read(ended).status_code == 503, "its refusal would be an entry"

        over = time.monotonic()
        while site.agency.read(token).status_code != 200:
            assert time.monotonic() - over < BACK_SECONDS_MAX
            time.sleep(0.1)
        assert_told(site, grant, ended, other, len(calm) + 1, recorded=fault is not stopped)
        assert verify_data(site.settings).findings == ()


def calmly(read: Callable[[], list[tuple[int, float, str]]]) -> list[tuple[int, float, str]]:
    """Reads that are all released; again where the machine was too busy for some of them."""
    done = list[tuple[int, float, str]]()
    for _ in range(5):
        with measured() as stalls:
            done += (reads := read())
        assert {status for status, *_ in reads} <= {200, 503}
        if {status for status, *_ in reads} == {200}:
            return [one for one in done if one[0] == 200]
        assert stalls.seconds, "refused, and the machine did not stand still"
    raise AssertionError("the machine is too busy")


def beside(site: Site, act: Callable[[], Any]) -> tuple[Any, list[float]]:
    """What an act returns, and how long each route that needs no database took meanwhile."""
    taken = list[float]()
    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(act)
        while not acting.done():
            for path in ALIVE:
                began = time.monotonic()
                assert site.http.get(path).status_code == (404 if path == "/nothing" else 200)
                taken.append(time.monotonic() - began)
            time.sleep(0.05)
    return acting.result(), taken


def assert_told(
    site: Site, grant: str, token: str, erased: Citizen, released: int, *, recorded: bool
) -> None:
    """The log has every read that was released; an end that was accepted is in it, once."""
    deadline = time.monotonic() + BACK_SECONDS_MAX
    ends: list[Any] = []
    while recorded and not ends and time.monotonic() < deadline:
        time.sleep(0.2)
        ends = [e for e in site.citizen.activity() if e["action"] == "grant.end"]
    assert [end["grant"] for end in ends] == [grant] * recorded
    assert site.agency.read(token).status_code == (401 if recorded else 200)
    assert erased.get("/v1/vault").status_code == (401 if recorded else 200)
    told = [e for e in site.citizen.activity() if e["action"] == "data.read"]
    assert sum(one["outcome"] == "permitted" for one in told) >= released
