"""What an installation stands on: disks, clock, permissions, database servers, settings.

Part of `kluis doctor`. It looks and changes nothing.
"""

import platform
import sqlite3
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import disk_usage

from operate.advice import OK, RISK, WRONG, Advice
from vault.anchor import Anchor
from vault.clock import SystemClock
from vault.database import Database
from vault.errors import VaultError
from vault.settings import SETTINGS_FILE, Settings
from vault.steps import sql

_FREE_BYTES_MIN, _FREE_BYTES_LOW = 256 * 2**20, 2**30
_WAL_BYTES_HIGH = 64 * 2**20
_CLOCK_SECONDS_MAX = 10
_BUILT_MS = 1_790_000_000_000  # 2026-09-21: no clock is right before it
_NETWORK_FILES = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs"}
# Above these a setting no longer does what it is there for.
_WEAK_ABOVE = {
    "anchor_lag_seconds_max": 300,
    "body_bytes_max": 16 * 2**20,
    "offers_per_day": 1_000,
    "owner_acts_per_hour": 10_000,
    "publish_seconds": 3_600,
    "refusals_per_minute": 10_000,
    "registrations_per_hour": 1_000,
    "session_ttl_seconds": 12 * 3_600,
    "stranger_refusals_per_hour": 1_000,
    "sweep_seconds": 300,
    "unlock_failures_per_hour": 1_000,
}
_FOR_PEOPLE = (
    "organisation", "help_phone", "help_url", "privacy_url", "accessibility_url",
    "security_contact",
)  # fmt: skip
_PUBLISHED = sql("SELECT published_at FROM instance")
_SIZE = sql("SELECT size FROM audit_head")
_NOW = sql("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)")
_SERVER = sql(
    """SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes',
    'synchronous_commit', 'log_statement', 'max_connections', 'archive_mode')"""
)
_ENCRYPTED = sql(
    "SELECT inet_server_addr() IS NULL OR coalesce((SELECT ssl FROM pg_stat_ssl"
    " WHERE pid = pg_backend_pid()), false)"
)


def surroundings(settings: Settings) -> Iterator[Advice]:
    """What can be seen without opening a database."""
    yield Advice(OK, _versions())
    yield from _permissions(settings)
    yield from _disks(settings)
    yield from _weak_settings(settings)
    yield from _people(settings)
    for name, url in {"main": settings.main_url, "keystore": settings.salts_url}.items():
        if url.startswith("sqlite:///"):
            yield from _sqlite(name, Path(url.removeprefix("sqlite:///")))


def beneath(settings: Settings, main: Database, keystore: Database) -> Iterator[Advice]:
    """What the databases say of themselves, of the time and of the anchor."""
    yield from _clock(main)
    yield from _anchor(settings, main)
    for name, database in {"main": main, "keystore": keystore}.items():
        if not database.is_sqlite:
            yield from _postgresql(name, database, settings)


