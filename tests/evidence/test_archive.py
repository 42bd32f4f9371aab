"""The zip of an export: what it is made of, and which zips are not read."""

import io
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator

import pytest

from evidence import archive
from evidence.archive import Reader, Writer
from evidence.errors import BadExport

STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


def read(blob: bytes) -> Reader:
    return Reader(io.BytesIO(blob))


def plain(*members: tuple[str, bytes], how: int = STORED) -> bytes:
    """A zip by somebody else's hand."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name that stands twice
        with zipfile.ZipFile(file, "w", how) as made:
            for name, raw in members:
                made.writestr(name, raw)
    return file.getvalue()


def test_what_is_written_is_read_by_us_and_by_everybody() -> None:
    writer = Writer()
    parts = [*writer.member("a/b.p/1", [b"x", b"", b"yz"]), *writer.member("empty", [])]
    blob = b"".join([*parts, writer.finish()])
    reader = read(blob)
    assert set(reader.names) == {"a/b.p/1", "empty"}
    assert reader.read("a/b.p/1", 3) == b"xyz"
    assert writer.digests["a/b.p/1"] == reader.digest("a/b.p/1")
    with zipfile.ZipFile(io.BytesIO(blob)) as made:
        assert made.testzip() is None
        assert made.read("a/b.p/1") == b"xyz"
        assert {info.date_time for info in made.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.compress_type for info in made.infolist()} == {STORED}


def test_a_large_member_is_never_held(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield bytes(10_000)

    pieces = Writer().member("big", endless())
    next(pieces)
    assert taken < 100


def test_lines_come_one_by_one_however_they_are_cut() -> None:
    raw = b"".join(b"%d\n" % number for number in range(100_000)) + b"end"
    lines = list(read(plain(("x", raw))).lines("x"))
    assert lines[:2] == [b"0\n", b"1\n"]
    assert lines[-1] == b"end"
    assert b"".join(lines) == raw


def patched(change: Callable[[bytearray, int], None]) -> bytes:
    """A zip of one member whose central directory somebody changed."""
    blob = bytearray(plain(("checkpoint", b"x" * 100)))
    change(blob, blob.index(b"PK\x01\x02"))
    return bytes(blob)


def encrypted(blob: bytearray, at: int) -> None:
    blob[at + 8] |= 1


def larger(blob: bytearray, at: int) -> None:
    struct.pack_into("<II", blob, at + 20, 2**31, 2**31)


def before_the_file(blob: bytearray, at: int) -> None:
    struct.pack_into("<I", blob, at + 42, 2**31)


def overlapping() -> bytes:
    """Two names for the same bytes: how a bomb is made of stored members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", STORED) as made:
        made.writestr("a", b"x" * 1000)
        again = zipfile.ZipInfo("b")
        again.file_size = again.compress_size = 1000
        again.CRC, again.header_offset = made.filelist[0].CRC, 0
        made.filelist.append(again)
        made.NameToInfo["b"] = again
    return file.getvalue()


HOSTILE = {
    "nothing": (b"", "zip"),
    "no zip": (b"PK" + bytes(1000), "zip"),
    "cut off": (plain(("checkpoint", b"x" * 5000))[:4000], "zip"),
    "twice": (plain(("checkpoint", b"x"), ("checkpoint", b"y")), "name"),
    "compressed": (plain(("checkpoint", bytes(10**6)), how=DEFLATED), "compressed"),
    "up": (plain(("../checkpoint", b"x")), "name"),
    "up within": (plain(("tile/../checkpoint", b"x")), "name"),
    "root": (plain(("/etc/passwd", b"x")), "name"),
    "drive": (plain(("c:/x", b"x")), "name"),
    "backslash": (plain(("tile\\x", b"x")), "name"),
    "folder": (plain(("tile/", b"")), "name"),
    "hidden": (plain((".x", b"x")), "name"),
    "long": (plain(("x" * 101, b"x")), "name"),
    "foreign letters": (plain(("chéckpoint", b"x")), "name"),
    "encrypted": (patched(encrypted), "flags"),
    "beyond": (patched(larger), "size"),
    "before": (patched(before_the_file), "size"),
    "overlap": (overlapping(), "overlap"),
}


@pytest.mark.parametrize(("blob", "word"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_zip_is_refused_before_anything_of_it_is_read(blob: bytes, word: str) -> None:
    with pytest.raises(BadExport) as refused:
        read(blob)
    assert refused.value.word == word


def test_too_many_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MEMBERS_MAX", 3)
    read(plain(*((f"m{number}", b"") for number in range(3))))
    with pytest.raises(BadExport):
        read(plain(*((f"m{number}", b"") for number in range(4))))


def test_a_member_whose_bytes_changed_or_that_is_too_large_is_refused_when_read() -> None:
    blob = plain(("checkpoint", b"x" * 5000))
    reader = read(blob.replace(b"xxxx", b"yxxx", 1))
    with pytest.raises(BadExport):
        reader.read("checkpoint", 5000)
    with pytest.raises(BadExport):
        read(blob).read("checkpoint", 4999)
    with pytest.raises(BadExport):
        read(blob).read("other", 1)


def test_a_line_without_end_is_refused() -> None:
    reader = read(plain(("x", bytes(3 * 2**20))))
    with pytest.raises(BadExport):
        list(reader.lines("x"))


def test_an_archive_that_is_given_up_half_way_is_gone_without_a_word() -> None:
    """The collector may take it before the member that is being written."""
    writer = Writer()
    member = writer.member("entries.txt", [b"x" * 1_000_000] * 2)
    assert next(member)
    writer._zip.__del__()
    assert b"".join(member)
