"""`kluis wallet import`: what a register knows about a citizen, from a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from catalogue.brp import person_from_answer
from catalogue.errors import CatalogueFault
from catalogue.fields import load_catalogue
from catalogue.fitting import fitting
from cli import words
from cli.citizen import Citizen
from cli.errors import WrongUse
from cli.options import Json, ProfileName, Url, document, secret
from cli.output import Output
from vault.clock import SystemClock

app = typer.Typer(no_args_is_help=True, help="Put in what a register knows about you.")


@app.command("brp")
def import_brp(
    file: Annotated[
        Path, typer.Argument(help="An answer of the Dutch population register, a JSON file.")
    ],
    bsn: Annotated[
        str, typer.Option("--bsn", help="Your citizen service number; - reads it from input.")
    ],
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Put in what the Dutch population register (BRP) knows about you, from a file.

    The values become your own statement. What the register is looking into keeps that remark.
    What can't be right, such as a day that is still to come, is left out and named; the rest is
    put in.

    \b
    Example:
      kluis wallet import brp answer.json --bsn 999942037
    """
    out = Output(json)
    citizen = Citizen(profile, url)
    record = brp_record(file, secret(bsn, "Citizen service number"))
    citizen.put(record.values)  # never none: the number that was given is one of them
    fields = [one["field"] for one in record.values]
    doubted = [one["field"] for one in record.values if one["status"] != "stated"]
    out.answer(
        {"fields": fields, "under_investigation": doubted, "left_out": dict(record.left_out)}
    )
    out.say(f"Put in {len(fields)} fields: {', '.join(fields)}.")
    if doubted:
        out.say(f"The register is looking into: {', '.join(doubted)}.")
    record.warn(out)


@dataclass(frozen=True, slots=True)
class Record:
    """What an answer says about one person: values to put in, and the codes of what is left out."""

    values: list[dict[str, Any]]
    left_out: Mapping[str, str]

    def warn(self, out: Output) -> None:
        """Names what is left out, and why."""
        if not self.left_out:
            return
        out.warn("This can't be right, so it is left out:")
        for field, code in self.left_out.items():
            out.warn(f"  {field}: {words.left_out(code)}")
        out.warn("Ask your municipality to correct it.")


def brp_record(file: Path, bsn: str) -> Record:
    """What a register's answer says about one person."""
    try:
        found = person_from_answer(document(file), bsn)
    except CatalogueFault as error:
        raise WrongUse(f"{file}: {error}", error.code) from None
    # Our own fields are the same at every server: its files can add some, and change none.
    fits = fitting(load_catalogue(), found.values, SystemClock().now_ms())
    status = {True: "under_investigation", False: "stated"}
    values = [
        {"field": field, "value": value, "status": status[field in found.under_investigation]}
        for field, value in fits.values.items()
    ]
    return Record(values, fits.left_out)
