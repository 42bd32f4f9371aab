"""`kluis audit keys`: the keys that sign the log, a new pair, and an end to old ones.

Rotating: (1) the new pair of files, the ML-DSA key first; (2) an entry `key.rotate` that names
both, under a head that the new key signs. Servers that meet that head read the keys folder again
and go on with the new key. Killed in between, the same command goes on. From then on what is
published has lines of old and new keys, until `retire` leaves of the old ones their public halves.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from audit.entry import decode_chain, decode_event
from audit.errors import AuditError, BadNote
from audit.leaf import open_opening
from audit.note import ED25519, ML_DSA_44, LatticeKey, LogKey, Verifier, open_note
from crypto.errors import CannotOpen
from crypto.primitives import sha256
from crypto.secret import Secret
from evidence.cosignature import LatticeVerifier
from operate.pair import opened_ready
from operate.token import root_key, write_key_file
from vault.anchor import Anchor
from vault.clock import Clock
from vault.errors import NotReady
from vault.keystore import Keystore
from vault.log import Head
from vault.logkeys import LATTICE, LOG, PAIRS_MAX, LogKeys, is_retired, key_path, log_keys
from vault.opening import system_key
from vault.recording import OPERATOR, draft
from vault.rootkey import read_key_file
from vault.sequencer import Item
from vault.settings import DAY_SECONDS, Settings
from vault.steps import sql
from vault.vault import Vault

SIGNING, OVERLAP, RETIRED = "signing", "overlap", "retired"
KINDS = {ED25519: "ed25519", ML_DSA_44: "ml-dsa-44"}
_ORIGINS = sql("SELECT origin FROM audit_log ORDER BY log DESC")
_OWN = sql(
    """SELECT g.origin, l.entry_id, o.opening
    FROM audit_opening o JOIN audit_leaf l USING (log, idx) JOIN audit_log g USING (log)
    WHERE o.subject = :subject ORDER BY o.log DESC, o.idx DESC"""
)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A verifier key for auditors, and whether it signs (`SIGNING`), or still or no more does."""

    verifier: Verifier
    state: str

    @property
    def kind(self) -> str:
        return KINDS[self.verifier.kind]


@dataclass(frozen=True, slots=True)
class Rotated:
    """The new pair's number, the files that were made now, and when the old keys may go."""

    number: int
    made: tuple[Path, ...]
    overlap_ends: int


def public_keys(settings: Settings) -> list[PublicKey]:
    """By which keys this installation's notes are checked: newest log, newest key first."""
    with opened_ready(settings) as (main, _), main.read() as connection:
        origins = list(connection.execute(_ORIGINS).scalars())
    held = list(_held(settings))
    return [
        PublicKey(replace(one.verifier, name=origin), one.state)
        for origin in origins
        for one in held
    ]


def ever(settings: Settings, origin: str) -> list[Verifier]:
    """The keys that an old note of this log is believed for, retired ones included."""
    return [replace(one.verifier, name=origin) for one in _held(settings)]


def complete(settings: Settings, clock: Clock) -> Path:
    """Makes the ML-DSA key that an older installation lacks, and records it; returns its file."""
    number = _newest(settings)
    path = key_path(settings.keys, LATTICE, number)
    if path.exists():
        raise NotReady("The log has its ML-DSA key. Nothing was done.", "nothing_to_do")
    fresh = path.with_suffix(".new")  # it counts once it is recorded
    _make(fresh)
    _record(settings, clock, (_digest(_key_in(fresh, LATTICE, settings.origin)),))
    os.replace(fresh, path)
    return path


def rotate(settings: Settings, clock: Clock) -> Rotated:
    """Makes a new pair of keys that signs from now on, or goes on with one that was begun."""
    number, made = _newest(settings), []
    at = _recorded(settings, _digests(settings, number)) if number > 1 else 0
    if at is not None:
        if len(log_keys(settings).signers) > 1:
            raise NotReady(
                "The last new key is still in its overlap with the one before. Retire that first: "
                "kluis audit keys retire. Nothing was done.",
                "overlap_runs",
            )
        number += 1
        if number > PAIRS_MAX:
            raise NotReady(f"There were {PAIRS_MAX} keys, which is all that fit.")
        # The log's own last: from then on it signs.
        paths = [key_path(settings.keys, kind, number) for kind in (LATTICE, LOG)]
        made = [path for path in paths if _make(path)]
    now_ms = _record(settings, clock, _digests(settings, number))
    return Rotated(number, tuple(made), now_ms + _overlap_ms(settings))


def overlap_ends(settings: Settings) -> int | None:
    """When keys before the newest may be retired, in Unix milliseconds; None: there are none."""
    if len(log_keys(settings).signers) < 2:
        return None
    at = _recorded(settings, _digests(settings, _newest(settings)))
    if at is None:
        raise NotReady(
            "The newest key of the log is in no entry yet. Finish: kluis audit keys rotate",
            "rotation_unfinished",
        )
    return at + _overlap_ms(settings)


