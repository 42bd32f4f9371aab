"""`make bench`: the audited read against two baselines, redemptions, the sequencer, and growth.

Kinds of server take turns, so that a machine that slows down slows all of them down: read the
ratios. Needs wrk (Debian's package `wrk`). Figures also go to bench/results.json; those on
PostgreSQL end in `_pg`.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import jwt

from bench.growth import add_entries, add_vaults
from bench.proofs import proof_times
from bench.scene import DATA_PATH, LIMITS, Scene
from bench.sequencer import entries_per_second, entries_per_second_of
from bench.servers import Load, Request, free_port, load, server
from tests.postgresql import Databases

PROOFS_PER_SECOND = 4000
REDEMPTIONS_PER_SECOND = 200
REDEEM_CONNECTIONS = 16
UVICORN = ["-m", "uvicorn", "--no-access-log", "--log-level", "error"]

Figures = dict[str, float]
Found = dict[tuple[str, int], list[Load]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how much."""

    rounds: int
    seconds: int
    connections: tuple[int, ...]
    vaults: tuple[int, ...]
    entries: tuple[int, ...]
    proofs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of server, and the requests it is loaded with."""

    command: list[str]
    env: Mapping[str, str]
    requests: Callable[[], list[Request]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--vaults", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--entries", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    proofs = [1_000, 10_000, 100_000, 1_000_000]
    parser.add_argument("--proofs", type=int, nargs="+", default=proofs)
    parser.add_argument("--on", nargs="+", default=["sqlite", "postgresql"])
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        print("make bench needs wrk: apt-get install wrk", file=sys.stderr)
        return 2
    plan = Plan(
        options.rounds,
        options.seconds,
        tuple(options.connections),
        tuple(options.vaults),
        tuple(options.entries),
        tuple(options.proofs),
    )
    figures: Figures = {}
    if "sqlite" in options.on:
        figures |= _measured(plan, lambda: {})
    if "postgresql" in options.on:
        with Databases.start() as databases:
            on_postgresql = _measured(plan, lambda: dict(databases.emptied()))
        figures |= {f"{name}_pg": value for name, value in on_postgresql.items()}
    results = Path(__file__).with_name("results.json")
    results.write_text(json.dumps(figures, indent=1) + "\n")
    for name, value in figures.items():
        print(f"{name:32} {value:10.3f}")
    return 0


def _measured(plan: Plan, databases: Callable[[], dict[str, str]]) -> Figures:
    """Every figure on one kind of database; `databases` names an empty pair."""
    with tempfile.TemporaryDirectory(prefix="kluis-bench-") as folder:
        work = Path(folder)
        figures = {
            "entries_per_second": entries_per_second(
                work / "grouped", databases(), grouped=True, entries=8_000
            ),
            "entries_per_second_one_by_one": entries_per_second(
                work / "single", databases(), grouped=False, entries=1_000
            ),
        }
        figures |= _by_processes(work, databases)
        figures |= proof_times(work / "proofs", databases(), plan.proofs)
        port = free_port()
        scene = Scene(work, port, databases())
        figures |= _ratios(_turns(plan, scene, port, work))
        figures |= _growth(plan, scene, port, work)
        scene.store.close()
        return figures


def _by_processes(work: Path, databases: Callable[[], dict[str, str]]) -> Figures:
    """On SQLite one process serves; several are for PostgreSQL."""
    if not databases():
        return {}
    return {
        f"entries_per_second_{count}_processes": entries_per_second_of(
            count, work / f"of-{count}", databases(), entries=8_000
        )
        for count in (1, 2)
    }


def _kinds(plan: Plan, scene: Scene, work: Path) -> dict[str, Kind]:
    url = scene.store.settings.database_url
    plain_url = url.replace("postgresql", "postgresql+psycopg", 1) or f"sqlite:///{work}/plain.db"
    token = jwt.encode({"sub": "agency"}, "0" * 32, algorithm="HS256")
    plain = [Request("GET", DATA_PATH, {"Authorization": f"Bearer {token}"})]
    return {
        "bare": Kind([*UVICORN, "bench.bare:app"], {}, lambda: [Request("GET", DATA_PATH, {})]),
        "read": Kind(scene.serve, LIMITS, lambda: scene.reads(plan.seconds * PROOFS_PER_SECOND)),
        "plain": Kind([*UVICORN, "bench.plain:app"], {"BENCH_DATABASE": plain_url}, lambda: plain),
        "redeem": Kind(
            scene.serve, LIMITS, lambda: scene.redemptions(plan.seconds * REDEMPTIONS_PER_SECOND)
        ),
    }


def _turns(plan: Plan, scene: Scene, port: int, work: Path) -> Found:
    kinds = _kinds(plan, scene, work)
    found: Found = {}
    for number in range(plan.rounds):
        for connections in plan.connections:
            for name, kind in kinds.items():
                if name == "redeem" and connections != REDEEM_CONNECTIONS:
                    continue
                result = _loaded(kind, port, connections, plan.seconds, work)
                found.setdefault((name, connections), []).append(result)
                _tell(f"round {number + 1}", name, connections, result)
    return found


def _growth(plan: Plan, scene: Scene, port: int, work: Path) -> Figures:
    """A read in the largest installation against one in the smallest: 1 is flat.

    Each is a share of the bare route's speed in the same minute, as machines change theirs.
    """
    store, vault_id = scene.store, scene.citizen.vault_id
    grown: dict[str, tuple[Callable[[int], None], tuple[int, ...]]] = {
        "growth_vaults": (lambda total: add_vaults(store, vault_id, total), plan.vaults),
        "growth_entries": (lambda total: add_entries(store, total), plan.entries),
    }
    kinds = _kinds(plan, scene, work)
    figures: Figures = {}
    for name, (grow_to, totals) in grown.items():
        shares = []
        for total in totals:
            grow_to(total)
            found: Found = {}
            for _ in range(plan.rounds):
                for kind in ("bare", "read"):
                    result = _loaded(kinds[kind], port, 16, plan.seconds, work)
                    found.setdefault((kind, 16), []).append(result)
                    _tell(f"{name} {total}", kind, 16, result)
            shares.append(_ratio(found, "read", "bare", 16))
            figures[f"{name}_{total}_over_bare"] = shares[-1]
        figures[name] = shares[-1] / shares[0]
    return figures


def _loaded(kind: Kind, port: int, connections: int, seconds: int, work: Path) -> Load:
    requests = kind.requests()
    with server([*kind.command, "--port", str(port)], port, kind.env) as url:
        load(url, [Request("GET", "/healthz", {})], 4, 1, work)
        return load(url, requests, connections, seconds, work)


def _ratios(found: Found) -> Figures:
    figures: Figures = {}

    def median(name: str, connections: int, of: Callable[[Load], float]) -> float:
        return statistics.median(of(one) for one in found[name, connections])

    for name, connections in found:
        figures[f"{name}_per_second_{connections}"] = median(name, connections, _per_second)
        figures[f"{name}_p50_ms_{connections}"] = median(name, connections, lambda one: one.p50_ms)
        figures[f"{name}_p99_ms_{connections}"] = median(name, connections, lambda one: one.p99_ms)
    for _, connections in [key for key in found if key[0] == "read"]:
        figures[f"read_over_bare_{connections}"] = _ratio(found, "read", "bare", connections)
        figures[f"read_over_plain_{connections}"] = _ratio(found, "read", "plain", connections)
        figures[f"read_p99_over_p50_{connections}"] = median(
            "read", connections, lambda one: one.p99_ms / max(one.p50_ms, 0.001)
        )
    return figures


def _ratio(found: Found, left: str, right: str, connections: int) -> float:
    pairs = zip(found[left, connections], found[right, connections], strict=True)
    return statistics.median(a.per_second / b.per_second for a, b in pairs)


def _per_second(one: Load) -> float:
    return one.per_second


def _tell(when: str, name: str, connections: int, result: Load) -> None:
    print(f"{when} {name:7} {connections:3} {asdict(result)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
