"""Where `kluis demo` happens: a folder of its own with an installation, removed at the end."""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from cli.errors import Failed
from cli.server import listen, make_server
from operate.setup import Places, initialise
from vault.settings import Settings
from vault.vault import Vault

_START_SECONDS_MAX = 30
RUN_BY = {"organisation": "Gemeente Waterbeek", "help_phone": "14 000"}  # no such place


class OwnServer:
    """An installation in the folder, and a server for it in a thread of this process.

    Its people are made up, so every page says that this is practice.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self._listener = listen("127.0.0.1", port)
        try:
            url = f"http://localhost:{self._listener.getsockname()[1]}"
            made = initialise(Places.beside(folder / "data"), url, "open")
            self.settings: Settings = made.model_copy(update=RUN_BY)
            self.vault = Vault.open(self.settings)
        except BaseException:
            self._listener.close()
            raise

    @contextmanager
    def running(self) -> Iterator[None]:
        with self._listener, self.vault as vault:
            server = make_server(vault, practice=True)
            thread = threading.Thread(
                target=server.run, kwargs={"sockets": [self._listener]}, name="server"
            )
            thread.start()
            try:
                ends = time.monotonic() + _START_SECONDS_MAX
                while not server.started:
                    if not thread.is_alive() or time.monotonic() > ends:
                        raise Failed("server_did_not_start", "The server did not start.")
                    time.sleep(0.01)
                yield
            finally:
                server.should_exit = True
                thread.join()


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder that is removed at the end, and no setting or profile from outside meanwhile.

    The end may be SIGINT or SIGTERM, also in a process that was started to pass SIGINT over, as a
    shell's script does with what it puts in the background.
    """
    before = {name: value for name, value in os.environ.items() if name.startswith("KLUIS_")}
    ends = (signal.SIGINT, signal.SIGTERM) if _in_main_thread() else ()
    handlers = {one: signal.signal(one, _interrupt) for one in ends}
    try:
        with tempfile.TemporaryDirectory(prefix="kluis-demo-") as folder:
            for name in before:
                del os.environ[name]
            os.environ["KLUIS_HOME"] = str(Path(folder) / "home")
            yield Path(folder)
    finally:
        os.environ.pop("KLUIS_HOME", None)
        os.environ.update(before)
        for one, handler in handlers.items():
            signal.signal(one, handler)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
