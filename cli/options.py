"""Options that mean the same in every command, and how texts on the command line are read."""

import re
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from cli.errors import WrongUse
from crypto.encoding import parse_json
from crypto.errors import Malformed

_DURATION = re.compile(r"([1-9][0-9]{0,6})\s*(s|m|h|d|w)")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DASHED_ID = re.compile(r"-[A-Za-z0-9_-]{20}[AQgw]")  # 16 bytes in base64url
_FILE_BYTES_MAX = 16 * 2**20
_SECRET_CHARACTERS_MAX = 1024

Json = Annotated[
    bool, typer.Option("--json", help="Answer with one JSON object, for use in scripts.")
]
Data = Annotated[
    Path,
    typer.Option("--data", envvar="KLUIS_DATA", help="The data folder that `kluis init` made."),
]
DEFAULT_DATA = Path("kluis-data")
Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Public address of the server, like https://kluis.example.org. Needed once: "
        "the profile remembers it.",
    ),
]
ProfileName = Annotated[
    str,
    typer.Option(
        "--profile",
        envvar="KLUIS_PROFILE",
        help="Which profile on this computer to use, like `work`.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]
Instead = Annotated[Path | None, typer.Option("--out", help="Write to this file instead.")]
Registration = Annotated[
    Path, typer.Argument(help="The registration, a JSON file; - reads standard input.")
]
TypedSecret = Annotated[
    str | None,
    typer.Argument(
        metavar="[-]",
        help="Left out: you are asked. - reads it from standard input.",
        show_default=False,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]


class WithId(TyperCommand):
    """A command whose one argument is an id. One in 64 begins with a dash: it is no option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ids = [one for one in args if _DASHED_ID.fullmatch(one)]
        if ids and "--" not in args:
            args = [*(one for one in args if one not in ids), "--", *ids]
        return super().parse_args(ctx, args)


def at(data: Path) -> str:
    """What a hint's command needs to find the same installation."""
    return "" if data == DEFAULT_DATA else f" --data {shlex.quote(str(data))}"


def seconds(text: str) -> int:
    """`30m`, `1h`, `7d`: a number and s, m, h, d or w."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise WrongUse(f"{text!r} is no duration. Write a number and a unit: 90s, 30m, 1h, 7d, 2w.")
    return int(match[1]) * _UNIT_SECONDS[match[2]]


def names(text: str) -> list[str]:
    """`a,b,c` as a list without empty parts."""
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found:
        raise WrongUse("Name at least one field, like --fields identity.birth_date.")
    return found


def secret(given: str | None, what: str) -> str:
    """A code: as given; asked for, without showing it, or read from standard input for `-`.

    A code on the command line can be seen by other programs and stays in the shell's history.
    """
    if given is not None and given != "-":
        text = given
    elif given is None and sys.stdin.isatty():
        text = typer.prompt(what, hide_input=True, err=True)
    else:
        text = sys.stdin.readline(_SECRET_CHARACTERS_MAX)
    text = text.strip()
    if not text:
        raise WrongUse(f"{what}: nothing was given. Type it, or send it to standard input.")
    return text


def typed_secret(given: str | None, what: str) -> str:
    """A code that opens a vault for good: never taken from the command line itself."""
    if given not in (None, "-"):
        raise WrongUse(
            f"{what}: don't put it on the command line, where others can see it. "
            "Leave it out and type it when asked, or write - and send it to standard input.",
            "secret_on_command_line",
        )
    return secret(given, what)


def document(path: Path) -> dict[str, Any]:
    """The JSON object in a file, or on standard input for `-`."""
    where = "standard input" if str(path) == "-" else str(path)
    try:
        if str(path) == "-":
            raw = sys.stdin.buffer.read(_FILE_BYTES_MAX + 1)
        else:
            with path.open("rb") as file:
                raw = file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise WrongUse(f"{where} can't be read: {error.strerror}.", "unreadable_file") from None
    if len(raw) > _FILE_BYTES_MAX:
        raise WrongUse(f"{where} is too large.", "too_large")
    try:
        found = parse_json(raw)
    except Malformed:
        raise WrongUse(f"{where} is not well-formed JSON.", "not_json") from None
    if not isinstance(found, dict):
        raise WrongUse(f"{where} holds no JSON object.", "not_json")
    return found
