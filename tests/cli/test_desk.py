"""`kluis desk` against a real server: redeeming a code, reading, and what is refused."""

import json
import stat
from pathlib import Path

import pytest

from cli.counter import checked_code
from evidence.receipt import check_receipt
from tests.cli.conftest import AGENCY, AGENCY_ID, FIELDS, Kluis, Running, share
from vault.logkeys import log_keys
from vault.settings import load_settings


def test_a_key_is_made_once_and_its_private_part_is_never_shown(kluis: Kluis, home: Path) -> None:
    ran = kluis("desk", "keygen", "--json")
    (public,) = ran.json["jwks"]["keys"]
    assert "d" not in public
    profile = home / "desk" / "default.json"
    assert stat.S_IMODE(profile.stat().st_mode) == 0o600
    held = profile.read_bytes()
    assert json.loads(held)["key"]["d"] not in ran.out + ran.err
    again = kluis("desk", "keygen", "--json")
    assert (again.status, again.error) == (1, "key_exists")
    assert profile.read_bytes() == held
    assert kluis("desk", "register-info", "--json").json["jwks"]["keys"] == [public]


def test_a_key_file_never_takes_the_place_of_another(
    kluis: Kluis, home: Path, tmp_path: Path
) -> None:
    taken = tmp_path / "jwks.json"
    taken.write_text("mine")
    ran = kluis("desk", "keygen", "--out", taken, "--json")
    assert (ran.status, ran.error) == (2, "exists")
    assert taken.read_text() == "mine"
    assert not home.exists(), "and no key was made"
    assert kluis("desk", "keygen", "--out", taken, "--force").status == 0
    assert json.loads(taken.read_text())["jwks"]["keys"]


def test_the_registration_gets_the_desk_s_key(kluis: Kluis, tmp_path: Path) -> None:
    kluis("desk", "keygen")
    file = tmp_path / "registration.json"
    assert kluis("desk", "register-info", AGENCY, "--out", file).status == 0
    assert json.loads(file.read_text())["id"] == AGENCY_ID
    assert len(json.loads(file.read_text())["jwks"]["keys"]) == 1


def test_an_agency_reads_what_was_shared_and_nothing_else(citizen: Kluis, desk: Running) -> None:
    made = share(citizen, "--reads", "2").json
    ran = citizen("desk", "redeem", made["code"], "--json")
    assert ran.status == 0, ran.err
    assert ran.json["fields"] == list(FIELDS)
    ran = citizen("desk", "read", "--json", "--officer", "j.devries")
    assert set(ran.json["data"]) == set(FIELDS)
    assert ran.json["data"]["identity.full_name"]["value"] == "Noortje Eveline van Wilgenroos"
    ran = citizen("desk", "read", "--fields", "identity.birth_date", "--json")
    assert (ran.status, ran.error) == (1, "unauthorized_field")
    seen = citizen("wallet", "activity", "--json").json["entries"]
    (read,) = [e for e in seen if e["action"] == "data.read" and e["outcome"] == "permitted"]
    assert read["officer"]["id"] == "j.devries"


def test_the_receipts_of_answers_are_kept_and_hold(
    citizen: Kluis, desk: Running, home: Path
) -> None:
    assert citizen("desk", "redeem", share(citizen).json["code"]).status == 0
    read = citizen("desk", "read")
    kept = {int(path.stem): path for path in (home / "desk" / "default").glob("*.tlog-proof")}
    keys = log_keys(load_settings(desk.data)).verifiers
    held = {index: check_receipt(path.read_text(), keys) for index, path in kept.items()}

    assert [held[index].event.action for index in sorted(held)] == ["grant.redeem", "data.read"]
    assert all(index == receipt.index for index, receipt in held.items())
    assert str(kept[max(kept)]) in read.out
    assert kept[max(kept)].stat().st_mode & 0o077 == 0


def test_a_code_as_people_type_it_and_as_a_scanner_sends_it(citizen: Kluis, desk: Running) -> None:
    code = share(citizen).json["code"]
    typed = f"{code[:3]} {code[3:7]} {code[7:].lower()}"
    assert citizen("desk", "redeem", stdin=typed + "\n").status == 0
    scanned = share(citizen).json["qr"]
    assert citizen("desk", "redeem", "-", stdin=scanned + "\n").status == 0


def test_a_code_works_once_and_a_repetition_ends_the_access(citizen: Kluis, desk: Running) -> None:
    code = share(citizen).json["code"]
    assert citizen("desk", "redeem", code).status == 0
    ran = citizen("desk", "redeem", code, "--json")
    assert (ran.status, ran.error) == (1, "invalid_grant")
    ran = citizen("desk", "read", "--json")
    assert (ran.status, ran.error) == (1, "invalid_token")
    alarms = [e for e in citizen("wallet", "activity", "--json").json["entries"] if e.get("alarm")]
    assert [e["reason"] for e in alarms] == ["answer_lost"]
    assert "ALARM" in citizen("wallet", "activity").out
    assert citizen("wallet", "activity", "--acknowledge", alarms[0]["id"]).status == 0
    assert "ALARM" not in citizen("wallet", "activity").out


