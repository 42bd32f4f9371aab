"""`kluis audit`: is the log whole, and what does it say (docs/audit.md)."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from audit.shapes import instant_text
from cli import audit_keys
from cli.errors import CannotSay, Failed, WrongUse
from cli.examining import (
    anomalies_in,
    as_json,
    tell_anomalies,
    tell_verdict,
    verify_file,
    write_export,
)
from cli.installation import opened, settings_of
from cli.options import DEFAULT_DATA, Data, Force, Json, Yes
from cli.output import Output, when
from evidence.anomalies import anomalies_of
from operate import continuing, listing, verification
from operate.examining import examine
from operate.signers import public_keys
from vault.caller import Operator
from vault.clock import SystemClock
from vault.errors import NotReady

app = typer.Typer(
    no_args_is_help=True, help="Check the log of everything that happened, list or export it."
)
app.add_typer(audit_keys.app, name="keys")

Export = Annotated[
    Path | None,
    typer.Argument(help="An export. Left out: the installation in --data is checked."),
]
ListedExport = Annotated[
    Path | None,
    typer.Argument(help="An export. Left out: the log of the installation in --data."),
]
LogKeys = Annotated[
    list[str] | None,
    typer.Option("--key", help="The log's public key, for an export; once for each log."),
]
Previous = Annotated[
    Path | None, typer.Option("--previous", help="The export before: this one must continue it.")
]
Limit = Annotated[
    int, typer.Option("--limit", min=1, max=10_000, help="How many entries, newest first.")
]
Origin = Annotated[
    str | None,
    typer.Option("--origin", help="Name of the new log.  [default: the old one and a number]"),
]
AcceptDisagreement = Annotated[
    bool,
    typer.Option(
        "--accept-disagreement",
        help="Go on although the entries here are others than those that were anchored.",
    ),
]


@app.command()
def verify(
    file: Export = None,
    key: LogKeys = None,
    previous: Previous = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Check the whole log: an export by the log's key alone, or an installation with its tables.

    Ends with 0 when everything is whole, with 1 when something was changed, and with 2 when it
    can't be said, for instance because the log is still empty or a database can't be opened. A
    server may be running; for an export none is needed.

    \b
    Examples:
      kluis audit verify
      kluis audit verify november.zip --key kluis.example.org/audit+fd80...
    """
    out = Output(json)
    if file is not None:
        return verify_file(file, key or [], previous, out)
    if key or previous:
        raise WrongUse("--key and --previous are for an export: name its file.")
    return _verify_data(data, out)


def _verify_data(data: Path, out: Output) -> None:
    try:
        with out.working("Checking every entry"):
            found = verification.verify_data(settings_of(data))
    except NotReady as error:
        raise CannotSay(error.code, f"It can't be said whether the log is whole: {error}") from None
    out.answer(as_json(found))
    tell_verdict(out, "The log", found)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write it: a zip file.")],
    previous: Previous = None,
    force: Force = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Write the whole log into one file for an auditor, every entry opened. That is an entry, too.

    Who has the file reads who did what in every vault, and no value. A server may be running.

    \b
    Example:
      kluis audit export november.zip --previous october.zip
    """
    out = Output(json)
    total = write_export(data, file, previous, out, force=force)
    out.answer({"file": str(file), "entries": total})
    out.say(
        f"{total} entries are in {file}. The auditor checks it: kluis audit verify {file} --key KEY"
    )


@app.command()
def anomalies(
    file: ListedExport = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Tell what is unusual: sudden volume, odd hours, one officer and many vaults, refusals.

    Each line states the figures it rests on. It accuses nobody. Looking at an installation's log is
    an entry.

    \b
    Example:
      kluis audit anomalies november.zip
    """
    out = Output(json)
    if file is not None:
        return tell_anomalies(anomalies_in(file), out)
    with opened(data, out) as vault, out.working("Going through every entry"):
        examined = examine(vault, Operator(), "log.read")
        found = anomalies_of(one for log in examined.logs for one in examined.entries(log))
    return tell_anomalies(found, out)


@app.command()
def show(
    limit: Limit = 50,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """List the newest entries, as far as an operator may see them.

    What happened in one citizen's vault is for that citizen alone: of those entries only the place
    in the log is shown.

    \b
    Example:
      kluis audit show --limit 20
    """
    out = Output(json)
    with out.working("Reading the log"):
        entries = listing.show(settings_of(data), limit)
    out.answer({"entries": [_answer(one) for one in entries]})
    if entries:
        columns = ("Entry", "When", "What", "Outcome", "By", "Why")
        out.table(columns, [_row(one) for one in entries])
    else:
        out.say("The log is empty.")


def _answer(one: listing.Line) -> dict[str, object]:
    at = None if one.at is None else instant_text(one.at)
    return asdict(one) | {"at": at}


def _row(one: listing.Line) -> tuple[str, ...]:
    at = "" if one.at is None else when(instant_text(one.at))
    what = one.action or "(in a citizen's vault)"
    return str(one.index), at, what, one.outcome or "", one.actor or "", one.reason or ""


@app.command("continue")
def continue_(
    origin: Origin = None,
    yes: Yes = False,
    accept_disagreement: AcceptDisagreement = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Go on with the log under a new name, after a restore that lost entries.

    Only when the newer database is lost for good: it can't be gone back on. The first entry of the
    new log names what is lost, for ever. The server has to be stopped.

    \b
    Example:
      kluis audit continue
    """
    out = Output(json)
    settings = settings_of(data)
    plan = continuing.plan(settings, origin)
    for line in _told(plan):
        out.warn(line)
    if plan.disagrees and not accept_disagreement:
        raise Failed(
            "log_disagrees",
            "Nothing was done. Tell the auditor. To go on all the same: --accept-disagreement",
        )
    if not yes:
        if json or not out.is_terminal:
            raise WrongUse("Nobody is here to ask: add --yes.")
        typer.confirm("Is the newer database lost for good?", abort=True, err=True)
    continuing.go_on(settings, SystemClock(), plan)
    out.answer(
        {
            "origin": plan.origin,
            "before": plan.anchored.origin,
            "kept": plan.held.size,
            "lost": plan.lost,
            "disagrees": plan.disagrees,
            "key": public_keys(settings)[0].verifier.vkey,
        }
    )
    out.say(f"The log goes on as {plan.origin}. Its keys for auditors: kluis audit keys")


def _told(plan: continuing.Plan) -> list[str]:
    """What is about to be done, in words."""
    if plan.only_anchor:
        return [f"{plan.origin} goes on already; its anchor was not written yet."]
    held, anchored = plan.held, plan.anchored
    lines = [f"This database holds {held.size} entries of {held.origin}."]
    if anchored.origin != held.origin:
        lines.append(
            f"The newest log, {anchored.origin}, had {anchored.size} entries: all of them are lost."
        )
    elif plan.disagrees:
        lines.append(
            f"It holds OTHER entries than the {anchored.size} that were anchored: somebody served "
            "another database under this name, or changed this one."
        )
    else:
        lines.append(
            f"{anchored.size} were signed: at least {plan.lost} are lost. Whether those here are "
            "the first of them can only be told by somebody who holds them, or a receipt."
        )
    lines.append(f"It will go on as {plan.origin}.")
    return lines
