"""What holds for every request, whatever route it takes: its size, the headers of its answer, and
that an error of ours tells nobody anything.
"""

import logging

from anyio.to_thread import current_default_thread_limiter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_of_status

_log = logging.getLogger("kluis.api")

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


class Edge:
    """The outermost layer of the application (ASGI)."""

    def __init__(self, app: ASGIApp, body_bytes_max: int, threads_max: int = 0) -> None:
        self._app = app
        self._body_bytes_max = body_bytes_max
        self._threads_max = threads_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._threads_max:  # an event loop has its threads once it runs
            current_default_thread_limiter().total_tokens = self._threads_max
            self._threads_max = 0
        inner = dict(scope)
        # The server's access log prints this scope when the answer begins. A client that puts a
        # secret into a query by mistake finds it refused, and in no log.
        scope["query_string"] = b""
        answer = _Answer(send)
        try:
            body = await self._read(inner, receive)
            if body is None:
                await (await _too_large(inner))(inner, receive, answer.send)
            else:
                await self._app(inner, _Replay(body, receive).receive, answer.send)
        except _Gone:
            return
        except Exception as error:  # noqa: BLE001 - its text may hold what was sent: the name only
            _log.error("unhandled %s", type(error).__name__)
            if not answer.started:
                await problem_of_status(500)(inner, receive, answer.send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body; None as soon as it is too large, declared or streamed."""
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and _is_more(declared, self._body_bytes_max):
            return None
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            part = message.get("body", b"")
            size += len(part)
            if size > self._body_bytes_max:
                return None
            parts.append(part)
            more = message.get("more_body", False)
        return b"".join(parts)


async def _too_large(scope: Scope) -> Response:
    """As the application explains it, in words to who came with a browser; a witness is none."""
    explain = scope["app"].exception_handlers.get(HTTPException)
    if explain is None:
        return problem_of_status(413)
    answer: Response = await explain(Request(scope), HTTPException(413))
    return answer


def _is_more(digits: bytes, most: int) -> bool:
    """Compared as a number; thousands of digits are more than `int` reads."""
    significant = digits.lstrip(b"0")
    return len(significant) > len(str(most)) or int(significant or b"0") > most


class _Gone(Exception):
    """The client left before it had said everything: half a request is none."""


class _Replay:
    """Gives the body that was read, once, and then what else comes from the server."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def receive(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class _Answer:
    """Sends the answer, with every header that it did not set itself."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            given = list(message["headers"])
            names = {name for name, _ in given}
            message["headers"] = given + [one for one in _RAW_HEADERS if one[0] not in names]
        await self._send(message)
