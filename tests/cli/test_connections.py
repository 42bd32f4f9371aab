"""Slow, large, malformed and many connections, over raw sockets against the real server."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.connections import Bounds, Door
from cli.server import listen, make_server
from operate.setup import Places, initialise
from tests.cli.conftest import START_SECONDS_MAX, start_kluis
from tests.vault.test_anchor import wait
from vault.vault import Vault

SECONDS = 0.8  # a request may take so long to arrive, in these tests
LATE = 12  # on a busy machine
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: kluis\r\n\r\n"
OPTIONS: dict[str, Any] = {"request_seconds": SECONDS, "answer_seconds": SECONDS}


@contextmanager
def serving(vault: Vault, door: Door) -> Iterator[int]:
    with listen("127.0.0.1", 0) as listener:
        server = make_server(vault, door)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(START_SECONDS_MAX)
            assert not thread.is_alive()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    folder = tmp_path_factory.mktemp("connections")
    made = initialise(Places.beside(folder / "k"), "http://localhost:1", "open")
    with Vault.open(made) as vault:
        yield vault


@pytest.fixture(scope="module")
def port(opened: Vault) -> Iterator[int]:
    with serving(opened, Door(Bounds(**OPTIONS))) as bound:
        yield bound


@pytest.fixture(scope="module")
def patient(opened: Vault) -> Iterator[int]:
    """Where a client of these tests that the machine holds up is not cut off for it."""
    with serving(opened, Door(Bounds())) as bound:
        yield bound


def connect(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=60)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def rest(sock: socket.socket) -> bytes:
    """Everything until the server closes."""
    parts = []
    try:
        while part := sock.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def statuses(answer: bytes) -> list[int]:
    return [int(one) for one in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]


def said(port: int, *parts: bytes, pause: float = 0.05) -> bytes:
    """What the server answers to these bytes, until it closes."""
    with connect(port) as sock:
        for part in parts:
            try:
                sock.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break
            time.sleep(pause)
        return rest(sock)


def is_served(port: int) -> bool:
    return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=60).status_code == 200


def test_a_request_that_comes_a_byte_at_a_time_is_cut_off(port: int) -> None:
    began = time.monotonic()
    with connect(port) as sock:
        for byte in HEALTH * 2:
            try:
                sock.sendall(bytes([byte]))
            except OSError:
                break
            time.sleep(0.05)
        answered = rest(sock)
    assert time.monotonic() - began < LATE
    assert answered == b"", "half a request is none"
    assert is_served(port)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost:",
        b"POST /v1/vaults HTTP/1.1\r\nHost: kluis\r\nContent-Length: 100\r\n\r\n{",
        b"POST /v1/vaults HTTP/1.1\r\nHost: kluis\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
    ids=["nothing", "half a head", "half a body", "half a chunk"],
)
def test_a_client_that_falls_silent_is_cut_off(port: int, start: bytes) -> None:
    began = time.monotonic()
    assert said(port, start) == b""
    assert SECONDS * 0.5 < time.monotonic() - began < LATE


def test_empty_lines_keep_no_connection_open(port: int) -> None:
    began = time.monotonic()
    with connect(port) as sock:
        sock.sendall(HEALTH)
        assert statuses(sock.recv(65_536)) == [200]
        sock.sendall(b"\r\n")
        assert rest(sock) == b""
    assert time.monotonic() - began < LATE


def test_a_connection_that_was_served_stays_open_for_the_next_request(port: int) -> None:
    with connect(port) as sock:
        for _ in range(3):
            sock.sendall(HEALTH)
            assert statuses(sock.recv(65_536)) == [200]
            time.sleep(SECONDS * 0.5)


@pytest.mark.parametrize("in_one_piece", [True, False])
def test_a_head_that_is_too_large_is_refused(patient: int, in_one_piece: bool) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: kluis\r\n" + b"X-Much: " + b"a" * 40_000 + b"\r\n\r\n"
    parts = [head] if in_one_piece else [head[i : i + 9_000] for i in range(0, len(head), 9_000)]
    assert statuses(said(patient, *parts, pause=0.02)) == [431]


def test_a_second_head_that_is_too_large_is_refused(patient: int) -> None:
    with connect(patient) as sock:
        sock.sendall(HEALTH)
        assert statuses(sock.recv(65_536)) == [200]
        sock.sendall(HEALTH[:-2] + b"X-Much: " + b"a" * 40_000 + b"\r\n\r\n")
        assert statuses(rest(sock)) == [431]


def test_many_small_headers_are_a_large_head(patient: int) -> None:
    many = b"".join(b"X-%d: 1\r\n" % number for number in range(5_000))
    assert statuses(said(patient, HEALTH[:-2] + many + b"\r\n", pause=0)) == [431]


def test_a_large_body_is_not_taken_for_a_large_head(patient: int) -> None:
    body = b'{"a": "' + b"b" * 60_000 + b'"}'
    head = b"POST /v1/vaults HTTP/1.1\r\nHost: k\r\nContent-Type: application/json\r\n"
    head += b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert statuses(said(patient, head + body)) == [400]


SMUGGLED = b"GET /readyz HTTP/1.1\r\nHost: kluis\r\n\r\n"


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"Content-Length: 4\r\nContent-Length: 0\r\n\r\n",
        b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
        b"Content-Length: 0, 4\r\n\r\n",
        b"Content-Length: +4\r\n\r\n",
        b"Content-Length: 0x4\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 99999999999999999999999\r\n\r\n",
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
        b"X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"X-A: b\nTransfer-Encoding: chunked\n\n0\r\n\r\n",
        b"X-A: a\x00b\r\n\r\n",
    ],
)
def test_a_request_whose_end_is_in_doubt_smuggles_no_other(port: int, framing: bytes) -> None:
    answer = said(port, b"POST /v1/sessions HTTP/1.1\r\nHost: kluis\r\n" + framing + SMUGGLED)
    assert len(statuses(answer)) <= 1, "what follows is no request of its own"
    assert b"ready" not in answer
    assert set(statuses(answer)) <= {400, 413, 415}


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00" * 99,
    ],
    ids=["TLS", "HTTP/2", "zeros"],
)
def test_what_is_no_http_is_refused(port: int, garbage: bytes) -> None:
    assert set(statuses(said(port, garbage))) <= {400}
    assert is_served(port)


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_another_protocol_is_not_spoken(port: int, protocol: bytes) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n\r\n"
    answer = said(port, HEALTH[:-2] + upgrade)
    assert 101 not in statuses(answer)
    assert set(statuses(answer)) <= {200, 400}


def test_requests_in_one_piece_are_answered_in_their_order(patient: int) -> None:
    missing = b"GET /nowhere HTTP/1.1\r\nHost: kluis\r\n\r\n"
    last = HEALTH[:-2] + b"Connection: close\r\n\r\n"
    assert statuses(said(patient, HEALTH + missing + HEALTH + last)) == [200, 404, 200, 200]


def test_a_body_without_end_is_cut_off_at_its_limit(port: int, opened: Vault) -> None:
    head = b"POST /v1/sessions HTTP/1.1\r\nHost: k\r\nContent-Type: application/json\r\n"
    chunk = b"%x\r\n" % 65_536 + b"a" * 65_536 + b"\r\n"
    with connect(port) as sock:
        sock.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        try:
            while sent < 64 * 2**20:
                sock.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass
        answered = rest(sock)
    assert sent < 32 * 2**20, "the server does not read on for ever"
    assert set(statuses(answered)) <= {413}


def test_a_client_that_does_not_take_its_answers_is_cut_off(opened: Vault) -> None:
    bounds = Bounds(**OPTIONS)
    with serving(opened, Door(bounds)) as port, connect(port) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(0.2)
        asked = b"GET /v1/catalogue HTTP/1.1\r\nHost: kluis\r\n\r\n" * 200
        assert _is_cut_off(sock, asked)
        assert is_served(port)


def _is_cut_off(sock: socket.socket, asked: bytes) -> bool:
    """Sends, and reads nothing, until the connection is reset; gives up after a while."""
    gives_up = time.monotonic() + 60  # three seconds where nobody else is at work
    while time.monotonic() < gives_up:
        try:
            sock.sendall(asked)
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


def test_one_address_holds_only_a_part_of_all_connections(opened: Vault) -> None:
    holds(opened, 5, Bounds(connections_per_address_max=5))


def test_a_proxy_may_hold_them_all_and_beyond_that_waits(opened: Vault) -> None:
    holds(opened, 8, Bounds(connections_max=8, connections_per_address_max=2, proxy="127.0.0.1"))


def holds(opened: Vault, most: int, bounds: Bounds) -> None:
    """One more than so many silent connections is refused, and no more when one was cut off."""
    door = Door(bounds)
    with serving(opened, door) as port, ExitStack() as held:
        for _ in range(most - 1):
            held.enter_context(connect(port))
        with connect(port):
            wait(lambda: door.held.total() == most)
            assert statuses(said(port, HEALTH)) == [503]
        wait(lambda: door.held.total() == most - 1)
        door.bounds = replace(bounds, request_seconds=SECONDS)
        held.enter_context(connect(port))
        wait(lambda: door.closed["too_slow"] == 1)
        assert is_served(port)


def test_others_are_served_while_two_hundred_slow_clients_hang(tmp_path: Path) -> None:
    initialise(Places.beside(tmp_path / "k"), "http://localhost:1", "open")
    arguments = ("serve", "--data", tmp_path / "k", "--port", "0", "--json")
    with start_kluis(*arguments) as process, ExitStack() as slow:
        timer = threading.Timer(START_SECONDS_MAX, process.kill)
        timer.start()
        try:
            assert process.stdout is not None
            listening = re.search(r":(\d+)\"", process.stdout.readline())
            assert listening is not None
            port = int(listening[1])
            for number in range(200):
                sock = slow.enter_context(connect(port))
                sock.sendall(HEALTH[: number % len(HEALTH)])
            times = [_seconds(lambda: is_served(port)) for _ in range(20)]
            process.terminate()
            _, err = process.communicate(timeout=START_SECONDS_MAX)
        finally:
            timer.cancel()
    assert sorted(times)[10] < LATE / 2
    assert process.returncode == 0, "slow clients don't hold up the end"
    assert err.count("\n") <= 2, "strangers write no log"
    assert "Traceback" not in err


def _seconds(act: Callable[[], bool]) -> float:
    began = time.monotonic()
    assert act()
    return time.monotonic() - began
