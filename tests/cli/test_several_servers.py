"""Several server processes on one PostgreSQL: each knows at once what the others did."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

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
from tests.builders import FakeClock, Store
from tests.cli.conftest import START_SECONDS_MAX, start_kluis
from tests.ports import free_ports
from tests.postgresql import Databases
from vault.clock import SystemClock
from vault.settings import Settings
from vault.vault import Vault

pytestmark = pytest.mark.slow
_LISTENING = re.compile(r"Listening on (http://\S+)\. ")


@pytest.fixture
def settings(postgresql: Databases, tmp_path: Path) -> Settings:
    """An installation on PostgreSQL whose public address leads to no server in particular."""
    url = f"http://localhost:{free_ports()}"
    places = Places.beside(tmp_path / "kluis")
    return initialise(places, url, "open", **postgresql.emptied())


@contextmanager
def serving(
    settings: Settings, *options: str, processes: int = 1
) -> Iterator[list[tuple[str, int]]]:
    """Address and process of that many `kluis serve`; each stops in order, within its time."""
    with ExitStack() as started:
        commands = [
            started.enter_context(
                start_kluis(
                    *("serve", "--data", settings.data, "--port", "0", *options),
                    KLUIS_SWEEP_SECONDS="0.5",
                )
            )
            for _ in range(processes)
        ]
        timer = threading.Timer(2 * START_SECONDS_MAX, kill, [commands])
        timer.start()
        try:
            yield [(address(command), command.pid) for command in commands]
            for command in commands:
                command.send_signal(signal.SIGTERM)
            for command in commands:
                out, err = command.communicate(timeout=START_SECONDS_MAX)
                assert command.returncode == 0, out + err
                assert "Stopped." in out
                assert "Traceback" not in err
        finally:
            kill(commands)
            timer.cancel()


def kill(commands: list[subprocess.Popen[str]]) -> None:
    for command in commands:
        command.kill()


def address(command: subprocess.Popen[str]) -> str:
    assert command.stdout is not None
    found = _LISTENING.search(command.stdout.readline())
    assert found is not None
    return found[1]


@contextmanager
def clients(servers: list[tuple[str, int]]) -> Iterator[list[httpx.Client]]:
    with ExitStack() as opened:
        yield [
            opened.enter_context(httpx.Client(base_url=address, timeout=20))
            for address, _ in servers
        ]


def registered(settings: Settings, http: httpx.Client) -> Agency:
    with Vault.open(settings) as vault:
        return register(Server(settings.url, vault, Seen(), []), Agency(http, settings.url))


def at(server: httpx.Client, one: Agency) -> Agency:
    """The same agency, which asks at another server."""
    return Agency(server, one.url, one.id, one.key, one.proof_key)


def test_what_one_server_did_the_other_knows_at_once(settings: Settings) -> None:
    with serving(settings, processes=2) as servers, clients(servers) as (first, second):
        agency = registered(settings, first)
        citizen = furnish(make_citizen(first))
        for _ in range(10):
            offer = citizen.offer()
            token = agency.token(offer["code"])
            assert at(second, agency).read(token).status_code == 200
            assert citizen.delete(f"/v1/grants/{offer['grant']}").status_code == 200
            assert at(second, agency).read(token).status_code == 401
            assert at(second, agency).redeem(offer["code"]).status_code == 400
        elsewhere = Citizen(second, citizen.vault, citizen.device, "", citizen.token)
        assert elsewhere.activity() == citizen.activity()
        assert elsewhere.delete("/v1/sessions/current").status_code == 204
        assert citizen.get("/v1/grants").status_code == 401

    found = verify_data(settings)
    assert found.findings == ()
    assert found.size > 50


def test_a_proof_is_good_for_one_server_only(settings: Settings) -> None:
    with serving(settings, processes=2) as servers, clients(servers) as (first, second):
        agency = registered(settings, first)
        token = agency.token(furnish(make_citizen(first)).offer()["code"])
        proof = agency.proof("GET", "/v1/data", token)
        assert agency.read(token, proof=proof).status_code == 200
        assert at(second, agency).read(token, proof=proof).status_code == 401


def test_sweepers_of_two_servers_end_each_offer_once(settings: Settings) -> None:
    clock = FakeClock(SystemClock().now_ms() - 3_600_000)
    past = Store(settings, clock, Vault.open(settings, clock))
    desk, citizens = past.agency(), [past.citizen({NAMES[0]: "Ada"}) for _ in range(3)]
    for _ in range(12):
        for citizen in citizens:
            citizen.offer(desk, [NAMES[0]])
    past.close()

    with serving(settings, processes=2):
        deadline = time.monotonic() + 30
        with Vault.open(settings) as vault:
            while vault.system.keystore.rows("grant") and time.monotonic() < deadline:
                time.sleep(0.1)
            assert vault.system.keystore.rows("grant") == []

    clock.advance(seconds=60)
    past.vault = Vault.open(settings, clock)
    for citizen in citizens:
        citizen.vault = past.vault
        ends = [entry for entry in citizen.unlock().log() if entry[0] == "grant.end"]
        assert ends == [("grant.end", "permitted", "offer_expired")] * 12
    past.close()
    assert verify_data(settings).findings == ()


def two_workers(command: int, without: int = 0) -> list[int]:
    """The two processes that serve for a command, as soon as there are two."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        children = Path(f"/proc/{command}/task/{command}/children").read_text().split()
        found = [int(child) for child in children if is_worker(child) and int(child) != without]
        if len(found) == 2:
            return found
        time.sleep(0.05)
    raise AssertionError("there are not two processes")


