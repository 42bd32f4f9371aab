"""Several processes that share one port and one vault: `kluis serve --workers`.

Each opens the vault by itself. What it has to know is handed on in the environment.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import socket

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from api.connections import Bounds, Door, GuardedProtocol
from cli.installation import settings_of
from cli.observing import Observing
from cli.server import get_going, make_app, server_options, spare_collector
from operate.counting import counting_together
from operate.publishing import publishing
from operate.token import root_key
from vault.settings import Settings
from vault.vault import Vault

_SILENT_SECONDS_MAX = 20  # to begin, too, on a machine that has other things to do
_WORKER_DATA = "KLUIS_SERVE_DATA"
_WORKER_PROXY = "KLUIS_SERVE_PROXY"


def run_workers(
    settings: Settings, listener: socket, workers: int, proxy: str | None, observing: Observing
) -> None:
    """Serves with so many processes, until a signal ends them."""
    observing.hand_on()
    os.environ[_WORKER_DATA] = str(settings.data)
    if proxy is not None:
        os.environ[_WORKER_PROXY] = proxy
    config = uvicorn.Config(
        "cli.workers:worker_app",
        factory=True,
        workers=workers,
        timeout_worker_healthcheck=_SILENT_SECONDS_MAX,  # who says nothing for longer is ended
        http="cli.workers:WorkerProtocol",
        **server_options(proxy, observing),
    )
    Multiprocess(config, sockets=[listener]).run()


class WorkerProtocol(GuardedProtocol):
    """The connections of one of several processes: uvicorn finds it there by its name."""


def worker_app() -> ASGIApp:
    """The application of one of several processes, which opens and closes its own vault."""
    door = WorkerProtocol.door = Door(Bounds(proxy=os.environ.get(_WORKER_PROXY)))
    observing = Observing.inherited()
    settings = settings_of(Path(os.environ[_WORKER_DATA]))
    vault = Vault.open(settings, root=root_key(settings))
    get_going(vault)

    @asynccontextmanager
    async def serving(_: FastAPI) -> AsyncIterator[None]:
        with (
            vault,
            counting_together(vault),
            publishing(vault),
            observing.started(vault, door),
        ):
            yield

    spare_collector()
    app = make_app(vault)
    app.router.lifespan_context = serving
    return observing.around(app)
