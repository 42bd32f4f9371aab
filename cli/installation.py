"""The installation that an operator's command works on, opened or explained."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from cli.errors import WrongUse
from cli.output import Output
from vault.settings import SETTINGS_FILE, Settings, load_settings
from vault.vault import Vault


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
        f"{'.'.join(map(str, each['loc']))}: {each['msg']}"
        for each in error.errors(include_input=False, include_url=False)
    ]
    return f"In {where} or in KLUIS_...: {'; '.join(wrong)}."


@contextmanager
def opened(data: Path, out: Output) -> Iterator[Vault]:
    """The vault of an installation, for one command. A server may be running beside it."""
    settings = settings_of(data)
    with out.working("Opening the vault"):
        vault = Vault.open(settings)
    with vault:
        yield vault
