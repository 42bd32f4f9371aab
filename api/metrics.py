"""Counts for the operator, in the form of Prometheus. No label and no number names anybody.

They are served on a port of their own, on this computer alone, and only where the operator asks.
Several processes have a port each: each counts for itself, and Prometheus adds up.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from wsgiref.simple_server import WSGIServer

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.connections import Door
from api.counts import BATCH_ITEMS, COMMIT_SECONDS, COUNTS, ENTRIES, LOGGED, WAITING
from vault.database import Database
from vault.vault import Vault

_ADDRESS = "127.0.0.1"


class Installation(Collector):
    """What is looked up when it is asked for: the state of an opened vault and its door."""

    def __init__(self, vault: Vault, door: Door) -> None:
        self._vault = vault
        self._door = door

    def collect(self) -> Iterator[Metric]:
        system, sweeper = self._vault.system, self._vault.sweeper
        gauges = {
            "kluis_log_size": ("Entries in the log, as last seen.", system.log.seen),
            "kluis_anchor_lag_seconds": ("How far behind.", system.anchor.lag_seconds()),
            "kluis_unwitnessed_seconds": (
                "How long witnesses have been missing.",
                system.unwitnessed_seconds(),
            ),
            "kluis_pool_used": (
                "Connections to main in use.",
                _in_use(system.main),
            ),
            "kluis_connections": ("Clients connected.", sum(self._door.held.values())),
        }
        if sweeper is not None:
            age = time.monotonic() - sweeper.swept_at
            gauges["kluis_sweeper_idle_seconds"] = ("Since the sweeper's last round.", age)
        for name, (what, value) in gauges.items():
            yield GaugeMetricFamily(name, what, value)
        closed = CounterMetricFamily("kluis_connections_closed", "Cut off.", labels=["why"])
        for why, count in self._door.closed.copy().items():
            closed.add_metric([why], count)
        yield closed


def _in_use(database: Database) -> int:
    pool = database.engine.pool
    taken = int(pool.checkedout())  # type: ignore[attr-defined]  # of the pool that is used
    return taken - len(database.at_rest)


class _Lines(logging.Handler):
    """Counts what is told, so that a sweep step that fails is seen without reading logs."""

    def emit(self, record: logging.LogRecord) -> None:
        LOGGED.labels(record.name, record.levelname.lower()).inc()


@contextmanager
def served(vault: Vault, door: Door, port: int | None, ports: int = 1) -> Iterator[int | None]:
    """Serves `/metrics` on the first free of so many ports, until the context ends.

    No port: nothing is counted but what costs nothing. Raises `OSError` where none is free.
    """
    if port is None:
        yield None
        return
    registry = CollectorRegistry()
    for collector in (COUNTS, REGISTRY, Installation(vault, door)):
        registry.register(collector)
    lines = _Lines(logging.WARNING)
    logging.getLogger().addHandler(lines)
    vault.system.sequencer.told = _told
    server = _listen(port, ports, registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        logging.getLogger().removeHandler(lines)


def _listen(port: int, ports: int, registry: CollectorRegistry) -> WSGIServer:
    for one in range(port, port + ports - 1):
        with suppress(OSError):  # a neighbour has it
            return start_http_server(one, _ADDRESS, registry)[0]
    return start_http_server(port + ports - 1, _ADDRESS, registry)[0]


def _told(items: int, waiting: int, seconds: float) -> None:
    WAITING.set(waiting)
    ENTRIES.inc(items)
    BATCH_ITEMS.observe(items)
    COMMIT_SECONDS.observe(seconds)
