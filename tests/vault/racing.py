"""Two processes on one installation that begin an act at the same moment."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from random import Random
from threading import Barrier
from typing import Any

from tests.builders import FakeClock
from tests.patience import be_patient
from tests.vault.crash import Perform, Scene
from vault.settings import Settings
from vault.vault import Vault

APART_SECONDS_MAX = 0.003
ROUND_SECONDS_MAX = 60
_processes = multiprocessing.get_context("forkserver")  # forks from a process without threads


@dataclass(frozen=True)
class Call:
    """An act, who does it, and when as its process sees it."""

    perform: Perform
    scene: Scene
    now_ms: int


@dataclass(frozen=True)
class Outcome:
    """What a call returned, or the name of the error it raised."""

    value: Any
    error: str | None = None


@dataclass(frozen=True)
class Racers:
    """The two processes, by the connections to them."""

    first: Connection
    second: Connection

    @classmethod
    @contextmanager
    def start(cls, settings: Settings) -> Iterator["Racers"]:
        together = _processes.Barrier(2)
        with ExitStack() as stack:
            ends = []
            for _ in range(2):
                ours, theirs = _processes.Pipe()
                process = _processes.Process(target=_live, args=(settings, together, theirs))
                process.start()
                stack.callback(process.join, 10)
                stack.callback(ours.close)  # it ends when nobody speaks to it any more
                theirs.close()
                ends.append(ours)
            yield cls(*ends)

    def race(self, seed: int, first: Call, second: Call) -> tuple[Outcome, Outcome]:
        """They begin within three milliseconds of each other; the seed says which when."""
        random = Random(seed)  # noqa: S311 - no secret
        told = ((self.first, first), (self.second, second))
        for end, call in told:
            end.send((call.perform, call.scene.at(None), call.now_ms, random.random()))
        outcomes = []
        for end, _ in told:
            assert end.poll(ROUND_SECONDS_MAX), "no answer"
            outcomes.append(end.recv())
        return outcomes[0], outcomes[1]


def _live(settings: Settings, together: Barrier, end: Connection) -> None:
    clock = FakeClock()
    be_patient()
    with Vault.open(settings, clock) as vault:
        while True:
            try:
                perform, scene, clock.ms, share = end.recv()
            except EOFError:
                return
            together.wait(ROUND_SECONDS_MAX)
            time.sleep(share * APART_SECONDS_MAX)
            try:
                end.send(Outcome(perform(vault, scene.at(vault))))
            except Exception as error:  # noqa: BLE001 - compared by the test
                end.send(Outcome(None, type(error).__name__))
