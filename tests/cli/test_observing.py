"""What the operator is told, by log, metrics and traces: how much, and about nobody."""

import json
import logging
import re
import shutil
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from api.app import create_app
from api.connections import Bounds, Door
from api.observed import OTHER, REQUEST_LOG, JsonLines, Observed, Routes
from api.tracing import Traced
from cli.observing import Observing
from cli.server import listen, make_server
from operate.setup import Places, initialise
from tests.api.conftest import (
    NAMES,
    Agency,
    Citizen,
    Seen,
    Server,
    furnish,
    make_citizen,
    register,
)
from tests.cli.conftest import START_SECONDS_MAX, start_kluis
from tests.patience import be_impatient
from tests.ports import free_ports, listens
from tests.vault.test_anchor import wait
from vault.settings import Settings
from vault.vault import Vault

VALUES = ("Lovelace", "1975-12-10")


class Lines(logging.Handler):
    """What would be printed with `--log json`."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JsonLines())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@dataclass
class Watched:
    """A server with everything on, and what was told of a story on it."""

    server: Server
    lines: list[str]
    spans: InMemorySpanExporter
    metrics_port: int
    canaries: dict[str, str] = field(default_factory=dict)

    def metrics(self) -> str:
        return httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text


@contextmanager
def watching(folder: Path) -> Iterator[Watched]:
    lines, spans, provider = Lines(), InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    metrics_port = free_ports()
    observing = Observing("text", metrics_port)
    with listen("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        made = initialise(Places.beside(folder / "k"), url, "open")
        logging.getLogger().addHandler(lines)
        REQUEST_LOG.setLevel(logging.INFO)
        with pytest.MonkeyPatch.context() as patch:
            be_impatient(patch)  # a database that can't be written is found out soon
            vault = Vault.open(made)
        with vault:
            door = Door(Bounds())
            server = make_server(vault, door, observing)
            server.config.app = Observed(Traced(create_app(vault), provider))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            with observing.started(vault, door):
                thread.start()
                try:
                    running = Server(url, vault, Seen(), lines.lines)
                    yield Watched(running, lines.lines, spans, metrics_port)
                finally:
                    server.should_exit = True
                    thread.join(START_SECONDS_MAX)
                    logging.getLogger().removeHandler(lines)
                    REQUEST_LOG.setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """One story from the first value to the end of a grant, with refusals in between."""
    with watching(tmp_path_factory.mktemp("watched")) as found:
        with found.server.client() as http:
            citizen = furnish(make_citizen(http))
            agency = register(found.server, Agency(http, found.server.url))
            found.canaries = story(http, citizen, agency)
        yield found


def story(http: httpx.Client, citizen: Citizen, agency: Agency) -> dict[str, str]:
    offer = citizen.offer()
    token = agency.token(offer["code"])
    trace = "0af7651916cd43dd8448eb211c80319c"
    traced = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    assert agency.read(token, headers=traced).status_code == 200
    assert agency.read(token, "identity.birth_place").status_code == 403
    assert agency.redeem("VG1-wrong").status_code == 400
    assert citizen.get("/v1/values/identity.birth_date").status_code == 200
    assert http.get("/v1/no-such-place/" + offer["code"]).status_code == 404
    assert http.request("PROPFIND", "/healthz").status_code == 405
    assert citizen.delete(f"/v1/grants/{offer['grant']}").status_code == 200
    assert agency.read(token).status_code == 401
    return {
        "token": token,
        "code": offer["code"],
        "grant": offer["grant"],
        "session": citizen.token,
        "device": citizen.device,
        "recovery code": citizen.recovery_code,
        "vault": citizen.vault,
        "agency": agency.id,
        "address": "127.0.0.1",
        "user agent": "python-httpx",
        "field": NAMES[0],
        "another field": "birth_",
        **{value: value for value in VALUES},
    }


def test_a_log_line_names_route_status_and_time(watched: Watched) -> None:
    told = [json.loads(line) for line in watched.lines]
    [read, *_] = [one for one in told if one.get("route") == "/v1/data"]
    assert (read["method"], read["status"], read["level"]) == ("GET", 200, "info")
    assert 0 < read["milliseconds"] < 60_000
    assert re.fullmatch(r"[0-9a-f]{16}", read["request"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", read["at"])
    assert len({one["request"] for one in told if "request" in one}) >= 10
    assert OTHER in {one.get("route") for one in told}


def test_an_answer_names_its_log_line(watched: Watched) -> None:
    answer = httpx.get(watched.server.url + "/healthz")
    names = [json.loads(line).get("request") for line in watched.lines]
    assert answer.headers["request-id"] in names


def test_nobody_is_in_the_log_the_metrics_or_the_traces(watched: Watched) -> None:
    spans = [span.to_json() for span in watched.spans.get_finished_spans()]
    places = {"log": watched.lines, "metrics": [watched.metrics()], "traces": spans}
    for place, texts in places.items():
        assert texts
        for name, canary in watched.canaries.items():
            assert canary not in "\n".join(texts), f"{name} in the {place}"


def test_a_span_has_a_route_a_status_and_the_trace_it_belongs_to(watched: Watched) -> None:
    spans = watched.spans.get_finished_spans()
    read = next(one for one in spans if "/v1/data" in one.name)
    context = read.context
    assert context is not None
    assert f"{context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert 200 in (read.attributes or {}).values()


@pytest.mark.parametrize(
    "line",
    [
        'kluis_requests_total{method="GET",route="/v1/data",status="200"}',
        'kluis_requests_total{method="other",route="/healthz",status="405"}',
        'kluis_requests_total{method="GET",route="other",status="404"}',
        'kluis_refusals_total{code="unauthorized_field"}',
        'kluis_refusals_total{code="invalid_grant"}',
        "kluis_entries_total",
        'kluis_batch_items_bucket{le="1.0"}',
        "kluis_commit_seconds_count",
    ],
)
def test_the_metrics_count(watched: Watched, line: str) -> None:
    found = re.search(rf"^{re.escape(line)} (\S+)$", watched.metrics(), re.MULTILINE)
    assert found is not None
    assert float(found[1]) >= 1


@pytest.mark.parametrize(
    "name",
    [
        "kluis_log_size",
        "kluis_queue_items",
        "kluis_anchor_lag_seconds",
        "kluis_pool_used",
        "kluis_connections",
        "kluis_sweeper_idle_seconds",
    ],
)
def test_the_metrics_show_the_state(watched: Watched, name: str) -> None:
    assert re.search(rf"^{name} [\d.e+-]+$", watched.metrics(), re.MULTILINE)


def test_a_sweep_step_that_fails_and_a_client_that_was_cut_off_are_counted(
    watched: Watched,
) -> None:
    logging.getLogger("vault.sweeper").warning("sweep step %s failed", "of_a_test")
    host, port = watched.server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as sock:
        sock.sendall(b"no http\r\n\r\n")
        while sock.recv(1024):
            pass
    metrics = watched.metrics()
    assert 'kluis_log_lines_total{level="warning",logger="vault.sweeper"}' in metrics
    assert 'kluis_connections_closed_total{why="no_http"} 1.0' in metrics


def test_the_metrics_are_not_on_the_public_port(watched: Watched) -> None:
    assert httpx.get(watched.server.url + "/metrics").status_code == 404


def test_labels_have_an_end(watched: Watched) -> None:
    before = watched.metrics().count("kluis_requests_total{")
    for number in range(20):
        httpx.get(f"{watched.server.url}/v1/{number}")
        httpx.request(f"M{number}", f"{watched.server.url}/healthz")
    assert watched.metrics().count("kluis_requests_total{") <= before + 2


def test_every_route_is_named_as_the_document_names_it() -> None:
    routes = Routes()
    assert routes.of("/v1/data") == "/v1/data"
    assert routes.of("/v1/grants/AAAA") == "/v1/grants/{grant}"
    for path in ("/v1/grants/A/B", "/v1/data/", "/metrics", "", "/v1/grants/"):
        assert routes.of(path) == OTHER


def test_an_exception_is_told_by_its_class_alone() -> None:
    fault = ValueError(VALUES[0])
    about = (ValueError, fault, None)
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "failed", None, about)
    assert json.loads(JsonLines().format(record))["exception"] == "ValueError"
    assert VALUES[0] not in JsonLines().format(record)


def test_a_processes_port_is_the_next_that_is_free(tmp_path: Path) -> None:
    port = free_ports(2)
    made = initialise(Places.beside(tmp_path / "k"), "http://localhost:1", "open")
    observing, door = Observing("text", port, processes=2), Door(Bounds())
    with Vault.open(made) as vault, observing.started(vault, door), observing.started(vault, door):
        for one in (port, port + 1):
            assert "kluis_log_size" in httpx.get(f"http://127.0.0.1:{one}/metrics").text


def test_readyz_tells_why(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def ready() -> tuple[int, list[str]]:
        answer = httpx.get(watched.server.url + "/readyz")
        return answer.status_code, answer.json()["problems"]

    vault = watched.server.vault
    assert ready() == (200, [])
    with monkeypatch.context() as late:
        assert vault.sweeper is not None
        # On the class, where a round that ends meanwhile changes nothing.
        long_ago = property(lambda _: time.monotonic() - 1000, lambda _, at: None)
        late.setattr(type(vault.sweeper), "swept_at", long_ago, raising=False)
        assert "sweeper" in ready()[1][0]
    with monkeypatch.context() as full:
        full.setattr("api.health.disk_usage", lambda _: SimpleNamespace(free=1))
        assert [one for one in ready()[1] if "nearly full" in one]
    with monkeypatch.context() as newer:
        newer.setattr("vault.schema.VERSIONS", {"main": "0000", "keystore": "0001"})
        assert "newer schema" in ready()[1][0]
    time.sleep(1.1)  # whether it can be written is tried once a second
    database = vault.system.settings.data / "db"
    with sqlite3.connect(database) as writer:
        writer.execute("BEGIN IMMEDIATE")
        status, problems = ready()
        writer.rollback()
    assert (status, problems) == (503, [problems[0]])
    assert "can't be written" in problems[0]
    assert ready() == (200, [])


def test_whoever_asks_often_whether_it_is_ready_does_not_hold_up_the_log(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    main = watched.server.vault.system.main
    write = main.write

    def counted() -> Any:
        tried.append(threading.current_thread().name)
        return write()

    monkeypatch.setattr(main, "write", counted)
    time.sleep(1.1)  # others may just have asked
    began = time.monotonic()
    for _ in range(20):
        assert httpx.get(watched.server.url + "/readyz").status_code == 200
    asked = [name for name in tried if name not in {"sweeper", "sequencer"}]
    assert 1 <= len(asked) <= 1 + (time.monotonic() - began)


def salts(made: Settings) -> int:
    with closing(sqlite3.connect(made.keys / "keystore")) as keystore:
        found: int = keystore.execute("SELECT count(*) FROM salt").fetchone()[0]
        return found


def test_a_server_that_stops_answers_what_is_under_way_and_ends_with_0(tmp_path: Path) -> None:
    made = initialise(Places.beside(tmp_path / "k"), "http://localhost:1", "open")
    arguments = ("serve", "--data", made.data, "--port", "0", "--json", "--log", "json")
    with start_kluis(*arguments) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["listening"]
        http = httpx.Client(base_url=url, timeout=60)
        before = salts(made)
        make_citizen(http)
        answers: list[Any] = []
        of_one = salts(made) - before
        writer = sqlite3.connect(made.data / "db", isolation_level=None, check_same_thread=False)
        writer.execute("BEGIN IMMEDIATE")
        asking = threading.Thread(target=lambda: answers.append(make_citizen(http)))
        asking.start()
        wait(lambda: salts(made) == before + 2 * of_one)  # it goes on with the log, and waits
        process.send_signal(signal.SIGTERM)
        wait(lambda: not listens(int(url.rpartition(":")[2])))
        writer.rollback()
        asking.join(START_SECONDS_MAX)
        _, err = process.communicate(timeout=START_SECONDS_MAX)
    assert len(answers) == 1, "the vault was made, and its owner told"
    assert process.returncode == 0
    routes = [json.loads(line).get("route") for line in err.splitlines() if line.startswith("{")]
    assert routes.count("/v1/vaults") == 2
    with Vault.open(made) as vault:
        assert vault.system.log.head().frontier.size == 2
    shutil.rmtree(made.data)
