"""How many refusals become entries: an eternal log must not be filled by strangers.

Written down in docs/audit.md, 1 What is logged.
An authenticated caller's refusals are entries, up to a number per minute; beyond it the caller is
sent away before anything is looked up, and one entry says how often. Refusals of others that name
a vault are entries up to a number per vault and hour.
"""

import threading
from dataclasses import dataclass, field

from vault.errors import TooMany

_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000
_STRANGERS_MAX = 100_000


@dataclass(slots=True)
class Refusals:
    """Counts within this process."""

    per_minute: int
    strangers_per_hour: int
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _callers: dict[tuple[str, int], int] = field(default_factory=dict)
    _strangers: dict[tuple[bytes, int], int] = field(default_factory=dict)

    def check(self, caller: str, now_ms: int) -> None:
        """Raises `TooMany` for a caller with too many refusals in this minute."""
        minute = now_ms // _MINUTE_MS
        with self._lock:
            if self._callers.get((caller, minute), 0) < self.per_minute:
                return
            self._callers[caller, minute] += 1
        seconds_left = 60 - now_ms % _MINUTE_MS // 1000
        raise TooMany("Too many refused requests. Wait a minute.", seconds_left)

    def count(self, caller: str, now_ms: int) -> None:
        """One more refusal of an authenticated caller."""
        key = caller, now_ms // _MINUTE_MS
        with self._lock:
            self._callers[key] = self._callers.get(key, 0) + 1

    def admits_stranger(self, vault_id: bytes, now_ms: int) -> bool:
        """Whether a refusal of an unauthenticated caller becomes an entry of this vault."""
        key = vault_id, now_ms // _HOUR_MS
        with self._lock:
            if len(self._strangers) >= _STRANGERS_MAX:
                self._strangers.clear()
            self._strangers[key] = self._strangers.get(key, 0) + 1
            return self._strangers[key] <= self.strangers_per_hour

    def turned_away(self, now_ms: int) -> list[tuple[tuple[str, int], int]]:
        """Minutes that are over, by caller, with how many calls were turned away in each.

        They are remembered until `forget`: their entry has to be recorded first.
        """
        minute = now_ms // _MINUTE_MS
        with self._lock:
            over = {key: count for key, count in self._callers.items() if key[1] < minute}
            for key in [key for key, count in over.items() if count <= self.per_minute]:
                del self._callers[key], over[key]
        return [(key, count - self.per_minute) for key, count in over.items()]

    def forget(self, key: tuple[str, int]) -> None:
        with self._lock:
            self._callers.pop(key, None)
