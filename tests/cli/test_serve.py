"""`kluis serve` in a process of its own: where it listens, what it tells, how it stops."""

import signal
import threading
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import START_SECONDS_MAX, Kluis, start_kluis
from tests.ports import free_ports


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGINT])
def test_a_server_listens_answers_and_stops_in_order(
    kluis: Kluis, tmp_path: Path, ended_by: signal.Signals
) -> None:
    port, data = free_ports(), tmp_path / "kluis"
    kluis("init", "--data", data, "--url", f"http://localhost:{port}", "--registration", "open")
    with start_kluis("serve", "--data", data, "--port", port) as process:
        assert process.stdout is not None
        timer = threading.Timer(START_SECONDS_MAX, process.kill)
        timer.start()
        try:
            assert f"http://127.0.0.1:{port}" in process.stdout.readline()
            answer = httpx.get(f"http://localhost:{port}/v1/data?fields=identity.birth_date")
            assert answer.status_code == 401
            assert "server" not in answer.headers
        finally:
            process.send_signal(ended_by)
            out, err = process.communicate(timeout=START_SECONDS_MAX)
            timer.cancel()
    assert process.returncode == 0
    assert "Stopped." in out
    assert "identity.birth_date" not in out + err
    assert "Traceback" not in err
    assert "The log is empty" in kluis("audit", "verify", "--data", data).err, "and no more than it"


def test_a_public_address_that_does_not_lead_here_is_warned_of(
    kluis: Kluis, tmp_path: Path
) -> None:
    data = tmp_path / "kluis"
    kluis("init", "--data", data, "--url", "http://localhost:1")
    with start_kluis("serve", "--data", data, "--port", "0", "--json") as process:
        assert process.stdout is not None
        assert '"listening"' in process.stdout.readline()
        process.terminate()
        _, err = process.communicate(timeout=START_SECONDS_MAX)
    assert process.returncode == 0
    assert "http://localhost:1" in err


def test_one_installation_has_one_server_and_other_commands_beside_it(
    kluis: Kluis, tmp_path: Path
) -> None:
    data = tmp_path / "kluis"
    kluis("init", "--data", data, "--url", "http://localhost:1")
    arguments = ("serve", "--data", data, "--port", "0", "--json")
    with start_kluis(*arguments) as first:
        assert first.stdout is not None
        assert '"listening"' in first.stdout.readline()
        second = kluis(*arguments)
        assert (second.status, second.error) == (1, "already_serving")
        assert kluis("invite", "--data", data).status == 0
        assert kluis("doctor", "--data", data).status == 0
        first.kill()
        first.communicate(timeout=START_SECONDS_MAX)
    with start_kluis(*arguments) as after:
        assert after.stdout is not None
        assert '"listening"' in after.stdout.readline(), "the lock went with the process"
        after.terminate()
        after.communicate(timeout=START_SECONDS_MAX)
