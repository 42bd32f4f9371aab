"""Archives: the rows of one database in one file, written whole or not at all (docs/backup.md).

A zip file. Each table is a member `NAME.ndjson`: its columns, then a row a line, bytes in
base64url. `manifest.json` is written last; it says what the archive is and has every member's
SHA-256. Common tools read it, and an archive of SQLite goes into PostgreSQL as well.

What a manifest says is believed of an honest disk only: rows have macs of their own.
"""

import fcntl
import hashlib
import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from crypto.encoding import b64u, unb64u
from crypto.errors import Malformed
from vault.errors import NotReady

FORMAT = "kluis-backup/1"
MANIFEST = "manifest.json"
_PARTIAL = ".partial"
_LINE_BYTES_MAX = 4 * 2**20
_MANIFEST_BYTES_MAX = 2**20
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError,
    ValueError, TypeError, Malformed,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """One table in an archive: its number of rows and the SHA-256 of its lines."""

    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive is. `made_at` in Unix milliseconds; `size` and `note` are the log's head.

    `database` is main or keystore, `instance` the installation's id in base64url.
    """

    database: str
    instance: str
    schema: str
    made_at: int
    members: Mapping[str, Member]
    size: int = 0
    note: str = ""


Row = Sequence[Any]


class ArchiveWriter:
    """Adds tables to an archive, then its manifest."""

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self.members: dict[str, Member] = {}

    def add(self, table: str, columns: Mapping[str, bool], rows: Iterable[Row]) -> None:
        """One table. `columns` says of each whether it holds bytes."""
        digest, count = hashlib.sha256(), 0
        with self._zip.open(f"{table}.ndjson", "w", force_zip64=True) as out:
            for line in _lines(columns, rows):
                digest.update(line)
                out.write(line)
                count += 1
        self.members[table] = Member(count - 1, digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        self._zip.writestr(MANIFEST, json.dumps({"format": FORMAT} | asdict(manifest), indent=1))
        self._zip.close()

    def abandon(self) -> None:
        """Writes no more: else the end of an archive would be written to a full disk."""
        self._zip.fp = None


def _lines(columns: Mapping[str, bool], rows: Iterable[Row]) -> Iterator[bytes]:
    yield _line(columns)
    for row in rows:
        yield _line([b64u(bytes(one)) if isinstance(one, bytes) else one for one in row])


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


class Archive:
    """An archive that was read to its end once and is what its manifest says.

    Raises `NotReady` (`damaged_archive`) for any other file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with ExitStack() as undo:
                self._zip = undo.enter_context(zipfile.ZipFile(path))
                self.manifest = self._read_manifest()
                for table, member in self.manifest.members.items():
                    self._check(table, member)
                undo.pop_all()
        except OSError as error:
            raise NotReady(f"{path} can't be read: {error.strerror}.", "unreadable_file") from None
        except _UNREADABLE:
            raise _damaged(path) from None

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """The rows of a table by column."""
        try:
            with self._zip.open(f"{table}.ndjson") as lines:
                columns = json.loads(lines.readline(_LINE_BYTES_MAX))
                while line := lines.readline(_LINE_BYTES_MAX):
                    yield _row(columns, json.loads(line))
        except _UNREADABLE:
            raise _damaged(self.path) from None

    def close(self) -> None:
        self._zip.close()

    def _read_manifest(self) -> Manifest:
        if self._zip.getinfo(MANIFEST).file_size > _MANIFEST_BYTES_MAX:
            raise ValueError
        found = json.loads(self._zip.read(MANIFEST))
        if found.pop("format") != FORMAT or found["database"] not in {"main", "keystore"}:
            raise ValueError
        members = {name: Member(**member) for name, member in found.pop("members").items()}
        expected = {MANIFEST, *(f"{name}.ndjson" for name in members)}
        if sorted(self._zip.namelist()) != sorted(expected):
            raise ValueError
        return Manifest(**found, members=members)

    def _check(self, table: str, member: Member) -> None:
        digest, count = hashlib.sha256(), 0
        with self._zip.open(f"{table}.ndjson") as lines:
            while line := lines.readline(_LINE_BYTES_MAX):
                digest.update(line)
                count += 1
        if (count - 1, digest.hexdigest()) != (member.rows, member.sha256):
            raise ValueError


def _row(columns: Mapping[str, bool], values: Row) -> dict[str, Any]:
    return {
        name: unb64u(value) if is_bytes and value is not None else value
        for (name, is_bytes), value in zip(columns.items(), values, strict=True)
    }


def _damaged(path: Path) -> NotReady:
    return NotReady(
        f"{path} is damaged, or no archive of kluis backup. Nothing was changed.", "damaged_archive"
    )


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file of mode 0600 that has its name once it is whole and on the disk, and not before.

    Never takes the name of a file that is there. Raises `NotReady`; nothing is left then.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}{_PARTIAL}")
    try:
        if path.exists():
            raise FileExistsError  # noqa: TRY301 - the same as when the link below finds it
        with open(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # tells it from what a killed command left
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.link(draft, path)  # refuses a name that is taken
        _sync(path.parent)
    except FileExistsError:
        raise NotReady(f"{path} is there already. Nothing was changed.", "exists") from None
    except OSError as error:
        raise NotReady(
            f"{path} can't be written: {error.strerror}. Nothing was left.", "unwritable_file"
        ) from None
    finally:
        draft.unlink(missing_ok=True)


def remove_partial(folder: Path) -> None:
    """Removes what a killed backup left: it may hold salts that must not live longer."""
    for path in folder.glob(f".*{_PARTIAL}"):
        with path.open("rb") as file, suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody is writing it now
            path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
