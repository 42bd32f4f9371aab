"""`kluis wallet` against a real server: a citizen's vault from making it to erasing it."""

import json
import os
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import AGENCY_ID, BSN, FIELDS, PERSON, Kluis, Running, code_in, share

NOBODY = "http://localhost:9"  # the discard port: nothing listens there


def test_a_new_vault_shows_its_recovery_code_and_keeps_its_secrets_to_itself(
    server: Running, kluis: Kluis, home: Path
) -> None:
    ran = kluis("wallet", "create", "--url", server.url)
    assert ran.status == 0
    assert code_in(ran.out)
    profile = home / "wallet" / "default.json"
    held = json.loads(profile.read_text())
    assert held["url"] == server.url
    assert held["device_secret"] not in ran.out + ran.err
    assert held["session"] not in ran.out + ran.err
    assert code_in(ran.out) not in profile.read_text()


def test_a_profile_is_for_its_owner_alone(citizen: Kluis, home: Path) -> None:
    assert stat.S_IMODE((home / "wallet").stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "wallet" / "default.json").stat().st_mode) == 0o600
    assert os.listdir(home / "wallet") == ["default.json"], "no draft is left behind"


def test_a_profile_that_others_can_read_is_not_used(citizen: Kluis, home: Path) -> None:
    (home / "wallet" / "default.json").chmod(0o644)
    ran = citizen("wallet", "show", "--json")
    assert (ran.status, ran.error) == (1, "profile_readable_by_others")


def test_a_second_vault_never_takes_the_place_of_the_first(
    citizen: Kluis, server: Running, home: Path
) -> None:
    before = (home / "wallet" / "default.json").read_bytes()
    ran = citizen("wallet", "create", "--url", server.url, "--json")
    assert (ran.status, ran.error) == (1, "profile_in_use")
    assert (home / "wallet" / "default.json").read_bytes() == before


def test_nothing_is_left_of_a_vault_that_could_not_be_made(kluis: Kluis, home: Path) -> None:
    ran = kluis("wallet", "create", "--url", NOBODY, "--json")
    assert (ran.status, ran.error) == (1, "unreachable")
    assert not (home / "wallet" / "default.json").exists()


def test_a_device_secret_goes_to_its_own_server_alone(citizen: Kluis) -> None:
    ran = citizen("wallet", "unlock", "--url", "https://elsewhere.example.org")
    assert ran.status == 2
    assert "belongs to" in ran.err


@pytest.mark.parametrize(
    "url",
    [
        "kluis.example.org",
        "ftp://kluis.example.org",
        "http://kluis.example.org",
        "https://a@kluis.example.org",
        "https://kluis.example.org/?a=b",
        "https://kluis.example.org:port",
        "",
    ],
)
def test_what_is_no_safe_address_is_refused_before_anything_is_sent(
    kluis: Kluis, home: Path, url: str
) -> None:
    ran = kluis("wallet", "create", "--url", url, "--json")
    assert (ran.status, ran.error) == (2, "wrong_use")
    assert not home.exists()


def test_a_recovery_code_is_not_taken_from_the_command_line(citizen: Kluis) -> None:
    for command in (("confirm",), ("unlock", "--recovery"), ("methods", "add", "--recovery")):
        ran = citizen("wallet", *command, "T8A1Q-Y53Z3-WRRDW-MMW7Z-DD5K0-XBMSW", "--json")
        assert (ran.status, ran.error) == (2, "secret_on_command_line")


def test_a_wrong_recovery_code_is_refused(server: Running, kluis: Kluis) -> None:
    kluis("wallet", "create", "--url", server.url)
    ran = kluis("wallet", "confirm", stdin="T8A1Q-Y53Z3-WRRDW-MMW7Z-DD5K0-XBMSW\n")
    assert ran.status == 1
    assert "Check each group" in ran.err
    ran = kluis("wallet", "unlock", "--recovery", stdin="T8A1Q\n")
    assert ran.status == 1
    assert "Check each group" in ran.err
    assert kluis("wallet", "confirm", stdin="").status == 2, "nothing typed"


