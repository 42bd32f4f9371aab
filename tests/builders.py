"""Citizens, agencies and installations for tests: real databases, real keys, a clock to turn."""

import asyncio
import itertools
import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from audit.shapes import Place
from consent.credentials import Client, Proof
from crypto import jose
from crypto.encoding import b64u
from evidence.own import OwnEntry, gaps
from operate.migration import make_tables
from operate.setup import Places, initialise
from vault import caller
from vault.activities import NEWEST, Entry, Page
from vault.clock import Clock, SystemClock
from vault.database import Database, sqlite_url
from vault.fields import NewValue
from vault.offering import Choice, OfferMade
from vault.reading import Released, parse_access_token
from vault.redeeming import Redeemed
from vault.sessions import UnlockSecret
from vault.settings import Settings
from vault.unlocking import parse_session_token
from vault.vault import Vault

URL = "https://kluis.example"
NOON_MS = 1_795_262_400_000  # 2026-11-21T12:00:00Z
LANGUAGES = ("nl", "fr", "de", "en")

# What a citizen of the tests states about herself. Each value is a canary: it may be nowhere
# but in an answer to her or to an agency she gave it to.
PERSON = {
    "identity.given_name": "Canaria-Given",
    "identity.family_name": "Canaria-Family",
    "identity.birth_date": "1957-03-14",
    "identity.birth_place": "Canaria-Place",
    "address.resident_city": "Canaria-City",
}


class FakeClock(Clock):
    """A clock that stands still until a test turns it."""

    def __init__(self, now_ms: int = NOON_MS) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        return self.ms

    def advance(self, *, seconds: float = 0, days: float = 0) -> None:
        self.ms += int(seconds * 1000 + days * 86_400_000)


class TurnedTime:
    """In place of the module `time`: a machine's clock that never goes back, and can be turned."""

    def __init__(self) -> None:
        self.turned_seconds = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.turned_seconds


def texts(text: str) -> dict[str, str]:
    """The same text in every language."""
    return dict.fromkeys(LANGUAGES, text)


def registration(
    agency: str,
    key: jose.Jwk,
    fields: Mapping[str, bool] | None = None,
    *,
    use: str = "test-use",
    **extra: Any,
) -> dict[str, Any]:
    """A registration with one use; `fields` maps field ids to whether they are mandatory."""
    chosen = fields if fields is not None else dict.fromkeys(PERSON, False)
    return {
        "id": agency,
        "names": texts("Agency of the tests"),
        "contact": {"email": "desk@agency.example"},
        "data_protection_authority": {"name": "Authority", "country": "NL"},
        "jwks": {"keys": [jose.public_jwk(key)]},
        "intended_uses": [
            {
                "id": use,
                "purpose": texts("Testing"),
                "legal_basis": {"kind": "consent"},
                "fields": [
                    {"id": name, "mandatory": mandatory, "why": texts("Needed by the test")}
                    for name, mandatory in chosen.items()
                ],
                "consequence": texts("Nothing happens"),
                "retention": "P30D",
                "privacy_policy": "https://agency.example/privacy",
            }
        ],
        **extra,
    }


@dataclass
class Citizen:
    """A citizen with a vault, her device secret, recovery code and session."""

    vault: Vault
    device_secret: str
    recovery_code: str
    token: str
    vault_id: bytes

    @property
    def owner(self) -> caller.Owner:
        return caller.Owner(parse_session_token(self.token))

    def put(self, values: Mapping[str, Any]) -> None:
        self.vault.put(self.owner, [NewValue(name, value) for name, value in values.items()])

    def unlock(self) -> "Citizen":
        """Unlocks anew with the device secret; the new session replaces the one at hand."""
        started = self.vault.unlock(caller.Stranger(), UnlockSecret.device(self.device_secret))
        self.token = started.token
        return self

    def offer(self, agency: "AgencyDesk", fields: Sequence[str], **choice: Any) -> OfferMade:
        choice.setdefault("duration_seconds", 3600)
        return self.vault.offer(self.owner, Choice(agency.id, agency.use, tuple(fields), **choice))

    def values(self) -> dict[str, Any]:
        found = self.vault.values(self.owner)
        return {name: own.statement.value for name, own in found.items()}

    def log(self) -> list[tuple[str, str, str | None]]:
        """(action, outcome, reason) of every entry, oldest first."""
        entries = whole_log(self.vault, self.owner)
        return [(e.event.action, e.event.outcome, e.event.reason) for e in entries]

    def alarms(self) -> list[str | None]:
        entries = whole_log(self.vault, self.owner)
        return [e.event.reason for e in entries if e.chain.alarm]


def whole_log(vault: Vault, owner: caller.Owner) -> list[Entry]:
    """Every entry that an owner is shown, oldest first: page by page, without a gap."""
    entries: list[Entry] = []
    page: Place | None = NEWEST
    while page is not None:
        found = vault.activity(owner, Page(most=100, before=page))
        assert found.damaged == ()
        entries += found.entries
        page = found.after
    assert gaps(OwnEntry(e.log, e.index, e.opening, ()) for e in entries) == ()
    return entries[::-1]


_serial = itertools.count()


