"""How `kluis desk` and `kluis auditor` ask: stock OAuth with private_key_jwt (RFC 7523) and DPoP
(RFC 9449), so this file is an example as well.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from cli.client import Answer, Server, checked_url, good, refusal
from cli.errors import Failed, Refused, WrongUse
from cli.profile import DeskState, Profile, again, client_profile
from crypto.encoding import b64u
from crypto.jose import generate_key, public_jwk, sign

_SIGN_IN_PATH = "/oauth/token"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 60
Body = dict[str, Any]
Send = Callable[[Server, str | None], httpx.Response]


class Client:
    """Who signs in with a registered key, by the profile that holds it."""

    command, names = "desk", "agency"

    def __init__(self, name: str, url: str | None = None) -> None:
        self.profile: Profile[DeskState] = client_profile(self.command, name)
        self.state = self.profile.load() if self.profile.exists else DeskState()
        if url is not None:
            given = checked_url(url)
            if self.state.url not in (None, given):
                raise WrongUse(
                    f"Profile {name!r} belongs to {self.state.url}. Use another --profile for "
                    "another server."
                )
            self.state.url = given

    def make_key(self) -> Body:
        """A new key to sign in with; the answer is its public JWK Set, for the registration."""
        if self.state.key is not None:
            raise Failed(
                "key_exists",
                f"Profile {self.profile.name!r} has a key already; nothing was changed. "
                f"{self._again('register-info')} shows it again; another --profile makes another.",
            )
        self.state.key = generate_key()
        self.profile.save(self.state)
        return self.public_keys()

    def public_keys(self) -> Body:
        """The JWK Set that belongs into the registration file."""
        return {"keys": [public_jwk(self._key())]}

    @property
    def has_key(self) -> bool:
        return self.state.key is not None

    def act_for(self, agency: str | None) -> None:
        """Remembers of whom this is; None: only the server it was given."""
        self.state.agency = agency or self.state.agency
        self.profile.save(self.state)

    # How

    def _send(self, send: Send) -> Answer:
        """Sends a request; once more where the server wants its nonce in the proof (§8)."""
        server = Server(self._url())
        answer: httpx.Response = send(server, None)
        nonce = answer.headers.get("DPoP-Nonce")
        if nonce is not None and _wants_nonce(answer):
            answer = send(server, nonce)
        if not answer.is_success:
            raise self._explained(refusal(server.url, answer))
        return good(answer)

    def _ask_token(self, proof_key: Body, form: Mapping[str, str]) -> Body:
        """Signs in; the answer holds an access token, which is bound to `proof_key`."""
        key = self._key()

        def send(server: Server, nonce: str | None) -> httpx.Response:
            signed_in = {
                "client_assertion_type": _ASSERTION_TYPE,
                "client_assertion": self._assertion(key),
            }
            headers = {"DPoP": self._proof(proof_key, "POST", _SIGN_IN_PATH, nonce)}
            return server.raw("POST", _SIGN_IN_PATH, form={**form, **signed_in}, headers=headers)

        given = self._send(send).body
        if not isinstance(given.get("access_token"), str):
            raise Failed("not_a_vault", f"{self.state.url} does not answer like a vault.")
        return given

    def _headers(
        self, key: Body, token: str, path: str, nonce: str | None, **extra: str
    ) -> dict[str, str]:
        """Of a GET with an access token that is bound to `key`. `extra`: claims of its proof."""
        ath = b64u(hashlib.sha256(token.encode()).digest())
        proof = self._proof(key, "GET", path, nonce, ath=ath, **extra)
        return {"Authorization": f"DPoP {token}", "DPoP": proof}

    def _explained(self, error: Failed | Refused) -> Failed | Refused:
        if not isinstance(error, Refused):
            return error
        hints = {
            "invalid_client": f"Is the key of this {self.command} in the registration, and --url "
            "exactly the public address of the server?",
            "invalid_dpop_proof": "Is --url exactly the public address of the server, and is this "
            "computer's clock right?",
        }
        hint = hints.get(error.code)
        if hint is None:
            return error
        return Refused(error.code, f"{error.message} {hint}", error.status_code)

    def _assertion(self, key: Body) -> str:
        now = int(time.time())
        claims = {
            "iss": self._agency(),
            "sub": self._agency(),
            "aud": self._url(),
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
        }
        return sign(claims, key, typ="client-authentication+jwt")

    def _proof(self, key: Body, method: str, path: str, nonce: str | None, **extra: str) -> str:
        claims: Body = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": self._url() + path,
            "iat": int(time.time()),
            **extra,
        }
        if nonce is not None:
            claims["nonce"] = nonce
        return sign(claims, key, typ="dpop+jwt", carry_key=True)

    def _again(self, command: str) -> str:
        return again(f"kluis {self.command} {command}", self.profile.name)

    def _key(self) -> Body:
        if self.state.key is None:
            raise Failed("no_key", f"There is no key here yet. Make one: {self._again('keygen')}")
        return self.state.key

    def _agency(self) -> str:
        if self.state.agency is None:
            raise WrongUse(f"Of whom is this {self.command}? Say so once: --{self.names} ID")
        return self.state.agency

    def _url(self) -> str:
        if self.state.url is None:
            raise WrongUse("Which server? Say so once: --url https://kluis.example.org")
        return self.state.url


def _wants_nonce(answer: httpx.Response) -> bool:
    if answer.status_code == 401:
        return "use_dpop_nonce" in answer.headers.get("WWW-Authenticate", "")
    return answer.status_code == 400 and b"use_dpop_nonce" in answer.content
