"""What one connection may cost, before there is a request: its time, its bytes, its neighbours.

uvicorn limits neither how long a request may take to arrive nor how large its head may be, and
answers 503 to everybody once strangers hold all connections. Here a request has so many seconds,
head and body together, from its first byte or from when the connection was made; a client that
does not take its answer is cut off as well; and one address holds only a part of all connections.
A request that arrives in one piece, as nearly all do, costs no timer.
"""

from asyncio import TimerHandle, Transport
from collections import Counter
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from struct import pack
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from api.edge import HEADERS
from api.limits import network_of
from api.problems import problem_of_status

_AT_ONCE = pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one server process. `proxy` speaks for many, so that its connections are not counted."""

    connections_max: int = 1000
    connections_per_address_max: int = 250
    head_bytes_max: int = 32_768
    request_seconds: float = 20
    answer_seconds: float = 20
    unread_bytes_max: int = 2**22
    proxy: str | None = None


@dataclass(slots=True)
class Door:
    """The connections of one server process, and why others were closed."""

    bounds: Bounds
    held: Counter[str] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)

    def protocol(self) -> "type[GuardedProtocol]":
        """The class that uvicorn makes for each connection."""
        return type("DoorProtocol", (GuardedProtocol,), {"door": self})


class GuardedProtocol(HttpToolsProtocol):
    """One connection. `door` is set on a subclass, for uvicorn makes the instances."""

    door: Door

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arrives = True  # a request is on its way, or its connection is new
        self._in_head = True
        self._head_bytes = self._unread_bytes = 0
        self._deadline: TimerHandle | None = None
        self._stuck: TimerHandle | None = None
        self._running: RequestResponseCycle | None = None
        bounds, held = self.door.bounds, self.door.held
        self._address = network_of(self.client[0] if self.client else "")
        held[self._address] += 1
        counted = self._address != bounds.proxy
        if counted and held[self._address] > bounds.connections_per_address_max:
            self._refuse(503, "address_full")
        elif len(self.connections) > bounds.connections_max:
            self._refuse(503, "server_full")
        else:
            self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self.door.held[self._address] -= 1
        if not self.door.held[self._address]:
            del self.door.held[self._address]
        _cancel(self._deadline)
        _cancel(self._stuck)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head and self._head_bytes > self.door.bounds.head_bytes_max:
            self._refuse(431, "head_too_large")
        elif self._deadline is None and (self._arrives or self._is_idle()):
            self._set_deadline()
        elif self._arrives and not self._in_head and self.cycle.response_complete:
            self._pass_over(len(data))

    def on_message_begin(self) -> None:
        self._arrives = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        # Whether these bytes were all head is worth a look only where there were so many.
        most = self.door.bounds.head_bytes_max
        if self._head_bytes > most and len(self.url) + sum(map(_length, self.headers)) > most:
            self.door.closed["head_too_large"] += 1
            self.app = _head_too_large  # the connection ends with this answer
        self._in_head, self._head_bytes = False, 0
        super().on_headers_complete()
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False  # what follows may be another protocol: none is spoken

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_message_complete(self) -> None:
        self._arrives, self._in_head = False, True
        _cancel(self._deadline)
        self._deadline = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._unread_bytes = 0

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck = self.loop.call_later(self.door.bounds.answer_seconds, self._is_stuck)

    def resume_writing(self) -> None:
        _cancel(self._stuck)
        super().resume_writing()

    def shutdown(self) -> None:
        """A request that has not arrived whole when the server stops is none."""
        if self._arrives:
            self.transport.close()
        else:
            super().shutdown()

    def _is_idle(self) -> bool:
        """Nothing runs, and something came that is no request, like an empty line."""
        over = self._running is None or self._running.response_complete
        return over and self.timeout_keep_alive_task is None

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.door.bounds.request_seconds, self._is_late)

    def _pass_over(self, size: int) -> None:
        """The rest of a request that was refused, so that its client comes to read the answer."""
        self._unread_bytes += size
        if self._unread_bytes > self.door.bounds.unread_bytes_max:
            self.door.closed["body_too_large"] += 1
            self.transport.close()

    def _is_late(self) -> None:
        self._deadline = None
        if self.flow.read_paused:  # it waits for us
            self._set_deadline()
            return
        self.door.closed["too_slow"] += 1
        self.transport.close()

    def _is_stuck(self) -> None:
        self.door.closed["answer_not_taken"] += 1
        if self._running is not None:
            self._running.disconnected = True
        if (sock := self.transport.get_extra_info("socket")) is not None:
            sock.setsockopt(SOL_SOCKET, SO_LINGER, _AT_ONCE)  # or the system keeps the rest
        self.transport.abort()

    def _refuse(self, status: int, why: str) -> None:
        self.door.closed[why] += 1
        self.transport.write(
            STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n"
        )
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        self.door.closed["no_http"] += 1
        super().send_400_response(msg)


def _cancel(timer: TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def _length(header: tuple[bytes, bytes]) -> int:
    return len(header[0]) + len(header[1]) + 4


async def _head_too_large(scope: Scope, receive: Receive, send: Send) -> None:
    answer = problem_of_status(431, {**HEADERS, "Connection": "close"})
    await answer(scope, receive, send)
