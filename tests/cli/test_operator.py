"""`kluis init`, `invite`, `agency`, `audit` and `doctor`: what an operator does."""

import json
import sqlite3
import stat
from pathlib import Path

import pytest

from audit.note import open_note
from evidence.cosignature import parse_verifier
from tests.cli.conftest import AGENCY, AGENCY_ID, Kluis, Running, run_kluis, share
from vault.settings import load_settings


@pytest.fixture
def data(kluis: Kluis, tmp_path: Path) -> Path:
    """A new installation."""
    assert kluis("init", "--data", tmp_path / "kluis").status == 0
    return tmp_path / "kluis"


@pytest.fixture
def registration(kluis: Kluis, tmp_path: Path) -> Path:
    """A registration file with a key in it."""
    file = tmp_path / "agency.json"
    kluis("desk", "keygen")
    assert kluis("desk", "register-info", AGENCY, "--out", file).status == 0
    return file


def test_an_installation_lies_in_three_parts(kluis: Kluis, tmp_path: Path) -> None:
    ran = kluis("init", "--data", tmp_path / "kluis", "--json")
    assert ran.status == 0
    data, keys, anchor = (Path(ran.json[part]) for part in ("data", "keys", "anchor"))
    assert (data / "kluis.toml").is_file()
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in data.iterdir()} == {0o600}
    assert anchor.is_file()
    assert len({data, keys, anchor.parent}) == 3


def test_init_never_overwrites(kluis: Kluis, data: Path) -> None:
    def content() -> dict[Path, bytes]:
        found = [*data.parent.rglob("*")]
        return {path: path.read_bytes() for path in found if path.is_file()}

    before = content()
    for arguments in ((), ("--keys", data.parent / "new"), ("--anchor", data.parent / "n" / "a")):
        ran = kluis("init", "--data", data, *arguments, "--json")
        assert (ran.status, ran.error) == (1, "not_ready")
        assert content() == before


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("--url", "kluis.example.org"), 2),
        (("--url", "http://kluis.example.org"), 2),
        (("--url", "https://kluis.example.org/vault"), 2),
        (("--registration", "everybody"), 2),
        (("--keys", "{data}/keys"), 1),
        (("--data", "/proc/nowhere"), 1),
    ],
)
def test_a_wrong_init_makes_nothing(
    kluis: Kluis, tmp_path: Path, arguments: tuple[str, ...], status: int
) -> None:
    data = tmp_path / "kluis"
    given = [one.format(data=data) for one in arguments]
    ran = kluis("init", "--data", data, *given, "--json")
    assert ran.status == status
    assert ran.error
    assert [path.name for path in tmp_path.iterdir()] == []


def test_commands_on_a_folder_without_installation_say_what_to_do(
    kluis: Kluis, tmp_path: Path
) -> None:
    nowhere = ("--data", tmp_path / "nowhere")
    for command in (("invite",), ("agency", "list"), ("serve",), ("audit", "show")):
        ran = kluis(*command, *nowhere)
        assert ran.status == 1
        assert "kluis init" in ran.err
        assert "--data or KLUIS_DATA" in ran.err
    assert kluis("audit", "verify", *nowhere).status == 2
    assert kluis("doctor", *nowhere).status == 1
    assert list(tmp_path.iterdir()) == []


