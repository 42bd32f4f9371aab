"""What this computer remembers of a citizen's vault, an agency's desk or an auditor, a file each.

Below `$KLUIS_HOME`, by default the user's configuration folder: `wallet/NAME.json`,
`desk/NAME.json` and `auditor/NAME.json`, mode 0600 in a folder of mode 0700, written whole or not
at all. Whoever can read a wallet's file can open the vault: it holds the device secret.
"""

import json
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from platformdirs import user_config_dir

from cli.errors import Failed, WrongUse
from cli.files import write_private

DEFAULT_PROFILE = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(slots=True)
class WalletState:
    """A citizen's side. `vault` None: it is not known yet whether the vault was made.

    `checked`: by which keys the log was checked last, and what the next check has to go on from.
    """

    url: str
    vault: str | None = None
    device_secret: str | None = field(default=None, repr=False)
    session: str | None = field(default=None, repr=False)
    checked: dict[str, Any] | None = field(default=None, repr=False)


@dataclass(slots=True)
class DeskState:
    """An agency's or auditor's side: who it is, its keys, and the access it redeemed last.

    `code_key` is what the next access will be bound to, `proof_key` what this one is bound to.
    """

    url: str | None = None
    agency: str | None = None
    key: dict[str, Any] | None = field(default=None, repr=False)
    code_hash: str | None = None  # of the code presented last
    code_key: dict[str, Any] | None = field(default=None, repr=False)
    proof_key: dict[str, Any] | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    fields: list[str] = field(default_factory=list)
    ends: str | None = None


State = TypeVar("State", WalletState, DeskState)


class Profile(Generic[State]):
    """One file. Read it with `load`, change the state, `save` it."""

    def __init__(self, folder: str, name: str, shape: Callable[..., State]) -> None:
        if not _NAME.fullmatch(name):
            raise WrongUse("A profile's name is letters, digits, - and _, like `work`.")
        self.name = name
        self.path = home() / folder / f"{name}.json"
        self._shape: Callable[..., State] = shape

    @property
    def exists(self) -> bool:
        return self.path.exists()

    def load(self) -> State:
        """What is remembered; raises `Failed` where nothing is, or others can read it."""
        try:
            with self.path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                raw = file.read()
            if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
                raise Failed(
                    "profile_readable_by_others",
                    f"Others on this computer can read {self.path}. chmod 600 it; if they may "
                    "have read it, take away this device: kluis wallet methods remove.",
                )
            state: State = self._shape(**json.loads(raw))
        except FileNotFoundError:
            raise Failed("no_profile", f"There is no profile {self.name!r} here yet.") from None
        except OSError as error:
            raise Failed("unreadable", f"{self.path} can't be read: {error.strerror}.") from None
        except (ValueError, TypeError):
            raise Failed("damaged_profile", f"{self.path} is damaged.") from None
        return state

    def save(self, state: State) -> None:
        content = {each.name: getattr(state, each.name) for each in fields(state)}
        write_private(self.path, json.dumps(content, indent=1).encode())

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


def wallet_profile(name: str) -> Profile[WalletState]:
    return Profile("wallet", name, WalletState)


def client_profile(command: str, name: str) -> Profile[DeskState]:
    """Of an agency's desk, or of an auditor."""
    return Profile(command, name, DeskState)


def again(command: str, profile: str) -> str:
    """A command line that goes on with the same profile, for hints."""
    return command if profile == DEFAULT_PROFILE else f"{command} --profile {profile}"


def home() -> Path:
    """Where profiles lie."""
    chosen = os.environ.get("KLUIS_HOME")
    return Path(chosen) if chosen else Path(user_config_dir("kluis"))
