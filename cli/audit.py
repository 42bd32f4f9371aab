"""`kluis audit`: is the log whole, and what does it say (docs/audit.md)."""

from typing import Annotated

import typer

from audit.shapes import instant_text
from cli.errors import FAILED, CannotSay
from cli.installation import settings_of
from cli.options import DEFAULT_DATA, Data, Json
from cli.output import Output, when
from operate import verification
from vault.errors import NotReady
from vault.opening import log_key

app = typer.Typer(
    no_args_is_help=True, help="Check the log of everything that happened, or list it."
)


@app.command()
def verify(data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Check the whole log, and the tables against it.

    Ends with 0 when everything is whole, with 1 when something was changed, and with 2 when it
    can't be said, for instance because the log is still empty or a database can't be opened. A
    server may be running.

    \b
    Example:
      kluis audit verify
    """
    out = Output(json)
    try:
        with out.working("Checking every entry"):
            found = verification.verify_data(settings_of(data))
    except NotReady as error:
        raise CannotSay(error.code, f"It can't be said whether the log is whole: {error}") from None
    findings = [{"index": one.index, "what": str(one)} for one in found.findings]
    out.answer(
        {
            "whole": not findings,
            "size": found.size,
            "checked": list(found.checked),
            "findings": findings,
        }
    )
    for line in found.checked:
        out.say(f"  checked: {line}")
    for finding in found.findings:
        out.say(f"  BROKEN: {finding}", style="red")
    if findings:
        first = next((one.index for one in found.findings if one.index is not None), None)
        where = "" if first is None else f" First at entry {first}."
        out.say(f"The log of {found.size} entries is NOT whole.{where}", style="bold red")
        raise typer.Exit(FAILED)
    out.say(f"The log is whole: {found.size} entries.", style="green")


@app.command()
def show(
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=10_000, help="How many entries, newest first.")
    ] = 50,
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
        entries = verification.show(settings_of(data), limit)
    out.answer(
        {
            "entries": [
                {
                    "index": one.index,
                    "at": None if one.at is None else instant_text(one.at),
                    "action": one.action,
                    "outcome": one.outcome,
                    "actor": one.actor,
                    "reason": one.reason,
                }
                for one in entries
            ]
        }
    )
    if not entries:
        out.say("The log is empty.")
        return
    out.table(
        ("Entry", "When", "What", "Outcome", "By", "Why"),
        [
            (
                str(one.index),
                "" if one.at is None else when(instant_text(one.at)),
                one.action or "(in a citizen's vault)",
                one.outcome or "",
                one.actor or "",
                one.reason or "",
            )
            for one in entries
        ],
    )


@app.command()
def key(data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Show the public half of the key that signs the log. It is no secret.

    Whoever checks the log has to have it from you, not from the log. Hand it over in a way that
    an auditor trusts.

    \b
    Example:
      kluis audit key --data /srv/kluis
    """
    out = Output(json)
    verifier = log_key(settings_of(data)).vkey
    out.answer({"key": verifier})
    out.say(verifier)
