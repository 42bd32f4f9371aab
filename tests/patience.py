"""How long this process waits for a lock, a commit, a server or an answer before it gives up.

A machine that stands still for seconds breaks no test: in tests everybody waits a minute. How long
users wait is for tests that ask for `impatience`, and for those of a server's own process.
"""

from typing import Any

import pytest

from operate import counting, silence
from vault import database, keystore, sequencer

_AS_USERS: dict[str, Any] = {
    "vault.sequencer.WAIT_SECONDS_MAX": sequencer.WAIT_SECONDS_MAX,
    "vault.database.BUSY_TIMEOUT_SECONDS": database.BUSY_TIMEOUT_SECONDS,
    "vault.keystore._TRUNCATE_SECONDS_MAX": keystore._TRUNCATE_SECONDS_MAX,
    "operate.counting.WAIT_SECONDS": counting.WAIT_SECONDS,
    "operate.silence.SILENCE_SECONDS_MAX": silence.SILENCE_SECONDS_MAX,
    "vault.database._POSTGRESQL": database._POSTGRESQL,
}
_ASKING = [f"httpx._config.DEFAULT_TIMEOUT_CONFIG.{what}" for what in ("connect", "read", "write")]
_PATIENT: dict[str, Any] = {
    **dict.fromkeys([*_AS_USERS, *_ASKING], 60.0),
    "vault.database._POSTGRESQL": {
        **database._POSTGRESQL,
        "connect_timeout": 60,
        "options": "-c statement_timeout=60000 -c lock_timeout=60000 -c synchronous_commit=on",
    },
}


def be_patient(patch: pytest.MonkeyPatch | None = None) -> None:
    """From now on, in each installation that is opened; for good where no `patch` takes it back."""
    _wait(patch or pytest.MonkeyPatch(), _PATIENT)


def be_impatient(patch: pytest.MonkeyPatch) -> None:
    """As with users."""
    _wait(patch, _AS_USERS)


def _wait(patch: pytest.MonkeyPatch, waits: dict[str, Any]) -> None:
    for name, value in waits.items():
        patch.setattr(name, value)
