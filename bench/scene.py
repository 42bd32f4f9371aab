"""One installation with citizens and an agency, and the requests that are made of it.

Proofs are made beforehand: a load generator that signs would measure itself.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from bench.bare import FIELDS
from bench.servers import Request
from crypto import jose
from crypto.encoding import b64u
from crypto.primitives import random_bytes, sha256
from tests.builders import PERSON, AgencyDesk, Citizen, Store

DATA_PATH = f"/v1/data?fields={','.join(FIELDS)}"
LIMITS = {
    "KLUIS_OFFERS_PER_DAY": "1000000",
    "KLUIS_OFFER_TTL_SECONDS": "300",
    "KLUIS_OWNER_ACTS_PER_HOUR": "1000000",
}
REDEEMERS = 50


class Scene:
    """A citizen who shared five fields, an agency with a token, and more citizens to redeem of."""

    def __init__(self, work: Path, port: int, databases: Mapping[str, str]) -> None:
        self.url = f"http://localhost:{port}"
        os.environ.update(LIMITS)
        self.store = Store.make_live(work, self.url, **databases)
        self.citizen: Citizen = self.store.citizen(PERSON)
        self.agency: AgencyDesk = self.store.agency()
        self.proof_key = jose.generate_key()
        self.agency.thumbprint = jose.thumbprint(self.proof_key)
        offer = self.citizen.offer(self.agency, FIELDS, reads_max=None)
        self.token = self.agency.redeem(offer.code).token

    @property
    def serve(self) -> list[str]:
        """The command that serves it, without its port."""
        return ["-m", "cli.main", "serve", "--data", str(self.store.settings.data)]

    def reads(self, count: int) -> list[Request]:
        token = f"DPoP {self.token}"
        ath = b64u(sha256(self.token.encode()))
        return [
            Request(
                "GET",
                DATA_PATH,
                {"Authorization": token, "DPoP": self._proof("GET", "/v1/data", ath=ath)},
            )
            for _ in range(count)
        ]

    def redemptions(self, count: int) -> list[Request]:
        """Of many citizens: two changes of one vault at once would have to wait for each other."""
        citizens = [self.store.citizen(PERSON) for _ in range(min(count, REDEEMERS))]
        return [self._redemption(citizens[at % len(citizens)]) for at in range(count)]

    def _redemption(self, citizen: Citizen) -> Request:
        now = int(time.time())
        assertion = {
            "iss": self.agency.id, "sub": self.agency.id, "aud": self.url,
            "iat": now, "exp": now + 300, "jti": b64u(random_bytes(12)),
        }  # fmt: skip
        offer = citizen.offer(self.agency, FIELDS[:3])
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code",
            "pre-authorized_code": offer.code,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jose.sign(assertion, self.agency.key, typ="JWT"),
        }
        headers = {
            "DPoP": self._proof("POST", "/oauth/token"),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return Request("POST", "/oauth/token", headers, urlencode(form))

    def _proof(self, method: str, path: str, **claims: str) -> str:
        body = {"jti": b64u(random_bytes(12)), "htm": method, "htu": self.url + path}
        claims_now = {**body, "iat": int(time.time()), **claims}
        return jose.sign(claims_now, self.proof_key, typ="dpop+jwt", carry_key=True)
