"""How often: per caller, per vault, per address. An eternal log must not be filled by anybody.

Written down in docs/audit.md, 1 What is logged. A limit is a setting whose name ends in `_per_hour`
or `_per_minute`; its windows are those of the clock. Counted are refusals, failures and what owners
do, never a permitted read. The counts are in memory. Where several processes serve an installation,
`share` tells what they counted together, and 0 while it can't.
"""

import threading
from collections.abc import Callable

from vault.errors import TooMany
from vault.settings import Settings

Key = tuple[str, str | bytes, int]  # limit, who, and the second at which the window ends
_KEYS_MAX = 100_000


class Limits:
    """The counts of this process. Once a limit is full, it costs a look into memory."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._counts: dict[Key, int] = {}
        self._turned_away: dict[Key, int] = {}
        self.share: Callable[[Key], int] = lambda _: 0  # counts one more, returns the total

    def admits(self, limit: str, who: str | bytes, now_ms: int) -> bool:
        """Counts one more of these: whether it is within the limit."""
        key, most = (limit, who, _end(limit, now_ms)), getattr(self._settings, limit)
        with self._lock:
            if len(self._counts) >= _KEYS_MAX:
                self._counts.clear()
            total = self._counts[key] = self._counts.get(key, 0) + 1
        if total <= most and (shared := self.share(key)):
            total = shared  # not what this process counted meanwhile: that asked later than this
            with self._lock:
                self._counts[key] = max(shared, self._counts.get(key, 0))
        return bool(total <= most)

    def spend(self, limit: str, who: str | bytes, now_ms: int) -> None:
        """Counts one more, or raises `TooMany`."""
        if not self.admits(limit, who, now_ms):
            raise TooMany(limit, _end(limit, now_ms) - now_ms // 1000)

    def check(self, limit: str, who: str | bytes, now_ms: int) -> None:
        """Counts nothing. Raises `TooMany` where the limit is full, and remembers how often."""
        key = limit, who, _end(limit, now_ms)
        if self._counts.get(key, 0) >= getattr(self._settings, limit):
            with self._lock:
                self._turned_away[key] = self._turned_away.get(key, 0) + 1
            raise TooMany(limit, key[2] - now_ms // 1000)

    def turned_away(self, now_ms: int) -> list[tuple[Key, int]]:
        """Windows that are over, with how many calls `check` turned away in each.

        They are remembered until `forget`: their entry has to be recorded first.
        """
        with self._lock:
            self._counts = {k: n for k, n in self._counts.items() if k[2] * 1000 > now_ms}
            return [one for one in self._turned_away.items() if one[0][2] * 1000 <= now_ms]

    def forget(self, key: Key) -> None:
        del self._turned_away[key]


def _end(limit: str, now_ms: int) -> int:
    seconds = 60 if limit.endswith("minute") else 3600
    return (now_ms // 1000 // seconds + 1) * seconds
