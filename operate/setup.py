"""Making an installation: folders, keys, databases, settings, anchor.

Why two databases: docs/format.md, 10 Two databases, one order.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from audit.note import Checkpoint, sign_checkpoint
from audit.tree import Frontier
from crypto.primitives import random_bytes
from operate.migration import make_tables
from operate.pair import check_new, opened
from operate.token import make_root, root_ids, root_key, write_key_file
from vault.anchor import Anchor
from vault.database import Database
from vault.errors import NotReady
from vault.keys import AuditKey, audit_salt, box_audit_key
from vault.keystore import Keystore
from vault.logkeys import LATTICE, LOG, key_path, log_keys
from vault.opening import ROOT_ID
from vault.schema import KEYSTORE, MAIN
from vault.settings import SETTINGS_FILE, Settings
from vault.steps import insert_into, sql

_LOG = 1
_INSERT_INSTANCE = sql("INSERT INTO instance (id, instance_id) VALUES (0, :id)")
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


def initialise(places: Places, url: str, registration: str = "invite", **more: str) -> Settings:
    """Makes keys, databases, settings and anchor. Raises `NotReady` rather than overwrite.

    `more` are further settings to keep, like the URLs of databases that are not SQLite files.
    """
    for path in (places.data / SETTINGS_FILE, places.data / "db", places.keys, places.anchor):
        if path.exists():
            raise NotReady(f"{path} is there already. Nothing was changed.")
    if overlaps := places.overlaps():
        raise NotReady(f"Choose other folders: {overlaps[0]}. Nothing was changed.")
    origin = f"{urlsplit(url).netloc}/audit"
    if origin.startswith("/"):
        raise NotReady(f"{url} is not a public URL like https://kluis.example.org.")
    chosen = {
        "keys": str(places.keys),
        "anchor": str(places.anchor),
        "url": url,
        "origin": origin,
        "registration": registration,
        **more,
    }
    settings = Settings.model_validate({"data": places.data, **chosen})
    check_new(settings)
    if root_ids(settings):
        raise NotReady("The token holds root keys of that name already. Choose another object.")
    places.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    places.keys.mkdir(parents=True, mode=0o700)
    make_root(settings, ROOT_ID)
    for kind in (LOG, LATTICE):
        write_key_file(key_path(places.keys, kind))
    settings_file = places.data / SETTINGS_FILE
    # A JSON string is a TOML string too.
    lines = [f"{name} = {json.dumps(value)}" for name, value in chosen.items()]
    text = "\n".join(["# Burgerkluis. Every setting: docs/operate.md", *lines, ""])
    settings_file.touch(mode=0o600)
    settings_file.write_text(text, encoding="utf-8")
    _fill(settings)
    return settings


def _fill(settings: Settings) -> None:
    with opened(settings) as (main, keystore):
        make_tables(main, MAIN)
        make_tables(keystore, KEYSTORE)
        _first_rows(settings, main, keystore)
    for path in (settings.data / "db", settings.keys / "keystore"):
        if path.exists():
            path.chmod(0o600)


def _first_rows(settings: Settings, main: Database, keystore: Database) -> None:
    instance_id, key, empty = random_bytes(16), AuditKey.fresh(), Frontier()
    root, origin = root_key(settings), settings.origin
    note = sign_checkpoint(log_keys(settings).newest, Checkpoint(origin, 0, empty.root()))
    with keystore.write() as connection:
        connection.execute(_INSERT_INSTANCE, {"id": instance_id})
    salt = Keystore(keystore).make(audit_salt(key.subject), _SYSTEM_VAULT)
    blob = box_audit_key(root, key, salt)
    head = {"id": 0, "log": _LOG, "origin": origin, "size": 0, "frontier": empty.encode()}
    rows: dict[str, dict[str, Any]] = {
        "instance": {
            "id": 0,
            "instance_id": instance_id,
            "registry_version": 0,
            "published_at": 0,
        },
        "audit_key": {"subject": key.subject, "root_id": root.id, "box": blob},
        "audit_log": {"log": _LOG, "origin": origin, "opened_from": 0},
        "audit_head": head | {"note": note, "system_subject": key.subject},
    }
    with main.write() as connection:
        for table, row in rows.items():
            connection.execute(insert_into(table, tuple(row)), row)
    Anchor(settings.anchor).write(note, first=True)