def test_a_vault_opens_with_its_device_and_closes(citizen: Kluis) -> None:
    assert citizen("wallet", "lock").status == 0
    ran = citizen("wallet", "show", "--json")
    assert (ran.status, ran.error) == (1, "session_ended")
    ran = citizen("wallet", "unlock", "--json")
    assert ran.status == 0
    assert ran.json["recovery_confirmed"] is True
    assert "ks1_" not in ran.out
    assert citizen("wallet", "show").status == 0


def test_a_lost_phone_is_replaced_with_the_recovery_code(
    server: Running, kluis: Kluis, home: Path
) -> None:
    code = code_in(kluis("wallet", "create", "--url", server.url).out)
    kluis("wallet", "confirm", stdin=code)
    kluis("wallet", "set", "contact.language=nl")
    new = ("--profile", "newphone")
    (lost,) = (
        one["id"]
        for one in kluis("wallet", "methods", "list", "--json").json["methods"]
        if one["kind"] == "device"
    )
    ran = kluis("wallet", "unlock", "--recovery", "--url", server.url, *new, stdin=code)
    assert ran.status == 0
    assert "contact.language" in kluis("wallet", "show", *new).out
    added = kluis(
        *("wallet", "methods", "add", "--device", "newphone", "--recovery", *new), stdin=code
    )
    assert added.status == 0, added.err
    assert kluis("wallet", "methods", "remove", lost, *new).status == 0
    assert kluis("wallet", "unlock", *new).status == 0
    ran = kluis("wallet", "unlock", "--json")
    assert (ran.status, ran.error) == (1, "cannot_unlock")


def test_a_second_device_and_a_second_recovery_code(citizen: Kluis) -> None:
    assert citizen("wallet", "methods", "add", "--device", "tablet").status == 0
    assert citizen("wallet", "unlock", "--profile", "tablet").status == 0
    ran = citizen("wallet", "methods", "add", "--device", "tablet", "--json")
    assert (ran.status, ran.error) == (1, "profile_in_use")
    assert code_in(citizen("wallet", "methods", "add").out)
    ran = citizen("wallet", "methods", "remove", "nothing", "--json")
    assert (ran.status, ran.error) == (1, "not_found")


def test_a_wrong_recovery_code_leaves_a_new_profile_without_a_device(
    citizen: Kluis, home: Path
) -> None:
    wrong = "T8A1Q-Y53Z3-WRRDW-MMW7Z-DD5K0-XBMSW"
    ran = citizen("wallet", "methods", "add", "--device", "tablet", "--recovery", stdin=wrong)
    assert ran.status == 1
    assert not (home / "wallet" / "tablet.json").exists()


def test_values_go_in_and_come_out_with_their_history(citizen: Kluis) -> None:
    assert citizen("wallet", "set", "contact.language=nl").status == 0
    assert citizen("wallet", "set", "contact.language=fr").status == 0
    ran = citizen("wallet", "show", "contact.language", "--json")
    assert [one["value"] for one in ran.json["versions"]] == ["fr", "nl"]
    ran = citizen("wallet", "set", "identity.nationality=BE")
    assert ran.status == 0
    found = citizen("wallet", "show", "--json").json["values"]
    assert found["identity.nationality"]["value"] == ["BE"]
    assert found["contact.language"]["value"] == "fr"


def test_values_go_in_from_standard_input(citizen: Kluis) -> None:
    given = {"identity.nationality": ["NL", "BE"], "contact.language": "de"}
    assert citizen("wallet", "set", "--from", "-", stdin=json.dumps(given)).status == 0
    found = citizen("wallet", "show", "--json").json["values"]
    assert {name: found[name]["value"] for name in given} == given


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((), 2),
        (("contact.language",), 2),
        (("=nl",), 2),
        (("no.such_field=1",), 2),
        (("contact.language=nl", "contact.language=fr"), 2),
        (("--from", "nowhere.json"), 2),
        (("contact.language=nl", "--from", "-"), 2),
        (("contact.language=not a language",), 1),
        (("identity.birth_date=yesterday",), 1),
    ],
)
def test_wrong_values_change_nothing(
    citizen: Kluis, arguments: tuple[str, ...], status: int
) -> None:
    before = citizen("wallet", "show", "--json").json
    ran = citizen("wallet", "set", *arguments, "--json")
    assert ran.status == status
    assert ran.error
    assert citizen("wallet", "show", "--json").json == before


