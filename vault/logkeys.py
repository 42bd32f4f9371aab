"""The log's keys in the keys folder: made by `kluis init`, changed by `kluis audit keys rotate`.

`log.key` and `log-mldsa.key` are the first pair, `log-2.key` and `log-mldsa-2.key` the second. The
newest signs heads; all whose seed is there are believed, and sign what is published. Of a retired
one `log.pub` is left, its public half: for old notes. Nothing is derived from the root key.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from audit.note import Checkpoint, LatticeKey, LogKey, Verifier, sign_checkpoint
from crypto.secret import Secret
from vault.errors import NotReady
from vault.rootkey import read_key_file
from vault.settings import Settings

LOG, LATTICE = "log", "log-mldsa"
PAIRS_MAX = 64


@dataclass(frozen=True, slots=True)
class LogKeys:
    """Keys under a log's name, oldest first."""

    signers: tuple[LogKey, ...]
    lattice: tuple[LatticeKey, ...] = ()

    @property
    def newest(self) -> LogKey:
        return self.signers[-1]

    @property
    def verifiers(self) -> list[Verifier]:
        """The keys that a head is believed for. What a retired key signed now is no head."""
        return [key.verifier for key in self.signers]

    def named(self, origin: str) -> "LogKeys":
        """The same keys under another log's name: there are several after a restore."""
        return LogKeys(
            tuple(replace(key, name=origin) for key in self.signers),
            tuple(replace(key, name=origin) for key in self.lattice),
        )

    def published(self, checkpoint: Checkpoint, at_seconds: int) -> str:
        """The note of this checkpoint with a line by each key, the newest first."""
        first, *more = [sign_checkpoint(key, checkpoint) for key in reversed(self.signers)]
        lines = [note.rpartition("\n\n")[2] for note in more]
        return first + "".join(
            lines + [key.cosign(checkpoint, at_seconds) for key in reversed(self.lattice)]
        )


def log_keys(settings: Settings) -> LogKeys:
    """The keys, under the name of the first log. Raises `NotReady` where none can be read."""
    name, signers, lattice = settings.origin, [], []
    for number in range(1, PAIRS_MAX + 1):
        path, second = (key_path(settings.keys, kind, number) for kind in (LOG, LATTICE))
        if not is_retired(path) and (number == 1 or path.exists()):
            signers.append(LogKey(name, Secret(read_key_file(path))))
        if not is_retired(second) and second.exists():
            lattice.append(LatticeKey(name, Secret(read_key_file(second))))
    if not signers:
        raise NotReady("Every key of the log is retired: put the newest one back.")
    return LogKeys(tuple(signers), tuple(lattice))


def is_retired(path: Path) -> bool:
    return path.with_suffix(".pub").exists()


def key_path(keys: Path, kind: str, number: int = 1) -> Path:
    return keys / (f"{kind}.key" if number == 1 else f"{kind}-{number}.key")
