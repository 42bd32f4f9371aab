"""Reading with an access token: DPoP's negatives (RFC 9449 §4.3, §7) over a real connection."""

import time
from typing import Any

import httpx
import pytest

from tests.api.conftest import (
    BIRTH_DATE,
    DATA_PATH,
    FIELDS,
    NAMES,
    STRICT_AGENCY,
    TOKEN_PATH,
    Agency,
    Citizen,
)

FIELD_NAMES = ",".join(NAMES)
ALGORITHMS = 'algs="ES256 PS256 EdDSA Ed25519"'


@pytest.fixture
def token(citizen: Citizen, agency: Agency) -> str:
    return agency.token(citizen.offer()["code"])


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:burgerkluis:problem:{code}"
    assert body["status"] == status
    assert "data" not in body
    return body


def challenged(answer: httpx.Response, error: str) -> None:
    problem(answer, 401, error)
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith(f'DPoP error="{error}", {ALGORITHMS}, resource_metadata="')
    assert len(answer.headers.get_list("www-authenticate")) == 1


def get(agency: Agency, headers: Any, fields: str = FIELD_NAMES) -> httpx.Response:
    return agency.http.get(DATA_PATH, params={"fields": fields}, headers=headers)


def test_every_granted_field_can_be_read(agency: Agency, token: str) -> None:
    answer = agency.read(token, ",".join(FIELDS))
    assert {name: one["value"] for name, one in answer.json()["data"].items()} == {
        NAMES[0]: "Ada",
        NAMES[1]: "Lovelace",
        BIRTH_DATE: "1975-12-10",
    }


def test_no_token_is_a_challenge_without_an_error(agency: Agency) -> None:
    answer = get(agency, {"DPoP": agency.proof("GET", DATA_PATH)})
    problem(answer, 401, "token_missing")
    assert answer.headers["www-authenticate"].startswith(f"DPoP {ALGORITHMS}, resource_metadata=")


@pytest.mark.parametrize("scheme", ["Bearer", "Basic", "dpop2", "x"])
def test_a_token_under_another_scheme_opens_nothing(
    agency: Agency, token: str, scheme: str
) -> None:
    proof = agency.proof("GET", DATA_PATH, token)
    challenged(get(agency, {"Authorization": f"{scheme} {token}", "DPoP": proof}), "invalid_token")


def test_the_scheme_may_be_written_in_any_case(agency: Agency, token: str) -> None:
    proof = agency.proof("GET", DATA_PATH, token)
    answer = get(agency, {"authorization": f"dpop {token}", "dpop": proof})
    assert answer.status_code == 200


@pytest.mark.parametrize("unknown", ["va1_" + "A" * 43, "va1_", "x", "va1_" + "é" * 43, "va1_A=="])
def test_an_unknown_token_opens_nothing(agency: Agency, unknown: str) -> None:
    sent = unknown.encode()
    proof = agency.proof("GET", DATA_PATH, sent.decode("latin-1"))
    headers = {"Authorization": b"DPoP " + sent, "DPoP": proof.encode()}
    challenged(get(agency, headers), "invalid_token")


def test_two_tokens_are_none(agency: Agency, token: str) -> None:
    headers = [("Authorization", f"DPoP {token}")] * 2
    headers += [("DPoP", agency.proof("GET", DATA_PATH, token))]
    challenged(get(agency, headers), "invalid_token")


@pytest.mark.parametrize("also", [{}, {"Authorization": "DPoP {}"}], ids=["alone", "twice"])
def test_a_token_in_the_query_is_refused_and_does_not_come_back(
    agency: Agency, token: str, also: dict[str, str]
) -> None:
    headers = {name: value.format(token) for name, value in also.items()}
    answer = agency.http.get(
        DATA_PATH,
        params={"fields": FIELD_NAMES, "access_token": token},
        headers=headers | {"DPoP": agency.proof("GET", DATA_PATH, token)},
    )
    problem(answer, 400, "invalid_request")
    assert token not in answer.text


def test_no_proof_or_two_open_nothing(agency: Agency, token: str) -> None:
    authorization = ("Authorization", f"DPoP {token}")
    challenged(get(agency, [authorization]), "invalid_dpop_proof")
    two = [("DPoP", agency.proof("GET", DATA_PATH, token)) for _ in range(2)]
    challenged(get(agency, [authorization, *two]), "invalid_dpop_proof")


