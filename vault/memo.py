"""Opened keys are kept for a minute, under a hash of everything they were opened from.

The salts are read anew each time: a deleted or changed salt, or a changed box, finds nothing here.
"""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

KEPT_SECONDS = 60
_ENTRIES_MAX = 4096
T = TypeVar("T")


class Memo(Generic[T]):
    """Remembers what `make` made, by exact input, for at most `KEPT_SECONDS`."""

    def __init__(self) -> None:
        self._kept: dict[bytes, tuple[float, T]] = {}
        self._sweep_at = 0.0
        self._lock = threading.Lock()

    def get(self, name: bytes, make: Callable[[], T]) -> T:
        now = time.monotonic()
        found = self._kept.get(name)
        if found is not None and now < found[0]:
            return found[1]
        made = make()
        with self._lock:
            if now >= self._sweep_at or len(self._kept) >= _ENTRIES_MAX:
                fresh = {n: kept for n, kept in self._kept.items() if now < kept[0]}
                self._kept = fresh if len(fresh) < _ENTRIES_MAX else {}
                self._sweep_at = now + KEPT_SECONDS
            self._kept[name] = now + KEPT_SECONDS, made
        return made
