"""`kluis demo`: the whole story, and how it ends when something goes wrong."""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.citizen import Citizen
from cli.errors import Failed
from cli.output import Output
from tests.cli.conftest import (
    BSN,
    FIELDS,
    PERSON,
    START_SECONDS_MAX,
    Kluis,
    Running,
    start_kluis,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made: at the end it is empty again."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def test_the_story_is_told_and_leaves_nothing_behind(kluis: Kluis, folder: Path) -> None:
    ran = kluis("demo")
    assert ran.status == 0, ran.err
    told = ["Recovery code", "█", "VG1 ", "Noortje", "invalid_token", "invalid_grant"]
    assert all(part in ran.out for part in [*told, "ALARM: answer_lost", "whole"])
    assert list(folder.iterdir()) == []
    assert ".svg" not in ran.out, "no file is named that is gone when it is read"


def test_the_last_hint_works_as_it_stands(
    kluis: Kluis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[subprocess.CompletedProcess[str]] = []

    def in_another_terminal(*_: object) -> None:
        said = capsys.readouterr().out
        hints = [line.strip() for line in said.splitlines() if " wallet " in line]
        for line in [one for one in hints if one.startswith("KLUIS_HOME=")]:
            ended.append(
                subprocess.run(  # noqa: S602 - a line of our own, as a person pastes it
                    line, shell=True, capture_output=True, text=True, cwd="/", check=False
                )
            )
        raise KeyboardInterrupt

    monkeypatch.setattr(Output, "is_terminal", True)
    monkeypatch.setattr("cli.demo._wait", in_another_terminal)
    kluis("demo")
    assert [one.returncode for one in ended] == [0, 0], ended
    assert "Noortje" in ended[0].stdout


def test_the_story_for_scripts(kluis: Kluis, home: Path) -> None:
    ran = kluis("demo", "--json")
    assert ran.status == 0, ran.out
    assert len(ran.json["steps"]) == 14
    assert set(ran.json["read"]) == set(FIELDS)
    assert ran.json["refused"] == ["invalid_token", "invalid_grant", "invalid_token"]
    assert ran.json["alarm"] == "answer_lost"
    assert ran.json["whole"] is True
    assert os.environ["KLUIS_HOME"] == str(home)
    assert not home.exists(), "a person's own profiles are not touched"


def test_settings_from_outside_play_no_part(
    kluis: Kluis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KLUIS_DATABASE_URL", f"sqlite:///{tmp_path / 'real.db'}")
    assert kluis("demo", "--json").status == 0
    assert not (tmp_path / "real.db").exists()
    assert os.environ["KLUIS_DATABASE_URL"]


@pytest.mark.parametrize("pick", [0, 200, -1])
def test_the_story_of_another_person(
    kluis: Kluis, shared: Callable[[str], Path], pick: int
) -> None:
    record = shared("data/brp_personen.json")
    people = json.loads(record.read_text("utf-8"))["personen"]
    bsn = people[pick]["burgerservicenummer"]
    ran = kluis("demo", "--record", record, "--bsn", bsn, "--json")
    assert ran.status == 0, ran.out
    assert len(ran.json["read"]) == 3


def test_a_step_that_fails_is_named_and_nothing_is_left_behind(
    kluis: Kluis, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise Failed("broken", "the pencil broke.")

    monkeypatch.setattr(Citizen, "confirm", broken)
    ran = kluis("demo", "--json")
    assert (ran.status, ran.error) == (1, "demo_failed")
    assert "Step 3" in ran.json["error"]["message"]
    assert "pencil" in ran.json["error"]["message"]
    assert list(folder.iterdir()) == []


def test_a_refusal_that_does_not_come_ends_the_story(
    kluis: Kluis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Citizen, "revoke", lambda *_: None)
    ran = kluis("demo", "--json")
    assert (ran.status, ran.error) == (1, "demo_failed")
    assert "Step 10" in ran.json["error"]["message"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--record", PERSON),
        ("--bsn", BSN),
        ("--record", PERSON, "--bsn", "999990019"),
        ("--record", "nowhere.json", "--bsn", BSN),
        ("--port", "-1"),
    ],
)
def test_a_wrong_use_of_the_demo_starts_nothing(
    kluis: Kluis, folder: Path, arguments: tuple[object, ...]
) -> None:
    assert kluis("demo", *arguments).status == 2
    assert list(folder.iterdir()) == []


def test_a_port_that_is_taken_is_named(kluis: Kluis, server: Running) -> None:
    ran = kluis("demo", "--port", server.url.rpartition(":")[2], "--json")
    assert (ran.status, ran.error) == (1, "demo_failed")
    assert "Step 1" in ran.json["error"]["message"]


@pytest.mark.slow
def test_two_at_the_same_time(tmp_path: Path) -> None:
    with start_kluis("demo", "--json") as one, start_kluis("demo", "--json") as other:
        ended = [each.communicate(timeout=2 * START_SECONDS_MAX) for each in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0], ended
    assert len({json.loads(out)["url"] for out, _ in ended}) == 2
