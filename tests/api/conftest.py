"""A real server on a real port, a citizen and an agency that speak HTTP to it."""

import logging
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import uvicorn

from api.app import create_app
from api.openapi import document
from crypto import jose
from crypto.encoding import b64u
from crypto.primitives import sha256
from operate.setup import Places, initialise
from tests.conftest import NewDatabases
from tests.ports import free_ports
from vault import limits
from vault.caller import Operator
from vault.settings import load_settings
from vault.vault import Vault

AGENCY = "https://oin.example/00000001234567890000"
OTHER_AGENCY = "https://oin.example/00000009999999990000"
STRICT_AGENCY = "https://oin.example/00000007777777770000"
AUDITOR = "https://oin.example/00000005555555550000"
USE = "desk"
NAMES = ("identity.given_name", "identity.family_name")
BIRTH_DATE = "identity.birth_date"
FIELDS = (*NAMES, BIRTH_DATE)
PRE_AUTHORIZED_CODE = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_PATH = "/oauth/token"
DATA_PATH = "/v1/data"
ENTRIES_PATH, EXPORT_PATH = "/v1/audit/entries", "/v1/audit/export"
START_SECONDS_MAX = 60


@dataclass
class Seen:
    """Every (method, path, status, media type) that went over the wire."""

    answers: set[tuple[str, str, int, str]] = field(default_factory=set)

    def hook(self, response: httpx.Response) -> None:
        request = response.request
        media_type = response.headers.get("content-type", "").partition(";")[0]
        self.answers.add((request.method, request.url.path, response.status_code, media_type))

    def undocumented(self) -> list[tuple[str, str, int, str]]:
        """What openapi.yaml does not say. Paths and methods that are not there answer 404, 405."""
        paths = _documented_paths()
        return [seen for seen in sorted(self.answers) if not _is_documented(seen, paths)]


@cache
def _documented_paths() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    return [
        (re.compile(re.sub(r"\{\w+\}", "[^/]+", path.replace("{tile}", ".+"))), operations)
        for path, operations in document()["paths"].items()
    ]


def _is_documented(
    seen: tuple[str, str, int, str], paths: list[tuple[re.Pattern[str], dict[str, Any]]]
) -> bool:
    method, path, status, media_type = seen
    operations = next((found for pattern, found in paths if pattern.fullmatch(path)), None)
    if operations is None:
        return status == 404
    if method.lower() not in operations:
        return status == 405
    response = operations[method.lower()]["responses"].get(str(status))
    return response is not None and media_type in response.get("content", {"": None})


@dataclass
class Server:
    """A running server: its vault is at hand, so that a test can do what an operator does."""

    url: str
    vault: Vault
    seen: Seen
    logged: list[str]

    def client(self, **options: Any) -> httpx.Client:
        hooks = {"response": [self.seen.hook]}
        return httpx.Client(base_url=self.url, event_hooks=hooks, timeout=60, **options)


