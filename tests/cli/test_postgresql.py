"""An operator's commands on PostgreSQL: what they make, what they say, what they never show."""

import stat
from pathlib import Path

import pytest

from tests.cli.conftest import AGENCY, START_SECONDS_MAX, Kluis, Ran, start_kluis
from tests.postgresql import Databases, run_on
from vault.schema import MAIN, VERSIONS
from vault.settings import load_settings
from vault.vault import Vault

CANARY = "CANARYpassword"


@pytest.fixture
def named(postgresql: Databases, monkeypatch: pytest.MonkeyPatch, home: Path) -> dict[str, str]:
    """Two empty databases, named in the environment by URLs with a password."""
    urls = {
        name: url.replace("postgres:@", f"postgres:{CANARY}@")
        for name, url in postgresql.emptied().items()
    }
    for name, url in urls.items():
        assert CANARY in url
        monkeypatch.setenv(f"KLUIS_{name.upper()}", url)
    return urls


def never_shown(ran: Ran) -> Ran:
    assert CANARY not in ran.out + ran.err
    return ran


def test_an_installation_on_postgresql_is_made_kept_and_used(
    kluis: Kluis, named: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "kluis"
    made = never_shown(kluis("init", "--data", data, "--json"))
    assert made.json["databases"] == "postgresql"
    for name in named:
        monkeypatch.delenv(f"KLUIS_{name.upper()}")
    kept = data / "kluis.toml"
    assert CANARY in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert {path.name for path in data.iterdir()} == {"kluis.toml"}

    registration = tmp_path / "agency.json"
    kluis("desk", "keygen")
    kluis("desk", "register-info", AGENCY, "--out", registration)
    for command in (
        ("agency", "register", registration),
        ("agency", "list"),
        ("invite",),
        ("audit", "verify"),
        ("audit", "show"),
        ("doctor",),
        ("migrate",),
        ("migrate", "--dry-run"),
    ):
        ran = never_shown(kluis(*command, "--data", data))
        assert ran.status == 0, (command, ran)


def test_migrate_tells_what_there_was_to_do(
    kluis: Kluis, named: dict[str, str], tmp_path: Path
) -> None:
    data = tmp_path / "kluis"
    assert "on PostgreSQL" in never_shown(kluis("init", "--data", data)).out
    ran = kluis("migrate", "--data", data, "--json")
    version = VERSIONS[MAIN]
    assert ran.json["databases"]["main"] == {"before": version, "after": version, "changes": []}
    run_on(named["database_url"], "UPDATE alembic_version SET version_num = '9999'")
    for name in ("migrate", "serve", "invite"):
        ran = kluis(name, "--data", data, "--json")
        assert (ran.status, ran.error) == (1, "schema_newer")
    run_on(named["database_url"], "UPDATE alembic_version SET version_num = '0000'")
    backup = ("backup", "--to", tmp_path / "main", "--keystore-to", tmp_path / "salts")
    for command in (
        *(("serve",), ("serve", "--workers", "2"), ("invite",), ("agency", "list"), backup),
        *(("audit", "show"), ("audit", "keys"), ("audit", "continue")),
    ):
        ran = kluis(*command, "--data", data)
        assert ran.status == 1, command
        assert "kluis migrate" in ran.err
    ran = kluis("audit", "verify", "--data", data)
    assert ran.status == 2
    assert "kluis migrate" in ran.err
    ran = kluis("doctor", "--data", data)
    assert ran.status == 1
    assert "kluis migrate" in ran.out


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        (f"postgresql://kluis:{CANARY}@127.0.0.1:1/main", 1, "database_unreachable"),
        (f"postgresql://kluis:{CANARY}@127.0.0.1:port/main", 2, "bad_settings"),
        (f"mysql://kluis:{CANARY}@127.0.0.1/main", 2, "bad_settings"),
        (f"kluis:{CANARY}", 2, "bad_settings"),
    ],
)
def test_a_wrong_url_is_refused_and_its_password_is_not_shown(
    kluis: Kluis,
    named: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    status: int,
    code: str,
) -> None:
    data = tmp_path / "kluis"
    good = tmp_path / "good"
    assert kluis("init", "--data", good).status == 0
    for name in named:
        monkeypatch.setenv(f"KLUIS_{name.upper()}", url)
    ran = never_shown(kluis("init", "--data", data, "--json"))
    assert (ran.status, ran.error) == (status, code)
    assert not data.exists()
    for command in (("serve",), ("migrate",), ("invite",), ("audit", "show")):
        ran = never_shown(kluis(*command, "--data", good, "--json"))
        assert (ran.status, ran.error) == (status, code), command
    for more in (("audit", "verify"), ("doctor",)):
        assert never_shown(kluis(*more, "--data", good)).status != 0


def test_without_its_driver_it_is_said_what_to_install(
    kluis: Kluis, named: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    ran = never_shown(kluis("init", "--data", tmp_path / "kluis", "--json"))
    assert (ran.status, ran.error) == (1, "extra_missing")
    assert "psycopg[binary]" in ran.json["error"]["message"]
    assert not (tmp_path / "kluis").exists()


@pytest.mark.slow
def test_of_two_installations_made_at_once_one_gets_the_databases(
    postgresql: Databases, tmp_path: Path
) -> None:
    named = {f"KLUIS_{name.upper()}": url for name, url in postgresql.emptied().items()}
    folders = [tmp_path / name / "kluis" for name in ("one", "other")]
    processes = [start_kluis("init", "--data", data, "--json", **named) for data in folders]
    said = [process.communicate(timeout=START_SECONDS_MAX) for process in processes]

    codes = [process.returncode for process in processes]
    assert sorted(codes) == [0, 1], said
    refused, made = codes.index(1), codes.index(0)
    assert '"database_not_empty"' in said[refused][0], said
    with Vault.open(load_settings(folders[made])) as vault:
        assert not vault.system.main.is_sqlite
