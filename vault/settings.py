"""Every setting and limit, with its unit in its name. Read once, by the doors.

Order: what is passed in, then `KLUIS_*` in the environment, then `kluis.toml` in the data folder,
then the defaults here.
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from vault.database import sqlite_url
from vault.errors import NotReady

SETTINGS_FILE = "kluis.toml"
DAY_SECONDS = 86_400
Registration = Literal["open", "invite", "operator"]
_HOST = r"([^@/?]*@)?(\[[0-9a-f:]+\]|[^@:/?\[\]]*)(:[0-9]+)?"  # and who logs in; a socket has none
_URL = rf"^(|sqlite:///.+|postgres(ql)?://{_HOST}/[^/?]+(\?.*)?)$"
_LINK = r"^(|(https://|mailto:)[^\s<>\"]+)$"


class Settings(BaseSettings):
    """Where things lie, and how much of everything there may be."""

    model_config = SettingsConfigDict(
        env_prefix="KLUIS_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    data: Path = Field(description="Folder of the main database and kluis.toml.")
    keys: Path = Field(description="Folder of root key, log key and keystore; mode 0700.")
    anchor: Path = Field(description="File outside both that remembers the newest checkpoint.")
    url: str = Field("http://localhost:8000", description="Public URL: issuer, htu, QR codes.")
    origin: str = Field("", description="Name of the first audit log; set once, from the URL.")
    root_key: str = Field("file", description="Where new root keys lie: file, or a PKCS#11 URI.")
    database_url: str = Field("", repr=False, pattern=_URL, description="PostgreSQL; else SQLite.")
    keystore_url: str = Field("", repr=False, pattern=_URL, description="PostgreSQL; else SQLite.")
    database_connections_max: int = Field(20, ge=8, le=1000, description="Per process, database.")
    catalogue_files: tuple[Path, ...] = Field((), description="Files that add fields.")
    registration: Registration = Field("invite", description="Who may make a vault.")
    registrations_per_hour: int = Field(60, ge=1, description="New vaults per address and hour.")
    session_ttl_seconds: int = Field(3600, ge=60, le=DAY_SECONDS)
    fresh_unlock_seconds: int = Field(300, ge=30, le=900, description="For weighty decisions.")
    officer_session_seconds: int = Field(8 * 3600, ge=60, le=DAY_SECONDS, description="At most.")
    officer_idle_seconds: int = Field(900, ge=60, le=3600, description="Then signed out.")
    unlock_failures_per_hour: int = Field(10, ge=1, description="Per address.")
    offer_ttl_seconds: int = Field(120, ge=10, le=300)
    offers_per_day: int = Field(20, ge=1, description="Per vault.")
    grant_seconds_max: int = Field(366 * DAY_SECONDS, ge=60)
    grant_fresh_seconds: int = Field(30 * DAY_SECONDS, description="Above it: a fresh unlock.")
    reads_max: int = Field(10_000, ge=1, description="Most reads one grant may allow.")
    fields_max: int = Field(100, ge=1, le=500, description="Fields in one request.")
    refusals_per_minute: int = Field(600, ge=1, description="Logged per authenticated caller.")
    stranger_refusals_per_hour: int = Field(10, ge=0, description="Logged per vault.")
    owner_acts_per_hour: int = Field(300, ge=1, description="Unlocks, puts, offers, per vault.")
    tiles_per_minute: int = Field(600, ge=1, description="Of the published log, per address.")
    sweep_seconds: float = Field(10, gt=0)
    publish_seconds: int = Field(60, ge=1)
    anchor_lag_seconds_max: int = Field(30, ge=2, description="Beyond it reads are refused.")
    witness_policy: str = Field("", description="File of witnesses, as C2SP tlog-policy writes it.")
    unwitnessed_seconds_max: int = Field(14_400, ge=0, description="Then reads stop; 0 = never.")
    log_key_overlap_days: int = Field(30, ge=0, description="Old and new keys both sign.")
    audit_retention_days: int = Field(1830, ge=0, description="How long the log can be read.")
    theme: str = Field("", description="File: a style sheet that the pages load last.")
    organisation: str = Field("", max_length=100, description="Who runs it, as people know it.")
    help_phone: str = Field("", max_length=40, description="Whom people call who are stuck.")
    help_url: str = Field("", pattern=_LINK, description="Counters and opening hours.")
    privacy_url: str = Field("", pattern=_LINK, description="Your privacy statement.")
    accessibility_url: str = Field("", pattern=_LINK, description="Your accessibility statement.")
    security_contact: str = Field("", pattern=_LINK, description="Who hears of holes: RFC 9116.")
    body_bytes_max: int = Field(2**20, ge=4096)

    @field_validator("url")
    @classmethod
    def _bare_url(cls, url: str) -> str:
        return url.rstrip("/")

    @property
    def main_url(self) -> str:
        return self.database_url or sqlite_url(self.data / "db")

    @property
    def salts_url(self) -> str:
        return self.keystore_url or sqlite_url(self.keys / "keystore")


def load_settings(data: Path, **given: Any) -> Settings:
    """The settings of an installation made by `kluis init`. Raises `NotReady` where none is."""
    if not (file := data / SETTINGS_FILE).is_file():
        what = f"There is no installation in {data}. Make one: kluis init --data {data}"
        raise NotReady(f"{what}, or name the folder with --data or KLUIS_DATA")
    stored = tomllib.loads(file.read_text(encoding="utf-8"))
    kept = {name: stored[name] for name in stored if f"KLUIS_{name.upper()}" not in os.environ}
    return Settings(**{**kept, **given, "data": data.resolve()})
