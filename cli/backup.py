"""`kluis backup` and `kluis restore`: archives of both databases, and back (docs/backup.md)."""

from pathlib import Path
from typing import Annotated, Any

import typer

from audit.shapes import instant_text
from cli.errors import WrongUse
from cli.installation import settings_of
from cli.options import DEFAULT_DATA, Data, Json, at
from cli.output import Output, when
from operate.backup import KEYSTORE_BACKUP_DAYS, Made, aged, back_up, prune
from operate.doctor import OK, examine
from operate.restore import Restored, restore
from vault.clock import SystemClock
from vault.settings import Settings

MainFolder = Annotated[
    Path | None, typer.Option("--to", help="Folder for an archive of the main database.")
]
KeystoreFolder = Annotated[
    Path | None,
    typer.Option(
        "--keystore-to",
        help="Folder for an archive of the keystore: another one, whose files go after 7 days.",
    ),
]
KeepDays = Annotated[
    int | None,
    typer.Option(
        "--keep-days",
        min=0,
        max=3650,
        help="Remove keystore archives of this installation that are older than that.",
    ),
]

Archives = Annotated[
    list[Path], typer.Argument(help="An archive of main, of the keystore, or one of each.")
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Move a database that is there aside. It is kept.")
]


def backup(
    to: MainFolder = None,
    keystore_to: KeystoreFolder = None,
    keep_days: KeepDays = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Write an archive of each database, for the worst day.

    Main database and keystore go to a folder each. A server may be running. The root key and the
    log key are in neither: keep them apart, offline.

    \b
    Example:
      kluis backup --to /mnt/backup/main --keystore-to /mnt/other/salts --keep-days 7
    """
    out = Output(json)
    _check_folders(to, keystore_to, keep_days)
    settings, clock = settings_of(data), SystemClock()
    with out.working("Writing archives"):
        made = back_up(settings, clock, to, keystore_to)
    removed, old = _past_their_days(settings, keystore_to, keep_days, clock.now_ms())
    out.answer({"made": [_shown(one) for one in made], "removed": removed, "too_old": old})
    for one in made:
        out.say(f"{one.manifest.database:9} {one.path}  ({_held(one)})")
    for path in removed:
        out.say(f"removed   {path}")
    if keystore_to is not None:
        out.say("What is revoked or erased is out of reach once this keystore archive is gone.")
    if old:
        out.warn(
            f"{len(old)} keystore archives are older than {KEYSTORE_BACKUP_DAYS} days. What ended "
            "since they were made is not out of reach while they exist: --keep-days 7 removes them."
        )


def _check_folders(to: Path | None, keystore_to: Path | None, keep_days: int | None) -> None:
    if to is None and keystore_to is None:
        raise WrongUse("Name a folder: --to, --keystore-to, or better both.")
    if to is not None and keystore_to is not None and to.resolve() == keystore_to.resolve():
        raise WrongUse("Name two folders: the keystore's archives must go much sooner.")
    if keep_days is not None and keystore_to is None:
        raise WrongUse("--keep-days is about keystore archives: name their folder, --keystore-to.")


def _past_their_days(
    settings: Settings, keystore_to: Path | None, keep_days: int | None, now_ms: int
) -> tuple[list[str], list[str]]:
    """Keystore archives that were removed, and those that should be: removing has to be asked."""
    if keystore_to is None:
        return [], []
    days = KEYSTORE_BACKUP_DAYS if keep_days is None else keep_days
    found = aged(settings, keystore_to, days, now_ms)
    paths = [str(path) for path in found.paths]
    if keep_days is None:
        return [], paths
    prune(found)
    return paths, []


def _held(made: Made) -> str:
    rows = sum(member.rows for member in made.manifest.members.values())
    log = f", log of {made.manifest.size} entries" if made.manifest.note else ""
    return f"{rows} rows{log}"


def restore_(
    archives: Archives,
    replace: Replace = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Put archives back in place of the databases. The server has to be stopped.

    Restore main beside the keystore that is there, when it is not lost: then what ended since the
    archive was made stays ended. Nothing is deleted: what was there is moved aside.

    \b
    Example:
      kluis restore /mnt/backup/main/kluis-main-20261121T140000Z.zip --replace
    """
    out = Output(json)
    settings = settings_of(data)
    with out.working("Restoring"):
        done = restore(settings, SystemClock(), archives, overwrite=replace)
    advice = [one for one in examine(settings.data) if one.level != OK]
    out.answer(
        {
            "restored": [_put_back(one) for one in done],
            "advice": [{"level": a.level, "what": a.what, "do": a.do} for a in advice],
        }
    )
    for one in done:
        _tell_restored(out, one)
    if any(one.manifest.note for one in done):
        out.say(f"What was registered or revoked since is lost: see kluis agency list{at(data)}.")
    for each in advice:
        out.say(f"{each.level:6} {each.what}")
        out.say(f"       {each.do}")


def _tell_restored(out: Output, one: Restored) -> None:
    made = when(instant_text(one.manifest.made_at))
    out.say(f"Restored {one.manifest.database} as it was at {made}.")
    if one.aside:
        out.say(f"  What was there is kept: {one.aside}. Remove it yourself, in time.")
    if one.left_out:
        out.say(f"  {one.left_out} salts of what is over by now were left out.")
    for name in one.revoked_since:
        out.warn(f"  {name} was revoked since, and is registered again. Revoke it again.")


def _shown(made: Made) -> dict[str, Any]:
    this = made.manifest
    return {
        "database": this.database,
        "path": str(made.path),
        "made_at": instant_text(this.made_at),
        "log_size": this.size if this.note else None,
        "rows": {name: member.rows for name, member in this.members.items()},
    }


def _put_back(done: Restored) -> dict[str, Any]:
    return {
        "database": done.manifest.database,
        "made_at": instant_text(done.manifest.made_at),
        "aside": done.aside,
        "salts_left_out": done.left_out,
        "revoked_since": list(done.revoked_since),
    }
