"""`kluis serve`: the HTTP server. Nothing of a request is logged but what the audit log records."""

import gc
import ipaddress
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn.config import LOGGING_CONFIG
from uvicorn.supervisors import Multiprocess

from api.app import create_app
from api.connections import Bounds, Door, GuardedProtocol
from cli.errors import Failed, WrongUse
from cli.installation import settings_of
from cli.observing import Observing
from cli.options import DEFAULT_DATA, Data, Json
from cli.output import Output
from operate.counting import counting_together
from operate.pair import is_shared, only_one
from operate.publishing import publishing
from operate.retention import drop_old_openings
from operate.token import root_key
from vault.settings import Settings
from vault.vault import Vault
from web.app import add_pages

_GRACE_SECONDS = 10
_KEEP_ALIVE_SECONDS = 15
_BACKLOG = 512
_FILES = 8192
_SEND_BUFFER_BYTES = 2**18
_WORKER_DATA = "KLUIS_SERVE_DATA"
_WORKER_PROXY = "KLUIS_SERVE_PROXY"


class Log(StrEnum):
    """The forms of the log."""

    text = "text"
    json = "json"


def serve(
    data: Data = DEFAULT_DATA,
    host: Annotated[
        str, typer.Option("--host", help="The network address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port. 0: any that is free.")
    ] = 8000,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            min=1,
            max=64,
            help="Processes that share the work; several need PostgreSQL.",
        ),
    ] = 1,
    proxy: Annotated[
        str | None,
        typer.Option(
            "--proxy",
            help="IP address of the proxy in front that speaks https. Only from there it is "
            "believed which address a request comes from.",
        ),
    ] = None,
    log: Annotated[
        Log,
        typer.Option(
            "--log",
            envvar="KLUIS_LOG_FORMAT",
            help="What goes to standard error: trouble as text, or JSON lines with each request.",
        ),
    ] = Log.text,
    metrics_port: Annotated[
        int,
        typer.Option(
            "--metrics-port",
            envvar="KLUIS_METRICS_PORT",
            min=0,
            max=65535,
            help="Serve /metrics there, on 127.0.0.1; each worker takes one more port. 0: none.",
        ),
    ] = 0,
    tracing: Annotated[
        bool,
        typer.Option(
            "--tracing",
            envvar="KLUIS_TRACING",
            help="Send OpenTelemetry traces to where OTEL_EXPORTER_OTLP_ENDPOINT says.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Run the server, until Ctrl-C.

    It speaks http, for this computer alone unless --host says otherwise. For real use put a proxy
    that speaks https in front, and name its address with --proxy.

    \b
    Examples:
      kluis serve
      kluis serve --data /srv/kluis --port 8443 --proxy 127.0.0.1 --log json --metrics-port 9100
    """
    out = Output(json)
    _check_proxy(proxy)
    settings = settings_of(data)
    if workers > 1 and not is_shared(settings):
        raise WrongUse(
            "Several processes can't share SQLite files safely: leave --workers out, or make an "
            "installation on PostgreSQL (docs/operate.md).",
            "workers_need_postgresql",
        )
    _warn_about_url(out, settings.url, host, port)
    _raise_file_limit()
    observing = Observing(log.value, metrics_port, tracing, workers)
    if workers > 1:
        observing.hand_on()
        _serve_with_workers(out, settings, host, port, workers, proxy)
        return
    with only_one(settings), listen(host, port) as listener:
        bound = listener.getsockname()[1]
        with out.working("Opening the vault"):
            vault = Vault.open(settings, root=root_key(settings))
        with vault, counting_together(vault), publishing(vault):
            door = Door(Bounds(proxy=proxy))
            server = make_server(vault, door, observing)
            _stop_on_signals(server)
            with observing.started(vault, door):
                _announce(out, settings.url, host, bound)
                _spare_collector()
                server.run(sockets=[listener])
    out.say("Stopped.")


def _raise_file_limit() -> None:
    """A connection is a file descriptor, and so are several for each database."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(_FILES, hard) if hard != resource.RLIM_INFINITY else _FILES
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _check_proxy(proxy: str | None) -> None:
    if proxy is None:
        return
    try:
        ipaddress.ip_address(proxy)
    except ValueError:
        raise WrongUse(f"--proxy {proxy}: an IP address is expected, like 127.0.0.1.") from None


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
    _get_going(vault)
    door, observing = door or Door(Bounds()), observing or Observing()
    app = make_app(vault, practice=practice)
    options = _options(door.bounds.proxy, observing)
    server = uvicorn.Server(uvicorn.Config(observing.around(app), http=door.protocol(), **options))
    app.state.pages.is_stopping = lambda: server.should_exit
    return server


def make_app(vault: Vault, *, practice: bool = False) -> FastAPI:
    """Both doors of one vault: the API, and the pages."""
    app = create_app(vault)
    add_pages(app, vault, practice=practice)
    return app


def _get_going(vault: Vault) -> None:
    """What a server does with a vault, and a single command does not."""
    if is_shared(vault.system.settings):
        from operate.silence import give_up_silence  # noqa: PLC0415 - its driver is an extra

        give_up_silence(vault)
    vault.start_sweeper(drop_old_openings)


class WorkerProtocol(GuardedProtocol):
    """The connections of one of several processes: uvicorn finds it there by its name."""


def _spare_collector() -> None:
    """What was made before the first request stays for good: looking through it again and again
    would hold up every request for milliseconds.
    """
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def worker_app() -> ASGIApp:
    """The application of one of several processes, which opens and closes its own vault."""
    door = WorkerProtocol.door = Door(Bounds(proxy=os.environ.get(_WORKER_PROXY)))
    observing = Observing.inherited()
    settings = settings_of(Path(os.environ[_WORKER_DATA]))
    vault = Vault.open(settings, root=root_key(settings))
    _get_going(vault)

    @asynccontextmanager
    async def serving(_: FastAPI) -> AsyncIterator[None]:
        with (
            vault,
            counting_together(vault),
            publishing(vault),
            observing.started(vault, door),
        ):
            yield

    _spare_collector()
    app = make_app(vault)
    app.router.lifespan_context = serving
    return observing.around(app)


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


def _serve_with_workers(
    out: Output, settings: Settings, host: str, port: int, workers: int, proxy: str | None
) -> None:
    os.environ[_WORKER_DATA] = str(settings.data)
    if proxy is not None:
        os.environ[_WORKER_PROXY] = proxy
    config = uvicorn.Config(
        "cli.serve:worker_app",
        factory=True,
        workers=workers,
        http="cli.serve:WorkerProtocol",
        **_options(proxy, Observing.inherited()),
    )
    with listen(host, port) as listener:
        with out.working("Opening the vault"):
            Vault.open(settings).close()  # what is wrong is said here, and not by each process
        _announce(out, settings.url, host, listener.getsockname()[1])
        Multiprocess(config, sockets=[listener]).run()
    out.say("Stopped.")


def _options(proxy: str | None, observing: Observing) -> dict[str, Any]:
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


def _announce(out: Output, url: str, host: str, port: int) -> None:
    where = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    out.answer({"listening": where, "url": url})
    out.say(f"Open {url} in a browser. Listening on {where}. Stop with Ctrl-C.")


def _warn_about_url(out: Output, url: str, host: str, port: int) -> None:
    """The public URL is what proofs are checked against and QR codes hold: it has to lead here."""
    parts = urlsplit(url)
    if parts.scheme == "http" and (parts.port or 80) != port:
        out.warn(
            f"The public address is {url}, and this server listens on port {port}. Clients that "
            "use another address than the public one are refused: change url in kluis.toml, or "
            "--port."
        )
    if parts.scheme == "https":
        out.warn(f"This server speaks http. A proxy has to speak https for {url} and pass it on.")
    if host not in ("127.0.0.1", "::1", "localhost") and parts.scheme == "http":
        out.warn("Others on the network can reach this server, without https. Use a proxy.")


def _stop_on_signals(server: uvicorn.Server) -> None:
    """Asks the server to stop, also while it still starts and when it passes a signal on.

    It raises nothing: an exception in a signal handler can get lost in code that ignores it.
    """

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)
