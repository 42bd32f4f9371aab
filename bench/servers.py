"""Servers and load of a benchmark: the server on one core, wrk on the other."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
LOAD_SCRIPT = Path(__file__).with_name("requests.lua")


@dataclass(frozen=True, slots=True)
class Request:
    """One prepared request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str = ""

    def line(self) -> str:
        headers = "\t".join(f"{name}: {value}" for name, value in self.headers.items())
        return f"{self.method}\t{self.path}\t{self.body}\t{headers}\n"


@dataclass(frozen=True, slots=True)
class Load:
    """What one run gave; latencies in milliseconds."""

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """The command, kept to one core where the machine has more."""
    several = (os.cpu_count() or 1) > 1 and shutil.which("taskset")
    return ["taskset", "-c", str(core), *command] if several else list(command)


@contextlib.contextmanager
def server(command: Sequence[str], port: int, env: Mapping[str, str]) -> Iterator[str]:
    """A server of our own child process on a port that was free; stopped at the end."""
    process = subprocess.Popen(
        pinned(0, [sys.executable, *command]),
        cwd=ROOT,
        env={**os.environ, **env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://localhost:{port}"
    try:
        _wait_until_up(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=15)


def _wait_until_up(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"{url}/healthz", timeout=1)
            return
        time.sleep(0.05)
    raise RuntimeError("the benchmark's server did not start")


def load(url: str, requests: Sequence[Request], connections: int, seconds: int, work: Path) -> Load:
    """Sends the prepared requests over and over for some seconds."""
    prepared = work / "requests.txt"
    prepared.write_text("".join(request.line() for request in requests))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    done = subprocess.run(
        pinned(1, [*command, "-s", str(LOAD_SCRIPT), url]),
        env={**os.environ, "BENCH_REQUESTS": str(prepared)},
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 60,
    )
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", done.stdout)
    if found is None:
        raise RuntimeError(f"wrk gave no result: {done.stdout} {done.stderr}")
    count, micros, p50, p99, failed = map(int, found.groups())
    return Load(count, count / micros * 1e6, p50 / 1000, p99 / 1000, failed)
