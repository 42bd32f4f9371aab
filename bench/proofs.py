"""A receipt's proof, made from the stored tiles and checked: its time grows with log n."""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.growth import add_entries
from crypto.primitives import random_bytes
from evidence.proofs import inclusion_proof, verify_inclusion
from tests.builders import Store
from vault.log import Head, TileReader

_PROOFS = 200


def proof_times(
    work: Path, databases: Mapping[str, str], totals: Sequence[int]
) -> dict[str, float]:
    """Median milliseconds to prove an entry somewhere in the log, and to check it, by size."""
    store = Store.make(work, **databases)
    figures = {}
    for total in totals:
        add_entries(store, total)
        proving, checking = zip(*_timed(store, total), strict=True)
        figures[f"proof_ms_{total}"] = statistics.median(proving) * 1000
        figures[f"proof_check_ms_{total}"] = statistics.median(checking) * 1000
    store.close()
    return figures


def _timed(store: Store, total: int) -> Iterator[tuple[float, float]]:
    for _ in range(_PROOFS):
        index = int.from_bytes(random_bytes(8), "big") % total
        with store.vault.system.main.read() as connection:
            head = Head.read(connection)
            begun = time.perf_counter()
            nodes = TileReader(connection, head.log).nodes()
            path = inclusion_proof(index, total, nodes.read_node)
            leaf = nodes.read_node(0, index)
            proved = time.perf_counter()
        verify_inclusion(leaf, index, total, path, head.frontier.root())
        yield proved - begun, time.perf_counter() - proved
