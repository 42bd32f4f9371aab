"""An auditor on the command line: registers, fetches the log, checks it alone; and the operator."""

import io
import json
import re
import secrets
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from cli.output import Output
from tests.cli.conftest import AGENCY_ID, Kluis, Running, run_kluis, share


@dataclass(frozen=True)
class Office:
    """An auditor's own computer: a profile, a folder, the log's key on paper."""

    id: str
    server: Running
    key: str
    folder: Path


@pytest.fixture
def office(server: Running, kluis: Kluis, home: Path, tmp_path: Path) -> Office:
    id_ = f"https://auditor.example/{secrets.token_hex(4)}"
    file = tmp_path / "auditor.json"
    made = kluis(
        *("auditor", "keygen", "--url", server.url, "--auditor", id_, "--out", file, "--json")
    )
    assert made.status == 0, made.err
    registration = json.loads(file.read_text())
    assert registration["id"] == id_
    registration["names"] = dict.fromkeys(("nl", "fr", "de", "en"), "Rekenkamer")
    file.write_text(json.dumps(registration))
    registered = kluis("auditor", "register", file, "--data", server.data, "--json")
    assert (registered.status, registered.json) == (0, {"auditor": id_})
    key = kluis("audit", "keys", "--data", server.data, "--json").json["keys"][0]["key"]
    return Office(id_, server, key, tmp_path)


def test_an_auditor_fetches_the_log_twice_and_checks_it_alone(
    office: Office, citizen: Kluis, desk: Running, kluis: Kluis
) -> None:
    assert kluis("desk", "redeem", share(kluis).json["code"]).status == 0
    assert kluis("desk", "read", "--officer", "=cmd|calc").status == 0
    first, second = office.folder / "first.zip", office.folder / "second.zip"

    fetched = kluis("auditor", "export", first, "--officer", "m.audit", "--json")
    assert fetched.status == 0, fetched.err
    again = kluis("auditor", "export", second, "--previous", first)
    assert again.status == 0, again.err
    # Another computer: no server, no data folder, nothing but the file and the key.
    checked = run_kluis(
        *("audit", "verify", second, "--key", office.key, "--previous", first, "--json"),
        KLUIS_HOME=str(office.folder / "elsewhere"),
    )

    assert checked.status == 0, checked.err
    assert checked.json["whole"]
    assert checked.json["size"] > fetched.json["entries"]
    assert checked.json["not_proved"]
    with zipfile.ZipFile(second) as export:
        table = export.read("entries.csv").decode("utf-8-sig")
    assert ",'=cmd|calc," in table
    assert "m.audit" in table
    assert (first.stat().st_mode & 0o777) == 0o600


def test_an_export_that_was_changed_is_named_with_its_place(
    office: Office, citizen: Kluis, kluis: Kluis
) -> None:
    file, changed = office.folder / "log.zip", office.folder / "changed.zip"
    assert kluis("audit", "export", file, "--data", office.server.data).status == 0
    with zipfile.ZipFile(file) as export, zipfile.ZipFile(changed, "w") as forged:
        for name in export.namelist():
            raw = export.read(name)
            if name == "openings.ndjson":
                lines = raw.splitlines(keepends=True)
                raw = b"".join([lines[0], *lines[2:]])
            forged.writestr(name, raw)

    found = kluis("audit", "verify", changed, "--key", office.key)

    assert found.status == 1
    assert "BROKEN: closed: entry 1: it is neither open nor said to be closed" in found.out
    assert "NOT whole. First at entry" in found.out
    assert "not proved:" in found.out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("log.zip",), "no_key"),
        (("log.zip", "--key", "nonsense"), "bad_key"),
        (("nowhere.zip", "--key", "KEY"), "unreadable_file"),
        (("text.zip", "--key", "KEY"), "no_export"),
        (("empty.zip", "--key", "KEY"), "no_export"),
        (("log.zip", "--key", "KEY", "--previous", "text.zip"), "no_export"),
        (("--key", "KEY"), "wrong_use"),
    ],
)
def test_what_can_not_be_said_ends_with_2_and_says_why(
    office: Office, kluis: Kluis, arguments: tuple[str, ...], code: str
) -> None:
    folder = office.folder
    assert kluis("audit", "export", folder / "log.zip", "--data", office.server.data).status == 0
    (folder / "text.zip").write_text("no zip")
    with zipfile.ZipFile(folder / "empty.zip", "w"):
        pass
    given = [folder / one if one.endswith(".zip") else one for one in arguments]
    given = [office.key if one == "KEY" else one for one in given]
    ended = kluis("audit", "verify", *given, "--json")
    assert (ended.status, ended.error) == (2, code)


