"""What holds whatever route a request takes, and the pages that belong to nobody."""

import asyncio
import base64
import hashlib
import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from api.edge import Edge
from tests.api.conftest import Agency, Citizen, Server, device_secret

PROBLEM_JSON = "application/problem+json"


def problem(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM_JSON
    body = answer.json()
    assert (body["code"], body["status"]) == (code, status)
    assert body["type"] == f"urn:burgerkluis:problem:{code}"
    assert body["title"]
    assert body["detail"]


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/nothing", "/v1/vault/", "/v1//vault", "/docs", "/redoc", "/openapi.json"],
)
def test_an_unknown_path_is_not_found(http: httpx.Client, path: str) -> None:
    problem(http.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/vault", "DELETE, GET"),
        ("GET", "/v1/vaults", "POST"),
        ("PATCH", "/v1/values", "GET, POST"),
        ("OPTIONS", "/v1/data", "GET"),
        ("GET", "/oauth/token", "POST"),
        ("POST", "/s", "GET"),
        ("GET", "/v1/grants/AAAA", "DELETE"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    http: httpx.Client, method: str, path: str, allowed: str
) -> None:
    answer = http.request(method, path)
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == allowed


BODIES = ["/v1/vaults", "/v1/sessions", "/v1/values", "/v1/offers", "/v1/vault/methods"]


@pytest.mark.parametrize("path", [*BODIES, "/oauth/token"])
@pytest.mark.parametrize("how", ["declared", "streamed"])
def test_a_large_body_is_refused_before_anything_else(
    http: httpx.Client, server: Server, path: str, how: str
) -> None:
    size = server.vault.system.settings.body_bytes_max + 1

    def parts() -> Iterator[bytes]:
        for start in range(0, size, 65_536):
            yield b" " * min(65_536, size - start)

    content = b" " * size if how == "declared" else parts()
    answer = http.post(path, content=content, headers={"Content-Type": "application/json"})
    problem(answer, 413, "body_too_large")
    assert http.get("/healthz").status_code == 200


@pytest.mark.parametrize("declared", [b"9" * 5000, b"0" * 5000 + b"65537"])
def test_a_length_of_thousands_of_digits_is_compared(declared: bytes) -> None:
    assert edge_answers([(b"content-length", declared)]) == 413


def test_a_length_with_zeros_before_it_is_the_same_length() -> None:
    assert edge_answers([(b"content-length", b"0" * 5000 + b"2")]) == 200


def edge_answers(headers: list[tuple[bytes, bytes]]) -> int:
    """The status of the edge alone, before an application that takes everything."""
    statuses: list[int] = []

    async def takes_all(scope: Scope, receive: Receive, send: Send) -> None:
        await Response()(scope, receive, send)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "app": FastAPI()}
    asyncio.run(Edge(takes_all, body_bytes_max=65_536)(scope, receive, send))
    return statuses[0]


def test_a_body_of_exactly_the_limit_is_read(http: httpx.Client, server: Server) -> None:
    size = server.vault.system.settings.body_bytes_max
    body = b'{"device_secret": "x"}'.ljust(size)
    answer = http.post("/v1/vaults", content=body, headers={"Content-Type": "application/json"})
    problem(answer, 400, "invalid_request")


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("path", BODIES)
def test_another_media_type_is_refused(citizen: Citizen, path: str, media_type: str) -> None:
    headers = {"Content-Type": media_type, "Authorization": f"Bearer {citizen.token}"}
    answer = citizen.http.post(path, content=b"{}", headers=headers)
    problem(answer, 415, "unsupported_media_type")