def test_a_process_that_says_nothing_for_seven_seconds_is_kept(settings: Settings) -> None:
    """uvicorn would end it after five, also while Python still loads its modules."""
    with serving(settings, "--workers", "2") as [(_, command)]:
        first, second = two_workers(command)
        with standing_still(first):
            time.sleep(7)
        time.sleep(2)  # who is to be ended is asked once more
        assert two_workers(command) == [first, second]


def is_worker(process: str) -> bool:
    with suppress(FileNotFoundError):
        return b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


@contextmanager
def standing_still(process: int) -> Iterator[None]:
    """That process answers nothing. For some seconds: its parent ends it when it stays so."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)


def test_the_processes_of_one_command_serve_each_for_the_other(settings: Settings) -> None:
    with serving(settings, "--workers", "2") as servers:
        ((_, command),) = servers
        two_workers(command)
        with clients(servers) as (http,):
            citizen = furnish(make_citizen(http))
            agency = registered(settings, http)
        for _ in range(2):
            former, latter = two_workers(command)
            with standing_still(former), clients(servers) as (http,):
                citizen.http = http
                offer = citizen.offer()
                token = at(http, agency).token(offer["code"])
            with standing_still(latter), clients(servers) as (http,):
                assert at(http, agency).read(token).status_code == 200
                citizen.http = http
                assert citizen.delete(f"/v1/grants/{offer['grant']}").status_code == 200
            with standing_still(former), clients(servers) as (http,):
                assert at(http, agency).read(token).status_code == 401
    assert verify_data(settings).findings == ()


def test_a_process_that_dies_is_followed_by_another(settings: Settings) -> None:
    with serving(settings, "--workers", "2") as servers:
        ((_, command),) = servers
        killed, _ = two_workers(command)
        os.kill(killed, signal.SIGKILL)
        two_workers(command, without=killed)
        with clients(servers) as (http,):
            furnish(make_citizen(http))
    assert verify_data(settings).findings == ()


def test_what_is_wrong_is_said_once_and_not_by_each_process(settings: Settings) -> None:
    (settings.keys / "log.key").unlink()
    with start_kluis("serve", "--data", settings.data, "--port", "0", "--workers", "2") as command:
        out, err = command.communicate(timeout=START_SECONDS_MAX)
    assert command.returncode == 1
    assert "Listening" not in out
    assert err.count("log.key") == 1
    assert "Traceback" not in err