def test_a_record_keeps_what_the_register_is_looking_into(citizen: Kluis) -> None:
    found = citizen("wallet", "show", "--json").json["values"]
    assert found["address.resident_since"]["status"] == "under_investigation"
    assert found["identity.full_name"]["status"] == "stated"
    assert {one["source"] for one in found.values()} == {"self"}
    assert "under investigation" in citizen("wallet", "show").out


@pytest.mark.parametrize(
    ("bsn", "error"),
    [("999942038", "bad_bsn"), ("999990019", "person_not_in_answer"), ("x", "bad_bsn")],
)
def test_another_number_than_the_record_s_is_refused(citizen: Kluis, bsn: str, error: str) -> None:
    ran = citizen("wallet", "import", "brp", PERSON, "--bsn", bsn, "--json")
    assert (ran.status, ran.error) == (2, error)


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("1989-02-29", "bad_date: there is no such day"),
        ("2988-02-29", "date_to_come: this day is still to come"),
        ("1588-02-29", "date_too_long_ago: this is more than 130 years ago"),
    ],
)
def test_one_value_that_can_not_be_is_left_out_of_a_record_and_named(
    server: Running, kluis: Kluis, tmp_path: Path, day: str, why: str
) -> None:
    kluis("wallet", "create", "--url", server.url)
    answer = tmp_path / "answer.json"
    answer.write_text(PERSON.read_text("utf-8").replace('"1988-02-29"', f'"{day}"'), "utf-8")
    command = ("wallet", "import", "brp", answer, "--bsn", BSN)
    ran = kluis(*command, "--json")
    assert ran.status == 0
    assert ran.json["left_out"] == {"identity.birth_date": why.split(":", maxsplit=1)[0]}
    held = kluis("wallet", "show", "--json").json["values"]
    assert set(held) == set(ran.json["fields"])
    assert "identity.full_name" in held
    assert "identity.birth_date" not in held
    said = kluis(*command)
    assert said.status == 0
    assert f"  identity.birth_date: {why}\n" in said.err
    assert day not in said.out + said.err


def test_of_a_record_without_a_slip_nothing_is_left_out(citizen: Kluis) -> None:
    ran = citizen("wallet", "import", "brp", PERSON, "--bsn", BSN)
    assert (ran.status, ran.err) == (0, "")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1, "a": 2}', "[" * 100_000])
def test_a_file_that_is_no_answer_is_refused(citizen: Kluis, tmp_path: Path, content: str) -> None:
    (tmp_path / "answer.json").write_text(content)
    ran = citizen("wallet", "import", "brp", tmp_path / "answer.json", "--bsn", BSN, "--json")
    assert (ran.status, ran.error) == (2, "not_json")


def test_an_offer_shows_its_code_in_groups_and_until_when(citizen: Kluis) -> None:
    ran = citizen(
        *("wallet", "share", "--agency", AGENCY_ID, "--use", "parking-permit", "--tx-code"),
        *("--fields", ",".join(FIELDS), "--for", "1h", "--reads", "3"),
    )
    assert ran.status == 0
    assert "VG1 " in ran.out
    assert "█" in ran.out
    assert "Say aloud:" in ran.out
    assert "until" in ran.out
    (grant,) = citizen("wallet", "grants", "--json").json["grants"]
    assert grant["state"] == "offered"
    assert grant["reads_max"] == 3


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (("--for", "soon"), 2, "wrong_use"),
        (("--for", "0h"), 2, "wrong_use"),
        (("--reads", "0"), 2, "wrong_use"),
        (("--reads", "many"), 2, "wrong_use"),
        (("--fields", ","), 2, "wrong_use"),
        (("--fields", "identity.birth_date"), 1, "not_registered_for"),
        (("--fields", "identity.full_name"), 1, "fields_missing"),
        (("--fields", "no.such_field"), 1, "unknown_field"),
        (("--use", "other"), 1, "use_revoked"),
        (("--agency", "https://other.example"), 1, "agency_revoked"),
        (("--for", "999w"), 1, "limit_reached"),
        (("--svg", "/nowhere/code.svg"), 2, "unwritable_file"),
    ],
)
def test_a_wrong_choice_is_refused_with_its_reason(
    citizen: Kluis, change: tuple[str, ...], status: int, code: str
) -> None:
    ran = share(citizen, *change)
    assert (ran.status, ran.error) == (status, code)
    assert citizen("wallet", "grants", "--json").json == {"grants": []}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("--fields", "identity.birth_date"), "Not registered for this use: identity.birth_date."),
        (("--fields", "identity.full_name"), "Missing: address.resident_address"),
        (("--for", "999w"), "--for: at most 366 days"),
        (("--for", "1h", "--reads", "99999"), "--reads: at most 10000"),
        (("--use", "other"), "kluis wallet agencies"),
    ],
)
def test_a_refused_choice_says_what_to_change(
    citizen: Kluis, change: tuple[str, ...], says: str
) -> None:
    assert says in share(citizen, *change).json["error"]["message"]


