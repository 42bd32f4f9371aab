"""The anchor: only forward, whole at every moment, hardly behind (docs/audit.md, 8 The anchor)."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.note import Checkpoint, LogKey, sign_checkpoint
from crypto.secret import Secret
from tests.builders import Store
from tests.stalls import measured
from vault.anchor import Anchor, AnchorWriter
from vault.errors import NotReady

KEY = LogKey("kluis.example/audit", Secret(b"k" * 32))


class PowerCut(BaseException):
    """The process is gone: nothing catches this."""


def note(size: int, key: LogKey = KEY, origin: str = "kluis.example/audit") -> str:
    return sign_checkpoint(key, Checkpoint(origin, size, size.to_bytes(32, "big")))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "anchor" / "checkpoint"


@pytest.fixture
def anchor(path: Path) -> Anchor:
    made = Anchor(path)
    made.write(note(5), first=True)
    return made


@pytest.fixture
def writer(anchor: Anchor) -> Iterator[AnchorWriter]:
    started = AnchorWriter(anchor)
    yield started
    started.close()


def wait(until: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_is_written_reads_back(anchor: Anchor) -> None:
    anchor.write(note(6))

    checkpoint, text = anchor.read()
    assert (checkpoint.size, text) == (6, note(6))


@pytest.mark.parametrize("size", [0, 4, 5])
def test_it_never_goes_back(anchor: Anchor, size: int) -> None:
    anchor.write(note(size))

    assert anchor.read()[0].size == 5


def test_a_missing_or_broken_anchor_is_not_replaced(anchor: Anchor, path: Path) -> None:
    for content in (None, "", "rubbish", note(5)[:20], b"\xff\xfe"):
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(NotReady, match="missing or unreadable"):
            anchor.read()
        with pytest.raises(NotReady):
            anchor.write(note(9))
    assert path.read_bytes() == b"\xff\xfe"


def test_two_writers_leave_the_newest(path: Path, anchor: Anchor) -> None:
    sizes, start = list(range(6, 86)), threading.Barrier(4)

    def write(part: int) -> None:
        mine = Anchor(path)
        start.wait()
        for size in sizes[part::4]:
            mine.write(note(size))

    threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert anchor.read()[1].endswith("\n")  # whole at every moment
    for thread in threads:
        thread.join()

    assert anchor.read()[0].size == 85


def test_a_power_cut_before_the_rename_leaves_the_one_before(
    anchor: Anchor, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> None:
        raise PowerCut

    with monkeypatch.context() as cut:
        cut.setattr(os, "replace", stop)
        with pytest.raises(PowerCut):
            anchor.write(note(7))

    assert anchor.read()[1] == note(5)
    anchor.write(note(6))
    assert Anchor(path).read()[1] == note(6)


def test_file_and_folder_are_synced_in_the_order_that_survives_a_power_cut(
    anchor: Anchor, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = list[str]()
    fsync, replace = os.fsync, os.replace

    def noting_fsync(descriptor: int) -> None:
        steps.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        fsync(descriptor)

    def noting_replace(source: Any, target: Any) -> None:
        steps.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(os, "replace", noting_replace)
    anchor.write(note(6))

    assert steps == ["checkpoint.new", "rename", "anchor"]


def test_the_writer_follows_within_a_second(writer: AnchorWriter, anchor: Anchor) -> None:
    began = time.monotonic()
    with measured() as stalls:
        for size in range(6, 30):
            writer.offer(note(size))
        wait(lambda: anchor.read()[0].size == 29)
        wait(lambda: writer.lag_seconds() == 0)

    assert time.monotonic() - began < 1 + stalls.seconds


def test_the_lag_counts_from_the_first_note_that_could_not_be_written(
    writer: AnchorWriter, anchor: Anchor, path: Path
) -> None:
    content = path.read_bytes()
    path.unlink()
    started = time.monotonic()
    writer.offer(note(6))
    wait(lambda: time.monotonic() - started > 0.5)
    writer.offer(note(7))
    assert 0.45 < writer.lag_seconds() <= time.monotonic() - started

    path.write_bytes(content)

    wait(lambda: writer.lag_seconds() == 0)
    assert anchor.read()[0].size == 7


def test_closing_writes_what_is_left(anchor: Anchor) -> None:
    writer = AnchorWriter(anchor)
    writer.offer(note(6))
    writer.close()

    assert anchor.read()[0].size == 6
    assert not writer._thread.is_alive()


def test_closing_does_not_hang_where_the_anchor_can_not_be_written(path: Path) -> None:
    writer = AnchorWriter(Anchor(path))
    writer.offer(note(6))
    started = time.monotonic()
    with measured() as stalls:
        writer.close()

    assert time.monotonic() - started < 2 + stalls.seconds
    assert not writer._thread.is_alive()


# The guard at the start


def test_an_installation_anchors_each_head_and_opens_again(store: Store) -> None:
    store.citizen()
    head = store.vault.system.log.head()
    wait(lambda: Anchor(store.settings.anchor).read()[0].size == head.frontier.size)

    store.reopen()
    assert Anchor(store.settings.anchor).read()[1] == head.note


def test_an_installation_without_its_anchor_does_not_open(store: Store) -> None:
    store.citizen({})
    store.vault.close()
    content = store.settings.anchor.read_text("utf-8")
    store.settings.anchor.unlink()

    with pytest.raises(NotReady, match="missing or unreadable"):
        store.reopen()

    store.settings.anchor.write_text(content, "utf-8")
    store.reopen()


@pytest.mark.parametrize("fault", ["ahead", "other_root", "other_key"])
def test_an_installation_that_does_not_continue_its_anchor_does_not_open(
    store: Store, fault: str
) -> None:
    store.citizen({})
    key, head = store.vault.system.log._keys.newest, store.vault.system.log.head()
    store.vault.close()
    size, origin = head.frontier.size, head.origin
    content = store.settings.anchor.read_text("utf-8")
    other = {
        "ahead": (key, Checkpoint(origin, size + 1, head.frontier.root())),
        "other_root": (key, Checkpoint(origin, size, b"r" * 32)),
        "other_key": (LogKey(origin, Secret(b"k" * 32)), Checkpoint(origin, 1, b"r" * 32)),
    }[fault]
    store.settings.anchor.write_text(sign_checkpoint(*other), "utf-8")

    with pytest.raises(NotReady, match="second history"):
        store.reopen()

    store.settings.anchor.write_text(content, "utf-8")
    store.reopen()


def test_an_anchor_that_a_crash_left_behind_follows_at_the_next_start(store: Store) -> None:
    old = store.settings.anchor.read_text("utf-8")
    store.citizen({})
    store.vault.close()
    store.settings.anchor.write_text(old, "utf-8")

    store.reopen()

    size = store.vault.system.log.head().frontier.size
    wait(lambda: Anchor(store.settings.anchor).read()[0].size == size)