def test_an_export_never_goes_over_another_file_unasked(office: Office, kluis: Kluis) -> None:
    file = office.folder / "log.zip"
    file.write_text("mine")
    for command in (("audit", "export", file, "--data", office.server.data),
                    ("auditor", "export", file)):  # fmt: skip
        assert kluis(*command, "--json").error == "exists"
        assert file.read_text() == "mine"
    forced = kluis("audit", "export", file, "--data", office.server.data, "--force")
    assert forced.status == 0
    assert zipfile.is_zipfile(file)
    assert sorted(office.folder.glob(".log.zip*")) == []


def test_an_auditor_looks_at_entries(office: Office, citizen: Kluis, kluis: Kluis) -> None:
    found = kluis("auditor", "entries", "--action", "value.put", "--json")
    assert found.status == 0, found.err
    assert {one["action"] for one in found.json["entries"]} == {"value.put"}
    shown = kluis("auditor", "entries", "--agency", AGENCY_ID)
    assert "entries were gone through" in shown.out


def test_a_revoked_auditor_is_listed_and_refused(office: Office, kluis: Kluis) -> None:
    data = office.server.data
    assert kluis("auditor", "revoke", office.id, "--data", data).status == 0
    listed = kluis("auditor", "list", "--data", data, "--json").json["auditors"]
    assert {"id": office.id, "state": "revoked"} in listed
    refused = kluis("auditor", "export", office.folder / "x.zip", "--json")
    assert (refused.status, refused.error) == (1, "invalid_client")
    assert not (office.folder / "x.zip").exists()


def test_a_wrong_registration_of_an_auditor_is_refused_with_its_place(
    server: Running, kluis: Kluis, tmp_path: Path
) -> None:
    file = tmp_path / "wrong.json"
    for document, place in (
        ({"id": "https://a.example", "names": {}, "jwks": {"keys": []}}, "names.nl"),
        ({"id": "x", "names": {}, "jwks": {}}, "id"),
        ({"id": "https://a.example", "intended_uses": []}, "intended_uses"),
    ):
        file.write_text(json.dumps(document))
        refused = kluis("auditor", "register", file, "--data", server.data, "--json")
        assert (refused.status, refused.error) == (1, "bad_registration")
        assert "Not registered." in refused.json["error"]["message"], place


def test_anomalies_are_told_of_a_file_and_of_an_installation(
    office: Office, citizen: Kluis, kluis: Kluis
) -> None:
    file = office.folder / "log.zip"
    assert kluis("audit", "export", file, "--data", office.server.data).status == 0
    of_file = kluis("audit", "anomalies", file, "--json")
    of_data = kluis("audit", "anomalies", "--data", office.server.data, "--json")
    assert of_file.status == of_data.status == 0
    assert isinstance(of_file.json["anomalies"], list)
    assert isinstance(of_data.json["anomalies"], list)
    shown = kluis("audit", "show", "--data", office.server.data, "--json").json["entries"]
    assert (shown[0]["action"], shown[0]["actor"]) == ("log.read", "operator")


def test_on_a_terminal_it_shows_how_many_are_done() -> None:
    out, shown = Output(), io.StringIO()
    out._err = Console(file=shown, force_terminal=True, width=100)
    with out.counting("entries", 2000) as count:
        count(500)
        count(0.5)
        assert out._err.is_terminal
        count(999.5)
    assert "1500 of 2000 entries" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.getvalue())
