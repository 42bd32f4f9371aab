"""The anchor: the newest checkpoint, kept outside the database (docs/audit.md, 8 The anchor).

A database restored from a backup would sign a second history. Whoever serves it first compares it
with this file. A snapshot that takes the anchor along is not noticed.
"""

import fcntl
import os
import threading
import time
from pathlib import Path

from audit.errors import BadNote
from audit.note import Checkpoint, parse_checkpoint
from vault.errors import NotReady

_PAUSE_SECONDS = 0.2


class Anchor:
    """The file. It only ever moves forward, and it is whole at every moment."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[Checkpoint, str]:
        """The anchored checkpoint and its note. Raises `NotReady` if there is none to read."""
        try:
            note = self._path.read_text(encoding="utf-8")
            return parse_checkpoint(note.split("\n\n", 1)[0] + "\n"), note
        except (OSError, UnicodeDecodeError, BadNote):
            raise NotReady(
                f"The anchor {self._path} is missing or unreadable. It proves that the log was not "
                "set back; restore it from where it was last seen."
            ) from None

    def write(self, note: str, *, first: bool = False) -> None:
        """Replaces the anchored note unless the file is already at or past it."""
        checkpoint = parse_checkpoint(note.split("\n\n", 1)[0] + "\n")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with open(self._path.with_name(self._path.name + ".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another process may anchor the same log
            if not first:
                there, _ = self.read()
                if there.origin == checkpoint.origin and there.size >= checkpoint.size:
                    return
            self._replace(note)

    def _replace(self, note: str) -> None:
        fresh = self._path.with_name(self._path.name + ".new")
        with open(fresh, "w", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class AnchorWriter:
    """Follows the log in the background, at most a second behind; counts how far it is behind."""

    def __init__(self, anchor: Anchor) -> None:
        self._anchor = anchor
        self._newest: str | None = None
        self._waiting_since: float | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="anchor", daemon=True)
        self._thread.start()

    def offer(self, note: str) -> None:
        """Hands over the note of a committed head."""
        with self._lock:
            self._newest = note
            if self._waiting_since is None:
                self._waiting_since = time.monotonic()
        self._wake.set()

    def lag_seconds(self) -> float:
        """For how long the anchor has been behind the log; 0 when it is not."""
        since = self._waiting_since
        return 0.0 if since is None else time.monotonic() - since

    def close(self) -> None:
        """Writes what is left and stops."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        stopped = False
        while not stopped:
            self._wake.wait()
            self._wake.clear()
            stopped = self._stop.is_set()
            self._write_newest()
            self._stop.wait(_PAUSE_SECONDS)

    def _write_newest(self) -> None:
        note = self._take()
        if note is None:
            return
        try:
            self._anchor.write(note)
        except (OSError, NotReady):
            self._give_back(note)  # tried again; the lag shows that it failed
            return
        with self._lock:
            self._waiting_since = None if self._newest is None else time.monotonic()

    def _take(self) -> str | None:
        with self._lock:
            note, self._newest = self._newest, None
        return note

    def _give_back(self, note: str) -> None:
        with self._lock:
            if self._newest is None:
                self._newest = note
        self._wake.set()
