"""Writing files so that nothing is lost: whole or not at all, never over another by surprise."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from cli.errors import Failed, WrongUse


def write_private(path: Path, content: bytes) -> None:
    """Writes a file of mode 0600 in a folder of mode 0700, replacing the old one at once."""
    folder = path.parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    _replace(path, content, 0o600)


def check_free(path: Path | None, *, force: bool) -> None:
    """Refuses a place that is taken, or whose folder is not there, before anything is done."""
    if path is None:
        return
    if path.is_dir() or not path.parent.is_dir():
        raise WrongUse(f"{path} can't be a file there.", "unwritable_file")
    if path.exists() and not force:
        raise WrongUse(f"{path} is there already. Choose another name, or add --force.", "exists")


def write_new(path: Path, content: bytes, *, force: bool = False, private: bool = False) -> None:
    """Writes a file for people to use; over an existing one only with `force`.

    `private`: for this user's eyes alone, like a code that gives access.
    """
    check_free(path, force=force)
    _replace(path, content, 0o600 if private else 0o644)


def write_pieces(path: Path, pieces: Iterable[bytes], *, force: bool = False) -> int:
    """Writes what comes piece by piece, for this user's eyes alone; returns how many bytes.

    The file stands there once all of it came.
    """
    check_free(path, force=force)
    return _replace(path, pieces, 0o600)


def _replace(path: Path, content: bytes | Iterable[bytes], mode: int) -> int:
    draft, size = path.with_name(f".{path.name}.{secrets.token_hex(8)}"), 0
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            for piece in [content] if isinstance(content, bytes) else content:
                size += file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise Failed("unwritable_file", f"{path} can't be written: {error.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)
    return size
