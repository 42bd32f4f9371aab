"""Runs the model checker on docs/model/grant.pml: translated by spin, compiled, searched whole."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.programs import needs

MODEL = ROOT / "docs" / "model" / "grant.pml"
DEPTH_MAX = 100_000
SEARCH_SECONDS_MAX = 240
_UNREACHED = re.compile(r"unreached in (?:proctype )?(\S+)\n((?:\t.*\n)*)")

needs_spin = needs(
    shutil.which("spin") and shutil.which("cc"), "no model checker: apt-get install spin gcc"
)


@dataclass(frozen=True)
class Search:
    """What pan printed."""

    text: str

    @property
    def errors(self) -> int:
        (found,) = re.findall(r"errors: (\d+)", self.text)
        return int(found)

    @property
    def broken(self) -> str:
        """The assertion that was violated, or nothing."""
        found = re.search(r"pan:1: (.*) \(at depth", self.text)
        return found[1] if found else ""

    @property
    def is_whole(self) -> bool:
        """Whether every state was looked at: nothing cut off, nothing approximated."""
        signs = ("Search not completed", "search depth too small", "hash-compact", "bit state")
        return not any(sign in self.text for sign in signs)

    def unreached(self, processes: set[str]) -> set[str]:
        """The statements of these processes that no story came to; that one never ends is fine."""
        found = [lines for name, lines in _UNREACHED.findall(self.text) if name in processes]
        lines = {line.strip() for each in found for line in each.splitlines()}
        return {line for line in lines if ", state " in line and '"-end-"' not in line}


def search(folder: Path, *names: str, formula: str = "") -> Search:
    """Searches every story of the model with these names defined (`READERS=2`).

    Without a formula the assertions are checked, and that no process is stuck for good. With one,
    that it holds in every story in which each process that can go on does so at some time.
    """
    defined = [f"-D{name}" for name in names]
    _run(folder, ["spin", *defined, "-a", str(MODEL)], 60)
    kind = ["-DNFAIR=3"] if formula else ["-DSAFETY", "-DNOCLAIM"]
    _run(folder, ["cc", "-O1", "-w", *kind, "-o", "pan", "pan.c"], 120)
    how = ["-a", "-f", "-N", formula] if formula else []
    return Search(_run(folder, ["./pan", f"-m{DEPTH_MAX}", *how], SEARCH_SECONDS_MAX))


def _run(folder: Path, command: list[str], seconds_max: int) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=seconds_max, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
