"""The real side: a store with files, acted upon by the serial numbers of the model.

It keeps every secret that was ever handed out, by the model's name for it.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import event

from crypto.encoding import b64u
from operate.continuing import go_on, plan
from operate.rotation import rotate
from tests.builders import AgencyDesk, FakeClock, Store, to_the_pool, whole_log
from tests.model.dumps import Dump, log_size, set_anchor_back, set_back
from tests.model.state import Line, Name
from tests.vault.full_story import secret_bytes
from vault import caller
from vault.activities import Entry
from vault.errors import NotReady
from vault.fields import NewValue
from vault.methods import VaultCreated
from vault.sessions import SessionStarted, UnlockSecret
from vault.settings import Settings
from vault.system import System
from vault.unlocking import method_id, parse_session_token
from vault.vault import Vault

FIELDS = ("identity.given_name", "identity.family_name", "identity.birth_place")
AGENCIES = ("https://agency.example", "https://other.example")
USE = "use-of-the-model"


@dataclass
class Template:
    """An installation with two agencies, made once and copied for every story."""

    folder: Path
    settings: Settings
    agencies: list[AgencyDesk]

    @classmethod
    def make(cls, folder: Path) -> "Template":
        store = Store.make(folder)
        fields = dict.fromkeys(FIELDS, False)
        agencies = [store.agency(name, fields, use=USE) for name in AGENCIES]
        store.close()
        return cls(folder, store.settings, agencies)

    def copy(self, folder: Path) -> Store:
        """A store of its own: the same agencies, and nobody's vault yet."""
        shutil.copytree(self.folder, folder)

        def moved(path: Path) -> Path:
            return folder / path.relative_to(self.folder)

        places = self.settings
        settings = places.model_copy(
            update={
                "data": moved(places.data),
                "keys": moved(places.keys),
                "anchor": moved(places.anchor),
                "stranger_refusals_per_hour": 10_000,
            }
        )
        clock = FakeClock()
        return Store(settings, clock, Vault.open(settings, clock))

    def world(self, folder: Path) -> "World":
        store = self.copy(folder)
        return World(store, {one.id: replace(one, vault=store.vault) for one in self.agencies})


