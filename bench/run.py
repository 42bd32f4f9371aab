"""`make bench`: the audited read against two baselines, redemptions, and the sequencer alone.

Rounds alternate, so that a machine that slows down slows all of them down: read the ratios. Needs
wrk (Debian's package `wrk`). Figures also go to bench/results.json.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlencode

import jwt

from bench.bare import FIELDS
from bench.servers import Load, Request, free_port, load, server
from crypto import jose
from crypto.encoding import b64u
from crypto.primitives import random_bytes, sha256
from tests.builders import PERSON, AgencyDesk, Citizen, Store
from vault.recording import SYSTEM, draft
from vault.sequencer import Item

DATA_PATH = f"/v1/data?fields={','.join(FIELDS)}"
LIMITS = {
    "KLUIS_OFFERS_PER_DAY": "1000000",
    "KLUIS_OFFER_TTL_SECONDS": "300",
    "KLUIS_OWNER_ACTS_PER_HOUR": "1000000",
}
PROOFS_PER_SECOND = 3000


class Bench:
    """One installation with a citizen and an agency, and the requests that are made of them."""

    def __init__(self, work: Path, port: int) -> None:
        self.url = f"http://localhost:{port}"
        os.environ.update(LIMITS)
        self.store = Store.make_live(work, self.url)
        self.citizen: Citizen = self.store.citizen(PERSON)
        self.agency: AgencyDesk = self.store.agency()
        self.proof_key = jose.generate_key()
        self.agency.thumbprint = jose.thumbprint(self.proof_key)
        offer = self.citizen.offer(self.agency, FIELDS, reads_max=None)
        self.token = self.agency.redeem(offer.code).token

    def proof(self, method: str, path: str, **claims: str) -> str:
        body = {"jti": b64u(random_bytes(12)), "htm": method, "htu": self.url + path}
        claims_now = {**body, "iat": int(time.time()), **claims}
        return jose.sign(claims_now, self.proof_key, typ="dpop+jwt", carry_key=True)

    def reads(self, count: int) -> list[Request]:
        ath = b64u(sha256(self.token.encode()))
        return [
            Request(
                "GET",
                DATA_PATH,
                {
                    "Authorization": f"DPoP {self.token}",
                    "DPoP": self.proof("GET", "/v1/data", ath=ath),
                },
            )
            for _ in range(count)
        ]

    def redemptions(self, count: int) -> list[Request]:
        """Of many citizens: two changes of one vault at once would have to wait for each other."""
        citizens = [self.store.citizen(PERSON) for _ in range(min(count, 50))]
        return [self._redemption(citizens[at % len(citizens)]) for at in range(count)]

    def _redemption(self, citizen: Citizen) -> Request:
        now = int(time.time())
        assertion = {
            "iss": self.agency.id, "sub": self.agency.id, "aud": self.url,
            "iat": now, "exp": now + 300, "jti": b64u(random_bytes(12)),
        }  # fmt: skip
        offer = citizen.offer(self.agency, FIELDS[:3])
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code",
            "pre-authorized_code": offer.code,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jose.sign(assertion, self.agency.key, typ="JWT"),
        }
        headers = {
            "DPoP": self.proof("POST", "/oauth/token"),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return Request("POST", "/oauth/token", headers, urlencode(form))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        print("make bench needs wrk: apt-get install wrk", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="kluis-bench-") as folder:
        figures = measure(Path(folder), options.rounds, options.seconds, options.connections)
    results = Path(__file__).with_name("results.json")
    results.write_text(json.dumps(figures, indent=1) + "\n")
    for name, value in figures.items():
        print(f"{name:28} {value:10.3f}")
    return 0


def measure(work: Path, rounds: int, seconds: int, connections: list[int]) -> dict[str, float]:
    port = free_port()
    bench = Bench(work, port)
    data = str(bench.store.settings.data)
    uvicorn = ["-m", "uvicorn", "--port", str(port), "--no-access-log", "--log-level", "error"]
    plain_token = jwt.encode({"sub": "agency"}, "0" * 32, algorithm="HS256")
    reads = seconds * PROOFS_PER_SECOND
    kinds: dict[str, tuple[list[str], dict[str, str], Callable[[], list[Request]]]] = {
        "bare": ([*uvicorn, "bench.bare:app"], {}, lambda: [Request("GET", DATA_PATH, {})]),
        "read": (
            ["-m", "cli.main", "serve", "--data", data, "--port", str(port)],
            LIMITS,
            lambda: bench.reads(reads),
        ),
        "plain": (
            [*uvicorn, "bench.plain:app"],
            {"BENCH_DATABASE": f"sqlite:///{work}/plain.db"},
            lambda: [Request("GET", DATA_PATH, {"Authorization": f"Bearer {plain_token}"})],
        ),
        "redeem": (
            ["-m", "cli.main", "serve", "--data", data, "--port", str(port)],
            LIMITS,
            lambda: bench.redemptions(seconds * 150),
        ),
    }
    found: dict[tuple[str, int], list[Load]] = {}
    for number in range(rounds):
        for count in connections:
            for kind, (command, env, make) in kinds.items():
                if kind == "redeem" and count != 16:
                    continue
                requests = make()
                with server(command, port, env) as url:
                    load(url, [Request("GET", "/healthz", {})], 4, 1, work)
                    result = load(url, requests, count, seconds, work)
                found.setdefault((kind, count), []).append(result)
                print(f"round {number + 1} {kind:7} {count:3} {asdict(result)}", file=sys.stderr)
    bench.store.close()
    return {**_ratios(found), "entries_per_second": entries_per_second(work)}


def _ratios(found: dict[tuple[str, int], list[Load]]) -> dict[str, float]:
    figures = {}

    def median(kind: str, count: int, of: Callable[[Load], float]) -> float:
        return statistics.median(of(one) for one in found[kind, count])

    def ratio(left: str, right: str, count: int) -> float:
        pairs = zip(found[left, count], found[right, count], strict=True)
        return statistics.median(a.per_second / b.per_second for a, b in pairs)

    for kind, count in found:
        figures[f"{kind}_per_second_{count}"] = median(kind, count, lambda one: one.per_second)
        figures[f"{kind}_p99_ms_{count}"] = median(kind, count, lambda one: one.p99_ms)
    for _, count in [key for key in found if key[0] == "read"]:
        figures[f"read_over_bare_{count}"] = ratio("read", "bare", count)
        figures[f"read_over_plain_{count}"] = ratio("read", "plain", count)
        figures[f"read_p99_over_p50_{count}"] = median(
            "read", count, lambda one: one.p99_ms / max(one.p50_ms, 0.001)
        )
    return figures


def entries_per_second(work: Path, entries: int = 5000) -> float:
    """The sequencer alone, in groups: entries committed per second."""
    store = Store.make(work / f"entries-{os.getpid()}")
    system = store.vault.system
    items = [
        Item(draft(store.clock.now_ms(), "log.read", SYSTEM), system.system_key)
        for _ in range(entries)
    ]
    started = time.perf_counter()
    for future in [system.sequencer.submit(item) for item in items[:4000]]:
        future.result()
    for future in [system.sequencer.submit(item) for item in items[4000:]]:
        future.result()
    elapsed = time.perf_counter() - started
    store.close()
    return entries / elapsed


if __name__ == "__main__":
    sys.exit(main())
