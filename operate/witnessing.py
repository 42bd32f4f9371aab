"""A witness: it signs what goes on from what it signed before, and keeps what does not.

It needs no vault, no secret of anyone and no trust in those whose logs it signs: a folder with two
key seeds, the keys of the logs it knows, and one SQLite file. `evidence/witness.py` says what is
answered; here it is remembered, atomically: of two submissions at once one is judged by what the
other left behind (C2SP tlog-witness, the race in its last section).
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from audit.errors import BadNote
from audit.note import LatticeKey, Verifier, parse_note
from crypto.primitives import random_bytes, sha256
from crypto.secret import Secret
from evidence.cosignature import CosignatureKey, LatticeVerifier, parse_verifier
from evidence.witness import NotWitnessed, Submission, judge, signed_by
from vault.clock import Clock
from vault.database import Connection, Database, sqlite_url
from vault.errors import NotReady
from vault.steps import sql

_NAME, _LOGS, _STATE = "name", "logs", "witness.db"
_SEEDS: dict[str, type[CosignatureKey | LatticeKey]] = {
    "ed25519.seed": CosignatureKey,
    "mldsa44.seed": LatticeKey,
}
_SEED_BYTES = 32
CONTRADICTIONS_MAX = 100  # of one log: each is proof enough

_TABLES = (
    sql(
        """CREATE TABLE IF NOT EXISTS held
        (origin TEXT PRIMARY KEY, place TEXT UNIQUE NOT NULL, note TEXT NOT NULL)"""
    ),
    sql(
        """CREATE TABLE IF NOT EXISTS contradiction
        (origin TEXT, held TEXT, shown TEXT, at INTEGER, PRIMARY KEY (origin, held, shown))"""
    ),
)
_HELD = sql("SELECT note FROM held WHERE origin = :origin")
_HOLD = sql(
    """INSERT INTO held (origin, place, note) VALUES (:origin, :place, :note)
    ON CONFLICT (origin) DO UPDATE SET note = excluded.note"""
)
_AT_PLACE = sql("SELECT note FROM held WHERE place = :place")
_KEEP = sql(
    """INSERT INTO contradiction (origin, held, shown, at)
    SELECT :origin, :held, :shown, :at
    WHERE (SELECT count(*) FROM contradiction WHERE origin = :origin) < :most
    ON CONFLICT DO NOTHING"""
)
_KEPT = sql("SELECT origin, held, shown, at FROM contradiction ORDER BY at, origin, shown")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two notes that one log signed, the second of which was not shown to go on from the first.

    Of the same size and with different roots they prove that the log has two histories. Otherwise
    whoever sent the second may have left the proof out: ask the log for it.
    """

    origin: str
    held: str
    shown: str
    at_ms: int

    @property
    def is_proof(self) -> bool:
        held, shown = (parse_note(note)[0] for note in (self.held, self.shown))
        return held.size == shown.size and held.root != shown.root


def place_of(origin: str) -> str:
    """Where a witness shows the newest note of a log: the lower-case hex SHA-256 of its origin."""
    return sha256(origin.encode()).hex()


def make_witness(folder: Path, name: str) -> None:
    """Makes a witness's folder: its name and two seeds, each readable by its owner alone.

    Raises `NotReady` where one stands already, and `BadNote` for a name that can't be one.
    """
    if (folder / _NAME).exists():
        raise NotReady(f"There is a witness in {folder} already.", "exists")
    keys = [kind(name, Secret(random_bytes(_SEED_BYTES))) for kind in _SEEDS.values()]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file, key in zip(_SEEDS, keys, strict=True):
        _write(folder / file, key.seed.reveal())
    _write(folder / _LOGS, b"")
    _write(folder / _NAME, name.encode())


def add_log(folder: Path, vkey: str) -> Verifier:
    """Signs for this log from now on; a second key of a log it knows is added. Takes effect when
    the witness is started. Raises `BadNote`, `NotReady`.
    """
    key = parse_verifier(vkey)
    known = _logs(folder)
    if key not in known.get(key.name, ()):
        with (folder / _LOGS).open("a", encoding="utf-8") as file:
            file.write(vkey + "\n")
    return key


class Witness:
    """A witness at work. `close` it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        """Raises `NotReady` for a folder that `make_witness` did not make."""
        try:
            name = (folder / _NAME).read_text(encoding="utf-8")
            seeds = {file: Secret((folder / file).read_bytes()) for file in _SEEDS}
            self.keys = tuple(kind(name, seeds[file]) for file, kind in _SEEDS.items())
            self.logs = _logs(folder)
        except (OSError, UnicodeDecodeError, ValueError, BadNote):
            what = f"There is no witness in {folder}. Make one: kluis witness init"
            raise NotReady(f"{what} --witness {folder}", "no_witness") from None
        self._clock = clock
        self._state = Database(sqlite_url(folder / _STATE))
        with self._state.write() as connection:
            for statement in _TABLES:
                connection.execute(statement)

    def close(self) -> None:
        self._state.close()

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        """What logs and auditors know this witness by: one key of each kind."""
        return tuple(
            LatticeVerifier.of(key) if isinstance(key, LatticeKey) else key.verifier
            for key in self.keys
        )

    def add_checkpoint(self, body: bytes) -> str:
        """The signature lines for a submitted checkpoint, which is remembered before they leave.

        Raises `NotWitnessed`. What contradicts the note before is kept, as evidence.
        """
        submission = Submission.parse(body)
        now_ms = self._clock.now_ms()
        with self._state.write() as connection:
            held = _held(connection, submission.origin())
            try:
                new = judge(submission, self.logs, parse_note(held)[0] if held else None)
            except NotWitnessed as refused:
                # Without `raise`, so that what is kept is committed.
                if refused.held is not None and held is not None:
                    self._keep(connection, refused.held.origin, held, submission.note, now_ms)
                answer: str | NotWitnessed = refused
            else:
                answer = "".join(key.cosign(new, now_ms // 1000) for key in self.keys)
                note = signed_by(submission.note, self.logs[new.origin]) + answer
                values = {"origin": new.origin, "place": place_of(new.origin), "note": note}
                connection.execute(_HOLD, values)
        if isinstance(answer, NotWitnessed):
            raise answer
        return answer

    def newest(self, place: str) -> str | None:
        """The note that was signed last, of the log whose `place_of` this is; cosigned."""
        with self._state.read() as connection:
            note: str | None = connection.execute(_AT_PLACE, {"place": place}).scalar_one_or_none()
            return note

    def contradictions(self) -> list[Contradiction]:
        """What logs signed that does not fit, oldest first."""
        with self._state.read() as connection:
            return [Contradiction(*row) for row in connection.execute(_KEPT)]

    def _keep(
        self, connection: Connection, origin: str, held: str, shown: str, now_ms: int
    ) -> None:
        kept = {"origin": origin, "held": held, "shown": signed_by(shown, self.logs[origin])}
        connection.execute(_KEEP, kept | {"at": now_ms, "most": CONTRADICTIONS_MAX})


def _held(connection: Connection, origin: str) -> str | None:
    note: str | None = connection.execute(_HELD, {"origin": origin}).scalar_one_or_none()
    return note


def _logs(folder: Path) -> Mapping[str, Sequence[Verifier]]:
    try:
        lines = (folder / _LOGS).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        raise NotReady(f"There is no witness in {folder}.", "no_witness") from None
    found: dict[str, list[Verifier]] = {}
    for line in lines:
        key = parse_verifier(line)
        found.setdefault(key.name, []).append(key)
    return found


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with closing(os.fdopen(descriptor, "wb")) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
