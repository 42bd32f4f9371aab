"""The HTTP server of a vault, as uvicorn runs it. Nothing of a request is logged but what the audit
log records.
"""

import gc
import socket
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.config import LOGGING_CONFIG

from api.app import create_app
from api.connections import Bounds, Door
from cli.errors import Failed
from cli.observing import Observing
from operate.pair import is_shared
from operate.retention import drop_old_openings
from vault.vault import Vault
from web.app import add_pages

_GRACE_SECONDS = 10
_KEEP_ALIVE_SECONDS = 15
_BACKLOG = 512
_SEND_BUFFER_BYTES = 2**18


def make_server(
    vault: Vault,
    door: Door | None = None,
    observing: Observing | None = None,
    *,
    practice: bool = False,
) -> uvicorn.Server:
    """A server for an opened vault, which is swept from now on. Whoever opened it closes it.

    `practice`: its people are made up, and every page says so.
    """
    get_going(vault)
    door, observing = door or Door(Bounds()), observing or Observing()
    app = make_app(vault, practice=practice)
    options = server_options(door.bounds.proxy, observing)
    server = uvicorn.Server(uvicorn.Config(observing.around(app), http=door.protocol(), **options))
    app.state.pages.is_stopping = lambda: server.should_exit
    return server


def make_app(vault: Vault, *, practice: bool = False) -> FastAPI:
    """Both doors of one vault: the API, and the pages."""
    app = create_app(vault)
    add_pages(app, vault, practice=practice)
    return app


def get_going(vault: Vault) -> None:
    """What a server does with a vault, and a single command does not."""
    if is_shared(vault.system.settings):
        from operate.silence import give_up_silence  # noqa: PLC0415 - its driver is an extra

        give_up_silence(vault)
    vault.start_sweeper(drop_old_openings)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there, or `Failed` in plain words."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise Failed(
            "cannot_listen",
            f"{host} port {port} can't be used: {error.strerror}. Choose another with --port.",
        ) from None
    # An answer that nobody takes holds so much of the system's memory, and no more.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    return made


def spare_collector() -> None:
    """What was made before the first request stays for good: looking through it again and again
    would hold up every request for milliseconds.
    """
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def server_options(proxy: str | None, observing: Observing) -> dict[str, Any]:
    """What uvicorn is told. `proxy`: from where it believes which address a request comes from."""
    return {
        "log_config": None if observing.log == "json" else LOGGING_CONFIG,
        "access_log": False,  # a request line would show which fields are asked for
        "log_level": "error",  # below it strangers would write the log
        "server_header": False,
        "date_header": True,
        "proxy_headers": proxy is not None,
        "forwarded_allow_ips": proxy or "",
        "ws": "none",
        "lifespan": "on",
        "timeout_keep_alive": _KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": _GRACE_SECONDS,
    }
