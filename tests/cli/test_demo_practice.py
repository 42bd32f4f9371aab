"""`kluis demo --practice`: people to play, links that work, and nothing left when it ends."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.citizen import Citizen, Unlock
from cli.main import main
from tests.cli.conftest import BSN, PERSON, START_SECONDS_MAX, Kluis, start_kluis
from tests.ports import free_ports

BANNER = 'class="practice"'
PAGES = ("/", "/help", "/wallet/unlock", "/desk/sign-in", "/desk/enrol", "/auditor/sign-in",
         "/auditor/enrol", "/offline")  # fmt: skip


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What a practice that runs has told; at its end nothing of it is left.

    It is started as a script starts something in the background: passing SIGINT over.
    """
    folder = tmp_path_factory.mktemp("practice")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = start_kluis("demo", "--practice", "--json", TMPDIR=str(folder))
    signal.signal(signal.SIGINT, before)
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr and process.stderr.read()
        yield json.loads(line)
        assert list(folder.iterdir()), "it lies where we look"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=START_SECONDS_MAX)
    assert process.returncode == 0
    assert list(folder.iterdir()) == []


def test_there_are_people_to_play(practice: dict[str, Any]) -> None:
    assert len(practice["citizens"]) >= 3
    roles = [one["role"] for one in practice["officers"]]
    assert roles.count("auditor") >= 1
    assert len({one["of"] for one in practice["officers"] if one["role"] == "agency"}) == 2
    uses = httpx.get(practice["url"] + "/v1/agencies").json()["agencies"]
    assert all(len(one["intended_uses"]) >= 2 for one in uses)


def test_every_citizen_can_be_entered_and_has_a_life(
    practice: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KLUIS_HOME", str(tmp_path))
    lives = set()
    for number, one in enumerate(practice["citizens"]):
        citizen = Citizen(f"player-{number}", practice["url"])
        citizen.unlock(Unlock.recovery(one["recovery_code"]))
        values = citizen.values()["values"]
        name = values["identity.full_name"]["value"]
        assert name.split()[0] == one["name"].split()[0]
        lives.add((len(values), len(citizen.grants()["grants"])))
    assert len(lives) == len(practice["citizens"]), "different lives"


def test_every_link_of_an_officer_leads_to_a_page_that_says_practice(
    practice: dict[str, Any],
) -> None:
    for one in practice["officers"]:
        page, _, code = one["link"].partition("#")
        assert code.startswith("oi1_")
        assert page.startswith(practice["url"] + ("/desk" if one["role"] == "agency" else "/aud"))
        assert httpx.get(page).status_code == 200


def test_every_page_says_that_this_is_practice(practice: dict[str, Any]) -> None:
    for path in PAGES:
        assert BANNER in httpx.get(practice["url"] + path).text, path


def test_a_real_installation_never_says_practice(tmp_path: Path) -> None:
    port = free_ports()
    data = tmp_path / "data"
    assert main(["init", "--data", str(data), "--url", f"http://localhost:{port}"]) == 0
    process = start_kluis("serve", "--data", data, "--port", port, "--json")
    with process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["url"] == f"http://localhost:{port}"
        shown = {path: _page(f"http://localhost:{port}{path}") for path in PAGES}
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=START_SECONDS_MAX)
    assert [path for path, text in shown.items() if BANNER in text] == []
    assert "Burgerkluis" in shown["/help"]


def _page(url: str) -> str:
    """It announces itself when the socket listens: a request waits until it serves."""
    return httpx.get(url, timeout=START_SECONDS_MAX).text


def test_practice_has_people_of_its_own(kluis: Kluis) -> None:
    ran = kluis("demo", "--practice", "--record", PERSON, "--bsn", BSN)
    assert ran.status == 2


def test_it_tells_people_what_to_try_first(
    kluis: Kluis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.demo._wait", stop)
    ran = kluis("demo", "--practice")
    assert ran.status == 0, ran.err
    assert len(re.findall(r"[0-9A-Z]{5}(?:-[0-9A-Z]{5}){5}", ran.out)) == 3
    for said in ("/wallet/unlock", "/desk/enrol#", "/auditor/enrol#", "Try this first", "Ctrl-C"):
        assert said in ran.out
