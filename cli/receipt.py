"""`kluis desk receipt`: what a receipt proves, and whether the log still stands by it."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from audit.entry import Event
from audit.note import Verifier
from audit.shapes import instant_text
from cli.errors import FAILED, WRONG_USE, CannotSay, Failed
from cli.log_reader import ANSWER_BYTES_MAX, LogReader, log_key
from cli.options import Json
from cli.output import Output, when
from evidence.errors import BadLog, BadReceipt
from evidence.receipt import RECEIPT_BYTES_MAX, Receipt, check_receipt
from evidence.standing import DROPPED, EARLY, STANDS, Standing, standing
from evidence.tiles import Tile, tile_path
from vault.clock import SystemClock

app = typer.Typer(no_args_is_help=True, help="Receipts: proof that a read stands in the log.")

Get = Callable[[str], bytes]
_WHY = {
    "form": "it is not a receipt, or was changed",
    "note": "its checkpoint is not signed by the key that you gave, or is of another log. Receipts "
    "are signed by the Ed25519 key; while keys change, give the old one too",
    "event": "the entry in it is not well formed",
    "proof": "its checkpoint does not hold the entry in it",
}
_WHY_NOT = {
    "note": "its checkpoint is not signed by a key that you gave. Did the log change its keys? "
    "Ask for the new ones.",
    "origin": "the log there has another name. After a restore a log goes on under a new one: its "
    "first entry binds the old. Ask the auditor.",
    "tiles": "its tiles are not what its checkpoint signs, or are not there. Try again.",
}


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="The receipt, a .tlog-proof file.")],
    keys: Annotated[
        list[str],
        typer.Option("--key", help="A key of the log, as its operator gave it. May be repeated."),
    ],
    log: Annotated[
        str | None,
        typer.Option(
            "--log",
            help="Public address of the server, like https://kluis.example.org: does its log still "
            "hold the entry?",
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", help="The same of an auditor's export, a file or folder."),
    ] = None,
    json: Json = False,
) -> None:
    """Check a receipt: without a network, or against the log as it is now.

    Ends with 0 when it holds, with 1 when it does not, or when the log does not stand by it any
    more, and with 2 when it can't be said.

    \b
    Example:
      kluis desk receipt verify read.tlog-proof --key kluis.example.org/audit+5ab3...+AT...
    """
    out = Output(json)
    verifiers = [log_key(key) for key in keys]
    receipt = _checked(file, verifiers)
    source = LogReader(log).get if log is not None else None if export is None else _files(export)
    found = None if source is None else _compared(receipt, verifiers, source)
    out.answer(_shown(receipt, found))
    for line in _told(receipt):
        out.say(line)
    if found is None:
        out.say("Keep it. Whether the log still holds the entry: --log or --export.")
        return
    for line in _said(receipt, found):
        out.say(line, style="bold red" if found.convicts else "")
    if found.convicts:
        for title, note in (("signed then", found.then), ("signed now", found.now)):
            out.say(f"--- {title}")
            out.say(note.rstrip("\n"))
        raise typer.Exit(FAILED)
    if found.word == EARLY:
        raise typer.Exit(WRONG_USE)


def _checked(file: Path, verifiers: list[Verifier]) -> Receipt:
    try:
        with file.open("rb") as opened:
            content = opened.read(RECEIPT_BYTES_MAX + 1)
        return check_receipt(content.decode(), verifiers)
    except OSError as error:
        raise CannotSay("unreadable", f"{file} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Failed("form", f"The receipt does NOT hold: {_WHY['form']}.") from None
    except BadReceipt as bad:
        raise Failed(bad.word, f"The receipt does NOT hold: {_WHY[bad.word]}.") from None


def _compared(receipt: Receipt, verifiers: list[Verifier], get: Get) -> Standing:
    def read(tile: Tile) -> bytes:
        return get(tile_path(tile))

    try:
        note = get("checkpoint").decode()
        return standing(receipt, note, verifiers, read, SystemClock().now_ms())
    except UnicodeDecodeError:
        raise CannotSay("note", f"It can't be said: {_WHY_NOT['note']}") from None
    except BadLog as bad:
        raise CannotSay(bad.word, f"It can't be said: {_WHY_NOT[bad.word]}") from None


def _files(export: Path) -> Get:
    """The files of a zip or a folder, laid out as tlog-tiles has them."""

    def get(path: str) -> bytes:
        try:
            if export.is_dir():
                return (export / path).read_bytes()
            with zipfile.ZipFile(export) as archive, archive.open(path) as member:
                return member.read(ANSWER_BYTES_MAX + 1)
        except (OSError, KeyError, zipfile.BadZipFile):
            raise CannotSay("no_log", f"{export} holds no {path}.") from None

    return get


def _shown(receipt: Receipt, found: Standing | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "holds": True,
        "origin": receipt.checkpoint.origin,
        "index": receipt.index,
        "size": receipt.checkpoint.size,
        "event": receipt.event.members(),
    }
    if found is not None:
        now = {"verdict": found.word, "size": found.checkpoint.size}
        shown["log"] = now | {"then": found.then, "now": found.now}
    return shown


def _told(receipt: Receipt) -> list[str]:
    """What the receipt proves."""
    event, signed = receipt.event, receipt.checkpoint
    lines = [
        f"The receipt holds: entry {receipt.index} of {signed.origin}, under {signed.size} "
        "entries that the log signed.",
        f"  when     {when(instant_text(event.at))}",
        f"  what     {event.action}, {event.outcome}" + (f": {event.reason}" * bool(event.reason)),
        f"  by       {event.actor.id or event.actor.kind}",
    ]
    return lines + [f"  {name:8} {text}" for name, text in _details(event) if text]


def _details(event: Event) -> list[tuple[str, str]]:
    officer = event.officer
    return [
        ("officer", "" if officer is None else f"{officer.id}, as {officer.stated_by} states"),
        ("for", event.intended_use or ""),
        ("asked", ", ".join(event.fields_requested or ())),
        ("given", ", ".join(event.fields_given or ())),
    ]


def _said(receipt: Receipt, found: Standing) -> list[str]:
    """What became of it."""
    then, now = receipt.checkpoint, found.checkpoint
    if found.word == STANDS:
        return [f"The log stands by it: {now.size} entries, this one among them."]
    if found.word == EARLY:
        return [f"The log publishes {now.size} entries, once a minute. Ask again in some minutes."]
    lost = (
        f"it shows {now.size} entries now."
        if found.word == DROPPED
        else f"the {now.size} entries that it signs now are others up to there."
    )
    return [
        "THE LOG DOES NOT STAND BY IT.",
        f"It signed {then.size} entries with this one as number {receipt.index}; {lost} No one "
        "history has both. Keep the receipt and both notes, and show them to the auditor.",
    ]