def test_the_spoken_code_is_needed_where_there_is_one(citizen: Kluis, desk: Running) -> None:
    made = share(citizen, "--tx-code").json
    ran = citizen("desk", "redeem", made["code"], "--json")
    assert (ran.status, ran.error) == (1, "invalid_request")
    assert "Ask the citizen for the four digits: --tx-code" in ran.json["error"]["message"]
    wrong = f"{(int(made['tx_code']) + 1) % 10_000:04}"
    ran = citizen("desk", "redeem", made["code"], "--tx-code", wrong, "--json")
    assert (ran.status, ran.error) == (1, "invalid_grant")
    assert "three tries" in ran.json["error"]["message"]
    assert citizen("desk", "redeem", made["code"], "--tx-code", made["tx_code"]).status == 0
    ran = citizen("desk", "redeem", share(citizen).json["code"], "--tx-code", "0000", "--json")
    assert (ran.status, ran.error) == (1, "invalid_request")
    assert "leave --tx-code out" in ran.json["error"]["message"]


def test_a_mistyped_code_loses_nothing(citizen: Kluis, desk: Running) -> None:
    assert citizen("desk", "redeem", share(citizen).json["code"]).status == 0
    ran = citizen("desk", "redeem", f"VG1 {'0' * 34}", "--json")
    assert (ran.status, ran.error) == (1, "invalid_grant")
    assert citizen("desk", "read").status == 0, "what was redeemed before is still there"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("VG1 0000", "here are 4"),
        (f"VG2{'0' * 34}", "begins with VG1"),
        (f"VG1{'0' * 35}", "here are 35"),
        (f"VG1{'0' * 33}U", "never a U"),
        ("000G4-0R40M-30E20-9185G-R38E1-W8124", "begins with VG1"),
    ],
)
def test_a_code_that_can_not_be_whole_is_not_sent(
    kluis: Kluis, home: Path, code: str, says: str
) -> None:
    kluis("desk", "keygen", "--url", "http://localhost:9", "--agency", AGENCY_ID)
    before = (home / "desk" / "default.json").read_bytes()
    ran = kluis("desk", "redeem", code, "--json")
    assert (ran.status, ran.error) == (2, "mistyped_code")
    assert says in ran.json["error"]["message"]
    assert code not in ran.out
    assert (home / "desk" / "default.json").read_bytes() == before


def test_a_code_is_the_same_however_it_is_typed() -> None:
    code = "VG10123456789ABCDEFGHJKMNPQRSTVWXYZ01"
    assert checked_code(code) == code
    assert checked_code(" vgi o123-4567 89ab cdef ghjk mnpq rstv wxyz OL ") == code


def test_a_second_keygen_completes_the_profile_and_keeps_the_key(kluis: Kluis, home: Path) -> None:
    first = kluis("desk", "keygen", "--profile", "c3")
    assert "kluis desk register-info FILE --out NEW-FILE --profile c3" in first.out
    assert "--url https://kluis.example.org --agency ID --profile c3" in first.out
    held = json.loads((home / "desk" / "c3.json").read_text())
    more = ("--url", "http://localhost:9", "--agency", AGENCY_ID)
    ran = kluis("desk", "keygen", *more, "--profile", "c3")
    assert ran.status == 0, ran.err
    assert "--agency ID" not in ran.out, "nothing is missing any more"
    completed = json.loads((home / "desk" / "c3.json").read_text())
    assert completed == held | {"url": "http://localhost:9", "agency": AGENCY_ID}


def test_a_stranger_s_desk_is_refused_and_told_why(citizen: Kluis, server: Running) -> None:
    code = share(citizen).json["code"]
    citizen("desk", "keygen", "--url", server.url, "--agency", AGENCY_ID)
    ran = citizen("desk", "redeem", code, "--json")
    assert (ran.status, ran.error) == (1, "invalid_client")
    assert "registration" in ran.json["error"]["message"]


def test_what_is_missing_is_said_before_anything_is_sent(kluis: Kluis, server: Running) -> None:
    ran = kluis("desk", "redeem", "VG1", "--json")
    assert (ran.status, ran.error) == (1, "no_key")
    ran = kluis("desk", "read", "--fields", "a.b", "--json")
    assert (ran.status, ran.error) == (1, "no_access")
    kluis("desk", "keygen")
    ran = kluis("desk", "redeem", "VG1", "--json")
    assert ran.status == 2
    assert "--url" in ran.json["error"]["message"]
    ran = kluis("desk", "redeem", "VG1", "--url", server.url, "--json")
    assert ran.status == 2
    assert "--agency" in ran.json["error"]["message"]
    assert kluis("desk", "redeem", stdin="").status == 2
    ran = kluis("desk", "redeem", "VG1", "--url", "https://elsewhere.example.org")
    assert ran.status == 2
