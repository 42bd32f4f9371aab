"""Whatever is sent wherever: a documented refusal, never a 5xx, and never a word of it back."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from api import data, methods, offers, sessions, tokens, values, vaults
from api.auditing import ENTRIES_PATH, EXPORT_PATH
from tests.api.conftest import (
    AGENCY,
    DATA_PATH,
    FIELDS,
    TOKEN_PATH,
    USE,
    Agency,
    Auditor,
    Citizen,
    Server,
    device_secret,
    furnish,
    make_citizen,
)

CANARY = "kanarie-7f3a9c"
MISSING = object()
WRONG: dict[str, Any] = {
    "missing": MISSING,
    "null": None,
    "a list": [],
    "a list of lists": [[CANARY]],
    "an object": {CANARY: CANARY},
    "a number": 7,
    "zero": 0,
    "a negative number": -1,
    "the largest number": 2**53 - 1,
    "true": True,
    "empty": "",
    "the canary": CANARY,
    "huge": CANARY + "x" * 200_000,
    "not ASCII": CANARY + "é\u202e\U0001f600",
    "a control character": CANARY + "\x00",
}
SECRET = "A" * 43
BODIES: dict[str, Any] = {
    "/v1/vaults": {"device_secret": SECRET, "invitation": "x"},
    "/v1/sessions": {"device_secret": SECRET, "recovery_code": "x"},
    "/v1/vault/recovery": {"recovery_code": "00000-00000"},
    "/v1/vault/methods": {
        "unlock": {"device_secret": SECRET, "recovery_code": "x"},
        "device_secret": SECRET,
    },
    "/v1/values": {
        "values": [
            {
                "field": "identity.given_name",
                "value": "Ada",
                "status": "stated",
                "valid_from": "2024",
                "valid_until": "2025",
            }
        ]
    },
    "/v1/offers": {
        "agency": AGENCY,
        "use": USE,
        "fields": list(FIELDS),
        "duration_seconds": 60,
        "reads": 1,
        "follow": False,
        "tx_code": False,
        "replaces": "A" * 22,
    },
}


def places(body: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a body, the body itself included."""
    yield at
    if isinstance(body, dict | list):
        for key, inner in body.items() if isinstance(body, dict) else enumerate(body):
            yield from places(inner, (*at, key))


