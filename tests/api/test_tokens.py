"""The refusals at the token endpoint (docs/agency.md, 6 Errors), with real credentials."""

import secrets
import time
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from crypto import jose
from tests.api.conftest import (
    AGENCY,
    FIELDS,
    OTHER_AGENCY,
    PRE_AUTHORIZED_CODE,
    TOKEN_PATH,
    USE,
    Agency,
    Citizen,
    Server,
    grant_of,
    register,
)
from vault.caller import Operator

WRONG_CODE = "VG1" + "0" * 34


def refused(answer: httpx.Response, status: int, error: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json().get("error")) == (status, error), answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json().keys() == {"error", "error_description"}
    assert "dpop-nonce" not in answer.headers
    body: dict[str, Any] = answer.json()
    return body


def send(agency: Agency, form: object, **options: Any) -> httpx.Response:
    options.setdefault("headers", {"DPoP": agency.proof("POST", TOKEN_PATH)})
    return agency.http.post(TOKEN_PATH, data=form, **options)  # type: ignore[arg-type]


# Codes


@pytest.mark.parametrize("code", [WRONG_CODE, "VG1", "x" * 5000, "\x00", "é", "VG1 0000"])
def test_a_code_that_leads_nowhere_gives_nothing(agency: Agency, code: str) -> None:
    refused(agency.redeem(code), 400, "invalid_grant")


def test_a_code_that_the_citizen_took_back_gives_nothing(citizen: Citizen, agency: Agency) -> None:
    made = citizen.offer()
    assert citizen.delete(f"/v1/grants/{made['grant']}").json() == {"status": "ended"}
    refused(agency.redeem(made["code"]), 400, "invalid_grant")
    assert citizen.delete(f"/v1/grants/{made['grant']}").status_code == 200


def test_a_code_may_be_typed_in_groups_and_small_letters(citizen: Citizen, agency: Agency) -> None:
    code = citizen.offer()["code"].lower()
    typed = " ".join(code[start : start + 4] for start in range(0, len(code), 4))
    assert agency.redeem(typed).status_code == 200


def test_a_code_of_a_revoked_use_gives_nothing(
    citizen: Citizen, server: Server, agency: Agency
) -> None:
    revoked = Agency(agency.http, agency.url, "https://oin.example/00000003333333330000")
    register(server, revoked)
    code = citizen.offer(agency=revoked.id)["code"]
    server.vault.revoke_agency(Operator(), revoked.id, USE)
    refused(revoked.redeem(code), 400, "invalid_grant")
    listed = citizen.http.get("/v1/agencies").json()["agencies"]
    found = next(one for one in listed if one["id"] == revoked.id)
    assert (found["state"], found["intended_uses"][0]["state"]) == ("active", "revoked")
    body = {"agency": revoked.id, "use": USE, "fields": list(FIELDS), "duration_seconds": 60}
    answer = citizen.post("/v1/offers", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "use_revoked")


def test_a_revoked_agency_is_an_unknown_client(
    citizen: Citizen, server: Server, agency: Agency
) -> None:
    revoked = Agency(agency.http, agency.url, "https://oin.example/00000004444444440000")
    register(server, revoked)
    token = revoked.token(citizen.offer(agency=revoked.id)["code"])
    server.vault.revoke_agency(Operator(), revoked.id, None)
    assert revoked.read(token).status_code == 401
    refused(revoked.redeem(WRONG_CODE), 401, "invalid_client")


def test_a_wrong_spoken_code_counts_and_the_third_ends_the_offer(
    citizen: Citizen, agency: Agency
) -> None:
    made = citizen.offer(tx_code=True)
    assert len(made["tx_code"]) == 4
    wrong = f"{(int(made['tx_code']) + 1) % 10_000:04}"
    refused(agency.redeem(made["code"]), 400, "invalid_request")  # not counted
    for _ in range(3):
        refused(agency.redeem(made["code"], tx_code=wrong), 400, "invalid_grant")
    refused(agency.redeem(made["code"], tx_code=made["tx_code"]), 400, "invalid_grant")
    assert grant_of(citizen, made)["state"] == "ended"
    alarms = [(one["action"], one["reason"]) for one in citizen.activity() if one.get("alarm")]
    assert alarms == [("grant.end", "wrong_tx_code")]


def test_the_spoken_code_opens_once_it_is_right(citizen: Citizen, agency: Agency) -> None:
    made = citizen.offer(tx_code=True)
    wrong = f"{(int(made['tx_code']) + 1) % 10_000:04}"
    refused(agency.redeem(made["code"], tx_code=wrong), 400, "invalid_grant")
    assert agency.redeem(made["code"], tx_code=made["tx_code"]).status_code == 200