BAD_PROOFS: dict[str, dict[str, Any]] = {
    "another method": {"htm": "POST"},
    "another path": {"htu": "/oauth/token"},
    "a closing slash": {"htu": "/v1/data/"},
    "an hour old": {"iat": -3600},
    "from the future": {"iat": 3600},
    "no ath": {"ath": None},
    "ath of another token": {"ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"},
    "no id": {"jti": None},
    "an officer that is no text": {"officer": 7},
    "an officer of two lines": {"officer": "a\nb"},
}


@pytest.mark.parametrize("claims", BAD_PROOFS.values(), ids=BAD_PROOFS.keys())
def test_a_bad_proof_opens_nothing(agency: Agency, token: str, claims: dict[str, Any]) -> None:
    if str(claims.get("htu", "")).startswith("/"):
        claims = {"htu": agency.url + claims["htu"]}
    if "iat" in claims:
        claims = {"iat": int(time.time()) + claims["iat"]}
    bad = agency.proof("GET", DATA_PATH, token, **claims)
    challenged(agency.read(token, proof=bad), "invalid_dpop_proof")
    assert agency.read(token).status_code == 200


def test_a_proof_works_once(agency: Agency, token: str) -> None:
    proof = agency.proof("GET", DATA_PATH, token)
    assert agency.read(token, proof=proof).status_code == 200
    challenged(agency.read(token, proof=proof), "invalid_dpop_proof")


def test_a_redemptions_proof_is_no_reads_proof(citizen: Citizen, agency: Agency) -> None:
    proof = agency.proof("POST", TOKEN_PATH)
    answer = agency.redeem(citizen.offer()["code"], proof)
    token = answer.json()["access_token"]
    challenged(agency.read(token, proof=proof), "invalid_dpop_proof")


def test_another_key_opens_nothing_and_the_citizen_sees_it(
    citizen: Citizen, agency: Agency, token: str
) -> None:
    thief = Agency(agency.http, agency.url, agency.id, agency.key)
    challenged(thief.read(token), "invalid_token")
    shown = next(one for one in citizen.activity() if one["action"] == "data.read")
    assert (shown["outcome"], shown["reason"]) == ("denied", "wrong_key")
    assert agency.read(token).status_code == 200


def test_the_host_header_says_nothing_about_the_target(agency: Agency, token: str) -> None:
    lured = agency.proof("GET", DATA_PATH, token, htu="http://kluis.example.org/v1/data")
    headers = {"Host": "kluis.example.org", "X-Forwarded-Host": "kluis.example.org"}
    challenged(agency.read(token, proof=lured, headers=headers), "invalid_dpop_proof")
    assert agency.read(token, headers=headers).status_code == 200


def test_the_query_does_not_belong_to_the_target(agency: Agency, token: str) -> None:
    with_query = f"{agency.url}{DATA_PATH}?fields={FIELD_NAMES}"
    proof = agency.proof("GET", DATA_PATH, token, htu=with_query)
    assert agency.read(token, proof=proof).status_code == 200


@pytest.mark.parametrize(
    "fields",
    ["identity.full_name", f"{FIELD_NAMES},identity.full_name", "no.such.field", f"{NAMES[0]},x y"],
)
def test_one_field_too_many_releases_nothing(
    citizen: Citizen, agency: Agency, token: str, fields: str
) -> None:
    problem(agency.read(token, fields), 403, "unauthorized_field")
    shown = next(one for one in citizen.activity() if one["action"] == "data.read")
    assert (shown["outcome"], shown["reason"]) == ("denied", "not_granted")


def test_a_field_that_was_not_ticked_is_refused(citizen: Citizen, agency: Agency) -> None:
    token = agency.token(citizen.offer(fields=list(NAMES))["code"])
    problem(agency.read(token, BIRTH_DATE), 403, "unauthorized_field")


@pytest.mark.parametrize(
    "query", ["", "fields=", "fields=,", "fields=a,,b", "fields=a,", f"fields={'a,' * 5000}a"]
)
def test_fields_have_to_be_named(agency: Agency, token: str, query: str) -> None:
    headers = {
        "Authorization": f"DPoP {token}",
        "DPoP": agency.proof("GET", DATA_PATH, token),
    }
    answer = agency.http.get(f"{DATA_PATH}?{query}", headers=headers)
    problem(answer, 400, "invalid_request")