def test_a_picture_of_a_code_is_for_its_owner_alone(citizen: Kluis, tmp_path: Path) -> None:
    pictures = tmp_path / "code.svg", tmp_path / "code.png"
    assert share(citizen, "--svg", pictures[0], "--png", pictures[1]).status == 0
    assert [stat.S_IMODE(one.stat().st_mode) for one in pictures] == [0o600, 0o600]


@pytest.mark.parametrize("id_", [f"-h{'x' * 19}A", f"--{'x' * 19}A"])
def test_an_id_may_begin_with_a_dash(citizen: Kluis, id_: str) -> None:
    for command in (("revoke",), ("methods", "remove")):
        for more in ((), ("--profile", "default")):
            ran = citizen("wallet", *command, id_, *more, "--json")
            assert (ran.status, ran.error) == (1, "not_found")
        ran = citizen("wallet", *command, "--json", "--", id_)
        assert (ran.status, ran.error) == (1, "not_found")


@pytest.mark.parametrize("day", ["2023-02-30", "1988-13", "0000-01-01"])
def test_a_date_that_does_not_exist_is_called_so(citizen: Kluis, day: str) -> None:
    ran = citizen("wallet", "set", f"identity.birth_date={day}", "--json")
    assert (ran.status, ran.error) == (1, "bad_date")
    assert "not in the calendar" in ran.json["error"]["message"]
    ran = citizen("wallet", "set", "identity.birth_date=yesterday", "--json")
    assert "YYYY-MM-DD" in ran.json["error"]["message"]


def test_hints_go_on_with_the_same_profile(server: Running, kluis: Kluis) -> None:
    ran = kluis("wallet", "create", "--url", server.url, "--profile", "ada")
    assert "kluis wallet confirm --profile ada" in ran.out
    assert kluis("wallet", "lock", "--profile", "ada").status == 0
    assert "kluis wallet unlock --profile ada" in kluis("wallet", "show", "--profile", "ada").err


def test_a_picture_never_takes_the_place_of_another_file(citizen: Kluis, tmp_path: Path) -> None:
    taken = tmp_path / "code.svg"
    taken.write_text("mine")
    ran = share(citizen, "--svg", taken)
    assert (ran.status, ran.error) == (2, "exists")
    assert taken.read_text() == "mine"
    assert citizen("wallet", "grants", "--json").json == {"grants": []}, "and no offer was made"
    assert share(citizen, "--svg", taken, "--force").status == 0
    assert "<svg" in taken.read_text()


def test_a_grant_can_be_ended_and_what_is_no_grant_can_not(citizen: Kluis) -> None:
    grant = share(citizen).json["grant"]
    assert citizen("wallet", "revoke", grant, "--json").json["status"] == "ended"
    assert citizen("wallet", "grants", "--json").json["grants"][0]["state"] == "ended"
    for wrong in ("x" * 22, "../sessions/current", "?"):
        ran = citizen("wallet", "revoke", wrong, "--json")
        assert (ran.status, ran.error) == (1, "not_found")
    ran = citizen("wallet", "revoke", ".", "--json")
    assert (ran.status, ran.error) == (2, "wrong_use")
    assert citizen("wallet", "show").status == 0, "the session is still there"


