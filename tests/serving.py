"""A real server of an installation made for tests, at the address that it knows itself by."""

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi.routing import APIRoute

from cli.server import listen, make_app, make_server
from tests.builders import Store

NO_PAGE = (
    "/static/", "/sw.js", "/scan-worker.js", "/app.",
    "/wallet/events", "/desk/events", "/desk/stands",
)  # fmt: skip
"""What pages are made of: each with a policy of its own, which allows no more than it needs."""
STOP_SECONDS_MAX = 60
LIMITS = {"registrations_per_hour": 10_000, "unlock_failures_per_hour": 10_000}


@dataclass(frozen=True)
class Site:
    """A server that runs, and the installation behind it."""

    url: str
    store: Store


@contextmanager
def served(folder: Path, *, practice: bool = False, **settings: Any) -> Iterator[Site]:
    """`http://localhost:PORT`, where passkeys work too; limits are high unless named."""
    with listen("127.0.0.1", 0) as listener:
        url = f"http://localhost:{listener.getsockname()[1]}"
        store = Store.make_live(folder, url)
        store.reopen(**{**LIMITS, **settings})
        server = make_server(store.vault, practice=practice)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Site(url, store)
        finally:
            server.should_exit = True
            thread.join(STOP_SECONDS_MAX)
            store.close()
    assert not thread.is_alive()


def routes(store: Store, method: str) -> list[str]:
    """Every path of a page, with something in place of what varies."""
    found = [
        re.sub(r"\{[^}]*\}", "0", route.path)
        for route in flat(make_app(store.vault).routes)
        if route.endpoint.__module__.startswith("web.") and method in (route.methods or ())
    ]
    assert found
    return sorted(set(found))


def flat(found: Iterable[object]) -> Iterator[APIRoute]:
    """Routers stand in the application as they were made."""
    for each in found:
        if isinstance(each, APIRoute):
            yield each
        elif (router := getattr(each, "original_router", None)) is not None:
            yield from flat(router.routes)


def pages(store: Store, method: str = "GET") -> list[str]:
    return [path for path in routes(store, method) if not path.startswith(NO_PAGE)]