def test_wrong_settings_are_named_and_never_shown(kluis: Kluis, data: Path) -> None:
    settings = data / "kluis.toml"
    good = settings.read_text()
    settings.write_text(good + 'reads_max = "s3cret"\n')
    ran = kluis("agency", "list", "--data", data, "--json")
    assert (ran.status, ran.error) == (2, "bad_settings")
    assert "reads_max" in ran.out
    assert "s3cret" not in ran.out
    settings.write_text(good + "= nonsense")
    ran = kluis("agency", "list", "--data", data, "--json")
    assert (ran.status, ran.error) == (2, "bad_settings")


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("help_url", "javascript:s3cret()", "https:// or mailto:"),
        ("security_contact", "s3cret@example.org", "https:// or mailto:"),
        ("keystore_url", "mysql://me:s3cret@here/it", "postgresql://name:password@host/database"),
    ],
)
def test_what_an_address_looks_like_is_told(
    kluis: Kluis, data: Path, name: str, given: str, expected: str
) -> None:
    settings = data / "kluis.toml"
    settings.write_text(f"{settings.read_text()}{name} = {given!r}\n")
    ran = kluis("agency", "list", "--data", data)
    assert ran.status == 2
    assert f"{name}: a" in ran.err
    assert expected in ran.err
    assert "s3cret" not in ran.err


def test_an_invitation_lets_one_person_in(kluis: Kluis, data: Path) -> None:
    ran = kluis("invite", "--data", data, "--for", "2d", "--json")
    assert ran.json["lives_seconds"] == 172_800
    again = kluis("invite", "--data", data)
    assert again.out.strip()
    assert again.out.strip() != ran.json["invitation"], "each is for one person"
    assert kluis("invite", "--data", data, "--for", "long", "--json").error == "wrong_use"


def test_an_agency_is_registered_once_listed_and_revoked(
    kluis: Kluis, data: Path, registration: Path
) -> None:
    at = ("--data", data)
    ran = kluis("agency", "register", registration, *at, "--json")
    assert ran.json["agency"] == AGENCY_ID
    ran = kluis("agency", "register", registration, *at, "--json")
    assert (ran.status, ran.error) == (1, "already_registered")
    assert "parking-permit" in kluis("agency", "list", *at).out
    assert kluis("agency", "revoke", AGENCY_ID, "--use", "parking-permit", *at).status == 0
    states = {
        row["id"]: row["state"]
        for row in kluis("agency", "list", *at, "--json").json["registrations"]
    }
    assert states["parking-permit"] == "revoked"
    assert states[AGENCY_ID] == "active"
    assert kluis("agency", "revoke", AGENCY_ID, *at).status == 0
    for wrong in ((AGENCY_ID,), ("https://nobody.example",), (AGENCY_ID, "--use", "none")):
        ran = kluis("agency", "revoke", *wrong, *at, "--json")
        assert (ran.status, ran.error) == (1, "not_found")


def test_a_wrong_registration_is_refused_with_its_place(
    kluis: Kluis, data: Path, registration: Path
) -> None:
    document = json.loads(registration.read_text())
    del document["intended_uses"][0]["fields"][1]["why"]["nl"]
    registration.write_text(json.dumps(document))
    ran = kluis("agency", "register", registration, "--data", data, "--json")
    assert (ran.status, ran.error) == (1, "bad_registration")
    assert "intended_uses[0].fields[1].why.nl" in ran.out
    ran = kluis("agency", "register", AGENCY, "--data", data, "--json")
    assert (ran.status, ran.error) == (1, "bad_registration"), "it has no key"
    ran = kluis("agency", "register", "nowhere.json", "--data", data, "--json")
    assert (ran.status, ran.error) == (2, "unreadable_file")
    assert kluis("agency", "list", "--data", data, "--json").json["registrations"] == []


def test_a_whole_log_is_found_whole_also_beside_a_running_server(
    citizen: Kluis, server: Running
) -> None:
    share(citizen)
    ran = citizen("audit", "verify", "--data", server.data, "--json")
    assert ran.status == 0, ran.out
    assert ran.json["whole"] is True
    assert ran.json["size"] > 0
    assert ran.json["checked"]
    assert "whole" in citizen("audit", "verify", "--data", server.data).out