class Captured(logging.Handler):
    """Keeps every line that the server logs, as it would be printed."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(logging.Formatter("%(name)s %(message)s").format(record))


def running(
    folder: Path, seen: Seen, databases: Mapping[str, str] | None = None, **changed: Any
) -> Iterator[Server]:
    """A server with its own installation in `folder`, until the generator is closed."""
    port = free_ports()
    url = f"http://127.0.0.1:{port}"
    who = changed.pop("registration", "open")
    made = initialise(Places.beside(folder / "k"), url, who, **(databases or {}))
    settings = load_settings(made.data, **changed)
    captured = Captured()
    loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.access", "kluis")]
    with Vault.open(settings) as vault:
        config = uvicorn.Config(
            create_app(vault),
            "127.0.0.1",
            port,
            log_config=None,
            ws="none",
            lifespan="off",
            proxy_headers=False,
        )
        server = uvicorn.Server(config)
        for logger in loggers:
            logger.addHandler(captured)
            logger.setLevel(logging.DEBUG)
        thread = threading.Thread(target=server.run)
        thread.start()
        deadline = time.monotonic() + START_SECONDS_MAX
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            assert server.started
            yield Server(url, vault, seen, captured.lines)
        finally:
            server.should_exit = True
            thread.join()
            for logger in loggers:
                logger.removeHandler(captured)


@pytest.fixture(scope="session")
def seen() -> Iterator[Seen]:
    """At the end, every answer that any test of this folder saw must be documented."""
    seen = Seen()
    yield seen
    assert seen.undocumented() == []


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, seen: Seen, new_databases: NewDatabases
) -> Iterator[Server]:
    """The server that most tests share. Every test makes its own citizen on it."""
    yield from running(
        tmp_path_factory.mktemp("server"),
        seen,
        new_databases("api"),
        registrations_per_hour=10_000,
        unlock_failures_per_hour=10_000,
    )


@pytest.fixture
def serve(
    tmp_path: Path,
    seen: Seen,
    new_databases: NewDatabases,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Server]]:
    """`serve(unlock_failures_per_hour=2)`: a server of one's own, with other settings.

    Its minutes and hours begin with the test, so that none ends in the middle of what is counted.
    """
    began, end = int(time.time()), limits._end
    monkeypatch.setattr(limits, "_end", lambda limit, ms: end(limit, ms - began * 1000) + began)
    started: list[Iterator[Server]] = []

    def start(**changed: Any) -> Server:
        number = str(len(started))
        generator = running(tmp_path / number, seen, new_databases(f"own{number}"), **changed)
        started.append(generator)
        return next(generator)

    yield start
    for generator in started:
        next(generator, None)


def device_secret() -> str:
    return b64u(secrets.token_bytes(32))


@dataclass
class Citizen:
    """A vault's owner with a session."""

    http: httpx.Client
    vault: str
    device: str
    recovery_code: str
    token: str

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.http.request(
            method, path, headers={"Authorization": f"Bearer {self.token}"}, **options
        )

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", path)

    def post(self, path: str, body: object = None) -> httpx.Response:
        return self.ask("POST", path, json=body)

    def delete(self, path: str) -> httpx.Response:
        return self.ask("DELETE", path)

    def offer(self, **choice: Any) -> dict[str, Any]:
        body = {
            "agency": AGENCY,
            "use": USE,
            "fields": list(FIELDS),
            "duration_seconds": 3600,
            **choice,
        }
        answer = self.post("/v1/offers", body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def activity(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = []
        page = {"limit": "200"}
        while True:
            found = self.get("/v1/me/activity?" + urlencode(page)).json()
            assert found["damaged"] == []
            entries += found["entries"]
            if "next" not in found:
                break
            page["before"] = found["next"]
        return entries


def make_citizen(http: httpx.Client) -> Citizen:
    device = device_secret()
    answer = http.post("/v1/vaults", json={"device_secret": device})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return Citizen(http, made["vault"], device, made["recovery_code"], made["session"]["token"])


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def stranger(http: httpx.Client) -> Citizen:
    """A citizen who has a vault and nothing in it."""
    return make_citizen(http)


@pytest.fixture
def citizen(http: httpx.Client) -> Citizen:
    """A citizen whose vault holds what the agency may ask for, and who may share it."""
    return furnish(make_citizen(http))


def furnish(citizen: Citizen) -> Citizen:
    body = {"recovery_code": citizen.recovery_code}
    assert citizen.post("/v1/vault/recovery", body).status_code == 204
    values = {NAMES[0]: "Ada", NAMES[1]: "Lovelace", BIRTH_DATE: "1975-12-10"}
    body_values = [{"field": name, "value": value} for name, value in values.items()]
    assert citizen.post("/v1/values", {"values": body_values}).status_code == 201
    return citizen


@dataclass
class Agency:
    """A registered agency with its client key, and a proof key for its tokens."""

    http: httpx.Client
    url: str
    id: str = AGENCY
    key: dict[str, Any] = field(default_factory=jose.generate_key, repr=False)
    proof_key: dict[str, Any] = field(default_factory=jose.generate_key, repr=False)

    def proof(self, method: str, path: str, token: str | None = None, **claims: Any) -> str:
        body: dict[str, Any] = {
            "jti": secrets.token_urlsafe(12),
            "htm": method,
            "htu": self.url + path,
            "iat": int(time.time()),
        }
        if token is not None:
            body["ath"] = b64u(sha256(token.encode()))
        body |= claims
        body = {name: value for name, value in body.items() if value is not None}
        return jose.sign(body, self.proof_key, typ="dpop+jwt", carry_key=True)

    def assertion(self, **claims: Any) -> str:
        now = int(time.time())
        body: dict[str, Any] = {
            "iss": self.id,
            "sub": self.id,
            "aud": self.url,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_urlsafe(12),
        }
        body |= claims
        body = {name: value for name, value in body.items() if value is not None}
        return jose.sign(body, self.key, typ="client-authentication+jwt")

    def form(self, code: str, **parameters: str | None) -> dict[str, str]:
        """The form of a redemption; a parameter that is None is left out."""
        form = {
            "grant_type": PRE_AUTHORIZED_CODE,
            "pre-authorized_code": code,
            "client_assertion_type": JWT_BEARER,
            **parameters,
        }
        if "client_assertion" not in parameters:
            form["client_assertion"] = self.assertion()
        return {name: value for name, value in form.items() if value is not None}

    def redeem(
        self, code: str, proof: str | None = None, **parameters: str | None
    ) -> httpx.Response:
        headers = {"DPoP": proof or self.proof("POST", TOKEN_PATH)}
        return self.http.post(TOKEN_PATH, data=self.form(code, **parameters), headers=headers)

    def token(self, code: str, **parameters: str | None) -> str:
        answer = self.redeem(code, **parameters)
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def read(
        self,
        token: str,
        fields: str = ",".join(NAMES),
        proof: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        sent = {
            "Authorization": f"DPoP {token}",
            "DPoP": proof or self.proof("GET", DATA_PATH, token),
            **(headers or {}),
        }
        return self.http.get(DATA_PATH, params={"fields": fields}, headers=sent)


@dataclass
class Auditor(Agency):
    """A registered auditor: signs in as agencies do, without a code."""

    id: str = AUDITOR

    def sign_in(
        self, proof: str | None = None, signed_by: dict[str, Any] | None = None, **parameters: str
    ) -> httpx.Response:
        assertion = replace(self, key=signed_by or self.key).assertion()
        form = {
            "grant_type": "client_credentials",
            "scope": "audit",
            "client_assertion_type": JWT_BEARER,
            "client_assertion": assertion,
            **parameters,
        }
        headers = {"DPoP": proof or self.proof("POST", TOKEN_PATH)}
        return self.http.post(TOKEN_PATH, data=form, headers=headers)

    def audit_token(self) -> str:
        answer = self.sign_in()
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def look(
        self,
        path: str = ENTRIES_PATH,
        token: str | None = None,
        proof: str | None = None,
        **query: Any,
    ) -> httpx.Response:
        token = token or self.audit_token()
        headers = {
            "Authorization": f"DPoP {token}",
            "DPoP": proof or self.proof("GET", path, token),
        }
        return self.http.get(path, params=query, headers=headers)


def register_auditor(server: Server, auditor: Auditor) -> Auditor:
    document = {
        "id": auditor.id,
        "names": dict.fromkeys(("nl", "fr", "de", "en"), "Rekenkamer"),
        "jwks": {"keys": [jose.public_jwk(auditor.key)]},
    }
    server.vault.register_auditor(Operator(), document)
    return auditor


def register(server: Server, agency: Agency, **changed: Any) -> Agency:
    text = dict.fromkeys(("nl", "fr", "de", "en"), "Wat en waarom")
    document = {
        "id": agency.id,
        "names": text,
        "contact": {"email": "privacy@example.nl"},
        "data_protection_authority": {"name": "Toezicht", "country": "NL"},
        "jwks": {"keys": [jose.public_jwk(agency.key)]},
        "intended_uses": [
            {
                "id": USE,
                "purpose": text,
                "legal_basis": {"kind": "consent"},
                "fields": [
                    {"id": name, "mandatory": name in NAMES, "why": text} for name in FIELDS
                ],
                "consequence": text,
                "retention": "P30D",
                "privacy_policy": "https://example.nl/privacy",
            }
        ],
        **changed,
    }
    server.vault.register_agency(Operator(), document)
    return agency


@pytest.fixture(scope="session")
def agencies(server: Server) -> Iterator[dict[str, Agency]]:
    """The agencies of the shared server. Their limits and keys are shared by its tests."""
    with server.client() as client:
        yield {
            AGENCY: register(server, Agency(client, server.url, AGENCY)),
            OTHER_AGENCY: register(server, Agency(client, server.url, OTHER_AGENCY)),
            STRICT_AGENCY: register(
                server, Agency(client, server.url, STRICT_AGENCY), officer_required=True
            ),
        }


@pytest.fixture
def agency(agencies: dict[str, Agency]) -> Agency:
    return agencies[AGENCY]


@pytest.fixture
def other_agency(agencies: dict[str, Agency]) -> Agency:
    return agencies[OTHER_AGENCY]


def grant_of(citizen: Citizen, made: dict[str, Any]) -> dict[str, Any]:
    grants = citizen.get("/v1/grants").json()["grants"]
    found: dict[str, Any] = next(one for one in grants if one["grant"] == made["grant"])
    return found


@pytest.fixture(scope="session")
def auditor(server: Server) -> Iterator[Auditor]:
    """The auditor of the shared server."""
    with server.client() as client:
        yield register_auditor(server, Auditor(client, server.url))