@pytest.mark.parametrize("query", [f"{NAMES[0]},{NAMES[0]}", f"{NAMES[0]}&fields={NAMES[1]}"])
def test_fields_are_named_once(agency: Agency, token: str, query: str) -> None:
    headers = {
        "Authorization": f"DPoP {token}",
        "DPoP": agency.proof("GET", DATA_PATH, token),
    }
    answer = agency.http.get(f"{DATA_PATH}?fields={query}", headers=headers)
    problem(answer, 400, "invalid_request")


# The officer


@pytest.fixture
def strict(agencies: dict[str, Agency]) -> Agency:
    return agencies[STRICT_AGENCY]


def test_an_officer_is_needed_where_the_agency_registered_so(
    citizen: Citizen, strict: Agency
) -> None:
    token = strict.token(citizen.offer(agency=STRICT_AGENCY)["code"])
    problem(strict.read(token), 403, "officer_required")
    assert strict.read(token, headers={"Kluis-Officer": "desk 7"}).status_code == 200
    claimed = strict.proof("GET", DATA_PATH, token, officer="desk-8")
    assert strict.read(token, proof=claimed).status_code == 200
    both = strict.proof("GET", DATA_PATH, token, officer="desk-9")
    assert strict.read(token, proof=both, headers={"Kluis-Officer": "desk-9"}).is_success
    reads = [one for one in citizen.activity() if one["action"] == "data.read"]
    named = [one["officer"]["id"] for one in reads if "officer" in one]
    assert named == ["desk-9", "desk-8", "desk 7"]


def test_two_officers_are_refused(agency: Agency, token: str) -> None:
    proof = agency.proof("GET", DATA_PATH, token, officer="desk-7")
    answer = agency.read(token, proof=proof, headers={"Kluis-Officer": "desk-8"})
    problem(answer, 400, "bad_officer")


@pytest.mark.parametrize("officer", ["", "x" * 129, "caf\xe9", "a\tb"])
def test_an_officer_that_can_not_be_named_is_refused(
    agency: Agency, token: str, officer: str
) -> None:
    headers = {
        "Authorization": f"DPoP {token}".encode(),
        "DPoP": agency.proof("GET", DATA_PATH, token).encode(),
        "Kluis-Officer": officer.encode("latin-1"),
    }
    problem(get(agency, headers), 400, "bad_officer")


def test_no_log_no_value(
    citizen: Citizen, agency: Agency, token: str, monkeypatch: pytest.MonkeyPatch, server: Any
) -> None:
    behind = server.vault.system.settings.anchor_lag_seconds_max + 1
    monkeypatch.setattr(server.vault.system.anchor, "lag_seconds", lambda: behind)
    answer = agency.read(token)
    problem(answer, 503, "log_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    ready = agency.http.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (503, "not_ready")
    assert "anchor" in ready.json()["problems"][0]
    monkeypatch.undo()
    assert agency.read(token).status_code == 200
    assert agency.http.get("/readyz").json() == {"status": "ready", "problems": []}


SPELLINGS = {  # of one query: the first two go the quick way, the others the declared one
    "plain": "fields={0},{1}",
    "escaped": "fields={0}%2c{1}",
    "name escaped": "f%69elds={0},{1}",
    "dot escaped": "fields={2},{1}",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_read_is_answered_alike_however_its_query_is_spelled(
    agency: Agency, token: str, spelling: str
) -> None:
    query = SPELLINGS[spelling].format(NAMES[0], NAMES[1], NAMES[0].replace(".", "%2E"))

    def ask(*headers: tuple[str, str]) -> httpx.Response:
        return agency.http.get(f"{DATA_PATH}?{query}", headers=list(headers))

    authorization = ("Authorization", f"DPoP {token}")
    proof = ("DPoP", agency.proof("GET", DATA_PATH, token))
    answer = ask(authorization, proof)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert {name: one["value"] for name, one in answer.json()["data"].items()} == {
        NAMES[0]: "Ada",
        NAMES[1]: "Lovelace",
    }
    challenged(ask(authorization, proof), "invalid_dpop_proof")
    problem(ask(proof), 401, "token_missing")
    problem(ask(("Authorization", "Bearer x"), proof), 401, "invalid_token")
    officers = [("Kluis-Officer", "a"), ("Kluis-Officer", "b")]
    problem(ask(authorization, proof, *officers), 400, "bad_officer")