def test_a_spoken_code_that_was_not_asked_for_is_not_counted(
    citizen: Citizen, agency: Agency
) -> None:
    made = citizen.offer()
    for _ in range(4):
        refused(agency.redeem(made["code"], tx_code="1234"), 400, "invalid_request")
    assert agency.redeem(made["code"]).status_code == 200


@pytest.mark.parametrize("reason", ["second_use", "answer_lost"])
def test_a_code_used_twice_ends_the_access_with_one_alarm(
    citizen: Citizen, agency: Agency, reason: str
) -> None:
    made = citizen.offer()
    token = agency.token(made["code"])
    if reason == "second_use":
        assert agency.read(token).status_code == 200
    refused(agency.redeem(made["code"]), 400, "invalid_grant")
    assert agency.read(token).status_code == 401
    refused(agency.redeem(made["code"]), 400, "invalid_grant")
    assert [one["reason"] for one in citizen.activity() if one.get("alarm")] == [reason]


def test_another_agency_ends_nothing_and_is_shown(
    citizen: Citizen, agency: Agency, other_agency: Agency
) -> None:
    made = citizen.offer()
    refused(other_agency.redeem(made["code"]), 400, "invalid_grant")
    shown = next(one for one in citizen.activity() if one["action"] == "grant.redeem")
    assert (shown["outcome"], shown["reason"]) == ("denied", "wrong_agency")
    assert shown["actor"] == {"kind": "agency", "id": OTHER_AGENCY}
    assert agency.redeem(made["code"]).status_code == 200


# The client


def test_an_unknown_client_is_refused(citizen: Citizen, agency: Agency) -> None:
    stranger = Agency(agency.http, agency.url, "https://oin.example/0")
    answer = stranger.redeem(citizen.offer()["code"])
    refused(answer, 401, "invalid_client")
    assert "www-authenticate" not in answer.headers


def now(seconds: int = 0) -> int:
    return int(time.time()) + seconds


BAD_ASSERTIONS: dict[str, dict[str, Any]] = {
    "another subject": {"sub": OTHER_AGENCY},
    "no subject": {"sub": None},
    "no audience": {"aud": None},
    "the endpoint as audience": {"aud": "http://127.0.0.1/oauth/token"},
    "a list as audience": {"aud": ["http://127.0.0.1"]},
    "expired": {"exp": -300},
    "valid for too long": {"exp": 3600},
    "made in the future": {"iat": 120},
    "not yet valid": {"nbf": 120},
    "no expiry": {"exp": None},
    "no id": {"jti": None},
    "an empty id": {"jti": ""},
    "a long id": {"jti": "x" * 200},
    "an unknown issuer": {"iss": "https://oin.example/1"},
}


@pytest.mark.parametrize("claims", BAD_ASSERTIONS.values(), ids=BAD_ASSERTIONS.keys())
def test_a_bad_assertion_is_refused_and_the_code_lives(
    citizen: Citizen, agency: Agency, claims: dict[str, Any]
) -> None:
    code = citizen.offer()["code"]
    times = {"exp", "iat", "nbf"}
    claims = {
        name: now(value) if name in times and isinstance(value, int) else value
        for name, value in claims.items()
    }
    bad = agency.assertion(**claims)
    refused(agency.redeem(code, client_assertion=bad), 401, "invalid_client")
    assert agency.redeem(code).status_code == 200


def test_an_assertion_by_another_key_is_refused(citizen: Citizen, agency: Agency) -> None:
    forger = Agency(agency.http, agency.url, agency.id)
    refused(forger.redeem(citizen.offer()["code"]), 401, "invalid_client")


@pytest.mark.parametrize("assertion", [None, "", "x", "a.b.c", "é", "x" * 17_000])
def test_an_assertion_that_is_none_is_refused(agency: Agency, assertion: str | None) -> None:
    refused(agency.redeem(WRONG_CODE, client_assertion=assertion), 401, "invalid_client")


def test_a_proof_is_no_assertion(agency: Agency) -> None:
    answer = agency.redeem(WRONG_CODE, client_assertion=agency.proof("POST", TOKEN_PATH))
    refused(answer, 401, "invalid_client")


def test_an_assertion_works_once(citizen: Citizen, agency: Agency) -> None:
    code, assertion = citizen.offer()["code"], agency.assertion()
    refused(agency.redeem(WRONG_CODE, client_assertion=assertion), 400, "invalid_grant")
    refused(agency.redeem(code, client_assertion=assertion), 401, "invalid_client")
    assert agency.redeem(code).status_code == 200


def test_a_bad_proof_costs_no_assertion(citizen: Citizen, agency: Agency) -> None:
    code, assertion = citizen.offer()["code"], agency.assertion()
    bad = agency.proof("GET", TOKEN_PATH)
    refused(agency.redeem(code, bad, client_assertion=assertion), 400, "invalid_dpop_proof")
    assert agency.redeem(code, client_assertion=assertion).status_code == 200


