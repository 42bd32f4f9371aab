"""What several processes of one command share, and what each has of its own."""

import json
import re
import signal
import threading
from pathlib import Path

import httpx
import pytest

from operate.setup import Places, initialise
from tests.api.conftest import device_secret
from tests.cli.conftest import START_SECONDS_MAX, free_neighbours, start_kluis
from tests.postgresql import Databases

pytestmark = pytest.mark.slow
MOST = 5


def metrics(port: int) -> str:
    return httpx.get(f"http://127.0.0.1:{port}/metrics").text


def created(text: str) -> int:
    found = re.search(r'kluis_requests_total\{.*"/v1/vaults",status="201"\} (\d+)', text)
    return int(found[1]) if found else 0


def test_limits_are_those_of_the_installation_and_metrics_those_of_each_process(
    postgresql: Databases, tmp_path: Path
) -> None:
    made = initialise(
        Places.beside(tmp_path / "k"), "http://localhost:1", "open", **postgresql.emptied()
    )
    port = free_neighbours(2)
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
            asked = [
                httpx.post(url + "/v1/vaults", json={"device_secret": device_secret()}, timeout=20)
                for _ in range(3 * MOST)
            ]
            told = [metrics(one) for one in (port, port + 1)]
            command.send_signal(signal.SIGTERM)
            _, err = command.communicate(timeout=START_SECONDS_MAX)
        finally:
            timer.cancel()
    assert [one.status_code for one in asked] == [201] * MOST + [429] * 2 * MOST
    assert {one.json()["limit"] for one in asked[MOST:]} == {"registrations_per_hour"}
    assert sum(map(created, told)) == MOST
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert sum(line.get("route") == "/v1/vaults" for line in lines) == 3 * MOST
    assert command.returncode == 0
