"""`kluis restore`: the rows of archives into the databases of an installation (docs/backup.md).

Nothing is deleted: what was there is moved aside, and stays until somebody removes it. Nothing that
ended comes back where the current main database or keystore knows of it: a keystore's salts are
taken only as far as main still has a use for them.

The anchor is not touched. A main database that lacks signed entries is not served: see
`operate/continuing.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from audit.errors import AuditError
from audit.note import open_note, parse_checkpoint
from operate.archive import Archive, Manifest
from operate.exclusive import without_server
from operate.signers import ever
from operate.target import Row, Target
from vault.clock import Clock
from vault.errors import NotReady
from vault.schema import KEYSTORE, MAIN, VERSIONS
from vault.settings import Settings

_LIVING = text(
    """SELECT 'vault', vault_id, 0 FROM vault WHERE state = 'open' UNION ALL
    SELECT 'method', method_id, 0 FROM method WHERE state = 'active' UNION ALL
    SELECT 'session', session_id, 0 FROM session UNION ALL
    SELECT 'grant', grant_id, phase FROM vault_grant WHERE state <> 'ended'"""
)
_SUBJECTS = text(
    """SELECT k.subject, v.vault_id FROM audit_key k LEFT JOIN vault v
    ON v.subject = k.subject AND v.state = 'open'"""
)
_SYSTEM = text("SELECT system_subject FROM audit_head")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back. `aside` is where the old one is now; `left_out` counts salts."""

    manifest: Manifest
    aside: str | None
    left_out: int = 0
    revoked_since: tuple[str, ...] = ()


def restore(
    settings: Settings, clock: Clock, paths: Sequence[Path], *, overwrite: bool
) -> list[Restored]:
    """Puts archives back, main first. All is checked before anything is changed.

    (1) each archive is whole, (2) of this installation, (3) not of a newer version, (4) no server
    runs, (5) what is there is moved aside, with `overwrite` only. Raises `NotReady`.
    """
    # (1)
    archives = _by_database([Archive(path) for path in paths])
    try:
        with without_server(settings):  # (4)
            targets = {which: Target(settings, which, clock) for which in (MAIN, KEYSTORE)}
            # (2), (3)
            _check_instance(targets, archives)
            for archive in archives:
                _check_version(archive)
                _check_signed(settings, archive)
                # (5)
                if not overwrite and not targets[archive.manifest.database].is_empty():
                    raise NotReady(
                        f"The {archive.manifest.database} database is not empty. With --replace "
                        "it is moved aside, and kept. Nothing was changed.",
                        "not_empty",
                    )
            return [_put_back(targets, archive) for archive in archives]
    finally:
        for archive in archives:
            archive.close()


def _by_database(archives: Sequence[Archive]) -> list[Archive]:
    found = {archive.manifest.database: archive for archive in archives}
    if len(found) != len(archives):
        raise NotReady("Two archives of one kind of database. Name one of each.", "wrong_archive")
    return [found[which] for which in (MAIN, KEYSTORE) if which in found]


def _check_instance(targets: dict[str, Target], archives: Sequence[Archive]) -> None:
    """Archives and databases are of one installation, as far as they can be asked."""
    known = {target.instance_id() for target in targets.values()} - {None}
    known |= {archive.manifest.instance for archive in archives}
    if len(known) > 1:
        raise NotReady(
            "An archive is of another installation than the databases or the other archive. "
            "Nothing was changed.",
            "wrong_instance",
        )
    has_main = any(archive.manifest.database == MAIN for archive in archives)
    if not has_main and targets[MAIN].is_empty():
        raise NotReady(
            "A keystore is restored beside a main database only, which tells what ended since. "
            "Name the archive of main as well. Nothing was changed.",
            "no_main",
        )


def _check_version(archive: Archive) -> None:
    this, known = archive.manifest, VERSIONS[archive.manifest.database]
    if not this.schema.isdigit() or this.schema > known:
        raise NotReady(
            f"{archive.path} has schema {this.schema}, this version knows {known}. Install the "
            "newer version first. Nothing was changed.",
            "newer_schema",
        )


def _check_signed(settings: Settings, archive: Archive) -> None:
    """Main's log is signed by this installation's key: else it is the wrong key or archive."""
    if archive.manifest.database != MAIN:
        return
    try:
        origin = parse_checkpoint(archive.manifest.note.split("\n\n", 1)[0] + "\n").origin
        open_note(archive.manifest.note, ever(settings, origin))
    except AuditError:
        raise NotReady(
            f"The log in {archive.path} is not signed by this installation's log key. "
            "Nothing was changed.",
            "wrong_log_key",
        ) from None


def _put_back(targets: dict[str, Target], archive: Archive) -> Restored:
    which = archive.manifest.database
    if which == KEYSTORE:
        salts = _Salts(targets[MAIN])
        aside = targets[which].fill(archive, salts.take)
        return Restored(archive.manifest, aside, salts.left_out)
    revoked = targets[MAIN].revoked()
    aside = targets[which].fill(archive)
    back = sorted(revoked - targets[MAIN].revoked())
    return Restored(archive.manifest, aside, revoked_since=tuple(back))


class _Salts:
    """Which salts of an older keystore are taken, judged by the main database beside it.

    Salts of what ended, was removed or erased since stay away. The audit key's of an erased vault
    is kept for its retention, counted from now, and forgets whose it was.
    """

    def __init__(self, main: Target) -> None:
        with main.reading() as connection:
            self._living = {tuple(row) for row in connection.execute(_LIVING)}
            self._vaults = {row.subject: row.vault_id for row in connection.execute(_SUBJECTS)}
            self._system = connection.execute(_SYSTEM).scalar_one()
        self._until = main.retained_until_ms
        self.left_out = 0

    def take(self, table: str, row: Row) -> Row | None:
        if table != "salt":
            return row
        subject = row["id"]
        if row["kind"] != "audit" or subject not in self._vaults:
            if (row["kind"], row["id"], row["phase"]) in self._living:
                return row
            self.left_out += 1
            return None
        if subject == self._system or self._vaults[subject] is not None:
            return row
        until = min(row["expires_at"] or self._until, self._until)
        return row | {"vault_id": b"", "expires_at": until}