def test_the_proof_is_looked_at_before_the_client(agency: Agency) -> None:
    bad = agency.proof("GET", TOKEN_PATH)
    answer = agency.redeem(WRONG_CODE, bad, client_assertion="x")
    refused(answer, 400, "invalid_dpop_proof")


@pytest.mark.parametrize(
    ("authorization", "scheme"), [("Basic eDp5", "Basic"), ("DPoP x", "DPoP"), ("what", "Basic")]
)
def test_a_client_that_tried_a_header_is_told_its_scheme(
    agency: Agency, authorization: str, scheme: str
) -> None:
    headers = {"DPoP": agency.proof("POST", TOKEN_PATH), "Authorization": authorization}
    answer = send(agency, agency.form(WRONG_CODE, client_assertion=None), headers=headers)
    refused(answer, 401, "invalid_client")
    assert answer.headers["www-authenticate"] == f'{scheme} realm="invalid_client"'


def test_a_client_id_must_be_the_one_of_the_assertion(citizen: Citizen, agency: Agency) -> None:
    code = citizen.offer()["code"]
    refused(agency.redeem(code, client_id=OTHER_AGENCY), 401, "invalid_client")
    assert agency.redeem(code, client_id=AGENCY).status_code == 200


# The proof


BAD_PROOFS: dict[str, dict[str, Any]] = {
    "another method": {"htm": "GET"},
    "another path": {"htu": "/v1/data"},
    "another host": {"htu": "https://kluis.example.org/oauth/token"},
    "an hour old": {"iat": -3600},
    "from the future": {"iat": 3600},
    "no id": {"jti": None},
    "no method": {"htm": None},
    "no target": {"htu": None},
    "no time": {"iat": None},
    "expired": {"exp": -10},
    "not yet valid": {"nbf": 3600},
    "a list as id": {"jti": ["x"]},
}


@pytest.mark.parametrize("claims", BAD_PROOFS.values(), ids=BAD_PROOFS.keys())
def test_a_bad_proof_is_refused_and_the_code_lives(
    citizen: Citizen, agency: Agency, claims: dict[str, Any]
) -> None:
    code = citizen.offer()["code"]
    times = {"exp", "iat", "nbf"}
    claims = {
        name: now(value) if name in times and isinstance(value, int) else value
        for name, value in claims.items()
    }
    if str(claims.get("htu", "")).startswith("/"):
        claims["htu"] = agency.url + claims["htu"]
    bad = agency.proof("POST", TOKEN_PATH, **claims)
    refused(agency.redeem(code, bad), 400, "invalid_dpop_proof")
    assert agency.redeem(code).status_code == 200


@pytest.mark.parametrize("proof", ["x", "a.b.c", "", "x" * 9000])
def test_a_proof_that_is_no_token_is_refused(agency: Agency, proof: str) -> None:
    answer = send(agency, agency.form(WRONG_CODE), headers={"DPoP": proof})
    refused(answer, 400, "invalid_dpop_proof")


def test_no_proof_or_two_are_refused(agency: Agency) -> None:
    refused(send(agency, agency.form(WRONG_CODE), headers={}), 400, "invalid_dpop_proof")
    two = [("DPoP", agency.proof("POST", TOKEN_PATH)) for _ in range(2)]
    refused(send(agency, agency.form(WRONG_CODE), headers=two), 400, "invalid_dpop_proof")
    joined = {"DPoP": ", ".join(value for _, value in two)}
    refused(send(agency, agency.form(WRONG_CODE), headers=joined), 400, "invalid_dpop_proof")


@pytest.mark.parametrize("typ", ["JWT", "dpop", "client-authentication+jwt", ""])
def test_a_proof_of_another_type_is_refused(agency: Agency, typ: str) -> None:
    claims = {"jti": "x", "htm": "POST", "htu": agency.url + TOKEN_PATH, "iat": now()}
    bad = jose.sign(claims, agency.proof_key, typ=typ, carry_key=True)
    refused(agency.redeem(WRONG_CODE, bad), 400, "invalid_dpop_proof")


def test_a_proof_works_once(citizen: Citizen, agency: Agency) -> None:
    code, proof = citizen.offer()["code"], agency.proof("POST", TOKEN_PATH)
    refused(agency.redeem(WRONG_CODE, proof), 400, "invalid_grant")
    refused(agency.redeem(code, proof), 400, "invalid_dpop_proof")
    assert agency.redeem(code).status_code == 200


def test_another_keys_proof_with_the_same_id_is_its_own(citizen: Citizen, agency: Agency) -> None:
    proof = agency.proof("POST", TOKEN_PATH, jti="the-same")
    other = Agency(agency.http, agency.url, agency.id, agency.key)
    burnt = other.proof("POST", TOKEN_PATH, jti="the-same")
    refused(agency.redeem(WRONG_CODE, burnt), 400, "invalid_grant")
    assert agency.redeem(citizen.offer()["code"], proof).status_code == 200