@dataclass
class AgencyDesk:
    """A registered agency; speaks to the vault as if its credentials had just been verified."""

    vault: Vault
    id: str
    use: str
    key: jose.Jwk = field(repr=False)
    thumbprint: str = "thumbprint-of-the-tests"

    def proof(self, **changes: Any) -> Proof:
        now_ms = self.vault.system.clock.now_ms()
        parts: dict[str, Any] = {
            "thumbprint": self.thumbprint,
            "jti": f"proof-{os.getpid()}-{next(_serial)}",
            "issued_at": now_ms,
            "ath": None,
            "officer": None,
        }
        return Proof(**(parts | changes))

    def caller(self, **changes: Any) -> caller.Agency:
        now_ms = self.vault.system.clock.now_ms()
        client = Client(self.id, f"assertion-{os.getpid()}-{next(_serial)}", now_ms + 60_000)
        return caller.Agency(client, self.proof(**changes))

    def redeem(self, code: str, tx_code: str | None = None, **changes: Any) -> Redeemed:
        redeemed, _ = self.vault.redeem(self.caller(**changes), code, tx_code)
        return redeemed

    def read(
        self, token: str, fields: Sequence[str], *, officer: str | None = None, **changes: Any
    ) -> dict[str, Released]:
        holder = caller.TokenHolder(parse_access_token(token), self.proof(**changes), officer)
        released, _ = asyncio.run(self.vault.read(holder, fields, asyncio.to_thread))
        return released


@cache
def _statements(which: str) -> tuple[str, ...]:
    """What makes the tables of this version in a new SQLite file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / which
        database = Database(sqlite_url(path))
        make_tables(database, which)
        database.close()
        with closing(sqlite3.connect(path)) as connection:
            _begin, *made, _commit = connection.iterdump()
    return tuple(made)


def to_the_pool(database: Database) -> None:
    """Connections at rest go back, so that what listens to the pool meets all that are used."""
    while database.at_rest:
        database.at_rest.pop().close()


def copy_tables(database: Database, which: str) -> None:
    """The tables that `make_tables` makes, faster."""
    with database.via_sqlalchemy() as connection:
        for statement in _statements(which):
            connection.exec_driver_sql(statement)


@dataclass
class Store:
    """An installation in a temporary folder, opened, with a clock to turn."""

    settings: Settings
    clock: FakeClock
    vault: Vault

    @classmethod
    def make(cls, folder: Path, **databases: str) -> "Store":
        """An installation in SQLite files, or in the databases named, which have no table yet.

        Making tables takes longer than most tests: files get them as the migrations once made them.
        `tests/operate/test_pair.py` and all of `tests/cli` make them for real.
        """
        making = nullcontext() if databases else patch("operate.setup.make_tables", copy_tables)
        with making:
            settings = initialise(Places.beside(folder / "kluis"), URL, "open", **databases)
        clock = FakeClock()
        return cls(settings, clock, Vault.open(settings, clock))

    @classmethod
    def make_on_tables(cls, folder: Path, databases: Mapping[str, str]) -> "Store":
        """The same, on databases that hold the tables already, and nothing else."""
        with patch("operate.setup.check_new"), patch("operate.setup.make_tables"):
            return cls.make(folder, **databases)

    @classmethod
    def make_live(cls, folder: Path, url: str, **databases: str) -> "Store":
        """An installation for a real server of that URL, by the machine's clock."""
        settings = initialise(Places.beside(folder / "kluis"), url, "open", **databases)
        clock = FakeClock()
        clock.now_ms = SystemClock().now_ms  # type: ignore[method-assign]
        return cls(settings, clock, Vault.open(settings, clock))

    def reopen(self, **changes: Any) -> Vault:
        """Closes and opens again, maybe with other settings."""
        self.vault.close()
        self.settings = self.settings.model_copy(update=changes)
        self.vault = Vault.open(self.settings, self.clock)
        return self.vault

    def close(self) -> None:
        self.vault.close()

    def citizen(
        self, values: Mapping[str, Any] | None = None, *, confirmed: bool = True
    ) -> Citizen:
        """A citizen whose vault holds `values` (PERSON by default)."""
        device_secret = b64u(os.urandom(32))
        made = self.vault.create(caller.Stranger(), UnlockSecret.device(device_secret), None)
        citizen = Citizen(
            self.vault,
            device_secret,
            made.recovery_code,
            made.session.token,
            made.session.vault_id,
        )
        if confirmed:
            self.vault.confirm_recovery(citizen.owner, made.recovery_code)
        wanted = PERSON if values is None else values
        if wanted:
            citizen.put(wanted)
        return citizen

    def agency(
        self,
        agency: str = "https://agency.example",
        fields: Mapping[str, bool] | None = None,
        **extra: Any,
    ) -> AgencyDesk:
        """A registered agency with one use of the given fields (all of PERSON, as a choice)."""
        key = jose.generate_key()
        document = registration(agency, key, fields, **extra)
        self.vault.register_agency(caller.Operator(), document)
        return AgencyDesk(self.vault, agency, document["intended_uses"][0]["id"], key)

    def files(self) -> list[Path]:
        """Every file of the installation but the key files."""
        folders = (self.settings.data, self.settings.keys, self.settings.anchor.parent)
        found = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        # What ends in .new is about to get its name.
        return [path for path in found if path.suffix not in {".key", ".new"}]
