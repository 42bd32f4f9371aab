"""`kluis backup`, `restore`, `root rotate` and `audit continue`, as an operator types them."""

from pathlib import Path

import pytest

from tests.cli.conftest import AGENCY, Kluis
from vault.settings import load_settings


@pytest.fixture
def data(kluis: Kluis, tmp_path: Path) -> Path:
    """An installation with an agency, so that its log has an entry."""
    assert kluis("init", "--data", tmp_path / "kluis").status == 0
    file = tmp_path / "agency.json"
    kluis("desk", "keygen")
    assert kluis("desk", "register-info", AGENCY, "--out", file).status == 0
    assert kluis("agency", "register", file, "--data", tmp_path / "kluis").status == 0
    for name in ("main", "salts"):
        (tmp_path / name).mkdir()
    return tmp_path / "kluis"


def archives(kluis: Kluis, data: Path, *more: object) -> list[Path]:
    to = ("--to", data.parent / "main", "--keystore-to", data.parent / "salts")
    ran = kluis("backup", *to, "--data", data, "--json", *more)
    assert ran.status == 0, ran.out
    return [Path(one["path"]) for one in ran.json["made"]]


def test_the_worst_day_from_backup_to_a_log_that_goes_on(kluis: Kluis, data: Path) -> None:
    main, _ = archives(kluis, data, "--keep-days", 7)
    assert kluis("wallet", "create", "--data", data, "--profile", "ada").status == 0

    there = kluis("restore", main, "--data", data, "--json")
    assert (there.status, there.error) == (1, "not_empty")
    restored = kluis("restore", main, "--data", data, "--replace", "--json")
    assert restored.status == 0
    (done,) = restored.json["restored"]
    assert Path(done["aside"]).exists()
    assert any("kluis audit continue" in one["what"] for one in restored.json["advice"])

    served = kluis("agency", "list", "--data", data)
    assert (served.status, "kluis audit continue" in served.err) == (1, True)
    unasked = kluis("audit", "continue", "--data", data, "--json")
    assert unasked.status == 2
    went_on = kluis("audit", "continue", "--yes", "--data", data, "--json")
    assert went_on.status == 0, went_on.out
    assert went_on.json["lost"] == 1
    verified = kluis("audit", "verify", "--data", data)
    assert verified.status == 0, verified.out
    assert "1 more were signed and are lost" in verified.out
    newest = kluis("audit", "keys", "--data", data, "--json").json["keys"][0]["key"]
    assert went_on.json["key"] == newest


def test_folders_are_asked_for_and_are_two(kluis: Kluis, data: Path) -> None:
    folder = data.parent / "main"
    assert kluis("backup", "--data", data).status == 2
    assert kluis("backup", "--to", folder, "--keystore-to", folder, "--data", data).status == 2
    assert kluis("backup", "--to", folder, "--keep-days", 7, "--data", data).status == 2
    nowhere = kluis("backup", "--to", data.parent / "nowhere", "--data", data, "--json")
    assert (nowhere.status, nowhere.error) == (1, "no_folder")


def test_old_keystore_archives_are_told_and_pruned_when_asked(kluis: Kluis, data: Path) -> None:
    _, old = archives(kluis, data)
    again = kluis("backup", "--keystore-to", old.parent, "--keep-days", 0, "--data", data, "--json")
    if again.status == 1:  # made within the same second
        assert again.error == "exists"
        return
    assert again.json["removed"] == [str(old)]


def test_a_root_key_is_counted_changed_and_told(kluis: Kluis, data: Path) -> None:
    keys = load_settings(data).keys
    counted = kluis("root", "rotate", "--dry-run", "--data", data, "--json")
    assert counted.json["would_move"] == 5  # the system's audit key, an agency and its uses
    assert sorted(path.name for path in keys.glob("root-*")) == ["root-1.key"]

    ran = kluis("root", "rotate", "--data", data)
    assert ran.status == 0
    assert "No row names root key 1 any more" in ran.out
    told = kluis("doctor", "--data", data).out
    assert "no row names root key 1 any more, and it is still here" in told
    (keys / "root-1.key").unlink()
    assert kluis("agency", "list", "--data", data).status == 0
    assert kluis("audit", "verify", "--data", data).status == 0
    (keys / "root-2.key").rename(keys / "kept")
    assert kluis("doctor", "--data", data).status == 1
