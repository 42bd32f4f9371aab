"""`kluis root`: which root keys there are, and moving everything to a new one (docs/backup.md)."""

from typing import Annotated, Any

import typer

from cli.installation import settings_of
from cli.options import DEFAULT_DATA, Data, Json, at
from cli.output import Output
from operate.rotation import Rotated, State, rotate, state
from vault.clock import SystemClock

app = typer.Typer(no_args_is_help=True, help="The operator's root key, and changing it.")


@app.command("rotate")
def rotate_(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count the rows that would be moved.")
    ] = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Make a new root key and move every row to it, or go on with a rotation that was stopped.

    No citizen is needed, and a server may run; restart it afterwards, and run this once more. The
    old key is kept: the command says when nothing needs it.

    \b
    Examples:
      kluis root rotate --dry-run
      kluis root rotate
    """
    out = Output(json)
    settings = settings_of(data)
    if dry_run:
        found = state(settings)
        old = found.still_old if len(found.at_hand) > 1 else sum(_totals(found).values())
        out.answer({"dry_run": True, **_shown(found), "would_move": old})
        out.say(f"{old} rows would be moved: {_words(found)}")
        return
    with out.working("Moving rows to the new root key"):
        done = rotate(settings, SystemClock())
    out.answer({"made": done.made, "moved": done.moved, **_shown(done.state)})
    _tell(out, done, at(data))


def _tell(out: Output, done: Rotated, where: str) -> None:
    if done.made:
        out.say(f"Made root key {done.state.newest}: {done.made}. Keep a copy offline, now.")
    out.say(f"{done.moved} rows moved to root key {done.state.newest}.")
    if done.dead:
        out.warn(
            f"{done.dead} rows still name an older root key and do not open: {_words(done.state)}. "
            "They have no salt, or were changed. With a newer keystore run this again."
        )
    for root_id in done.state.unneeded:
        out.say(
            f"No row names root key {root_id} any more. Restart every server and run kluis root "
            f"rotate{where} once more; if this is said again, destroy it where it lies (shred -u "
            f"root-{root_id}.key, or delete it in the token) as soon as no backup of main that you "
            "would restore was made before today: a backup needs the root key of its day."
        )


def _totals(found: State) -> dict[str, int]:
    return {table: sum(rows.values()) for table, rows in found.rows.items()}


def _shown(found: State) -> dict[str, Any]:
    return {
        "newest": found.newest,
        "at_hand": list(found.at_hand),
        "rows": {t: {str(i): n for i, n in rows.items()} for t, rows in found.rows.items()},
        "still_old": found.still_old,
        "unneeded": list(found.unneeded),
    }


def _words(found: State) -> str:
    return ", ".join(f"{table} {n}" for table, n in _totals(found).items())
