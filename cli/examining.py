"""What the commands about exports share: writing one, reading one, telling what was found."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from cli.errors import FAILED, CannotSay, WrongUse
from cli.files import check_free, write_pieces
from cli.installation import opened
from cli.log_reader import log_key
from cli.output import Output
from evidence.anomalies import Anomaly, anomalies_of
from evidence.archive import Reader
from evidence.entries import Entry
from evidence.errors import BadExport
from evidence.examination import NOT_PROVED, Examined, verify_export
from evidence.export import PASSES, compose
from evidence.exported import ExportedParts, read_manifest
from operate.examining import examine
from operate.verification import Verified
from vault.caller import Operator


def write_export(data: Path, file: Path, previous: Path | None, out: Output, *, force: bool) -> int:
    """All of an installation's log as one file; returns how many entries it holds."""
    check_free(file, force=force)
    before = None if previous is None else claimed_end(previous)
    with opened(data, out) as vault:
        examined = examine(vault, Operator())
        with out.counting("entries", examined.total) as count:
            pieces = compose(examined, before, lambda more: count(more / PASSES))
            write_pieces(file, pieces, force=force)
    return examined.total


def claimed_end(file: Path) -> tuple[int, bytes]:
    """Size and root of the newest log in an export, as its manifest tells them."""
    with reading(file) as reader:
        newest = read_manifest(reader).logs[-1]
    return newest.size, bytes.fromhex(newest.root)


@contextmanager
def reading(file: Path) -> Iterator[Reader]:
    """An export to be read; `CannotSay` for a file that is none."""
    try:
        with file.open("rb") as opened_file:
            yield Reader(opened_file)
    except OSError as error:
        raise WrongUse(f"{file} can't be read: {error.strerror}.", "unreadable_file") from None
    except BadExport as error:
        raise CannotSay(
            "no_export", f"{file} is no export that can be checked: {error.what}."
        ) from None


def verify_file(file: Path, keys: Sequence[str], previous: Path | None, out: Output) -> None:
    """Checks an export by nothing but these keys, and says what that shows; ends with 1 where
    something was changed.
    """
    verifiers = [log_key(key) for key in keys]
    if not verifiers:
        raise WrongUse(
            "By which key? --key, as the operator's `kluis audit keys` shows it.", "no_key"
        )
    with reading(file) as reader:
        size = sum(log.size for log in read_manifest(reader).logs)
        with out.counting("entries", size) as count:
            if previous is None:
                found = verify_export(reader, verifiers, None, count)
            else:
                with reading(previous) as before:
                    found = verify_export(reader, verifiers, before, count)
    if found.size == 0:
        raise CannotSay("empty", f"{file} holds no entry: there is nothing to check.")
    out.answer(as_json(found) | {"root": found.root.hex(), "not_proved": list(NOT_PROVED)})
    tell_verdict(out, "The export", found, NOT_PROVED)


def as_json(found: Examined | Verified) -> dict[str, Any]:
    """What a check found, for scripts."""
    return {
        "whole": not found.findings,
        "size": found.size,
        "checked": list(found.checked),
        "findings": [{"index": one.index, "what": str(one)} for one in found.findings],
    }


def tell_verdict(
    out: Output, what: str, found: Examined | Verified, not_proved: Sequence[str] = ()
) -> None:
    """The same for people; ends with 1 where something was changed."""
    for line in found.checked:
        out.say(f"  checked: {line}")
    for finding in found.findings:
        out.say(f"  BROKEN: {finding}", style="red")
    for line in not_proved:
        out.say(f"  not proved: {line}")
    if found.findings:
        first = next((one.index for one in found.findings if one.index is not None), None)
        where = "" if first is None else f" First at entry {first}."
        out.say(f"{what} of {found.size} entries is NOT whole.{where}", style="bold red")
        raise typer.Exit(FAILED)
    out.say(f"{what} is whole: {found.size} entries.", style="green")


def anomalies_in(file: Path) -> tuple[Anomaly, ...]:
    """What is unusual in an export, newest log last. It is not checked here: verify it first."""
    with reading(file) as reader:
        return anomalies_of(_entries(reader))


def _entries(reader: Reader) -> Iterator[Entry]:
    for number, log in enumerate(read_manifest(reader).logs, start=1):
        for index, opening in ExportedParts(reader, log).openings():
            yield Entry(number, index, b"", b"", opening)


def tell_anomalies(found: Sequence[Anomaly], out: Output) -> None:
    out.answer(
        {
            "anomalies": [
                {
                    "code": one.code,
                    "what": one.what,
                    "places": [f"{log}.{index}" for log, index in one.places],
                }
                for one in found
            ]
        }
    )
    for one in found:
        log, index = one.places[0]
        out.say(f"  {one.code}: {one.what} (from entry {log}.{index} on)")
    out.say(f"{len(found)} things are unusual. None of them proves that something is wrong.")