def test_activity_names_what_happened_and_an_entry_that_is_not_there_is_refused(
    citizen: Kluis,
) -> None:
    ran = citizen("wallet", "activity")
    assert ran.status == 0
    assert "value.put" in ran.out
    numbers = [int(line.split()[0]) for line in ran.out.splitlines() if line[:5].strip().isdigit()]
    assert numbers == list(range(len(numbers), 0, -1)), "counted in this vault, newest first"
    found = citizen("wallet", "activity", "--json").json
    assert found["damaged"] == []
    unknown = "01999e2c-6a00-7000-8000-000000000000"
    ran = citizen("wallet", "activity", "--acknowledge", unknown, "--json")
    assert (ran.status, ran.error) == (1, "not_found")


def test_erasing_has_to_be_meant_and_is_for_good(citizen: Kluis, home: Path) -> None:
    assert citizen("wallet", "erase").status == 2, "nobody is there to ask"
    assert citizen("wallet", "show").status == 0
    profile = home / "wallet" / "default.json"
    held = profile.read_bytes()
    assert citizen("wallet", "erase", "--yes").status == 0
    assert not profile.exists()
    profile.write_bytes(held)
    profile.chmod(0o600)
    assert citizen("wallet", "unlock").status == 1


def test_lists_for_people_and_for_scripts(citizen: Kluis) -> None:
    for command in (("fields",), ("agencies",), ("grants",), ("methods", "list")):
        assert citizen("wallet", *command).out
        assert citizen("wallet", *command, "--json").json
    assert "address.resident_since" in citizen("wallet", "agencies").out


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65])
def test_a_profile_s_name_is_no_path(kluis: Kluis, server: Running, name: str) -> None:
    ran = kluis("wallet", "create", "--url", server.url, "--profile", name, "--json")
    assert (ran.status, ran.error) == (2, "wrong_use")


def test_without_a_profile_every_command_says_what_to_do(kluis: Kluis) -> None:
    for command in (("show",), ("lock",), ("unlock",), ("grants",), ("activity",), ("erase",)):
        ran = kluis("wallet", *command)
        assert ran.status == 2
        assert "kluis wallet create" in ran.err


def test_a_damaged_profile_is_named(citizen: Kluis, home: Path) -> None:
    (home / "wallet" / "default.json").write_text("{")
    ran = citizen("wallet", "show", "--json")
    assert (ran.status, ran.error) == (1, "damaged_profile")


def test_the_operator_makes_a_vault_where_strangers_may_not(server: Running, kluis: Kluis) -> None:
    """registration = operator: nobody over HTTP, the operator on the machine itself."""
    made = kluis("wallet", "create", "--data", server.data, "--profile", "counter", "--json")
    assert made.status == 0, made.err

    confirmed = kluis(
        *("wallet", "confirm", "-", "--profile", "counter"), stdin=made.json["recovery_code"]
    )

    assert confirmed.status == 0, confirmed.err
    assert kluis("wallet", "unlock", "--profile", "counter").status == 0


def test_a_lost_phone_is_blocked_with_the_paper_alone(server: Running, kluis: Kluis) -> None:
    made = kluis("wallet", "create", "--url", server.url, "--json").json
    elsewhere = ("--url", server.url, "--profile", "nobodys")
    ran = kluis("wallet", "block", "-", *elsewhere, "--json", stdin=made["recovery_code"])
    assert (ran.status, ran.error) == (1, "other_code")
    ran = kluis("wallet", "block", "-", *elsewhere, "--json", stdin=made["block_code"])
    assert ran.status == 0, ran.err
    assert set(ran.json) == {"blocked_at"}
    ran = kluis("wallet", "unlock", "--json")
    assert (ran.status, ran.error) == (1, "cannot_unlock")
    new = ("--profile", "newphone", "--url", server.url)
    assert kluis("wallet", "unlock", "--recovery", *new, stdin=made["recovery_code"]).status == 0
