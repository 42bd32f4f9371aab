"""An owner's log as the API answers it, and as its owner checks it, with a clock to turn."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from api.activity import activity
from api.app import create_app
from api.filters import Filters
from cli.checking import walk
from evidence.own import Memory, OwnCheck, OwnReport
from tests.builders import Citizen
from vault.logkeys import log_keys
from vault.vault import Vault


def ask(
    vault: Vault, token: str, path: str, body: Mapping[str, Any] | None = None
) -> httpx.Response:
    """One request to the whole application, in this process: GET, or POST with a body."""

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app=create_app(vault))
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            method = "GET" if body is None else "POST"
            return await client.request(method, path, headers=headers, json=body)

    return asyncio.run(asked())


@dataclass
class Owner:
    """Asks the route itself, without HTTP between."""

    citizen: Citizen

    def page(self, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        asked = Filters.model_validate(dict(query or {}))
        found = activity(asked, self.citizen.owner, self.citizen.vault)
        return found.model_dump(mode="json", exclude_none=True)

    def pages(self, **query: str) -> list[dict[str, Any]]:
        found = [self.page(query)]
        while "next" in found[-1]:
            found.append(self.page(query | {"before": found[-1]["next"]}))
        return found

    def entries(self, **query: str) -> list[dict[str, Any]]:
        """Of all pages, newest first."""
        return [entry for page in self.pages(**query) for entry in page["entries"]]

    def check(self, memory: Memory | None = None) -> OwnReport:
        """By the key of the first log, and what was remembered."""
        key = log_keys(self.citizen.vault.system.settings).newest.verifier
        return walk(self.page, OwnCheck([key], memory))
