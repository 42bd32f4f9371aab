"""`kluis init`: makes keys, databases and settings, once."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from pydantic import ValidationError

from cli.client import checked_url
from cli.errors import Failed, WrongUse
from cli.installation import explain
from cli.options import DEFAULT_DATA, Data, Json, at
from cli.output import Output
from operate.setup import Places, initialise
from operate.token import FILE
from vault.settings import SETTINGS_FILE, Settings

_DATABASES = ("database_url", "keystore_url")


class Registration(StrEnum):
    """Who may make a vault."""

    OPEN = "open"
    INVITE = "invite"
    OPERATOR = "operator"


KeysFolder = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        envvar="KLUIS_KEYS",
        help="New folder for the keys. Back it up apart from the data.  "
        "[default: beside the data folder, named ...-keys]",
    ),
]
AnchorFile = Annotated[
    Path | None,
    typer.Option(
        "--anchor",
        envvar="KLUIS_ANCHOR",
        help="New file that remembers how far the log was, best on another disk or machine.  "
        "[default: beside the data folder, in ...-anchor]",
    ),
]
PublicUrl = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="KLUIS_URL",
        help="Public address, as citizens and agencies will type it. The name of the log "
        "follows from it and stays.",
    ),
]
WhoMayRegister = Annotated[
    Registration,
    typer.Option(
        "--registration",
        envvar="KLUIS_REGISTRATION",
        help="Who may make a vault: anybody, people with an invitation, or nobody but you.",
    ),
]
RootKey = Annotated[
    str,
    typer.Option(
        "--root",
        envvar="KLUIS_ROOT_KEY",
        help="Where the root key lies: file, or a PKCS#11 URI that names a token (docs/backup.md).",
    ),
]


def init(
    data: Data = DEFAULT_DATA,
    keys: KeysFolder = None,
    anchor: AnchorFile = None,
    url: PublicUrl = "http://localhost:8000",
    registration: WhoMayRegister = Registration.INVITE,
    root: RootKey = FILE,
    json: Json = False,
) -> None:
    """Make a new installation: keys, databases, settings. Nothing is ever overwritten.

    The data, the keys and the anchor are three parts that should be kept apart: whoever has the
    data without the keys can read nothing.

    The databases are two SQLite files, unless KLUIS_DATABASE_URL and KLUIS_KEYSTORE_URL name two
    empty ones on PostgreSQL. They may hold passwords: no options, and kluis.toml keeps them.

    \b
    Examples:
      kluis init
      kluis init --data /srv/kluis --keys /etc/kluis/keys --anchor /mnt/other/checkpoint \\
                 --url https://kluis.example.org
    """
    out = Output(json)
    _check_host_of_its_own(url)
    places = Places.beside(data, keys, anchor)
    more = _named_databases() | ({} if root == FILE else {"root_key": root})
    try:
        with out.working("Making keys and databases"):
            settings = initialise(places, url, registration.value, **more)
    except ValidationError as error:
        raise WrongUse(explain(error, data / SETTINGS_FILE), "bad_settings") from None
    except OSError as error:
        raise Failed(
            "unwritable_folder", f"{error.filename} can't be made: {error.strerror}."
        ) from None
    _tell(out, settings, data)


def _check_host_of_its_own(url: str) -> None:
    if path := urlsplit(checked_url(url)).path:
        raise WrongUse(
            f"{url}: the public address can't have a path. Leave {path} out and give the vault a "
            "host name of its own, like https://kluis.example.org."
        )


def _named_databases() -> dict[str, str]:
    """The databases that the environment names, as settings."""
    given = {name: os.environ.get(f"KLUIS_{name.upper()}") for name in _DATABASES}
    return {name: url for name, url in given.items() if url}


def _tell(out: Output, made: Settings, data: Path) -> None:
    """What was made, and the commands that come next."""
    out.answer(
        {
            "data": str(made.data),
            "keys": str(made.keys),
            "anchor": str(made.anchor),
            "url": made.url,
            "registration": made.registration,
            "databases": "postgresql" if made.database_url else "sqlite",
        }
    )
    out.say(f"Made an installation for {made.url}.")
    out.say(f"  data    {made.data}")
    out.say(f"  keys    {made.keys}   (keep them secret, back them up apart from the data)")
    out.say(f"  anchor  {made.anchor}")
    if made.database_url:
        out.say(f"The databases are on PostgreSQL; their URLs stand in {data / SETTINGS_FILE}.")
    shown, port = at(data), urlsplit(made.url).port
    out.say("Next:")
    out.say(f"  kluis agency register FILE{shown}")
    out.say(f"  kluis serve{shown}{f' --port {port}' if port not in (None, 8000) else ''}")
