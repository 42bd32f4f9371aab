"""Witnesses that run in this process, on real sockets."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from api.witness import witness_app
from cli.server import listen
from operate.witnessing import Witness, add_log, make_witness
from vault.clock import SystemClock


def new_witness(folder: Path, *vkeys: str, name: str = "witness.example") -> Witness:
    make_witness(folder, name)
    for vkey in vkeys:
        add_log(folder, vkey)
    return Witness(folder, SystemClock())


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The application at the URL, until the context ends."""
    with listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="critical", lifespan="off", access_log=False)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


@contextmanager
def serving(witness: Witness) -> Iterator[str]:
    """A witness at the URL, closed at the end."""
    try:
        with served(witness_app(witness.add_checkpoint, witness.newest)) as url:
            yield url
    finally:
        witness.close()
