"""`kluis desk` against a real server: redeeming a code, reading, and what is refused."""

import json
import stat
from pathlib import Path

from tests.cli.conftest import AGENCY, AGENCY_ID, FIELDS, Kluis, Running, share


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
    wrong = f"{(int(made['tx_code']) + 1) % 10_000:04}"
    ran = citizen("desk", "redeem", made["code"], "--tx-code", wrong, "--json")
    assert (ran.status, ran.error) == (1, "invalid_grant")
    assert citizen("desk", "redeem", made["code"], "--tx-code", made["tx_code"]).status == 0


def test_a_mistyped_code_loses_nothing(citizen: Kluis, desk: Running) -> None:
    assert citizen("desk", "redeem", share(citizen).json["code"]).status == 0
    ran = citizen("desk", "redeem", "VG1 0000", "--json")
    assert (ran.status, ran.error) == (1, "invalid_grant")
    assert citizen("desk", "read").status == 0, "what was redeemed before is still there"


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
