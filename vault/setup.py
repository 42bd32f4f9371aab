"""Making an installation, and opening one: folders, keys, databases, anchor (format.md §6)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Table, insert
from sqlalchemy.exc import SQLAlchemyError

from audit.note import Checkpoint, LogKey, sign_checkpoint
from audit.tree import Frontier
from crypto.errors import CannotOpen
from crypto.primitives import random_bytes
from crypto.secret import Secret
from vault.anchor import Anchor, AnchorWriter
from vault.catalogue import load_catalogue
from vault.clock import Clock
from vault.context import Opener
from vault.database import Database
from vault.errors import NotReady
from vault.guard import check_log
from vault.keys import AuditKey, audit_salt, box_audit_key, open_audit_key
from vault.keystore import Keystore
from vault.log import LogStore
from vault.migration import KEYSTORE, MAIN, check_schema, migrate
from vault.owing import owed_items
from vault.refusals import Refusals
from vault.registry import Registry
from vault.rootkey import KeyFile, RootKey, read_key_file, root_key_path, write_key_file
from vault.sequencer import Item, Sequencer
from vault.settings import SETTINGS_FILE, Settings
from vault.steps import sql
from vault.system import System
from vault.tables import (
    audit_heads,
    audit_keys,
    audit_logs,
    instance,
    keystore_instance,
)

_INSTANCE = sql("SELECT instance_id FROM instance")
_AUDIT_KEY = sql("SELECT box FROM audit_key WHERE subject = :subject")
_ROOT_ID = 1
_LOG = 1
_SYSTEM_VAULT = b""  # the system's own audit key belongs to no vault


@dataclass(frozen=True, slots=True)
class Places:
    """Where the parts of an installation lie. None may lie inside another."""

    data: Path
    keys: Path
    anchor: Path

    @classmethod
    def beside(cls, data: Path, keys: Path | None = None, anchor: Path | None = None) -> "Places":
        """The given places; what is not given lies beside the data folder."""
        data = data.resolve()
        return cls(
            data,
            keys.resolve() if keys else data.with_name(data.name + "-keys"),
            anchor.resolve() if anchor else data.with_name(data.name + "-anchor") / "checkpoint",
        )

    def overlaps(self) -> list[str]:
        """What lies inside what, in words."""
        folders = {"data": self.data, "keys": self.keys, "anchor": self.anchor.parent}
        return [
            f"the {inner} folder {folders[inner]} lies inside the {outer} folder {folders[outer]}"
            for inner in folders
            for outer in folders
            if inner != outer and folders[inner].is_relative_to(folders[outer])
        ]


def log_key_path(keys: Path) -> Path:
    return keys / "log.key"


def initialise(places: Places, url: str, registration: str = "invite") -> Settings:
    """Makes keys, databases, settings and anchor. Raises `NotReady` rather than overwrite."""
    for path in (places.data / SETTINGS_FILE, places.keys, places.anchor):
        if path.exists():
            raise NotReady(f"{path} is there already. Nothing was changed.")
    if overlaps := places.overlaps():
        raise NotReady(f"Choose other folders: {overlaps[0]}. Nothing was changed.")
    origin = f"{urlsplit(url).netloc}/audit"
    if origin.startswith("/"):
        raise NotReady(f"{url} is not a public URL like https://kluis.example.org.")
    places.data.mkdir(parents=True, exist_ok=True)
    places.keys.mkdir(parents=True, mode=0o700)
    write_key_file(root_key_path(places.keys, _ROOT_ID))
    write_key_file(log_key_path(places.keys))
    settings_file = places.data / SETTINGS_FILE
    settings_file.write_text(
        "# Burgerkluis. Every setting: docs/operate.md\n"
        f'keys = "{places.keys}"\nanchor = "{places.anchor}"\nurl = "{url}"\n'
        f'origin = "{origin}"\nregistration = "{registration}"\n',
        encoding="utf-8",
    )
    settings = Settings(data=places.data)
    _fill(settings)
    return settings


def _fill(settings: Settings) -> None:
    main, keystore = Database(settings.main_url), Database(settings.salts_url)
    try:
        migrate(main, MAIN)
        migrate(keystore, KEYSTORE)
        _first_rows(settings, main, keystore)
    finally:
        main.close()
        keystore.close()
    for path in (settings.data / "db", settings.keys / "keystore"):
        if path.exists():
            path.chmod(0o600)


def _first_rows(settings: Settings, main: Database, keystore: Database) -> None:
    instance_id, key, empty = random_bytes(16), AuditKey.fresh(), Frontier()
    root, origin = root_key(settings), settings.origin
    note = sign_checkpoint(log_key(settings), Checkpoint(origin, 0, empty.root()))
    with keystore.write() as connection:
        connection.execute(insert(keystore_instance), {"id": 0, "instance_id": instance_id})
    salt = Keystore(keystore).make(audit_salt(key.subject), _SYSTEM_VAULT)
    blob = box_audit_key(root, key, salt)
    head = {"id": 0, "log": _LOG, "origin": origin, "size": 0, "frontier": empty.encode()}
    rows: dict[Table, dict[str, Any]] = {
        instance: {
            "id": 0,
            "instance_id": instance_id,
            "registry_version": 0,
            "published_at": 0,
        },
        audit_keys: {"subject": key.subject, "root_id": root.id, "box": blob},
        audit_logs: {"log": _LOG, "origin": origin},
        audit_heads: head | {"note": note, "system_subject": key.subject},
    }
    with main.write() as connection:
        for table, row in rows.items():
            connection.execute(insert(table), row)
    Anchor(settings.anchor).write(note, first=True)


def open_system(settings: Settings, clock: Clock) -> System:
    """Opens an installation after every check that is cheap; raises `NotReady`.

    (1) both databases have this version's schema, (2) they belong together, (3) the log continues
    its anchor, (4) the system's audit key opens.
    """
    main, salts = Database(settings.main_url), Database(settings.salts_url)
    keystore, root, signer = Keystore(salts), root_key(settings), log_key(settings)
    log = LogStore(main, signer)
    try:
        # (1)
        check_schema(main, MAIN)
        check_schema(salts, KEYSTORE)
        # (2)
        check_pair(main, keystore)
        # (3)
        check_log(main, log, signer.verifier, Anchor(settings.anchor))
        # (4)
        ak_0 = system_key(main, keystore, root, log.head().system_subject)
    except SQLAlchemyError as error:
        raise NotReady(f"A database can't be opened: {type(error).__name__}.") from None
    catalogue = load_catalogue(*settings.catalogue_files)
    anchor = AnchorWriter(Anchor(settings.anchor))
    anchor.offer(log.head().note)  # a crash may have left it behind

    def owed() -> tuple[Item, ...]:
        return owed_items(main, keystore, root, ak_0)

    return System(
        settings=settings,
        clock=clock,
        main=main,
        keystore=keystore,
        root=root,
        opener=Opener(root),
        catalogue=catalogue,
        registry=Registry(main, root),
        log=log,
        sequencer=Sequencer(main, log, committed=anchor.offer, owed=owed),
        anchor=anchor,
        refusals=Refusals(settings.refusals_per_minute, settings.stranger_refusals_per_hour),
        system_key=ak_0,
    )


def root_key(settings: Settings) -> RootKey:
    """The root key of an installation; raises `NotReady`."""
    return RootKey(KeyFile(root_key_path(settings.keys, _ROOT_ID)))


def log_key(settings: Settings) -> LogKey:
    """The key that signs the log's checkpoints; raises `NotReady`."""
    return LogKey(settings.origin, Secret(read_key_file(log_key_path(settings.keys))))


def check_pair(main: Database, keystore: Keystore) -> None:
    """Main database and keystore are of one installation; raises `NotReady`."""
    with main.read() as connection:
        instance_id = connection.execute(_INSTANCE).scalar_one_or_none()
    if instance_id is None or instance_id != keystore.instance_id():
        raise NotReady("Main database and keystore do not belong together.")


def system_key(main: Database, keystore: Keystore, root: RootKey, subject: bytes) -> AuditKey:
    """The key of the entries that concern no single vault; raises `NotReady`."""
    with main.read() as connection:
        blob = connection.execute(_AUDIT_KEY, {"subject": subject}).scalar_one_or_none()
    salt = keystore.get([audit_salt(subject)]).get(audit_salt(subject))
    if blob is None or salt is None:
        raise NotReady("The log's own key is missing from the main database or the keystore.")
    try:
        return open_audit_key(root, subject, salt, blob)
    except CannotOpen:
        raise NotReady("The root key does not fit this database.") from None
