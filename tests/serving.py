"""A real server of an installation made for tests, at the address that it knows itself by."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.serve import listen, make_server
from tests.builders import Store

STOP_SECONDS_MAX = 20
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
