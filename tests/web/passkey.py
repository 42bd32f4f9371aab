"""An authenticator in a few lines: makes a passkey and signs with it, without a browser."""

import json
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import urlsplit

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from crypto.encoding import b64u

PRESENT_AND_VERIFIED, WITH_KEY = 0x05, 0x40


@dataclass
class Passkey:
    """One passkey for the site at `url`. What it says is JSON, as a browser writes it."""

    url: str
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def made(self, challenge: str, key: object = None, **attested: object) -> str:
        """The answer to `navigator.credentials.create`: no attestation, or what else is given."""
        point = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (point.x, point.y))
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y} if key is None else key)
        named = bytes(16) + len(self.id).to_bytes(2, "big") + self.id
        data = self._data(PRESENT_AND_VERIFIED | WITH_KEY) + named + public
        whole = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data} | attested)
        client = self._client("webauthn.create", challenge)
        return self._answer({"clientDataJSON": b64u(client), "attestationObject": b64u(whole)})

    def signed(self, challenge: str) -> str:
        """The answer to `navigator.credentials.get`."""
        data, client = self._data(PRESENT_AND_VERIFIED), self._client("webauthn.get", challenge)
        over = data + sha256(client).digest()
        signature = self.key.sign(over, ec.ECDSA(hashes.SHA256()))
        answer = {"clientDataJSON": client, "authenticatorData": data, "signature": signature}
        return self._answer({name: b64u(part) for name, part in answer.items()})

    def _data(self, flags: int) -> bytes:
        host = urlsplit(self.url).hostname or ""
        return sha256(host.encode()).digest() + bytes([flags]) + bytes(4)

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.url, "crossOrigin": False}
        return json.dumps(said).encode()

    def _answer(self, response: dict[str, str]) -> str:
        id_ = b64u(self.id)
        return json.dumps({"id": id_, "rawId": id_, "type": "public-key", "response": response})