def changed(body: Any, at: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value in one place, or nothing there."""
    if not at:
        return value
    copy = body.copy()
    if value is MISSING and len(at) == 1:
        del copy[at[0]]
    else:
        copy[at[0]] = changed(copy[at[0]], at[1:], value)
    return copy


PLACES = [(path, at) for path, body in BODIES.items() for at in places(body)]


def check(answer: httpx.Response, server: Server, *allowed: int) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code not in allowed:
        oauth = answer.request.url.path == TOKEN_PATH and answer.status_code in {400, 401}
        kind, member = ("json", "error") if oauth else ("problem+json", "code")
        assert answer.headers["content-type"] == f"application/{kind}"
        assert member in answer.json()
    silent(answer, server)


def silent(answer: httpx.Response, server: Server) -> None:
    assert CANARY not in answer.text
    assert CANARY not in str(answer.headers.raw)
    assert not [line for line in server.logged if CANARY in line]


@pytest.fixture(scope="module")
def poster(server: Server, agencies: dict[str, Agency]) -> Iterator[Citizen]:
    """One citizen for all of this: nothing that is refused changes anything."""
    with server.client() as client:
        yield furnish(make_citizen(client))


@pytest.mark.parametrize(
    ("path", "at"), PLACES, ids=[f"{path} {'.'.join(map(str, at))}" for path, at in PLACES]
)
def test_wrong_types_are_refused_without_echo(
    poster: Citizen, server: Server, path: str, at: tuple[Any, ...]
) -> None:
    for value in WRONG.values():
        if value is MISSING and not at:
            answer = poster.post(path)
        else:
            answer = poster.post(path, changed(BODIES[path], at, value))
        check(answer, server, 201)


@pytest.mark.parametrize("path", BODIES)
def test_unknown_keys_are_refused_and_not_named(poster: Citizen, server: Server, path: str) -> None:
    body = {**BODIES[path], CANARY: CANARY}
    answer = poster.post(path, body)
    assert answer.status_code == 400
    assert {"at": "body", "rule": "extra_forbidden"} in answer.json()["faults"]
    silent(answer, server)


def test_a_fault_is_named_by_its_place(poster: Citizen) -> None:
    answer = poster.post("/v1/values", {"values": [{"field": 7, "value": "x", "status": "y"}]})
    assert answer.json()["faults"] == [{"at": "body.values.0.field", "rule": "string_type"}]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"device_secret": device_secret(), "recovery_code": "x"},
        {"device_secret": None, "recovery_code": None},
    ],
)
def test_exactly_one_unlock_secret_is_taken(poster: Citizen, body: dict[str, Any]) -> None:
    for path, sent in (("/v1/sessions", body), ("/v1/vault/methods", {"unlock": body})):
        answer = poster.post(path, sent)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


SPELLINGS = ["A" * 42 + "B", "A" * 42, "A" * 44, "A" * 42 + "=", " " + "A" * 43, "A" * 43 + "\n"]


@pytest.mark.parametrize("secret", SPELLINGS)
def test_a_device_secret_has_one_spelling(poster: Citizen, secret: str) -> None:
    answer = poster.http.post("/v1/vaults", json={"device_secret": secret})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


PATHS = [
    ("DELETE", "/v1/vault/methods/{}"),
    ("DELETE", "/v1/grants/{}"),
    ("POST", "/v1/me/activity/{}/acknowledge"),
    ("GET", "/v1/values/{}"),
]
IDS = [
    "x",
    "A" * 22,
    "A" * 21 + "B",
    "A" * 5000,
    "=" * 4,
    "%00",
    "%ff",
    "%C3%A9",
    "..%2f..",
    "0190a0b0-0000-7000-8000-000000000000",
    "0190A0B0-0000-7000-8000-000000000000",
]


@pytest.mark.parametrize("identifier", IDS)
@pytest.mark.parametrize(("method", "path"), PATHS)
def test_ids_that_name_nothing_are_not_found(
    poster: Citizen, method: str, path: str, identifier: str
) -> None:
    answer = poster.ask(method, path.format(identifier))
    assert answer.status_code in ({400, 404} if "values" in path else {404}), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


OWNER_ROUTES = [
    ("DELETE", "/v1/sessions/current"),
    ("POST", "/v1/vault/recovery"),
    ("GET", "/v1/vault"),
    ("DELETE", "/v1/vault"),
    ("DELETE", "/v1/vault/methods/AAAA"),
    ("GET", "/v1/values"),
    ("POST", "/v1/values"),
    ("GET", "/v1/values/identity.given_name"),
    ("POST", "/v1/offers"),
    ("GET", "/v1/grants"),
    ("DELETE", "/v1/grants/AAAA"),
    ("GET", "/v1/me/activity"),
    ("POST", "/v1/me/activity/AAAA/acknowledge"),
]
AUTHORIZATIONS = [
    None,
    b"",
    b"Bearer",
    b"Bearer " + CANARY.encode(),
    b"Bearer ks1_",
    b"Bearer ks1_" + CANARY.encode(),
    b"Bearer ks1_" + b"A" * 43,
    b"Bearer ks1_" + b"A" * 42 + b"B",
    b"Bearer ks1_\xe9",
    b"Basic " + CANARY.encode(),
    b"DPoP ks1_" + b"A" * 43,
    b"x" * 10_000,
]


@pytest.mark.parametrize(("method", "path"), OWNER_ROUTES)
def test_no_session_no_answer(poster: Citizen, server: Server, method: str, path: str) -> None:
    for authorization in AUTHORIZATIONS:
        headers = {} if authorization is None else {b"Authorization": authorization}
        body = BODIES.get(path) if method == "POST" else None
        answer = poster.http.request(method, path, headers=headers, json=body)
        assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")
        assert answer.headers["www-authenticate"] == "Bearer"
        silent(answer, server)


def test_two_session_tokens_are_none(poster: Citizen) -> None:
    headers = [("Authorization", f"Bearer {poster.token}")] * 2
    assert poster.http.get("/v1/vault", headers=headers).status_code == 401
    assert poster.get("/v1/vault").status_code == 200


@pytest.mark.parametrize("name", ["Authorization", "DPoP", "Kluis-Officer", "Content-Type", "X"])
def test_no_header_comes_back(poster: Citizen, agency: Agency, server: Server, name: str) -> None:
    for method, path in (("GET", DATA_PATH), ("POST", TOKEN_PATH), ("GET", "/v1/vault")):
        answer = agency.http.request(method, path, headers={name: CANARY})
        check(answer, server)


def test_no_form_parameter_comes_back(agency: Agency, server: Server) -> None:
    said = {
        "grant_type": (400, "unsupported_grant_type"),
        "pre-authorized_code": (400, "invalid_grant"),
        "client_assertion_type": (401, "invalid_client"),
        "client_assertion": (401, "invalid_client"),
        "tx_code": (400, "invalid_grant"),
        "client_id": (401, "invalid_client"),
        "client_secret": (400, "invalid_request"),
        CANARY: (400, "invalid_grant"),  # a parameter that nobody knows is passed over
    }
    assert agency.form("x").keys() <= said.keys()
    for name, expected in said.items():
        headers = {"DPoP": agency.proof("POST", TOKEN_PATH)}
        form = {**agency.form("VG1"), name: CANARY}
        answer = agency.http.post(TOKEN_PATH, data=form, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == expected
        check(answer, server)


@pytest.mark.parametrize(
    "claim", ["iss", "sub", "aud", "jti", "htm", "htu", "ath", "nonce", "officer", CANARY]
)
def test_no_claim_comes_back(poster: Citizen, agency: Agency, server: Server, claim: str) -> None:
    proof = agency.proof("POST", TOKEN_PATH, **{claim: CANARY})
    check(agency.redeem("VG1", proof), server)
    assertion = agency.assertion(**{claim: CANARY})
    check(agency.redeem("VG1", client_assertion=assertion), server)
    token = "va1_" + "A" * 43
    proof = agency.proof("GET", DATA_PATH, token, **{claim: CANARY})
    check(agency.read(token, proof=proof), server)


def test_no_secret_shows_in_a_repr() -> None:
    canary = "A" * 42 + "E"
    unlock = sessions.Unlock(device_secret=canary)
    session = sessions.Session(token=canary, expires_at="")
    shown = [
        unlock,
        sessions.Unlock(recovery_code=canary),
        session,
        vaults.NewVault(device_secret=canary, invitation=canary),
        vaults.RecoveryCode(recovery_code=canary),
        vaults.Created(vault="", recovery_code=canary, block_code=canary, session=session),
        vaults.BlockCode(block_code=canary),
        methods.NewMethod(unlock=unlock, device_secret=canary),
        methods.Added(id="", recovery_code=canary, block_code=canary),
        values.Stated(field="x", value=canary),
        values.Value(value=canary, source="", stated_at="", status="", version=1),
        data.ReadValue(value=canary, source="", stated_at="", status=""),
        offers.Offer(grant="", code=canary, qr=canary, tx_code=canary, offer_ends="", not_after=""),
        tokens.Token(
            access_token=canary,
            token_type="DPoP",
            expires_in=1,
            authorization_details=[],
            receipt="",
        ),
        tokens.Presented(code=canary, tx_code=canary, assertion=canary, client_id=None),
    ]
    assert not [one for one in shown if canary in repr(one) or canary in str(one)]


def test_a_value_that_a_field_does_not_take_is_not_repeated(
    poster: Citizen, server: Server
) -> None:
    fields = poster.http.get("/v1/catalogue").json()["fields"]
    kinds = {field["type"]: field["id"] for field in fields}
    for name in kinds.values():
        for value in WRONG.values():
            if value is MISSING:
                continue
            answer = poster.post("/v1/values", {"values": [{"field": name, "value": value}]})
            check(answer, server, 201)


SLIPS = ["actoin=data.read", "Action=data.read", "=null", "action=data.read&x", "%00=1"]


@pytest.mark.parametrize("query", SLIPS)
def test_a_slip_in_the_name_of_a_filter_is_no_answer_without_it(
    poster: Citizen, auditor: Auditor, query: str
) -> None:
    assert poster.get("/v1/me/activity?action=data.read").status_code == 200
    assert auditor.look(action="data.read").status_code == 200
    slips = dict(parse_qsl(query, keep_blank_values=True))
    for path in (ENTRIES_PATH, EXPORT_PATH):
        answer = auditor.look(path, **slips)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    answer = poster.get(f"/v1/me/activity?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("query", ["{}&x=1", "{}&{}", "=1&{}"])
def test_a_read_takes_one_list_of_fields_and_nothing_else(
    poster: Citizen, agency: Agency, query: str
) -> None:
    token = agency.token(poster.offer()["code"])
    fields = "fields=" + FIELDS[0]
    headers = {"Authorization": f"DPoP {token}", "DPoP": agency.proof("GET", DATA_PATH, token)}
    answer = agency.http.get(f"{DATA_PATH}?{query.format(fields, fields)}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