def test_a_changed_log_is_found_and_the_place_named(
    kluis: Kluis, data: Path, registration: Path
) -> None:
    kluis("agency", "register", registration, "--data", data)
    kluis("agency", "revoke", AGENCY_ID, "--data", data)
    with sqlite3.connect(data / "db") as database:
        database.execute("UPDATE audit_leaf SET leaf_data = zeroblob(33) WHERE idx = 1")
    database.close()
    ran = kluis("audit", "verify", "--data", data, "--json")
    assert ran.status == 1
    assert ran.json["whole"] is False
    assert 1 in [one["index"] for one in ran.json["findings"]]
    assert "NOT whole" in kluis("audit", "verify", "--data", data).out


def test_it_can_not_be_said_without_the_keys(kluis: Kluis, data: Path) -> None:
    keys = data.with_name("kluis-keys")
    keys.rename(keys.with_name("elsewhere"))
    ran = kluis("audit", "verify", "--data", data, "--json")
    assert ran.status == 2
    assert ran.error


def test_the_operator_s_list_shows_no_citizen_s_entries(citizen: Kluis, server: Running) -> None:
    ran = citizen("audit", "show", "--data", server.data, "--limit", "1000", "--json")
    actions = {one["action"] for one in ran.json["entries"]}
    assert "registry.add" in actions
    assert "value.put" not in actions
    assert None in actions
    assert "registry.add" in citizen("audit", "show", "--data", server.data, "--limit", "1000").out
    assert citizen("audit", "show", "--data", server.data, "--limit", "0").status == 2


def test_the_key_that_an_auditor_checks_with_opens_the_published_checkpoint(
    citizen: Kluis, server: Running
) -> None:
    ran = citizen("audit", "keys", "--data", server.data, "--json")
    assert ran.status == 0
    note = load_settings(server.data).anchor.read_text("utf-8")
    first, second = ran.json["keys"]
    assert (first["type"], second["type"]) == ("ed25519", "ml-dsa-44")
    assert {first["state"], second["state"]} == {"signing"}
    known = [parse_verifier(one["key"]) for one in ran.json["keys"]]
    assert open_note(note, known).size > 0
    shown = citizen("audit", "keys", "--data", server.data).out.splitlines()
    assert shown == [first["key"], second["key"]]


def test_the_doctor_tells_risk_from_wrong(kluis: Kluis, data: Path) -> None:
    ran = kluis("doctor", "--data", data, "--json")
    assert ran.status == 0
    assert ran.json["healthy"] is True
    assert {one["level"] for one in ran.json["advice"]} <= {"ok", "risk"}
    hints = " ".join(one["do"] for one in ran.json["advice"])
    assert f"kluis agency register FILE --data {data}" in hints
    data.with_name("kluis-keys").chmod(0o755)
    ran = kluis("doctor", "--data", data)
    assert ran.status == 1
    assert "WRONG" in ran.out
    assert "chmod 700" in ran.out


def test_several_processes_need_postgresql(kluis: Kluis, data: Path) -> None:
    ran = kluis("serve", "--data", data, "--workers", "2", "--json")
    assert (ran.status, ran.error) == (2, "workers_need_postgresql")


@pytest.mark.parametrize("proxy", ["banana", "", "localhost", "127.0.0.1:80", "*"])
def test_a_proxy_is_named_by_its_ip_address(kluis: Kluis, data: Path, proxy: str) -> None:
    ran = kluis("serve", "--data", data, "--proxy", proxy, "--json")
    assert (ran.status, ran.error) == (2, "wrong_use")
    assert "IP address" in ran.json["error"]["message"]


def test_a_port_that_is_taken_is_named(kluis: Kluis, server: Running, data: Path) -> None:
    port = server.url.rpartition(":")[2]
    ran = kluis("serve", "--data", data, "--port", port, "--json")
    assert (ran.status, ran.error) == (1, "cannot_listen")


def test_a_command_that_is_used_in_a_process_of_its_own(tmp_path: Path) -> None:
    data = tmp_path / "kluis"
    assert run_kluis("init", KLUIS_DATA=str(data)).status == 0
    ran = run_kluis("agency", "list", "--json", KLUIS_DATA=str(data))
    assert ran.json == {"registrations": [], "damaged": []}
