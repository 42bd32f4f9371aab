"""What an operator may learn of each request: its route, status and time, under a random name.

Never a query, header, body, id or address: the route is named as the document names it, and what it
does not name is `other`. This is the outermost layer; it costs a few microseconds.
"""

import logging
import os
import re
import time
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.counts import REQUESTS, SECONDS
from api.openapi import document

REQUEST_LOG = logging.getLogger("kluis.requests")
OTHER = "other"
_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}
_HEADER = b"request-id"


class Routes:
    """The route that a path belongs to, as openapi.yaml writes it."""

    def __init__(self) -> None:
        paths = list[str](document()["paths"])
        self._plain = {path for path in paths if "{" not in path}
        self._patterns = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path)
            for path in paths
            if path not in self._plain
        ]

    def of(self, path: str) -> str:
        if path in self._plain:
            return path
        return next((route for one, route in self._patterns if one.fullmatch(path)), OTHER)


class Observed:
    """Counts each request, and tells of it where the log is asked for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._routes = Routes()
        self._counts: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route, method = self._routes.of(scope["path"]), scope["method"]
        if method not in _METHODS:
            method = OTHER
        tells = REQUEST_LOG.isEnabledFor(logging.INFO)
        name = os.urandom(8).hex() if tells else ""
        began, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if tells:
                    message["headers"] = [*message["headers"], (_HEADER, name.encode())]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            seconds = time.perf_counter() - began
            self._count(route, method, status, seconds)
            if tells:
                _tell(name, route, method, status, seconds)

    def _count(self, route: str, method: str, status: int, seconds: float) -> None:
        key = route, method, status
        if (found := self._counts.get(key)) is None:  # looking labels up costs more than counting
            found = REQUESTS.labels(*key), SECONDS.labels(route)
            self._counts[key] = found
        found[0].inc()
        found[1].observe(seconds)


def _tell(name: str, route: str, method: str, status: int, seconds: float) -> None:
    """One line at level info. Nothing in it needs quoting: every part is from a list of ours."""
    # Not by `info`, which would look for the line of code that calls it.
    record = logging.LogRecord(REQUEST_LOG.name, logging.INFO, "", 0, "request", None, None)
    record.told = (
        f', "request": "{name}", "route": "{route}", "method": "{method}", "status": {status}'
        f', "milliseconds": {seconds * 1000:.2f}'
    )
    REQUEST_LOG.handle(record)


class JsonLines(logging.Formatter):
    """One JSON object per line. Of an exception only its class: its text may hold what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self._second = 0
        self._at = ""

    def format(self, record: logging.LogRecord) -> str:
        told = getattr(record, "told", "")
        if record.exc_info is not None and record.exc_info[0] is not None:
            told = f', "exception": "{record.exc_info[0].__name__}"'
        start = f'{{"at": "{self._instant(record)}", "level": "{record.levelname.lower()}"'
        message = encode_basestring_ascii(record.getMessage())
        return f'{start}, "logger": "{record.name}", "message": {message}{told}}}'

    def _instant(self, record: logging.LogRecord) -> str:
        if (second := int(record.created)) != self._second:
            at = datetime.fromtimestamp(second, UTC)
            self._second, self._at = second, at.strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._at}.{int(record.msecs):03}Z"
