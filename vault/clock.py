"""Time comes from one place, and tests may pass in another: the only thing they swap."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells Unix time in milliseconds."""

    def now_ms(self) -> int: ...


class SystemClock:
    """The machine's clock. No setting or header changes it."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000
