"""`kluis audit keys`: what auditors get, and new keys, by the command line."""

from pathlib import Path

import pytest

from cli.audit_keys import app
from evidence.cosignature import parse_verifier
from tests.cli.conftest import Kluis


@pytest.fixture
def data(kluis: Kluis, tmp_path: Path) -> Path:
    assert kluis("init", "--data", tmp_path / "kluis").status == 0
    return tmp_path / "kluis"


def states(kluis: Kluis, data: Path) -> list[tuple[str, str]]:
    keys = kluis("audit", "keys", "--data", data, "--json").json["keys"]
    for one in keys:
        assert parse_verifier(one["key"]).name == one["origin"]
    return [(one["type"], one["state"]) for one in keys]


def test_new_keys_are_made_handed_out_and_the_old_ones_ended(kluis: Kluis, data: Path) -> None:
    at = ("--data", data)
    signing = [("ed25519", "signing"), ("ml-dsa-44", "signing")]
    assert states(kluis, data) == signing

    ran = kluis("audit", "keys", "rotate", *at)

    assert ran.status == 0
    assert "log-2.key" in ran.out
    assert f"kluis audit keys retire --data {data}" in ran.out
    assert states(kluis, data) == [*signing, ("ed25519", "overlap"), ("ml-dsa-44", "overlap")]
    assert len(kluis("audit", "keys", *at).out.splitlines()) == 4
    again = kluis("audit", "keys", "rotate", *at, "--json")
    assert (again.status, again.error) == (1, "overlap_runs")
    early = kluis("audit", "keys", "retire", *at, "--json")
    assert (early.status, early.error) == (1, "overlap_runs")

    ran = kluis("audit", "keys", "retire", "--now", *at, "--json")

    assert [Path(path).name for path in ran.json["retired"]] == ["log-mldsa.pub", "log.pub"]
    assert states(kluis, data) == [*signing, ("ed25519", "retired"), ("ml-dsa-44", "retired")]
    ran = kluis("audit", "keys", *at)
    assert len(ran.out.splitlines()) == 2
    assert ran.err.count("Retired, for old notes only: ") == 2
    assert kluis("audit", "verify", *at).status == 0
    assert kluis("audit", "keys", "retire", *at, "--json").error == "nothing_to_do"


def test_an_installation_from_before_gets_its_second_key(kluis: Kluis, data: Path) -> None:
    at = ("--data", data)
    assert kluis("audit", "keys", "complete", *at, "--json").error == "nothing_to_do"
    (data.with_name("kluis-keys") / "log-mldsa.key").unlink()
    assert states(kluis, data) == [("ed25519", "signing")]
    assert "kluis audit keys complete" in kluis("doctor", *at).out

    ran = kluis("audit", "keys", "complete", *at, "--json")

    assert Path(ran.json["made"]).stat().st_mode & 0o777 == 0o600
    assert states(kluis, data) == [("ed25519", "signing"), ("ml-dsa-44", "signing")]
    assert kluis("audit", "verify", *at).status == 0


def test_without_its_keys_nothing_is_said(kluis: Kluis, data: Path) -> None:
    keys = data.with_name("kluis-keys")
    (keys / "log.key").unlink()
    for command in ((), ("rotate",), ("retire",), ("complete",)):
        ran = kluis("audit", "keys", *command, "--data", data, "--json")
        assert (ran.status, ran.error) == (1, "not_ready")
    assert sorted(path.name for path in keys.glob("log*")) == ["log-mldsa.key"]
    assert len(app.registered_commands) == 3
