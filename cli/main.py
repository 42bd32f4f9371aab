"""The command `kluis`: its parts, and how it ends. Exit statuses stand in cli/errors.py."""

import io
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import typer

from catalogue.errors import CatalogueFault
from cli.errors import FAILED, CliError, Failed, WrongUse
from cli.output import Output
from consent.errors import ConsentError
from vault.errors import VaultError

_INTERRUPTED = 130
# What an installation may do without, and what to do when it turns out that it can't.
_EXTRAS = {
    "psycopg": "PostgreSQL needs a driver that is not installed here: "
    ".venv/bin/python -m pip install -c requirements-dev.lock 'psycopg[binary]'"
}

_HELP = """Burgerkluis: a data vault that the citizen controls.

Citizens use `kluis wallet`, agencies `kluis desk`, whoever runs a vault the rest. Every command
ends with 0 when it was done, 1 when it was refused or failed, and 2 when it was used wrongly or
can't be answered. With --json it answers with one JSON object on standard output, an error as
{"error": {"code": ..., "message": ...}}.

\b
Start here:
  kluis demo          one citizen's story, told and played on this computer
  kluis init          make an installation
  kluis serve         run it
"""

# Name -> module, what it is called there, and its first line of help. Only the part that is used
# is loaded: a server's libraries take seconds that a wallet needs not wait.
PARTS: Mapping[str, tuple[str, str, str]] = {
    "demo": (
        "cli.demo",
        "demo",
        "Play one citizen's story on this computer, and tell what happens.",
    ),
    "init": ("cli.init", "init", "Make a new installation: keys, databases, settings."),
    "serve": ("cli.serve", "serve", "Run the server, until Ctrl-C."),
    "migrate": ("cli.migrate", "migrate", "Bring both databases to the schema of this version."),
    "invite": ("cli.agency", "invite", "Make an invitation: a code to make one vault with."),
    "agency": ("cli.agency", "app", "Which agencies may ask, and for what."),
    "auditor": ("cli.auditor", "app", "Who may read the whole log; and reading it."),
    "officer": ("cli.officer", "app", "Who uses the desk and auditor pages."),
    "wallet": ("cli.wallet", "app", "Your own vault: what is in it, who may read it."),
    "desk": ("cli.desk", "app", "An agency's counter: redeem a code, read fields."),
    "audit": ("cli.audit", "app", "Check the log of everything that happened, list or export it."),
    "witness": ("cli.witness", "app", "Sign other logs' checkpoints, and compare what was seen."),
    "backup": ("cli.backup", "backup", "Write an archive of each database, for the worst day."),
    "restore": ("cli.backup", "restore_", "Put archives back in place of the databases."),
    "root": ("cli.root", "app", "The operator's root key, and changing it."),
    "doctor": ("cli.doctor", "doctor", "Look for what is wrong or risky in an installation."),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status. What is expected to go wrong is one line."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an old terminal shows ? and goes on
    try:
        return _run(given)
    except CliError as error:
        return _end(error, given)
    except (VaultError, ConsentError, CatalogueFault) as error:
        return _end(Failed(error.code, str(error)), given)
    except typer.TyperException as error:
        return _end(_usage(error), given)
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        return _end(Failed("extra_missing", _EXTRAS[error.name]), given)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _end(Failed("system", f"{where}{error.strerror or error}."), given)


def application(arguments: Sequence[str]) -> typer.Typer:
    """The application, with the part that these arguments name loaded."""
    app = typer.Typer(
        name="kluis",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        pretty_exceptions_show_locals=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        help=_HELP,
    )
    for name, (module, attribute, line) in PARTS.items():
        if arguments[:1] != [name]:
            app.command(name, help=line)(_not_loaded)
            continue
        part = getattr(import_module(module), attribute)
        if isinstance(part, typer.Typer):
            app.add_typer(part, name=name)
        else:
            app.command(name)(part)
    return app


def _not_loaded() -> None:
    """Stands for a part that only the list of commands names."""


def _run(arguments: list[str]) -> int:
    app = application(arguments)
    result: Any = app(arguments, prog_name="kluis", standalone_mode=False)
    return result if isinstance(result, int) else 0


def _end(error: CliError, arguments: list[str]) -> int:
    Output("--json" in arguments).error(error)
    return error.status


def _usage(error: typer.TyperException) -> WrongUse:
    """Typer's words about a wrong option, and where the right ones stand."""
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if context is not None and "--help" not in message:
        message += f"\nSee: {context.command_path} --help"
    return WrongUse(message)


if __name__ == "__main__":
    sys.exit(main())
