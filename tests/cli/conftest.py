"""A real server, the command `kluis` beside it, and people who use it."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from cli.main import main
from cli.server import listen, make_server
from tests.conftest import NewDatabases
from vault.settings import load_settings
from vault.vault import Vault

ROOT = Path(__file__).resolve().parents[2]
AGENCY = ROOT / "cli" / "demo_agency.json"
PERSON = ROOT / "cli" / "fictional_person.json"
BSN = "999942037"
AGENCY_ID = "https://oin.example/00000001234567890000"
FIELDS = ("identity.full_name", "address.resident_address", "address.resident_since")
START_SECONDS_MAX = 60


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    @property
    def error(self) -> str:
        return str(self.json["error"]["code"])


class Kluis(Protocol):
    def __call__(self, *arguments: object, stdin: str = "") -> Ran: ...


def settings_in_the_environment() -> list[str]:
    """What would change a command; where the shared test data lies does not."""
    return [name for name in os.environ if name.startswith("KLUIS_") and name != "KLUIS_SHARED"]


@pytest.fixture
def kluis(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path) -> Kluis:
    """Runs a command in this process. It never ends in a traceback."""

    def run(*arguments: object, stdin: str = "") -> Ran:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8"))
        capsys.readouterr()
        status = main([str(one) for one in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Ran(status, out, err)

    return run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for profiles; no setting from outside."""
    for name in settings_in_the_environment():
        monkeypatch.delenv(name)
    monkeypatch.setenv("KLUIS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@dataclass(frozen=True)
class Running:
    """A server that runs, its installation, and the desk that is registered there."""

    url: str
    data: Path
    desk: Path


def start_kluis(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    clean = {k: v for k, v in os.environ.items() if k not in settings_in_the_environment()}
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", *map(str, arguments)],
        cwd=ROOT,
        env={**clean, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_kluis(*arguments: object, **environment: str) -> Ran:
    with start_kluis(*arguments, **environment) as process:
        out, err = process.communicate(timeout=START_SECONDS_MAX)
    return Ran(process.returncode, out, err)


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, new_databases: NewDatabases
) -> Iterator[Running]:
    """A server with one registered agency, for all tests of this run."""
    folder = tmp_path_factory.mktemp("server")
    listener = listen("127.0.0.1", 0)
    url, data = f"http://localhost:{listener.getsockname()[1]}", folder / "data"
    registration = folder / "agency.json"
    with pytest.MonkeyPatch.context() as patch:
        for name in settings_in_the_environment():
            patch.delenv(name)
        for name, database in new_databases("cli").items():
            patch.setenv(f"KLUIS_{name.upper()}", database)
        patch.setenv("KLUIS_HOME", str(folder / "office"))
        patch.setenv("KLUIS_REGISTRATIONS_PER_HOUR", "10000")
        patch.setenv("KLUIS_UNLOCK_FAILURES_PER_HOUR", "10000")
        for command in (
            ("init", "--data", data, "--url", url, "--registration", "open"),
            ("desk", "keygen", "--url", url),
            ("desk", "register-info", AGENCY, "--out", registration),
            ("agency", "register", registration, "--data", data),
        ):
            assert main([str(one) for one in command]) == 0
        vault = Vault.open(load_settings(data))
        running = make_server(vault)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Running(url, data, folder / "office" / "desk")
    finally:
        running.should_exit = True
        thread.join(START_SECONDS_MAX)
        vault.close()
        listener.close()
    assert not thread.is_alive()


@pytest.fixture
def desk(server: Running, home: Path) -> Running:
    """The registered desk's profile, in this test's folder."""
    shutil.copytree(server.desk, home / "desk")
    return server


@pytest.fixture
def citizen(server: Running, kluis: Kluis) -> Kluis:
    """A citizen with a vault, the recovery code typed back, and a record in it."""
    made = kluis("wallet", "create", "--url", server.url, "--json")
    assert made.status == 0, made.err
    assert kluis("wallet", "confirm", "-", stdin=made.json["recovery_code"]).status == 0
    assert kluis("wallet", "import", "brp", PERSON, "--bsn", BSN).status == 0
    return kluis


def share(kluis: Kluis, *more: object, fields: tuple[str, ...] = FIELDS) -> Ran:
    """An offer of the given fields, as JSON."""
    return kluis(
        *("wallet", "share", "--agency", AGENCY_ID, "--use", "parking-permit"),
        *("--fields", ",".join(fields), "--for", "1h", "--json", *more),
    )


def code_in(text: str) -> str:
    """The recovery code that a command showed."""
    match = re.search(r"[0-9A-Z]{5}(-[0-9A-Z]{5}){5}", text)
    assert match is not None, text
    return match[0]
