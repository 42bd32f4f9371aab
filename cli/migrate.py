"""`kluis migrate`: brings the databases to the schema that this version reads and writes."""

from typing import Annotated

import typer

from cli.installation import settings_of
from cli.options import DEFAULT_DATA, Data, Json
from cli.output import Output
from operate.migration import Migrated
from operate.migration import migrate as bring_forward


def migrate(
    data: Data = DEFAULT_DATA,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Bring both databases to the schema of this version. What is right already stays as it is.

    Stop every server before it and make backups: there is no way back but a backup. Each database
    is changed as a whole or not at all; when the command is broken off, run it again.

    \b
    Examples:
      kluis migrate --data /srv/kluis --dry-run
      kluis migrate --data /srv/kluis
    """
    out = Output(json)
    settings = settings_of(data)
    with out.working("Looking" if dry_run else "Migrating"):
        done = bring_forward(settings, dry_run=dry_run)
    out.answer({"dry_run": dry_run, "databases": {one.which: _answer(one) for one in done}})
    for one in done:
        if not one.changes:
            out.say(f"{one.which}: schema {one.before}, as it should be.")
            continue
        verb = "would go" if dry_run else "went"
        out.say(f"{one.which}: {verb} from schema {one.before} to {one.after}.")
        for change in one.changes:
            out.say(f"  {change.version}  {change.what}")


def _answer(one: Migrated) -> dict[str, object]:
    changes = [{"version": change.version, "what": change.what} for change in one.changes]
    return {"before": one.before, "after": one.after, "changes": changes}
