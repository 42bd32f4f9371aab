"""How long this machine kept us waiting: what is promised in seconds is promised without that."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_BEAT_SECONDS = 0.01
_STALL_SECONDS = 0.05  # later than that: less is what threads do to each other


@dataclass
class Stalls:
    """What the beats of a thread that does nothing else came late, all together."""

    seconds: float = 0.0


@contextmanager
def measured() -> Iterator[Stalls]:
    """Counts from now on; the count stays where the block ends."""
    stalls, over = Stalls(), threading.Event()

    def beat() -> None:
        due = time.monotonic()
        while not over.wait(_BEAT_SECONDS):
            due += _BEAT_SECONDS
            late = time.monotonic() - due
            due += late
            stalls.seconds += late if late > _STALL_SECONDS else 0

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield stalls
    finally:
        over.set()
        thread.join()
