"""The installation that an operator's command works on, opened or explained."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from audit.shapes import instant_text
from cli.errors import WrongUse
from cli.output import Output
from crypto.encoding import b64u
from operate.token import root_key
from vault.caller import Operator
from vault.sessions import UnlockSecret
from vault.settings import SETTINGS_FILE, Settings, load_settings
from vault.vault import Vault

_DATABASE = "a URL like postgresql://name:password@host/database is expected"
_LINK = "an address that begins with https:// or mailto: is expected"


def settings_of(data: Path) -> Settings:
    """The settings in a data folder. A wrong one is named, its value is not: it may be secret."""
    try:
        return load_settings(data)
    except ValidationError as error:
        raise WrongUse(explain(error, data / SETTINGS_FILE), "bad_settings") from None
    except ValueError as error:
        raise WrongUse(f"{data / SETTINGS_FILE} is not TOML: {error}.", "bad_settings") from None


def explain(error: ValidationError, where: Path) -> str:
    """Which settings are wrong, and why."""
    wrong = [
        f"{'.'.join(map(str, each['loc']))}: {_why(each)}"
        for each in error.errors(include_input=False, include_url=False)
    ]
    return f"In {where} or in KLUIS_...: {'; '.join(wrong)}."


def _why(fault: ErrorDetails) -> str:
    """In words: a pattern is nothing that anybody wants to read."""
    if fault["type"] != "string_pattern_mismatch":
        return fault["msg"]
    return _DATABASE if "postgres" in fault["ctx"]["pattern"] else _LINK


@contextmanager
def opened(data: Path, out: Output) -> Iterator[Vault]:
    """The vault of an installation, for one command. A server may be running beside it."""
    settings = settings_of(data)
    with out.working("Opening the vault"):
        vault = Vault.open(settings, root=root_key(settings))
    with vault:
        yield vault


def make_at_the_counter(data: Path, out: Output, body: dict[str, Any]) -> dict[str, Any]:
    """Makes a vault as the operator, beside a running server; answers as the server would."""
    with opened(data, out) as vault:
        made = vault.create(Operator(), UnlockSecret.device(body["device_secret"]), None)
    session = made.session
    return {
        "vault": b64u(session.vault_id),
        "recovery_code": made.recovery_code,
        "block_code": made.block_code,
        "session": {"token": session.token, "expires_at": instant_text(session.expires_at)},
    }
