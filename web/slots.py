"""Work that takes a thread for seconds: so much at once in a server process, and less for each.

Without the second bound one vault, or one officer, that asks again and again keeps it from all
others. Whoever is turned away is told at once: nobody waits in a thread, and nothing is lost.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from web.faults import Busy, OneAtATime


class Slots:
    """At most `most` at once, and `each` of one holder: a vault's id, or an officer's."""

    def __init__(self, most: int, each: int = 1) -> None:
        self.most, self.each = most, each
        self._held: Counter[object] = Counter()
        self._lock = Lock()

    @contextmanager
    def held_by(self, holder: object) -> Iterator[None]:
        """A slot for as long as the work takes. Raises `Busy`, or `OneAtATime`, which is one."""
        with self._lock:
            if self._held[holder] >= self.each:
                raise OneAtATime
            if self._held.total() >= self.most:
                raise Busy
            self._held[holder] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[holder] -= 1
                self._held += Counter()  # forgets who holds none
