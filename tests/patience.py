"""How long this process waits for a lock, a commit, a server or an answer before it gives up.

A machine that stands still for seconds breaks no test: in tests everybody waits a minute. How long
users wait is for tests that ask for `impatience`, and for those of a server's own process.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vault.database import _POSTGRESQL

if TYPE_CHECKING:  # it takes longer to load than what most processes of tests do
    import pytest

_WAITS = (
    "vault.sequencer.WAIT_SECONDS_MAX",
    "vault.database.BUSY_TIMEOUT_SECONDS",
    "vault.database._POSTGRESQL",
    "vault.keystore._TRUNCATE_SECONDS_MAX",
    "operate.counting.WAIT_SECONDS",
    "operate.silence.SILENCE_SECONDS_MAX",
)
_LONG_SECONDS = 60.0
_LONG_POSTGRESQL = {
    **_POSTGRESQL,
    "connect_timeout": 60,
    "options": "-c statement_timeout=60000 -c lock_timeout=60000 -c synchronous_commit=on",
}
_as_users: dict[str, Any] = {}


def be_patient(patch: "pytest.MonkeyPatch | None" = None) -> None:
    """From now on, in each installation that is opened; for good where no `patch` takes it back."""
    for name in _WAITS:
        module, _, attribute = name.rpartition(".")
        value = _LONG_POSTGRESQL if attribute == "_POSTGRESQL" else _LONG_SECONDS
        if patch is not None:
            _as_users[name] = getattr(import_module(module), attribute)
            patch.setattr(name, value)
        elif module in sys.modules:
            setattr(sys.modules[module], attribute, value)
    if patch is not None:
        for what in ("connect", "read", "write"):
            patch.setattr(f"httpx._config.DEFAULT_TIMEOUT_CONFIG.{what}", _LONG_SECONDS)


def be_impatient(patch: "pytest.MonkeyPatch") -> None:
    """As with users."""
    for name, value in _as_users.items():
        patch.setattr(name, value)
