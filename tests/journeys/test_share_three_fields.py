"""A citizen shares three fields with an agency, sees the reads, and takes the access back.

Everything goes over HTTP to a real server. Read it from top to bottom: it is the shortest complete
example of both sides, the citizen's and the agency's.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.server import listen, make_server
from crypto.jose import generate_key, public_jwk, sign
from operate.setup import Places, initialise
from operate.verification import verify_data
from tests.conftest import NewDatabases
from vault import caller
from vault.vault import Vault

AGENCY: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[2] / "cli" / "demo_agency.json").read_text("utf-8")
)
USE = "parking-permit"
RECORD = {
    "identity.full_name": "Noortje van Wilgenroos",
    "address.resident_address": "Grutto 12A, 9999ZZ Waterbeek",
    "address.resident_since": "2019-08",
    "identity.birth_date": "1988-02-29",
}
SHARED = ["identity.full_name", "address.resident_address", "address.resident_since"]


def test_share_three_fields(operator: "Operator") -> None:
    citizen = Citizen(operator.url)
    agency = Agency(operator)

    # The citizen makes a vault, types the recovery code back, and puts a record in.
    recovery_code = citizen.make_vault()
    citizen.post("/v1/vault/recovery", {"recovery_code": recovery_code})
    stated = [{"field": field, "value": value} for field, value in RECORD.items()]
    citizen.post("/v1/values", {"values": stated})

    # The citizen offers exactly three fields, for an hour. What is shown is a QR code.
    offer = citizen.offer(SHARED)
    assert offer["qr"] == f"{operator.url.upper()}/S#{offer['code']}"

    # The agency scans it and exchanges the code for an access token, once.
    token = agency.redeem(offer["code"]).json()
    assert token["token_type"] == "DPoP"
    assert token["authorization_details"][0]["datatypes"] == SHARED

    # The agency reads the three fields: who stated them, and when, comes with them.
    read = agency.read(token["access_token"], SHARED).json()["data"]
    assert {field: one["value"] for field, one in read.items()} == {
        field: RECORD[field] for field in SHARED
    }
    assert {one["source"] for one in read.values()} == {"self"}

    # A field that was not shared is refused, and nothing comes with the refusal.
    refused = agency.read(token["access_token"], ["identity.birth_date", *SHARED])
    assert (refused.status_code, refused.json()["code"]) == (403, "unauthorized_field")
    assert RECORD["identity.full_name"] not in refused.text

    # The citizen takes the access back. The next read is refused.
    citizen.delete(f"/v1/grants/{offer['grant']}")
    refused = agency.read(token["access_token"], SHARED)
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]

    # The citizen sees all of it: what was given, what was refused, and why.
    seen = citizen.get("/v1/me/activity")
    told = [
        (entry["action"], entry["outcome"], entry.get("reason"))
        for entry in reversed(seen["entries"])
    ]
    assert [each for each in told if each[0] in {"offer.create", "grant.redeem"}] == [
        ("offer.create", "permitted", None),
        ("grant.redeem", "permitted", None),
    ]
    assert [each for each in told if each[0] in {"data.read", "grant.end"}] == [
        ("data.read", "permitted", None),
        ("data.read", "denied", "not_granted"),
        ("grant.end", "permitted", "revoked"),
        ("data.read", "denied", "ended"),
    ]
    assert (seen["counts"]["reads"], seen["damaged"]) == (1, [])
    assert not any(value in json.dumps(seen) for value in RECORD.values())

    # And the operator finds the log whole.
    assert verify_data(operator.vault.system.settings).findings == ()


def test_a_code_used_twice_ends_its_access_and_alarms_the_citizen(operator: "Operator") -> None:
    citizen = Citizen(operator.url)
    agency = Agency(operator)
    citizen.post("/v1/vault/recovery", {"recovery_code": citizen.make_vault()})
    stated = [{"field": field, "value": value} for field, value in RECORD.items()]
    citizen.post("/v1/values", {"values": stated})

    # The answer to the first use gets lost, so the agency's software tries once more.
    code = citizen.offer(SHARED)["code"]
    lost = agency.redeem(code).json()["access_token"]
    again = agency.redeem(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")

    # The token of the first use is dead, wherever it went.
    assert agency.read(lost, SHARED).status_code == 401

    # The citizen is alarmed, once, with what most likely happened.
    alarms = [entry for entry in citizen.get("/v1/me/activity")["entries"] if entry.get("alarm")]
    assert [entry["reason"] for entry in alarms] == ["answer_lost"]
    citizen.post(f"/v1/me/activity/{alarms[0]['id']}/acknowledge")

    # A new code works.
    token = agency.redeem(citizen.offer(SHARED)["code"]).json()["access_token"]
    assert agency.read(token, SHARED).status_code == 200


class Operator:
    """Runs a server, and registers agencies on the machine itself."""

    def __init__(self, url: str, vault: Vault) -> None:
        self.url = url
        self.vault = vault

    def register(self, document: dict[str, Any]) -> str:
        return self.vault.register_agency(caller.Operator(), document)


@pytest.fixture
def operator(tmp_path: Path, new_databases: NewDatabases) -> Iterator[Operator]:
    listener = listen("127.0.0.1", 0)
    url = f"http://localhost:{listener.getsockname()[1]}"
    databases = new_databases("journey")
    settings = initialise(Places.beside(tmp_path / "kluis"), url, "open", **databases)
    with listener, Vault.open(settings) as vault:
        server = make_server(vault)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Operator(url, vault)
        finally:
            server.should_exit = True
            thread.join()


class Citizen:
    """A wallet: a device secret, a session, and JSON."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = ""

    def make_vault(self) -> str:
        """Makes a vault that this device can open; returns the recovery code."""
        made = self.post("/v1/vaults", {"device_secret": b64u(secrets.token_bytes(32))})
        self._session = made["session"]["token"]
        return str(made["recovery_code"])

    def offer(self, fields: list[str]) -> Any:
        choice = {"agency": AGENCY["id"], "use": USE, "fields": fields, "duration_seconds": 3600}
        return self.post("/v1/offers", choice)

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._ask("POST", path, body)

    def delete(self, path: str) -> Any:
        return self._ask("DELETE", path)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self._session}"} if self._session else {}
        answer = httpx.request(method, self._url + path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


class Agency:
    """An OAuth client: a registered key to sign in with, a DPoP key that tokens are bound to."""

    def __init__(self, operator: Operator) -> None:
        self._url = operator.url
        self._key, self._proof_key = generate_key(), generate_key()
        document = {**AGENCY, "jwks": {"keys": [public_jwk(self._key)]}}
        self._id = operator.register(document)

    def redeem(self, code: str) -> httpx.Response:
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code",
            "pre-authorized_code": code,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self._assertion(),
        }
        proof = self._proof("POST", "/oauth/token")
        return httpx.post(f"{self._url}/oauth/token", data=form, headers={"DPoP": proof})

    def read(self, token: str, fields: list[str]) -> httpx.Response:
        # The proof is bound to this token: ath is its hash (RFC 9449 §4.2).
        proof = self._proof("GET", "/v1/data", ath=b64u(hashlib.sha256(token.encode()).digest()))
        return httpx.get(
            f"{self._url}/v1/data",
            params={"fields": ",".join(fields)},
            headers={"Authorization": f"DPoP {token}", "DPoP": proof},
        )

    def _assertion(self) -> str:
        """Who I am (RFC 7523): for this server alone, for a minute, used once."""
        now = int(time.time())
        claims = {
            "iss": self._id,
            "sub": self._id,
            "aud": self._url,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + 60,
        }
        return sign(claims, self._key, typ="client-authentication+jwt")

    def _proof(self, method: str, path: str, **more: str) -> str:
        """That I hold the key (RFC 9449): for this request alone."""
        claims = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": self._url + path,
            "iat": int(time.time()),
            **more,
        }
        return sign(claims, self._proof_key, typ="dpop+jwt", carry_key=True)


def b64u(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
