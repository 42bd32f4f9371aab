"""An agency's client: what `kluis desk` does. Stock OAuth: private_key_jwt (RFC 7523), DPoP
(RFC 9449) and the pre-authorized code grant of OpenID4VCI, so this file is an example as well.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from cli.client import Answer, Server, checked_url, good, refusal
from cli.errors import Failed, Refused, WrongUse
from cli.files import write_private
from cli.profile import DeskState, Profile, again, client_profile
from crypto.encoding import b64u
from crypto.jose import generate_key, public_jwk, sign

TOKEN_PATH, DATA_PATH = "/oauth/token", "/v1/data"
_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 60
_PLACE = re.compile(r"^index ([0-9]{1,19})$", re.ASCII | re.MULTILINE)
_RECEIPT_CHARACTERS_MAX = 524_288
_CODE_PREFIX, _CODE_CHARACTERS = "VG1", 34
_CODE_ALPHABET = frozenset("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_LOOKALIKES = str.maketrans("OIL", "011", " -\t")
Body = dict[str, Any]


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
        """Remembers which agency this desk is of; None: only the server it was given."""
        self.state.agency = agency or self.state.agency
        self.profile.save(self.state)

    # How

    def _send(self, send: Any) -> Answer:
        """Sends a request; once more where the server wants its nonce in the proof (§8)."""
        server = Server(self._url())
        answer: httpx.Response = send(server, None)
        nonce = answer.headers.get("DPoP-Nonce")
        if nonce is not None and _wants_nonce(answer):
            answer = send(server, nonce)
        if not answer.is_success:
            raise self._explained(refusal(server.url, answer))
        return good(answer)

    def _explained(self, error: Failed | Refused) -> Failed | Refused:
        if not isinstance(error, Refused):
            return error
        hints = {
            "invalid_client": "Is this desk's key in the registration, and --url exactly the "
            "public address of the server?",
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

    def _proof(
        self,
        key: Body,
        method: str,
        path: str,
        *,
        token: str | None = None,
        nonce: str | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> str:
        claims: Body = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": self._url() + path,
            "iat": int(time.time()),
            **(extra or {}),
        }
        if token is not None:
            digest = hashlib.sha256(token.encode()).digest()
            claims["ath"] = b64u(digest)
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


class Counter(Client):
    """One desk of an agency. `receipt`: where that of the last answer was kept."""

    receipt: Path | None = None

    def redeem(self, code: str, tx_code: str | None = None) -> Body:
        """Exchanges a citizen's code for access, once.

        The key that the access is bound to is new for each code, and the same when one code is
        presented again: so the server can tell a lost answer from a stolen code.
        """
        key = self._key()
        self._url()
        self._agency()
        code = checked_code(code)
        code_hash = hashlib.sha256(code.encode()).hexdigest()
        code_key = self.state.code_key
        if self.state.code_hash != code_hash or code_key is None:
            code_key = generate_key()
            self.state.code_key, self.state.code_hash = code_key, code_hash
            self.profile.save(self.state)  # before it is sent: an answer can get lost
        form = {"grant_type": _GRANT_TYPE, "pre-authorized_code": code}
        if tx_code is not None:
            form["tx_code"] = tx_code

        def send(server: Server, nonce: str | None) -> httpx.Response:
            signed_in = {
                "client_assertion_type": _ASSERTION_TYPE,
                "client_assertion": self._assertion(key),
            }
            proof = self._proof(code_key, "POST", TOKEN_PATH, nonce=nonce)
            return server.raw("POST", TOKEN_PATH, form=form | signed_in, headers={"DPoP": proof})

        try:
            given = self._send(send).body
        except Refused as refused:
            raise _about_tx_code(refused, tx_code) from None
        if not isinstance(given.get("access_token"), str):
            raise Failed("not_a_vault", f"{self.state.url} does not answer like a vault.")
        self.state.token, self.state.proof_key = given["access_token"], code_key
        self.state.fields = granted_fields(given)
        self.state.ends = _instant_in(given.get("expires_in"))
        self.profile.save(self.state)
        self._keep_receipt(given)
        return given

    def read(self, fields: Sequence[str], officer: str | None = None) -> Body:
        """Reads granted fields with the access that was redeemed last."""
        token, key = self.state.token, self.state.proof_key
        if token is None or key is None:
            raise Failed("no_access", f"Nothing was redeemed yet: {self._again('redeem CODE')}")

        def send(server: Server, nonce: str | None) -> httpx.Response:
            extra = {} if officer is None else {"officer": officer}
            proof = self._proof(key, "GET", DATA_PATH, token=token, nonce=nonce, extra=extra)
            headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
            return server.raw("GET", DATA_PATH, query={"fields": ",".join(fields)}, headers=headers)

        given = self._send(send).body
        self._keep_receipt(given)
        return given

    def _keep_receipt(self, given: Body) -> None:
        """Keeps an answer's receipt in the profile's folder, under its place in the log."""
        text = str(given.get("receipt", ""))[:_RECEIPT_CHARACTERS_MAX]
        found = _PLACE.search(text)
        if found is not None:
            self.receipt = self.profile.path.with_suffix("") / f"{found[1]}.tlog-proof"
            write_private(self.receipt, text.encode())


def checked_code(text: str) -> str:
    """A code as typed, in its plain form. A code that can't be whole is not sent.

    Whether every character is the right one only the server can tell.
    """
    plain = text.upper().translate(_LOOKALIKES)
    rest = plain.removeprefix(_CODE_PREFIX)
    if rest == plain:
        what = "A code begins with VG1."
    elif len(rest) != _CODE_CHARACTERS:
        what = f"After VG1 come {_CODE_CHARACTERS} letters and digits; here are {len(rest)}."
    elif not set(rest) <= _CODE_ALPHABET:
        what = "A code has only digits and letters, and never a U."
    else:
        return plain
    raise WrongUse(f"This code was not typed right. {what} Nothing was sent.", "mistyped_code")


def _about_tx_code(refused: Refused, tx_code: str | None) -> Refused:
    """What a desk can do where the spoken code may be what is wrong."""
    message = refused.message
    if refused.code == "invalid_request" and "tx_code" in message:
        if tx_code is None:
            message = "Ask the citizen for the four digits: --tx-code. Nothing was used up."
        else:
            message = "This code has no four digits: leave --tx-code out. Nothing was used up."
    elif refused.code == "invalid_grant" and tx_code is not None:
        message += (
            " If only the four digits were wrong, the same code may work with the right ones: "
            "three tries in all."
        )
    return Refused(refused.code, message, refused.status_code)


def granted_fields(given: Body) -> list[str]:
    """The fields that a token answer grants (RFC 9396 §7)."""
    details = given.get("authorization_details")
    found = [
        name
        for one in (details if isinstance(details, list) else [])
        if isinstance(one, dict)
        for name in one.get("datatypes") or one.get("fields") or []
    ]
    return [str(name) for name in found]


def _wants_nonce(answer: httpx.Response) -> bool:
    if answer.status_code == 401:
        return "use_dpop_nonce" in answer.headers.get("WWW-Authenticate", "")
    return answer.status_code == 400 and b"use_dpop_nonce" in answer.content


def _instant_in(seconds: object) -> str | None:
    if not isinstance(seconds, int):
        return None
    at = time.gmtime(time.time() + seconds)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", at)
