"""A zip that is written and read member by member, whatever its size.

Written: stored, in the order given, with one fixed date, so that the same members give the same
bytes; to a stream that can't go back. Read: only what is written here. Members are found by the
central directory, as every tool finds them; a name that stands twice, leads out of the folder, is
compressed, encrypted or reaches beyond the file is refused before anything of it is read.
"""

import hashlib
import io
import re
import struct
import zipfile
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import IO

from evidence.errors import BadExport

MEMBERS_MAX = 500_000
MANIFEST_BYTES_MAX = 64 * 2**20
_DATE = 1980, 1, 1, 0, 0, 0
_UNIX, _FILE = 3, 0o100644 << 16
_NAME = re.compile(r"(?:[a-z0-9][a-z0-9_-]*(?:\.p)?/)*[a-z0-9][a-z0-9_.-]*", re.ASCII)
_NAME_CHARACTERS_MAX = 100
_CHUNK_BYTES = 2**18
_LINE_BYTES_MAX = 2**20
_DESCRIBED = 0x08  # sizes stand behind the member
_UNREADABLE = (zipfile.BadZipFile, OSError, ValueError, struct.error, NotImplementedError)


class _Sink(io.RawIOBase):
    """Takes what the zip writer writes; a stream, so that it never asks to go back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        return len(part)

    def drain(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


class _Streamed(zipfile.ZipFile):
    """Given up half-way it is just gone: an end that nobody takes is not written."""

    def __del__(self) -> None:
        """The library would close it, and complain where a member is open still."""


class Writer:
    """Writes members; `digests` are theirs so far, in order: (size, SHA-256 in hex) by name."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = _Streamed(self._sink, "w", zipfile.ZIP_STORED, allowZip64=True)
        self.digests: dict[str, tuple[int, str]] = {}

    def member(self, name: str, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Adds a member of these parts; gives the bytes of the zip as they come."""
        info = zipfile.ZipInfo(name, _DATE)
        info.create_system, info.external_attr = _UNIX, _FILE
        digest, size = hashlib.sha256(), 0
        with self._zip.open(info, "w", force_zip64=True) as member:
            for part in _gathered(parts):
                member.write(part)
                digest.update(part)
                size += len(part)
                yield self._sink.drain()
        self.digests[name] = size, digest.hexdigest()
        yield self._sink.drain()

    def finish(self) -> bytes:
        self._zip.close()
        return self._sink.drain()


class Reader:
    """Reads the members of a file. Raises `BadExport` for what this writer never wrote."""

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
            found = self._zip.infolist()
            length = file.seek(0, io.SEEK_END)
        except _UNREADABLE:
            raise BadExport("zip", "it is no zip file, or its end is missing") from None
        if len(found) > MEMBERS_MAX:
            raise BadExport("zip", f"more than {MEMBERS_MAX} members")
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in found:
            _check(info, length)
            if info.filename in self._members:
                raise BadExport("name", f"{info.filename} stands twice")
            self._members[info.filename] = info
        _check_apart(found)

    @property
    def names(self) -> AbstractSet[str]:
        return self._members.keys()

    def read(self, name: str, most: int) -> bytes:
        """A small member, whole; raises `BadExport` where it is not there or larger."""
        info = self._members.get(name)
        if info is None:
            raise BadExport("missing", name)
        if info.file_size > most:
            raise BadExport("size", f"{name} is larger than {most} bytes")
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """A member in pieces; raises `BadExport` where it can't be read."""
        if name not in self._members:
            raise BadExport("missing", name)
        try:
            with self._zip.open(self._members[name]) as member:
                while piece := member.read(_CHUNK_BYTES):
                    yield piece
        except (*_UNREADABLE, EOFError):
            raise BadExport("member", f"{name} can't be read") from None

    def lines(self, name: str) -> Iterator[bytes]:
        """A member line by line, each with its end."""
        rest = b""
        for piece in self.chunks(name):
            *whole, rest = (rest + piece).split(b"\n")
            yield from (one + b"\n" for one in whole)
            if len(rest) > _LINE_BYTES_MAX:
                raise BadExport("line", f"{name} has a line of more than {_LINE_BYTES_MAX} bytes")
        if rest:
            yield rest

    def digest(self, name: str) -> tuple[int, str]:
        """(size, SHA-256 in hex) of a member."""
        found, size = hashlib.sha256(), 0
        for piece in self.chunks(name):
            found.update(piece)
            size += len(piece)
        return size, found.hexdigest()


def _check(info: zipfile.ZipInfo, length: int) -> None:
    name = info.orig_filename
    if not _NAME.fullmatch(name) or len(name) > _NAME_CHARACTERS_MAX:
        raise BadExport("name", "a member's name is not one of an export")
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise BadExport("compressed", f"{name} is not stored as it is")
    if info.flag_bits & ~_DESCRIBED:
        raise BadExport("flags", f"{name} is encrypted, or of another kind")
    if info.header_offset < 0 or info.header_offset + info.file_size > length:
        raise BadExport("size", f"{name} reaches beyond the file")


def _check_apart(found: list[zipfile.ZipInfo]) -> None:
    """No two members share bytes: a small file could else be many large ones."""
    end = 0
    for info in sorted(found, key=lambda one: one.header_offset):
        if info.header_offset < end:
            raise BadExport("overlap", f"{info.filename} lies over another member")
        end = info.header_offset + len(info.filename) + info.file_size


def _gathered(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in larger pieces."""
    held: list[bytes] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= _CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
