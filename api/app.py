"""The application: every route, what surrounds them, and what an error becomes."""

from collections.abc import Iterator

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match

from api import (
    activity,
    agencies,
    auditing,
    catalogue,
    data,
    grants,
    health,
    landing,
    metadata,
    methods,
    offers,
    sessions,
    tiles,
    tokens,
    values,
    vaults,
)
from api.data import QuickRead
from api.edge import Edge
from api.limits import AddressLimits
from api.problems import TokenMissing, on_validation_error, problem_of, problem_of_status
from consent.errors import ConsentError
from vault.errors import VaultError
from vault.vault import Vault

NOUNS = (  # in the order in which a path is looked up: what agencies read all day comes first
    data, tokens, vaults, sessions, methods, catalogue, values, agencies, offers, grants, activity,
    auditing, metadata, tiles, landing, health,
)  # fmt: skip


THREADS_MAX = 40
SPARE_CONNECTIONS = 4  # the sequencer, the sweeper, and a second look of a request


def create_app(vault: Vault) -> FastAPI:
    """The HTTP door to an opened vault. Whoever opened it closes it."""
    settings, clock = vault.system.settings, vault.system.clock
    app = with_routes()
    app.state.vault = vault
    app.state.limits = AddressLimits(vault.system.limits, clock.now_ms)
    app.add_middleware(QuickRead, vault=vault)
    app.add_middleware(Edge, body_bytes_max=settings.body_bytes_max, threads_max=threads_max(vault))

    async def on_error(request: Request, error: Exception) -> JSONResponse:
        return problem_of(error, settings.url, request.url.path)

    app.add_exception_handler(VaultError, on_error)
    app.add_exception_handler(ConsentError, on_error)
    app.add_exception_handler(TokenMissing, on_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    return app


def threads_max(vault: Vault) -> int:
    """How many requests may wait for a database at once: fewer than it has connections for us.

    What writes the log and sweeps has one left then, and never waits behind requests.
    """
    if vault.system.main.is_sqlite:
        return THREADS_MAX
    return min(THREADS_MAX, vault.system.settings.database_connections_max - SPARE_CONNECTIONS)


def with_routes() -> FastAPI:
    """An application that knows its routes and nothing else."""
    # No pages of documentation: openapi.yaml is the contract. No redirects: one path per thing.
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: f"{route.tags[0]}_{route.name}",
    )
    for noun in NOUNS:
        app.include_router(noun.router)
    return app


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    allowed = sorted(set(_allowed(request))) if status == 405 else []
    return problem_of_status(status, {"Allow": ", ".join(allowed)} if allowed else None)


def _allowed(request: Request) -> Iterator[str]:
    """What the path of a request allows, by whichever route (RFC 9110 §10.2.1)."""
    for noun in NOUNS:
        for route in noun.router.routes:
            if isinstance(route, APIRoute) and route.matches(request.scope)[0] != Match.NONE:
                yield from route.methods or ()
