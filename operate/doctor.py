"""`kluis doctor`: what is wrong or risky in an installation, and what to do about it."""

from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from operate.advice import OK, RISK, WRONG, Advice
from operate.rotation import state
from operate.setup import Places
from operate.signers import overlap_ends
from operate.surroundings import beneath, surroundings
from operate.token import root_key
from vault.anchor import Anchor
from vault.clock import SystemClock
from vault.database import Database
from vault.errors import Unavailable, VaultError
from vault.guard import check_log
from vault.keystore import Keystore, SaltKey
from vault.logkeys import log_keys
from vault.opening import check_pair
from vault.registry import Registry
from vault.schema import KEYSTORE, MAIN, check_schema
from vault.settings import Settings, load_settings
from vault.steps import sql

_SALTED = sql(
    """SELECT 'vault', vault_id, 0 FROM vault UNION ALL SELECT 'method', method_id, 0 FROM method
    UNION ALL SELECT 'grant', grant_id, phase FROM vault_grant WHERE state <> 'ended'"""
)

__all__ = ["OK", "RISK", "WRONG", "Advice", "examine"]


def examine(data: Path) -> list[Advice]:
    """Looks at everything that is cheap to look at, and changes nothing."""
    try:
        settings = load_settings(data)
    except VaultError as error:
        return [Advice(WRONG, str(error), "Run kluis init, or name the right folder: --data.")]
    advice = [
        *_places(settings),
        *surroundings(settings),
        *_check("root key", lambda: root_key(settings)),
        *_check("log key", lambda: log_keys(settings)),
    ]
    if all(one.level != WRONG for one in advice):
        advice += _databases(settings)
    return advice


def _places(settings: Settings) -> Iterator[Advice]:
    overlaps = Places(settings.data, settings.keys, settings.anchor).overlaps()
    for overlap in overlaps:
        yield Advice(WRONG, overlap, "Move one of them, and change kluis.toml.")
    if not overlaps:
        yield Advice(OK, "data, keys and anchor lie apart")
    if settings.keys.exists() and settings.keys.stat().st_mode & 0o077:
        yield Advice(WRONG, f"others can look into {settings.keys}", f"chmod 700 {settings.keys}")
    same_disk = settings.data.exists() and settings.keys.exists()
    if same_disk and settings.data.stat().st_dev == settings.keys.stat().st_dev:
        yield Advice(
            RISK,
            "data and keys are on one disk",
            "Back them up apart. Keep backups of the keystore for at most 7 days: an erasure "
            "reaches as far as they do. Root key and log keys are kept longer: docs/backup.md.",
        )
    if settings.anchor.exists() and settings.anchor.stat().st_dev == settings.data.stat().st_dev:
        yield Advice(
            RISK,
            "the anchor is on the database's disk",
            "Put it on another machine or volume: who sets both back is not noticed.",
        )
    local = "//localhost" in settings.url or "//127." in settings.url
    if not settings.url.startswith("https://"):
        level = RISK if local else WRONG
        yield Advice(level, f"{settings.url} is not https", "Serve behind TLS before real use.")
    if settings.registration == "open" and not local:
        yield Advice(RISK, "anybody may make a vault", 'Set registration = "invite".')


def _databases(settings: Settings) -> Iterator[Advice]:
    main, salts = Database(settings.main_url), Database(settings.salts_url)
    keystore = Keystore(salts)
    try:
        schemas = [
            *_check("main schema", lambda: check_schema(main, MAIN)),
            *_check("keystore schema", lambda: check_schema(salts, KEYSTORE)),
        ]
        yield from schemas
        if any(one.level == WRONG for one in schemas):
            return
        yield from _check("pair of databases", lambda: check_pair(main, keystore))
        yield from _log(settings, main)
        yield from _registry(settings, main)
        yield from _roots(settings)
        yield from _orphans(main, keystore)
        yield from beneath(settings, main, salts)
    except (SQLAlchemyError, Unavailable) as error:
        name = type(error).__name__
        yield Advice(WRONG, f"a database can't be read: {name}", "Look at its file and its log.")
    finally:
        main.close()
        salts.close()


def _log(settings: Settings, main: Database) -> Iterator[Advice]:
    keys = log_keys(settings)
    anchor = Anchor(settings.anchor)
    yield from _check("audit log", lambda: check_log(main, keys, anchor))
    if not keys.lattice:
        what = "the log has no ML-DSA-44 key: its signatures do not outlast quantum computers"
        yield Advice(RISK, what, "kluis audit keys complete")
    yield from _overlap(settings)


def _overlap(settings: Settings) -> Iterator[Advice]:
    try:
        ends = overlap_ends(settings)
    except VaultError as error:
        yield Advice(RISK, str(error), "kluis audit keys rotate")
        return
    if ends is not None and ends <= SystemClock().now_ms():
        yield Advice(RISK, "the log's old keys still sign", "kluis audit keys retire")


def _registry(settings: Settings, main: Database) -> Iterator[Advice]:
    snapshot = Registry(main, root_key(settings)).current()
    for name in snapshot.damaged:
        yield Advice(WRONG, f"{name} was changed in the database", "Run kluis audit verify.")
    if not snapshot.agencies:
        yield Advice(RISK, "no agency is registered", "kluis agency register FILE")


def _roots(settings: Settings) -> Iterator[Advice]:
    """Which root keys rows name, and whether they are at hand."""
    found = state(settings)
    named = {root_id for rows in found.rows.values() for root_id in rows}
    for root_id in sorted(named - set(found.at_hand)):
        what = f"rows name root key {root_id}, which is not here"
        yield Advice(WRONG, what, "Put it back where root keys lie: those rows don't open.")
    if found.still_old:
        yield Advice(
            RISK,
            f"{found.still_old} rows are under an older root key",
            "Keep that key, restart the server, and go on: kluis root rotate",
        )
    for root_id in found.unneeded:
        yield Advice(
            RISK,
            f"no row names root key {root_id} any more, and it is still here",
            "Destroy it when no backup of main needs it: docs/backup.md.",
        )


def _orphans(main: Database, keystore: Keystore) -> Iterator[Advice]:
    """Rows without a salt answer like ended ones; salts without a row wait for their row."""
    salts = {row.key for row in keystore.rows() if not row.is_gone}
    owed = sum(row.owed is not None for row in keystore.voided())
    with main.read() as connection:
        found = {SaltKey(*row) for row in connection.execute(_SALTED)}
    dead, waiting = found - salts, {s for s in salts - found if s.kind in {"vault", "method"}}
    if dead:
        yield Advice(
            RISK,
            f"{len(dead)} rows have no salt: they open nothing",
            "The keystore is older than the database, or they ended. Restore the newest keystore.",
        )
    if waiting:
        yield Advice(
            RISK,
            f"{len(waiting)} salts have no row",
            "The database is older than the keystore, or a request broke off while it was made.",
        )
    if owed:
        yield Advice(RISK, f"{owed} ends wait for their log entry", "Start kluis serve.")


def _check(what: str, look: Callable[[], object]) -> list[Advice]:
    try:
        look()
    except VaultError as error:
        return [Advice(WRONG, str(error), f"The {what} must be right before anything is served.")]
    return [Advice(OK, f"the {what} is right")]