def test_the_host_header_says_nothing_about_the_target(citizen: Citizen, agency: Agency) -> None:
    code = citizen.offer()["code"]
    lured = agency.proof("POST", TOKEN_PATH, htu="http://kluis.example.org/oauth/token")
    headers = {
        "DPoP": lured,
        "Host": "kluis.example.org",
        "X-Forwarded-Host": "kluis.example.org",
        "Forwarded": "host=kluis.example.org",
    }
    refused(send(agency, agency.form(code), headers=headers), 400, "invalid_dpop_proof")
    headers["DPoP"] = agency.proof("POST", TOKEN_PATH)
    assert send(agency, agency.form(code), headers=headers).status_code == 200


@pytest.mark.parametrize("suffix", ["?a=b", "#a"])
def test_query_and_fragment_of_the_target_do_not_count(
    citizen: Citizen, agency: Agency, suffix: str
) -> None:
    proof = agency.proof("POST", TOKEN_PATH, htu=agency.url + TOKEN_PATH + suffix)
    assert agency.redeem(citizen.offer()["code"], proof).status_code == 200


def test_extra_claims_and_parameters_do_not_matter(citizen: Citizen, agency: Agency) -> None:
    proof = agency.proof("POST", TOKEN_PATH, extra={"a": 1})
    answer = agency.redeem(citizen.offer()["code"], proof, resource="x", scope="")
    assert answer.status_code == 200


# The form


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"pre-authorized_code": None}, "invalid_request"),
        ({"pre-authorized_code": ""}, "invalid_request"),
        ({"client_secret": "x"}, "invalid_request"),
        ({"authorization_details": "[]"}, "invalid_authorization_details"),
    ],
)
def test_a_form_that_says_something_else_is_refused(
    agency: Agency, changed: dict[str, str | None], error: str
) -> None:
    refused(agency.redeem(WRONG_CODE, **changed), 400, error)


@pytest.mark.parametrize("kind", [None, "", "urn:ietf:params:oauth:client-assertion-type:saml2"])
def test_another_way_to_authenticate_is_refused(agency: Agency, kind: str | None) -> None:
    answer = agency.redeem(WRONG_CODE, client_assertion_type=kind)
    refused(answer, 401, "invalid_client")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"grant_type",
        b"&",
        b"a=%zz%ff",
        b"\xff=1",
        f"grant_type={PRE_AUTHORIZED_CODE}&grant_type={PRE_AUTHORIZED_CODE}".encode(),
        b"&".join(b"a%d=1" % n for n in range(40)),
        b"grant_type=" + b"x" * 40_000,
        b'{"grant_type": "x"}',
    ],
)
def test_a_body_that_is_no_form_is_refused(agency: Agency, body: bytes) -> None:
    headers = {
        "DPoP": agency.proof("POST", TOKEN_PATH),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    answer = agency.http.post(TOKEN_PATH, content=body, headers=headers)
    refused(answer, 400, "invalid_request")


@pytest.mark.parametrize("name", ["grant_type", "pre-authorized_code", "tx_code", "client_id"])
def test_a_parameter_that_is_there_twice_is_refused(
    citizen: Citizen, agency: Agency, name: str
) -> None:
    code = citizen.offer()["code"]
    form = {**agency.form(code), "client_id": AGENCY}
    body = urlencode([*form.items(), (name, form.get(name, "")), (name, "")])
    headers = {
        "DPoP": agency.proof("POST", TOKEN_PATH),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    answer = agency.http.post(TOKEN_PATH, content=body, headers=headers)
    refused(answer, 400, "invalid_request")
    assert agency.redeem(code).status_code == 200


@pytest.mark.parametrize("media_type", ["application/json", "multipart/form-data", ""])
def test_another_media_type_is_refused(agency: Agency, media_type: str) -> None:
    headers = {"DPoP": agency.proof("POST", TOKEN_PATH), "Content-Type": media_type}
    answer = agency.http.post(TOKEN_PATH, content=b"grant_type=x", headers=headers)
    refused(answer, 400, "invalid_request")


def test_parameters_in_the_query_are_not_read(citizen: Citizen, agency: Agency) -> None:
    form = agency.form(citizen.offer()["code"])
    answer = send(agency, {"grant_type": form.pop("grant_type")}, params=form)
    refused(answer, 400, "invalid_request")


def test_a_registered_key_with_an_rsa_or_ed25519_name_is_not_guessed(agency: Agency) -> None:
    header_key = {**agency.key, "kid": secrets.token_hex(8)}
    forged = Agency(agency.http, agency.url, agency.id, header_key)
    refused(forged.redeem(WRONG_CODE), 401, "invalid_client")
