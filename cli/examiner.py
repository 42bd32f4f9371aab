"""An auditor's client: what `kluis auditor` does over HTTP. Client credentials (RFC 6749 §4.4) with
private_key_jwt and DPoP, so this file is an example as well.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from cli.client import Server
from cli.counter import TOKEN_PATH, Body, Client
from cli.errors import Failed
from crypto.jose import generate_key

ENTRIES_PATH, EXPORT_PATH = "/v1/audit/entries", "/v1/audit/export"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Examiner(Client):
    """One auditor."""

    command, names = "auditor", "auditor"

    def entries(self, query: Mapping[str, str]) -> Body:
        """One page of the log."""
        key, token = self._sign_in()

        def send(server: Server, nonce: str | None) -> httpx.Response:
            headers = self._headers(key, token, ENTRIES_PATH, nonce)
            return server.raw("GET", ENTRIES_PATH, query=query, headers=headers)

        return self._send(send).body

    @contextmanager
    def export(
        self, previous: tuple[int, bytes] | None, officer: str | None
    ) -> Iterator[tuple[int, Iterator[bytes]]]:
        """How many entries there are, and the zip as it comes."""
        key, token = self._sign_in()
        query = {} if previous is None else {"previous": f"{previous[0]}.{previous[1].hex()}"}
        headers = self._headers(key, token, EXPORT_PATH, None)
        if officer is not None:
            headers["Kluis-Officer"] = officer
        server = Server(self._url())
        with server.stream(EXPORT_PATH, query, headers) as (answer, pieces):
            entries = answer.headers.get("Kluis-Entries", "")
            if not entries.isdigit():
                raise Failed("not_a_vault", f"{server.url} does not answer like a vault.")
            yield int(entries), pieces

    def _sign_in(self) -> tuple[Body, str]:
        """A proof key made for this one look, and an access token bound to it."""
        key, proof_key = self._key(), generate_key()

        def send(server: Server, nonce: str | None) -> httpx.Response:
            form = {
                "grant_type": "client_credentials",
                "scope": "audit",
                "client_assertion_type": _ASSERTION_TYPE,
                "client_assertion": self._assertion(key),
            }
            proof = self._proof(proof_key, "POST", TOKEN_PATH, nonce=nonce)
            return server.raw("POST", TOKEN_PATH, form=form, headers={"DPoP": proof})

        given = self._send(send).body
        if not isinstance(given.get("access_token"), str):
            raise Failed("not_a_vault", f"{self.state.url} does not answer like a vault.")
        return proof_key, given["access_token"]

    def _headers(self, key: Body, token: str, path: str, nonce: str | None) -> dict[str, str]:
        proof = self._proof(key, "GET", path, token=token, nonce=nonce)
        return {"Authorization": f"DPoP {token}", "DPoP": proof}
