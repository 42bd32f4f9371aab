"""`kluis serve`: checks what is asked for, and runs the server."""

import ipaddress
import resource
import signal
from enum import StrEnum
from socket import socket
from types import FrameType
from typing import Annotated
from urllib.parse import urlsplit

import typer
import uvicorn

from api.connections import Bounds, Door
from cli.errors import WrongUse
from cli.installation import settings_of
from cli.observing import Observing
from cli.options import DEFAULT_DATA, Data, Json
from cli.output import Output
from cli.server import listen, make_server, spare_collector
from cli.workers import run_workers
from operate.counting import counting_together
from operate.pair import is_shared, only_one
from operate.publishing import publishing
from operate.token import root_key
from vault.settings import Settings
from vault.vault import Vault

_FILES = 8192


class Log(StrEnum):
    """The forms of the log."""

    text = "text"
    json = "json"


Host = Annotated[str, typer.Option("--host", help="The network address to listen on.")]
Port = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="The port. 0: any that is free.")
]
Workers = Annotated[
    int,
    typer.Option(
        "--workers", min=1, max=64, help="Processes that share the work; several need PostgreSQL."
    ),
]
Proxy = Annotated[
    str | None,
    typer.Option(
        "--proxy",
        help="IP address of the proxy in front that speaks https. Only from there it is "
        "believed which address a request comes from.",
    ),
]
LogForm = Annotated[
    Log,
    typer.Option(
        "--log",
        envvar="KLUIS_LOG_FORMAT",
        help="What goes to standard error: trouble as text, or JSON lines with each request.",
    ),
]
MetricsPort = Annotated[
    int,
    typer.Option(
        "--metrics-port",
        envvar="KLUIS_METRICS_PORT",
        min=0,
        max=65535,
        help="Serve /metrics there, on 127.0.0.1; each worker takes one more port. 0: none.",
    ),
]
Tracing = Annotated[
    bool,
    typer.Option(
        "--tracing",
        envvar="KLUIS_TRACING",
        help="Send OpenTelemetry traces to where OTEL_EXPORTER_OTLP_ENDPOINT says.",
    ),
]


def serve(
    data: Data = DEFAULT_DATA,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Workers = 1,
    proxy: Proxy = None,
    log: LogForm = Log.text,
    metrics_port: MetricsPort = 0,
    tracing: Tracing = False,
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
    if workers == 1:
        _serve_alone(out, settings, host, port, proxy, observing)
    else:
        with listen(host, port) as listener:
            with out.working("Opening the vault"):
                Vault.open(settings).close()  # what is wrong is said here, and not by each process
            _announce(out, settings.url, host, listener)
            run_workers(settings, listener, workers, proxy, observing)
    out.say("Stopped.")


def _serve_alone(
    out: Output, settings: Settings, host: str, port: int, proxy: str | None, observing: Observing
) -> None:
    with only_one(settings), listen(host, port) as listener:
        with out.working("Opening the vault"):
            vault = Vault.open(settings, root=root_key(settings))
        with vault, counting_together(vault), publishing(vault):
            door = Door(Bounds(proxy=proxy))
            server = make_server(vault, door, observing)
            _stop_on_signals(server)
            with observing.started(vault, door):
                _announce(out, settings.url, host, listener)
                spare_collector()
                server.run(sockets=[listener])


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


def _announce(out: Output, url: str, host: str, listener: socket) -> None:
    port = listener.getsockname()[1]  # which one, where any was asked for
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
