"""What several processes of one command share, and what each has of its own."""

import json
import re
import signal
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from operate.setup import Places, initialise
from tests.api.conftest import device_secret
from tests.cli.conftest import START_SECONDS_MAX, start_kluis
from tests.ports import free_ports, listens
from tests.postgresql import Databases
from tests.vault.test_anchor import wait

pytestmark = pytest.mark.slow
MOST = 5


def metrics(port: int) -> str:
    return httpx.get(f"http://127.0.0.1:{port}/metrics").text


def created(text: str) -> int:
    found = re.search(r'kluis_requests_total\{.*"/v1/vaults",status="201"\} (\d+)', text)
    return int(found[1]) if found else 0


@dataclass(frozen=True)
class Told:
    """What two processes answered and wrote."""

    asked: list[httpx.Response]
    metrics: list[str]
    err: str
    status: int

    @property
    def alone(self) -> bool:
        """The database was silent for a moment, and each process counted for itself."""
        return "limits are counted by each process" in self.err


def asked_often(databases: dict[str, str], folder: Path) -> Told:
    made = initialise(Places.beside(folder), "http://localhost:1", "open", **databases)
    port = free_ports(2)
    options = ("--workers", "2", "--json", "--log", "json", "--metrics-port", port)
    with start_kluis(
        *("serve", "--data", made.data, "--port", "0", *options),
        KLUIS_REGISTRATIONS_PER_HOUR=str(MOST),
    ) as command:
        timer = threading.Timer(2 * START_SECONDS_MAX, command.kill)
        timer.start()
        try:
            assert command.stdout is not None
            url = json.loads(command.stdout.readline())["listening"]
            for one in (port, port + 1):
                wait(partial(listens, one))
            asked = [
                httpx.post(url + "/v1/vaults", json={"device_secret": device_secret()})
                for _ in range(3 * MOST)
            ]
            told = [metrics(one) for one in (port, port + 1)]
            command.send_signal(signal.SIGTERM)
            _, err = command.communicate(timeout=START_SECONDS_MAX)
        finally:
            timer.cancel()
    return Told(asked, told, err, command.returncode)


def test_limits_are_those_of_the_installation_and_metrics_those_of_each_process(
    postgresql: Databases, tmp_path: Path
) -> None:
    for number in range(5):
        told = asked_often(postgresql.emptied(), tmp_path / str(number))
        if not told.alone:
            break
    assert [one.status_code for one in told.asked] == [201] * MOST + [429] * 2 * MOST
    assert {one.json()["limit"] for one in told.asked[MOST:]} == {"registrations_per_hour"}
    assert sum(map(created, told.metrics)) == MOST
    lines = [json.loads(line) for line in told.err.splitlines() if line.startswith("{")]
    assert sum(line.get("route") == "/v1/vaults" for line in lines) == 3 * MOST
    assert told.status == 0
