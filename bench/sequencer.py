"""The sequencer alone: entries per second, one by one and in groups."""

import time
from collections.abc import Mapping
from pathlib import Path

from tests.builders import Store
from vault.recording import SYSTEM, draft
from vault.sequencer import QUEUE_ITEMS_MAX, Item


def entries_per_second(
    work: Path, databases: Mapping[str, str], *, grouped: bool, entries: int
) -> float:
    """Committed entries per second; one by one, each waits for the commit of the one before."""
    store = Store.make(work, **databases)
    system = store.vault.system
    now_ms = store.clock.now_ms()
    items = [Item(draft(now_ms, "log.read", SYSTEM), system.system_key) for _ in range(entries)]
    at_once = QUEUE_ITEMS_MAX if grouped else 1
    started = time.perf_counter()
    for at in range(0, entries, at_once):
        for future in [system.sequencer.submit(item) for item in items[at : at + at_once]]:
            future.result()
    elapsed = time.perf_counter() - started
    store.close()
    return entries / elapsed