def retire(settings: Settings, clock: Clock, *, now: bool = False) -> list[Path]:
    """Ends every key but the newest pair; of each its public half stays, in the files returned.

    With `now` before the overlap is over: for a key that is stolen, or may be.
    """
    paths = [
        (path, kind)
        for number in range(1, _newest(settings))
        for kind in (LATTICE, LOG)
        if (path := key_path(settings.keys, kind, number)).exists()
    ]
    if not paths:
        raise NotReady("There is one key, and it signs. Nothing was done.", "nothing_to_do")
    ends = overlap_ends(settings)
    if ends is not None and not now and clock.now_ms() < ends:
        raise NotReady("The overlap is not over. Nothing was done.", "overlap_runs")
    _check_newest_signs(settings)
    return [_end(path, _key_in(path, kind, settings.origin)) for path, kind in paths]


def _held(settings: Settings) -> Iterator[PublicKey]:
    """Every key in the folder, newest first, under the name of the first log."""
    newest = _newest(settings)
    for number in range(newest, 0, -1):
        for kind, verifier in ((LOG, Verifier), (LATTICE, LatticeVerifier)):
            path = key_path(settings.keys, kind, number)
            if is_retired(path):
                yield PublicKey(_public_in(path.with_suffix(".pub"), verifier, settings), RETIRED)
            elif path.exists():
                state = SIGNING if number == newest else OVERLAP
                yield PublicKey(_key_in(path, kind, settings.origin), state)


def _key_in(path: Path, kind: str, name: str) -> Verifier:
    seed = Secret(read_key_file(path))
    if kind == LATTICE:
        return LatticeVerifier.of(LatticeKey(name, seed))
    return LogKey(name, seed).verifier


def _public_in(path: Path, kind: type[Verifier], settings: Settings) -> Verifier:
    try:
        return kind(settings.origin, path.read_bytes())
    except BadNote:
        raise NotReady(f"The key file {path} does not hold {kind.public_bytes} bytes.") from None


def _newest(settings: Settings) -> int:
    """The number of the pair that signs; raises `NotReady` where no key can be read."""
    log_keys(settings)
    numbers = range(PAIRS_MAX, 0, -1)
    return next(n for n in numbers if key_path(settings.keys, LOG, n).exists())


def _make(path: Path) -> bool:
    with suppress(FileExistsError):
        write_key_file(path)
        return True
    return False


def _digests(settings: Settings, number: int) -> tuple[bytes, ...]:
    """What an entry names of a pair: SHA-256(type || public key), Ed25519 first."""
    pair = [(key_path(settings.keys, kind, number), kind) for kind in (LOG, LATTICE)]
    found = [_key_in(path, kind, settings.origin) for path, kind in pair if path.exists()]
    return tuple(map(_digest, found))


def _digest(verifier: Verifier) -> bytes:
    return sha256(bytes([verifier.kind]) + verifier.public)


def _record(settings: Settings, clock: Clock, digests: tuple[bytes, ...]) -> int:
    with Vault.open(settings, clock, root_key(settings)) as vault:
        now_ms = clock.now_ms()
        event = draft(now_ms, "key.rotate", OPERATOR)
        vault.system.sequencer.record(Item(event, vault.system.system_key, refs=digests))
    return now_ms


def _recorded(settings: Settings, digests: tuple[bytes, ...]) -> int | None:
    """When an entry named these keys."""
    with opened_ready(settings) as (main, salts):
        with main.read() as connection:
            head = Head.read(connection)
        key = system_key(main, Keystore(salts), root_key(settings), head.system_subject)
        with main.read() as connection:
            rows = connection.execute(_OWN, {"subject": key.subject}).all()
        for row in rows:
            with suppress(CannotOpen, AuditError):
                opening = open_opening(key.key, row.origin, row.entry_id, row.opening)
                event, refs = decode_event(opening.event), decode_chain(opening.chain).refs
                if event.action == "key.rotate" and set(digests) <= set(refs or ()):
                    return event.at
    return None


def _check_newest_signs(settings: Settings) -> None:
    """Head and anchor must open without the keys that are about to go."""
    signers = log_keys(settings).signers
    left = LogKeys(signers[-1:])
    with opened_ready(settings) as (main, _), main.read() as connection:
        head = Head.read(connection)
    anchored, note = Anchor(settings.anchor).read()
    try:
        open_note(head.note, left.named(head.origin).verifiers)
        open_note(note, left.named(anchored.origin).verifiers)
    except BadNote:
        raise NotReady(
            "The newest entries are signed by an older key: a server can't read the new one. Copy "
            "the keys folder to its machine first. Nothing was done.",
            "old_key_in_use",
        ) from None


def _overlap_ms(settings: Settings) -> int:
    return settings.log_key_overlap_days * DAY_SECONDS * 1000


def _end(path: Path, verifier: Verifier) -> Path:
    """The public half in the place of the key. Killed in between, the key is retired already."""
    public = path.with_suffix(".pub")
    fresh = path.with_name(public.name + ".new")
    with open(fresh, "wb") as file:
        file.write(verifier.public)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, public)
    with open(path, "r+b") as file:  # as far as a disk overwrites what it is told to
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    return public
