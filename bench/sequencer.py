"""The sequencer alone: entries per second, one by one and in groups, by one process and several.

`python -m bench.sequencer DATA ENTRIES` is one of the processes: it says that it is ready, waits
for a line, and commits its entries.
"""

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tests.builders import Store
from vault.recording import SYSTEM, draft
from vault.sequencer import QUEUE_ITEMS_MAX, Item
from vault.settings import load_settings
from vault.system import System
from vault.vault import Vault


def entries_per_second(
    work: Path, databases: Mapping[str, str], *, grouped: bool, entries: int
) -> float:
    """Committed entries per second; one by one, each waits for the commit of the one before."""
    store = Store.make(work, **databases)
    items = _items(store.vault.system, entries)
    started = time.perf_counter()
    _commit(store.vault.system, items, QUEUE_ITEMS_MAX if grouped else 1)
    elapsed = time.perf_counter() - started
    store.close()
    return entries / elapsed


def entries_per_second_of(
    processes: int, work: Path, databases: Mapping[str, str], entries: int
) -> float:
    """The same in groups, by so many processes on one installation, all of them together."""
    store = Store.make(work, **databases)
    data = store.settings.data
    store.vault.close()
    command = [sys.executable, "-m", "bench.sequencer", str(data), str(entries // processes)]
    started = [
        subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    begun = time.perf_counter()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
    elapsed = time.perf_counter() - begun
    for process in started:
        process.communicate()
    return entries / elapsed


def _items(system: System, entries: int) -> list[Item]:
    now_ms = system.clock.now_ms()
    return [Item(draft(now_ms, "log.read", SYSTEM), system.system_key) for _ in range(entries)]


def _commit(system: System, items: list[Item], at_once: int) -> None:
    for at in range(0, len(items), at_once):
        for future in [system.sequencer.submit(item) for item in items[at : at + at_once]]:
            future.result()


def main(data: str, entries: str) -> None:
    with Vault.open(load_settings(Path(data))) as vault:
        items = _items(vault.system, int(entries))
        print("ready", flush=True)
        sys.stdin.readline()
        _commit(vault.system, items, QUEUE_ITEMS_MAX // 8)  # no waiter is given up
        print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
