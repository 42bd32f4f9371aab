"""An auditor over HTTP: signs in, goes through the log, takes all of it, and is in it."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from crypto import jose
from crypto.encoding import b64u
from evidence.archive import Reader
from evidence.cosignature import parse_verifier
from evidence.examination import verify_export
from evidence.export import POLICY
from tests.api.conftest import (
    AGENCY,
    AUDITOR,
    ENTRIES_PATH,
    EXPORT_PATH,
    TOKEN_PATH,
    Agency,
    Auditor,
    Citizen,
    Server,
    register_auditor,
)
from vault.caller import Operator

Serve = Callable[..., Server]


def all_entries(auditor: Auditor, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    token = auditor.audit_token()
    while True:
        answer = auditor.look(token=token, **{**query, **after})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["entries"]
        if "next" not in page:
            return found
        after = {"after": page["next"]}


def test_an_auditor_signs_in_and_sees_what_was_read_of_whom_and_by_whom(
    auditor: Auditor, agency: Agency, citizen: Citizen
) -> None:
    token = agency.token(citizen.offer()["code"])
    assert agency.read(token, headers={"Kluis-Officer": "j.devries"}).status_code == 200

    read = all_entries(auditor, action="data.read", officer="j.devries", agency=AGENCY)[-1]

    own = next(one for one in citizen.activity() if one["action"] == "data.read")
    assert read["place"] == f"1.{own['index']}"
    assert read["subject_seq"] == own["number"]
    proved = {"log", "index", "number", "opening", "proof"}  # what the owner gets besides
    told = {name: value for name, value in own.items() if name not in proved}
    assert {name: read.get(name) for name in told} == told
    assert len(read["subject"]) == 22
    assert "Ada" not in str(all_entries(auditor))


def looks_of_auditors(auditor: Auditor) -> list[dict[str, Any]]:
    found = all_entries(auditor, action="log.read")
    return [one for one in found if one["actor"]["kind"] == "auditor"]


def test_looking_is_an_entry_that_names_the_auditor_and_how_many_were_seen(
    auditor: Auditor, citizen: Citizen
) -> None:
    citizen.offer(fields=["identity.given_name", "identity.family_name"])
    before = looks_of_auditors(auditor)
    seen = auditor.look(limit=5).json()
    assert seen["scanned"] == 5

    itself, look, *_ = looks_of_auditors(auditor)[len(before) :]
    assert (look["actor"], look["count"]) == ({"kind": "auditor", "id": AUDITOR}, 5)
    assert itself["actor"] == look["actor"], "to look who looked is an entry as well"


def test_pages_go_on_where_they_ended_however_the_log_grows(
    auditor: Auditor, citizen: Citizen
) -> None:
    places = [one["place"] for one in all_entries(auditor, limit=7)]
    indices = [int(place.partition(".")[2]) for place in places]
    assert indices == list(range(len(indices)))  # every page was an entry, and none is seen twice


def test_places_and_instants_bound_what_is_gone_through(auditor: Auditor, citizen: Citizen) -> None:
    page = auditor.look(after="1.1", until="1.3").json()
    assert [one["place"] for one in page["entries"]] == ["1.2", "1.3"]
    assert "next" not in page
    early = {"to": "2020-01-01T00:00:00.000Z"}
    assert auditor.look(**early).json() == {"entries": [], "scanned": 0, "anomalies": []}
    later = {"from": "9999-01-01T00:00:00.000Z"}
    assert auditor.look(**later).json()["scanned"] == 0


@pytest.mark.parametrize(
    "query",
    [
        {"after": "1"}, {"after": "0.1"}, {"after": "1.-1"}, {"until": "x"}, {"from": "today"},
        {"from": "2026-13-45T99:00:00.000Z"}, {"limit": "0"}, {"limit": "1001"},
        {"action": "data.steal"}, {"outcome": "maybe"}, {"agency": ""}, {"agency": "x" * 2049},
    ],
)  # fmt: skip
def test_what_can_not_be_asked_is_refused_as_unreadable(
    auditor: Auditor, query: dict[str, str]
) -> None:
    answer = auditor.look(**query)
    is_no_day = "2026-13-45" in query.get("from", "")  # of the right form, and no instant
    code = "bad_input" if is_no_day else "invalid_request"
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_an_export_over_http_is_whole_by_the_key_alone(
    auditor: Auditor, agency: Agency, citizen: Citizen, server: Server
) -> None:
    agency.read(agency.token(citizen.offer()["code"]))
    first = auditor.look(EXPORT_PATH)
    assert first.headers["content-type"] == "application/zip"
    reader = Reader(io.BytesIO(first.content))
    vkey = reader.read(POLICY, 20_000).decode().split()[1]

    before = verify_export(reader, [parse_verifier(vkey)])
    size, root = before.size, before.root
    assert auditor.look(EXPORT_PATH, previous=f"{10**17}.{root.hex()}").status_code == 400
    second = auditor.look(EXPORT_PATH, previous=f"{size}.{root.hex()}")
    after = verify_export(
        Reader(io.BytesIO(second.content)),
        [parse_verifier(vkey)],
        Reader(io.BytesIO(first.content)),
    )

    assert before.findings == after.findings == ()
    assert int(first.headers["kluis-entries"]) == size < after.size
    last = all_entries(auditor, action="log.export")[-1]
    assert last["actor"] == {"kind": "auditor", "id": AUDITOR}
    assert last["count"] == after.size


# Who may not.


def test_no_key_but_the_registered_one_signs_in(auditor: Auditor) -> None:
    refused = auditor.sign_in(signed_by=jose.generate_key())
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_an_agency_is_no_auditor_and_an_auditor_no_agency(
    auditor: Auditor, agency: Agency, citizen: Citizen
) -> None:
    as_auditor = Auditor(agency.http, agency.url, agency.id, agency.key)
    as_agency = Agency(auditor.http, auditor.url, auditor.id, auditor.key)

    for refused in (as_auditor.sign_in(), as_agency.redeem(citizen.offer()["code"])):
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_tokens_of_agencies_and_auditors_do_not_stand_in_for_each_other(
    auditor: Auditor, agency: Agency, citizen: Citizen
) -> None:
    of_agency = agency.token(citizen.offer()["code"])
    holder = Auditor(agency.http, agency.url, agency.id, agency.key, agency.proof_key)
    refused = [holder.look(path, of_agency) for path in (ENTRIES_PATH, EXPORT_PATH)]
    of_auditor = auditor.audit_token()
    reader = Agency(auditor.http, auditor.url, auditor.id, auditor.key, auditor.proof_key)
    refused.append(reader.read(of_auditor))
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    assert "/v1/audit" in refused[0].headers["www-authenticate"]
    assert "/v1/data" in refused[2].headers["www-authenticate"]


def test_a_token_opens_nothing_for_another_key_and_the_log_says_who_tried(
    auditor: Auditor,
) -> None:
    token = auditor.audit_token()
    thief = Auditor(auditor.http, auditor.url)
    refused = thief.look(token=token)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")

    denied = all_entries(auditor, action="log.read", outcome="denied")[-1]
    assert (denied["reason"], denied["actor"]["id"]) == ("wrong_key", AUDITOR)


def test_a_proof_or_assertion_counts_once(auditor: Auditor) -> None:
    token = auditor.audit_token()
    proof = auditor.proof("GET", ENTRIES_PATH, token)
    assert auditor.look(token=token, proof=proof).status_code == 200
    again = auditor.look(token=token, proof=proof)
    assert (again.status_code, again.json()["code"]) == (401, "invalid_dpop_proof")
    denied = all_entries(auditor, action="log.read", outcome="denied")[-1]
    assert denied["reason"] == "replayed"

    used = auditor.assertion()
    assert auditor.sign_in(client_assertion=used).status_code == 200
    refused = auditor.sign_in(client_assertion=used)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    proof = auditor.proof("POST", TOKEN_PATH)
    assert auditor.sign_in(proof).status_code == 200
    refused = auditor.sign_in(proof)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_dpop_proof")


def test_a_proof_for_one_place_is_none_for_another(auditor: Auditor) -> None:
    token = auditor.audit_token()
    proof = auditor.proof("GET", ENTRIES_PATH, token)
    refused = auditor.look(EXPORT_PATH, token, proof)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_dpop_proof")


@pytest.mark.parametrize("token", ["aa1_", "aa1_AAAA", "aa1_" + b64u(bytes(200)), "va1_x", "x"])
def test_a_made_up_token_is_none(auditor: Auditor, token: str) -> None:
    answer = auditor.look(token=token)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


def test_without_a_token_the_challenge_names_the_place(auditor: Auditor) -> None:
    answer = auditor.http.get(ENTRIES_PATH)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
    assert "oauth-protected-resource/v1/audit" in answer.headers["www-authenticate"]


def test_a_revoked_auditor_gets_nothing_any_more_with_an_old_token_or_a_new_one(
    serve: Serve,
) -> None:
    server = serve()
    with server.client() as client:
        auditor = register_auditor(server, Auditor(client, server.url))
        token = auditor.audit_token()
        assert auditor.look(token=token).status_code == 200
        server.vault.revoke_auditor(Operator(), AUDITOR)

        refused = [auditor.look(path, token) for path in (ENTRIES_PATH, EXPORT_PATH)]
        assert [one.json()["code"] for one in refused] == ["invalid_token"] * 2
        assert auditor.sign_in().json()["error"] == "invalid_client"


def test_a_token_lives_ten_minutes(serve: Serve) -> None:
    server = serve()
    with server.client() as client:
        auditor = register_auditor(server, Auditor(client, server.url))
        answer = auditor.sign_in().json()
        assert {name: answer[name] for name in ("token_type", "expires_in", "scope")} == {
            "token_type": "DPoP",
            "expires_in": 600,
            "scope": "audit",
        }
        clock = server.vault.system.clock
        now = clock.now_ms()
        clock.now_ms = lambda: now + 600_000  # type: ignore[method-assign]
        token = answer["access_token"]
        later = now // 1000 + 600
        proof = auditor.proof("GET", ENTRIES_PATH, token, iat=later)
        refused = auditor.look(token=token, proof=proof)
        assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")


def test_refusals_of_an_auditor_are_counted_and_then_not_looked_at(serve: Serve) -> None:
    server = serve(refusals_per_minute=3)
    with server.client() as client:
        auditor = register_auditor(server, Auditor(client, server.url))
        token = auditor.audit_token()
        proof = auditor.proof("GET", ENTRIES_PATH, token)
        codes = [auditor.look(token=token, proof=proof).status_code for _ in range(6)]
        assert codes[0] == 200
        assert 429 in codes
        assert auditor.look(token=token).status_code == 429


def test_another_scope_is_refused_and_the_metadata_names_what_there_is(auditor: Auditor) -> None:
    refused = auditor.sign_in(scope="everything")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    known = auditor.http.get("/.well-known/oauth-authorization-server").json()
    assert "client_credentials" in known["grant_types_supported"]
    assert known["scopes_supported"] == ["audit"]
    resource = auditor.http.get("/.well-known/oauth-protected-resource/v1/audit").json()
    assert resource["resource"] == auditor.url + "/v1/audit"


def test_citizens_and_everyone_can_see_who_audits(auditor: Auditor) -> None:
    listed = auditor.http.get("/v1/agencies").json()["auditors"]
    (own,) = [one for one in listed if one["id"] == AUDITOR]
    assert own["state"] == "active"
    assert own["names"]["en"] == "Rekenkamer"
    assert own["jwks"]["keys"][0].keys().isdisjoint({"d", "p", "q"})