def test_json_may_name_its_charset(http: httpx.Client) -> None:
    body = f'{{"device_secret": "{device_secret()}"}}'
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert http.post("/v1/vaults", content=body, headers=headers).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"device_secret": "a", "device_secret": "b"}',
        b'{"values": [{"field": "identity.given_name", "value": 1.5}]}',
        b'{"values": [{"field": "identity.given_name", "value": NaN}]}',
        b'{"values": [{"field": "identity.given_name", "value": 9007199254740993}]}',
        b'{"values": [{"field": "identity.given_name", "value": ' + b"9" * 5000 + b"}]}",
    ],
)
def test_json_with_more_than_one_reading_is_refused(citizen: Citizen, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {citizen.token}"}
    for path in ("/v1/vaults", "/v1/values"):
        problem(citizen.http.post(path, content=body, headers=headers), 400, "invalid_json")


def test_every_answer_has_the_headers_that_keep_it_here(citizen: Citizen, agency: Agency) -> None:
    answers = [
        citizen.get("/v1/vault"),
        citizen.get("/v1/values"),
        citizen.http.get("/v1/agencies"),
        citizen.http.get("/healthz"),
        citizen.http.get("/nothing"),
        citizen.http.get("/v1/data"),
        citizen.http.post("/v1/vaults", content=b" " * (2**20 + 1)),
        agency.redeem("VG1"),
    ]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/catalogue"), ("GET", "/v1/agencies"), ("GET", "/readyz"), ("GET", "/healthz")],
)
def test_a_fault_of_ours_tells_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    canary = "canary-in-an-exception"

    def fail(**_: object) -> None:
        raise RuntimeError(canary)

    with server.client() as client:
        monkeypatch.setattr("api.catalogue.Catalogue", fail)
        monkeypatch.setattr("api.agencies.Register", fail)
        monkeypatch.setattr("api.health.Readiness", fail)
        monkeypatch.setattr("api.health.Health", fail)
        answer = client.request(method, path)
    problem(answer, 500, "internal_error")
    assert canary not in answer.text
    assert "kluis.api unhandled RuntimeError" in server.logged
    assert not [line for line in server.logged if canary in line]


def test_the_query_is_in_no_log(http: httpx.Client, server: Server) -> None:
    canary = "canary-in-a-query"
    for path in ("/v1/data", "/v1/vault", "/nothing", "/s"):
        assert canary not in http.get(path, params={"fields": canary, canary: "x"}).text
    assert [line for line in server.logged if "GET /v1/data" in line]
    assert not [line for line in server.logged if canary in line]


@pytest.mark.parametrize("path", ["/s", "/S"])
def test_the_page_behind_a_code_runs_nothing_and_loads_nothing(
    http: httpx.Client, path: str
) -> None:
    answer = http.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    page = answer.text
    assert not re.search(r"<script|<link|<img|<form|src=|\son\w+=", page, re.IGNORECASE)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    languages = ["nl", "fr", "de", "en"]
    assert re.findall(r'<section lang="(..)">', page) == languages
    assert re.findall(r'[ "]href="?([^" >]*)', page) == [f"/help?lang={one}" for one in languages]
    assert "counter that has the code" in page
    assert "Practice" not in page


def test_the_checkpoint_is_there_once_it_is_published(
    serve: Callable[..., Server],
) -> None:
    server = serve()
    with server.client() as http:
        problem(http.get("/audit/checkpoint"), 404, "no_checkpoint")
        server.vault.sweep()
        answer = http.get("/audit/checkpoint")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == server.vault.checkpoint()
    assert answer.text.startswith(server.vault.system.settings.origin + "\n")


def test_readiness_says_what_does_not_answer(
    server: Server, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("/a/path/that/nobody/needs")

    monkeypatch.setattr(type(server.vault.system.log), "head", fail)
    monkeypatch.setattr(type(server.vault.system.keystore), "instance_id", fail)
    monkeypatch.setattr(server.vault.system.keystore, "truncated", False)
    answer = http.get("/readyz")
    assert answer.status_code == 503
    said = " ".join(answer.json()["problems"])
    assert "main database" in said
    assert "keystore" in said
    assert "path" not in said
    assert http.get("/healthz").json() == {"status": "ok"}


def test_an_oauth_client_finds_its_way(http: httpx.Client, server: Server) -> None:
    found = http.get("/.well-known/oauth-authorization-server").json()
    assert found["issuer"] == server.url
    assert found["token_endpoint"] == f"{server.url}/oauth/token"
    assert found["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    challenge = http.get("/v1/data").headers["www-authenticate"]
    (where,) = re.findall(r'resource_metadata="([^"]+)"', challenge)
    resource = http.get(where).json()
    assert resource["resource"] == f"{server.url}/v1/data"
    assert resource["authorization_servers"] == [server.url]
    assert resource["dpop_bound_access_tokens_required"] is True