def _versions() -> str:
    try:
        ours = version("burgerkluis")
    except PackageNotFoundError:
        ours = "without a version"
    return (
        f"burgerkluis {ours}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def _permissions(settings: Settings) -> Iterator[Advice]:
    if settings.data.stat().st_mode & 0o077:
        do = f"chmod 700 {settings.data}"
        yield Advice(RISK, f"others can look into {settings.data}", do)
    file = settings.data / SETTINGS_FILE
    names_password = "@" in settings.database_url + settings.keystore_url
    if names_password and file.stat().st_mode & 0o077:
        yield Advice(WRONG, f"others can read the password in {file}", f"chmod 600 {file}")


def _disks(settings: Settings) -> Iterator[Advice]:
    places = {"data": settings.data, "keys": settings.keys, "anchor": settings.anchor.parent}
    for name, folder in places.items():
        if not folder.exists():
            continue
        usage = disk_usage(folder)
        free = f"{usage.free / 2**30:.1f} GiB free on the disk of the {name} folder"
        if usage.free < _FREE_BYTES_MIN:
            yield Advice(WRONG, free, "Make room: without it nothing is recorded, so nothing read.")
        elif usage.free < max(_FREE_BYTES_LOW, usage.total // 50):
            yield Advice(RISK, free, "Make room before it is full.")
        else:
            yield Advice(OK, free)


def _weak_settings(settings: Settings) -> Iterator[Advice]:
    for name, most in _WEAK_ABOVE.items():
        if (value := getattr(settings, name)) > most:
            yield Advice(RISK, f"{name} is {value}", f"Above {most} it protects little.")
    if settings.audit_retention_days == 0:
        yield Advice(RISK, "the log of an erased vault can't be read at once", "Is that wanted?")


def _people(settings: Settings) -> Iterator[Advice]:
    """Whom citizens and finders of holes can turn to: only a deployment knows."""
    missing = [name for name in _FOR_PEOPLE if not getattr(settings, name)]
    if missing and settings.url.startswith("https://"):
        what = f"people are not told whom to turn to: {', '.join(missing)}"
        yield Advice(RISK, what, f"Set them in {SETTINGS_FILE}: docs/operate.md, Say who runs it.")


def _sqlite(name: str, file: Path) -> Iterator[Advice]:
    if not file.exists():
        return
    if file.stat().st_mode & 0o077 and file.parent.stat().st_mode & 0o077:
        yield Advice(WRONG, f"others can read the {name} database", f"chmod 600 {file}")
    if (kind := _file_system(file)) in _NETWORK_FILES:
        yield Advice(WRONG, f"the {name} database is on {kind}", "SQLite needs a local disk.")
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as looked:
        mode = looked.execute("PRAGMA journal_mode").fetchone()[0]
    looked.close()
    if mode != "wal":
        yield Advice(WRONG, f"the {name} database is in {mode} mode", "Start kluis serve once.")
    log = file.with_name(file.name + "-wal")
    if log.exists() and log.stat().st_size > _WAL_BYTES_HIGH:
        what = f"the write-ahead log of the {name} database is {log.stat().st_size >> 20} MiB"
        yield Advice(RISK, what, "Something reads without end, or kluis serve has not run.")


def _file_system(file: Path) -> str:
    """The kind of file system under a file; empty where the system does not say."""
    best, kind = Path(), ""
    try:
        mounts = Path("/proc/mounts").read_text("utf-8").splitlines()
    except OSError:
        return ""
    for line in mounts:
        _, place, found, *_ = line.split()
        if file.is_relative_to(place) and len(place) >= len(str(best)):
            best, kind = Path(place), found
    return kind


def _clock(main: Database) -> Iterator[Advice]:
    now_ms = SystemClock().now_ms()
    with main.read() as connection:
        published_ms = connection.execute(_PUBLISHED).scalar_one()
        there_ms = now_ms if main.is_sqlite else connection.execute(_NOW).scalar_one()
    set_back = max(published_ms, _BUILT_MS) - now_ms
    if set_back > _CLOCK_SECONDS_MAX * 1000:
        what = f"this clock is behind by {set_back // 1000} seconds at least"
        yield Advice(WRONG, what, "Set it by NTP: what is over would go on.")
    elif abs(there_ms - now_ms) > _CLOCK_SECONDS_MAX * 1000:
        what = f"the database's clock differs by {abs(there_ms - now_ms) // 1000} seconds"
        yield Advice(RISK, what, "Set both by NTP.")
    else:
        yield Advice(OK, "the clock is after what was published")


def _anchor(settings: Settings, main: Database) -> Iterator[Advice]:
    try:
        anchored, _ = Anchor(settings.anchor).read()
    except VaultError:
        return  # told with the log
    with main.read() as connection:
        behind = connection.execute(_SIZE).scalar_one() - anchored.size
    idle_ms = SystemClock().now_ms() - settings.anchor.stat().st_mtime * 1000
    if behind > 0 and idle_ms > settings.anchor_lag_seconds_max * 1000:
        what = f"the anchor is {behind} entries behind, since {idle_ms / 1000:.0f} seconds"
        yield Advice(RISK, what, "Start kluis serve, and see whether it can write there.")


def _postgresql(name: str, database: Database, settings: Settings) -> Iterator[Advice]:
    with database.read() as connection:
        found = dict(connection.execute(_SERVER).all())
        encrypted = connection.execute(_ENCRYPTED).scalar_one()
    for setting in ("fsync", "full_page_writes"):
        if found[setting] != "on":
            what = f"{setting} is off on the {name} database"
            yield Advice(WRONG, what, "Turn it on: a crash would damage what was acknowledged.")
    if found["synchronous_commit"] == "off":  # each connection asks for it to be on
        what = f"synchronous_commit is off on the {name} database, whatever we ask for"
        yield Advice(WRONG, what, "Is there a pooler in between? Let it pass options on.")
    if found["log_statement"] in {"mod", "all"}:
        what = f"the {name} database logs statements"
        yield Advice(RISK, what, "They name rows and times: set log_statement to none or ddl.")
    if name == "keystore" and found["archive_mode"] != "off":
        what = "the keystore's write-ahead log is archived"
        yield Advice(RISK, what, "The archive must forget within 7 days, like its backups.")
    if int(found["max_connections"]) < settings.database_connections_max:
        what = f"the {name} database takes {found['max_connections']} connections"
        yield Advice(RISK, what, "Raise max_connections, or lower database_connections_max.")
    if not encrypted:
        what = f"the connection to the {name} database is not encrypted"
        yield Advice(RISK, what, "Add sslmode=verify-full to its URL.")
