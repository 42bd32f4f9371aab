"""What `kluis serve` tells its operator: logs, metrics and traces. All of it is asked for."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Self

from starlette.types import ASGIApp

from api.connections import Door
from api.metrics import served
from api.observed import REQUEST_LOG, JsonLines, Observed
from cli.errors import Failed
from vault.vault import Vault

_ENVIRONMENT = "KLUIS_SERVE_"


@dataclass(frozen=True, slots=True)
class Observing:
    """`log` is text or json; `metrics_port` the first of `processes` ports, 0 for none."""

    log: str = "text"
    metrics_port: int = 0
    tracing: bool = False
    processes: int = 1

    @classmethod
    def inherited(cls) -> Self:
        """As the process that started this one was told."""
        kept = {name: os.environ[_ENVIRONMENT + name.upper()] for name in cls.__slots__}
        return cls(
            log=kept["log"],
            metrics_port=int(kept["metrics_port"]),
            tracing=kept["tracing"] == "True",
            processes=int(kept["processes"]),
        )

    def hand_on(self) -> None:
        """For the processes that this one starts."""
        for name, value in asdict(self).items():
            os.environ[_ENVIRONMENT + name.upper()] = str(value)

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application, with what looks at its requests."""
        if self.tracing:
            app = _traced(app)
        return Observed(app) if self.log == "json" or self.metrics_port else app

    @contextmanager
    def started(self, vault: Vault, door: Door) -> Iterator[None]:
        """Tells, until the context ends. Raises `Failed` where the port is taken."""
        if self.log == "json":
            log_as_json()
        with ExitStack() as running:
            metrics = served(vault, door, self.metrics_port or None, self.processes)
            try:
                running.enter_context(metrics)
            except OSError as error:
                raise Failed(
                    "cannot_listen", f"--metrics-port {self.metrics_port}: {error.strerror}."
                ) from None
            yield


def log_as_json() -> None:
    """Everything that is logged goes to standard error, a JSON object per line."""
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.getLogger().addHandler(handler)
    REQUEST_LOG.setLevel(logging.INFO)


def _traced(app: ASGIApp) -> ASGIApp:
    try:
        from api.tracing import Traced, exporting  # noqa: PLC0415 - an extra
    except ImportError:
        raise Failed(
            "tracing_missing", "--tracing needs the extra: pip install 'burgerkluis[tracing]'"
        ) from None
    return Traced(app, exporting())
