"""`kluis wallet activity` against a real server: pages, filters, and the check at home."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.client import Server
from tests.cli.conftest import Kluis, Running, share

PROFILE = "default.json"


@pytest.fixture
def key(server: Running, kluis: Kluis) -> str:
    """What an operator hands out: the public key of the log."""
    shown = kluis("audit", "keys", "--data", server.data, "--json").json
    return str(shown["keys"][0]["key"])


def numbers(out: str) -> list[int]:
    return [int(line.split()[0]) for line in out.splitlines() if line[:5].strip().isdigit()]


def checked(home: Path) -> dict[str, Any]:
    found = json.loads((home / "wallet" / PROFILE).read_text())["checked"]
    assert isinstance(found, dict)
    return found


def test_pages_go_on_where_the_last_one_ended(citizen: Kluis) -> None:
    for _ in range(4):
        share(citizen)
    whole = numbers(citizen("wallet", "activity").out)
    ran = citizen("wallet", "activity", "--limit", "3")
    assert numbers(ran.out) == whole[:3]
    [more] = [line for line in ran.out.splitlines() if line.startswith("There is more:")]
    before = more.split("--before ")[1]
    assert numbers(citizen("wallet", "activity", "--before", before).out) == whole[3:]
    found = citizen("wallet", "activity", "--limit", "2", "--action", "offer.create", "--json").json
    assert [one["action"] for one in found["entries"]] == ["offer.create"] * 2
    assert len(found["alarms"]) == 0


def test_more_than_a_page_is_fetched_from_several(
    citizen: Kluis, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cli import wallet_activity

    whole = numbers(citizen("wallet", "activity").out)
    monkeypatch.setattr(wallet_activity, "_PAGE_MAX", 2)
    assert numbers(citizen("wallet", "activity").out) == whole


def test_days_are_days(citizen: Kluis) -> None:
    assert numbers(citizen("wallet", "activity", "--to", "2020-01-01").out) == []
    assert numbers(citizen("wallet", "activity", "--from", "2020-01-01").out)
    ran = citizen("wallet", "activity", "--from", "soon", "--json")
    assert (ran.status, ran.error) == (1, "invalid_request")


def test_it_says_how_far_back_it_goes_and_what_it_never_shows(citizen: Kluis) -> None:
    out = citizen("wallet", "activity").out
    assert "It goes back to the beginning" in out
    assert "Reads that a law lets stay hidden for a time." in out
    assert "callers who did not show who they are" in out
    assert "older than they are kept" in out
    assert "Agencies read 0 times, and were refused 0 times." in out


def test_the_check_at_home_says_it_in_plain_words_and_remembers(
    citizen: Kluis, key: str, home: Path
) -> None:
    ran = citizen("wallet", "activity", "--verify", "--key", key)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("checked: 0 reads, none missing (")
    first = checked(home)
    share(citizen)

    ran = citizen("wallet", "activity", "--verify", "--json")
    assert ran.status == 0, "the key is remembered"
    assert (ran.json["whole"], ran.json["begins"], ran.json["lost"]) == (True, 1, 0)
    assert checked(home)["keys"] == first["keys"] == [key]
    assert checked(home)["memory"] != first["memory"]
    assert citizen("wallet", "show").status == 0, "the rest of the profile is as it was"


def test_the_check_needs_a_key_and_one_that_is_one(citizen: Kluis, key: str) -> None:
    ran = citizen("wallet", "activity", "--verify", "--json")
    assert (ran.status, ran.error) == (2, "wrong_use")
    for wrong in ("x", key[:-4] + "AAAA"):
        ran = citizen("wallet", "activity", "--verify", "--key", wrong, "--json")
        assert (ran.status, ran.error) == (2, "bad_key")


def test_a_log_by_another_key_is_not_whole_and_nothing_is_remembered(
    citizen: Kluis, key: str, home: Path
) -> None:
    from audit.note import LogKey
    from crypto.secret import Secret

    other = LogKey(key.partition("+")[0], Secret(bytes(32))).verifier.vkey
    ran = citizen("wallet", "activity", "--verify", "--key", other)
    assert ran.status == 1
    assert ran.out.startswith("NOT WHOLE: ")
    assert "Tell whoever runs this vault, and the supervisory authority." in ran.out
    assert json.loads((home / "wallet" / PROFILE).read_text())["checked"] is None


def test_a_memory_that_the_log_does_not_go_on_from_is_found(
    citizen: Kluis, key: str, home: Path
) -> None:
    assert citizen("wallet", "activity", "--verify", "--key", key).status == 0
    path = home / "wallet" / PROFILE
    profile = json.loads(path.read_text())
    origin, size, *_ = profile["checked"]["memory"]["checkpoint"].split("\n")
    for size_seen, code in ((str(int(size) + 1000), "cut"), (size, "consistency")):
        lines = [origin, size_seen, "A" * 43 + "=", ""]
        profile["checked"]["memory"]["checkpoint"] = "\n".join(lines)
        path.write_text(json.dumps(profile))
        ran = citizen("wallet", "activity", "--verify", "--json")
        assert ran.status == 1
        assert any(code in finding for finding in ran.json["findings"])
        assert checked(home) == profile["checked"], "what was remembered still counts"


@pytest.mark.parametrize("memory", [1, [], {}, {"log": 1}, "x"])
def test_a_profile_with_a_broken_memory_is_named(
    citizen: Kluis, key: str, home: Path, memory: object
) -> None:
    path = home / "wallet" / PROFILE
    profile = json.loads(path.read_text())
    profile["checked"] = {"keys": [key], "memory": memory} if memory != "x" else memory
    path.write_text(json.dumps(profile))
    ran = citizen("wallet", "activity", "--verify", "--key", key, "--json")
    if memory in ([], {}):
        assert ran.status == 0, "none"
    else:
        assert (ran.status, ran.error) == (1, "damaged_profile")


def test_a_server_that_leaves_out_an_entry_is_found(
    citizen: Kluis, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = Server.call

    def lying(server: Server, method: str, path: str, **options: Any) -> Any:
        answer = call(server, method, path, **options)
        if path == "/v1/me/activity":
            del answer.body["entries"][2]
        return answer

    monkeypatch.setattr(Server, "call", lying)
    ran = citizen("wallet", "activity", "--verify", "--key", key)
    assert ran.status == 1
    assert "of its subject's entries before it are not in the log" in ran.out


def test_pages_without_end_are_refused(
    citizen: Kluis, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = Server.call

    def turning(server: Server, method: str, path: str, **options: Any) -> Any:
        answer = call(server, method, path, **options)
        if path == "/v1/me/activity":
            answer.body["next"] = "1.7"
        return answer

    monkeypatch.setattr(Server, "call", turning)
    ran = citizen("wallet", "activity", "--verify", "--key", key, "--json")
    assert (ran.status, ran.error) == (1, "not_a_vault")