@dataclass
class World:
    """Acts as people do; answers what they see."""

    store: Store
    agencies: dict[str, AgencyDesk]
    secrets: dict[Name, str] = field(default_factory=dict)
    grants: dict[int, bytes] = field(default_factory=dict)

    @property
    def vault(self) -> Vault:
        return self.store.vault

    def owner(self, session: int) -> caller.Owner:
        return caller.Owner(parse_session_token(self.secrets["session", session]))

    def unlock_secret(self, method: int) -> UnlockSecret:
        text = self.secrets["method", method]
        is_code = "-" in text and len(text) == 35  # a device secret has 43 characters
        return UnlockSecret.recovery(text) if is_code else UnlockSecret.device(text)

    def create(self, device: str) -> VaultCreated:
        made = self.vault.create(caller.Stranger(), UnlockSecret.device(device), None)
        owner = caller.Owner(parse_session_token(made.session.token))
        self.vault.confirm_recovery(owner, made.recovery_code)
        return made

    def unlock(self, method: int) -> SessionStarted:
        return self.vault.unlock(caller.Stranger(), self.unlock_secret(method))

    def add_device(self, by: int, device: str) -> None:
        new = UnlockSecret.device(device)
        self.vault.add_method(caller.Stranger(), self.unlock_secret(by), new)

    def remove_method(self, session: int, method: int) -> None:
        self.vault.remove_method(self.owner(session), method_id(self.unlock_secret(method).secret))

    def put(self, session: int, values: Mapping[str, str]) -> None:
        self.vault.put(self.owner(session), [NewValue(name, text) for name, text in values.items()])

    def values(self, session: int) -> dict[str, Any]:
        found = self.vault.values(self.owner(session))
        return {name: own.statement.value for name, own in found.items()}

    def history(self, session: int, name: str) -> list[Any]:
        found = self.vault.history(self.owner(session), name)
        return [own.statement.value for own in reversed(found)]

    def end(self, session: int, grant: int) -> None:
        assert self.vault.end_grant(self.owner(session), self.grants[grant]).recorded

    def end_unrecorded(self, session: int, grant: int) -> None:
        """An end while the log can't be written: it takes effect, and the entry is owed."""
        owner, grant_id = self.owner(session), self.grants[grant]
        with read_only(self.vault.system):
            assert not self.vault.end_grant(owner, grant_id).recorded

    def redeem(self, grant: int, agency: str) -> tuple[str, tuple[str, ...]]:
        made = self.agencies[agency].redeem(self.secrets["code", grant])
        return made.token, made.fields

    def read(
        self, grant: int, agency: str, fields: Sequence[str], **changes: Any
    ) -> dict[str, tuple[Any, bool]]:
        found = self.agencies[agency].read(self.secrets["token", grant], fields, **changes)
        return {name: (one.statement.value, one.is_current) for name, one in found.items()}

    def look(self, session: int) -> list[Line]:
        """The owner's log, oldest first, checked and whole."""
        seen = whole_log(self.vault, self.owner(session))
        serials = {grant_id: serial for serial, grant_id in self.grants.items()}
        return [_line(entry, serials) for entry in seen]

    # The operator, and thieves.

    def restart(self) -> None:
        self._use(self.store.reopen())

    def restore(self, dump: Dump, *, new_log: bool) -> None:
        """Sets main back. A log that lost entries is not served as it is.

        It goes on under a new name (`kluis audit continue`), or the anchor is set back as well.
        """
        self.store.close()
        anchored = int(self.store.settings.anchor.read_text().split("\n")[1])
        set_back(self.store, dump)
        try:
            vault = Vault.open(self.store.settings, self.store.clock)
            assert log_size(dump.main) >= anchored
        except NotReady:
            if new_log:
                go_on(self.store.settings, self.store.clock, plan(self.store.settings))
            else:
                set_anchor_back(self.store, dump)
            vault = Vault.open(self.store.settings, self.store.clock)
        self._use(vault)

    def _use(self, vault: Vault) -> None:
        self.store.vault = vault
        for agency in self.agencies.values():
            agency.vault = vault

    def rotate_root(self) -> None:
        """A new root key, and every row under it. The old one stays: old dumps need it."""
        self.store.close()
        assert rotate(self.store.settings, self.store.clock).moved
        self._use(Vault.open(self.store.settings, self.store.clock))

    def roots(self) -> list[bytes]:
        """Every root key there ever was."""
        return [path.read_bytes() for path in sorted(self.store.settings.keys.glob("root-*.key"))]

    def secret_bytes(self, names: Iterable[Name]) -> list[bytes]:
        return [secret_bytes(self.secrets[name]) for name in names if name in self.secrets]


@contextmanager
def read_only(system: System) -> Iterator[None]:
    """Main takes no writes, as if its disk had been remounted."""
    pragma = ["query_only=ON"]

    def set_pragma(connection: Any, *_: Any) -> None:
        connection.execute(f"PRAGMA {pragma[0]}")

    event.listen(system.main.engine, "checkout", set_pragma)
    to_the_pool(system.main)
    try:
        yield
    finally:
        pragma[0] = "query_only=OFF"
        to_the_pool(system.main)
        system.main.engine.dispose()  # a connection that was made read-only begins nothing


def new_device() -> str:
    return b64u(os.urandom(32))


def _line(entry: Entry, serials: Mapping[bytes, int]) -> Line:
    said = entry.event
    return Line(
        said.action,
        said.outcome,
        said.reason or "",
        said.actor.id or said.actor.kind,
        0 if said.grant is None else serials[said.grant],
        said.fields_requested or (),
        said.fields_given or (),
        bool(entry.chain.alarm),
    )
