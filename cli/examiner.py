"""An auditor's client: what `kluis auditor` does over HTTP. Client credentials (RFC 6749 §4.4) with
private_key_jwt and DPoP, so this file is an example as well.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from cli.client import Server
from cli.errors import Failed
from cli.signing_in import Body, Client
from crypto.jose import generate_key

ENTRIES_PATH, EXPORT_PATH = "/v1/audit/entries", "/v1/audit/export"


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
        proof_key = generate_key()
        given = self._ask_token(proof_key, {"grant_type": "client_credentials", "scope": "audit"})
        return proof_key, given["access_token"]
