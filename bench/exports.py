"""How long an export and its check take as the log grows, and how much memory they need.

    python -m bench.exports 1000 10000 100000 1000000

Each size is measured in a process of its own, for memory is given back to no one. The entries are
reads of one vault, as large as real ones. Time grows with the entries; memory of the export must
not.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from audit.entry import Actor, Officer
from evidence.archive import Reader
from evidence.cosignature import parse_verifier
from evidence.examination import verify_export
from evidence.export import compose
from operate.examining import examine
from tests.builders import Store
from vault import caller
from vault.recording import draft

SIZES = (1_000, 10_000)
_BATCH = 5_000
_FIELDS = ("identity.given_name", "identity.family_name", "address.resident_city")


def grow(store: Store, entries: int) -> None:
    """Grows the log to so many entries that all open."""
    system = store.vault.system
    while (missing := entries - system.log.head().frontier.size) > 0:
        with system.main.write() as connection:
            batch = system.log.begin(connection)
            for _ in range(min(_BATCH, missing)):
                event = draft(
                    store.clock.now_ms(),
                    "data.read",
                    Actor("agency", "https://agency.example"),
                    officer=Officer("j.devries", "agency"),
                    grant=bytes(16),
                    intended_use="address-check",
                    legal_basis="consent",
                    fields_requested=_FIELDS,
                    fields_given=_FIELDS,
                )
                batch.add(system.system_key, event)
            batch.store()
        if batch.signed is not None:
            system.log.committed(batch.signed)
    system.anchor.offer(system.log.head().note)


def measure(entries: int, folder: Path) -> None:
    store = Store.make(folder)
    grow(store, entries - 1)
    before, began = _memory(), time.monotonic()
    examined = examine(store.vault, caller.Operator())
    file = folder / "export.zip"
    with file.open("wb") as out:
        for piece in compose(examined):
            out.write(piece)
    exported, grown = time.monotonic() - began, _memory() - before
    began = time.monotonic()
    with file.open("rb") as found:
        keys = [parse_verifier(vkey) for vkey in examined.logs[0].vkeys]
        result = verify_export(Reader(found), keys)
    checked = time.monotonic() - began
    assert result.findings == ()
    assert result.size == entries
    size = file.stat().st_size / 2**20
    print(
        f"{entries:>9} entries: export {exported:8.1f} s, +{grown:.0f} MiB; file {size:.1f} MiB; "
        f"check {checked:8.1f} s, at most {_memory():.0f} MiB",
        flush=True,
    )
    store.close()


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--one"]:
        with tempfile.TemporaryDirectory() as folder:
            measure(int(arguments[1]), Path(folder))
        return
    for entries in map(int, arguments or SIZES):
        command = [sys.executable, "-m", "bench.exports", "--one", str(entries)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
