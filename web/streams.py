"""Server-sent events: one look a second, and what is new goes out, until there is nothing to see.

To listen is not to be there: a stream renews no session, and ends with the one it was opened in.
A client that does not take what it is sent is cut off by the door (api/connections.py).
"""

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from anyio import sleep
from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from fastapi.sse import EventSourceResponse, format_sse_event

from consent.errors import ConsentError
from vault.errors import SessionEnded, TooMany, VaultError
from web.faults import GoElsewhere, words_of
from web.pages import HEADERS, Pages

STREAMS_MAX = 4  # of one session and server process; a browser holds one for all its tabs
LOOK_SECONDS = 1.0
SILENCE_SECONDS = 15.0  # then a line that says nothing, so that nobody in between gives up
LIFE_SECONDS = 600.0  # then the browser connects anew
RETRY_MS = 2000
_HEADERS = {**HEADERS, "X-Accel-Buffering": "no"}

_held: Counter[str] = Counter()


@dataclass(frozen=True, slots=True)
class News:
    """One event: ids and labels, never a value."""

    kind: str
    id: str
    data: dict[str, Any]

    def encoded(self) -> bytes:
        text = json.dumps({"kind": self.kind, **self.data}, ensure_ascii=False)
        return format_sse_event(data_str=text, event=self.kind, id=self.id)


Look = Callable[[], Sequence[News] | None]
"""What is new since the last look; None: nothing will be any more. May raise `SessionEnded`."""


def plain(body: dict[str, Any]) -> Response:
    """The same for browsers that get no stream through: what there is, asked for once."""
    text = json.dumps(body, ensure_ascii=False)
    return Response(text, media_type="application/json", headers=HEADERS)


class StreamRoute(APIRoute):
    """A route for modules: a refusal is a status without a page, and nothing leads elsewhere."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except GoElsewhere:
                return Response(status_code=401, headers=HEADERS)
            except (VaultError, ConsentError) as error:
                return Response(status_code=words_of(error)[0], headers=HEADERS)

        return answer


async def stream(
    request: Request, session: str, look: Look, seconds: float = LIFE_SECONDS
) -> Response:
    """Looks once before it answers: without a session there is no stream. Raises `TooMany`."""
    pages: Pages = request.app.state.pages
    if _held[session] >= STREAMS_MAX:
        raise TooMany("streams", int(SILENCE_SECONDS))
    first = await run_in_threadpool(look)
    events = _events(pages, session, first, look, seconds)
    return EventSourceResponse(events, headers=_HEADERS)


async def _events(
    pages: Pages, session: str, news: Sequence[News] | None, look: Look, seconds: float
) -> AsyncIterator[bytes]:
    ends = time.monotonic() + min(seconds, LIFE_SECONDS)
    _held[session] += 1
    try:
        yield format_sse_event(retry=RETRY_MS, comment="")
        said = time.monotonic()
        while news is not None and time.monotonic() < ends and _held[session] <= STREAMS_MAX:
            if pages.is_stopping():
                return
            for one in news:
                yield one.encoded()
            if news:
                said = time.monotonic()
            elif time.monotonic() - said > SILENCE_SECONDS:
                said = time.monotonic()
                yield format_sse_event(comment="")
            await sleep(LOOK_SECONDS)
            news = await run_in_threadpool(look)
    except SessionEnded:
        return
    finally:
        _held[session] -= 1
        if not _held[session]:
            del _held[session]
