"""`kluis demo`: one citizen's story from the first key to the checked log, on a real server.

Everything goes through the doors that people use: the wallet's and the desk's HTTP clients and the
operator's commands. It happens in a folder of its own, which is removed at the end.
"""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from cli.demo_place import own_folder
from cli.demo_practice import Practice
from cli.demo_story import Story
from cli.errors import WrongUse
from cli.options import Json
from cli.output import Output
from cli.wallet_import import brp_record

_OWN_RECORD = Path(__file__).with_name("fictional_person.json")
_OWN_BSN = "999942037"


def demo(
    record: Annotated[
        Path | None,
        typer.Option(
            "--record", help="Another person: an answer of the Dutch population register (BRP)."
        ),
    ] = None,
    bsn: Annotated[
        str | None, typer.Option("--bsn", help="That person's number in the answer.")
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port of the server. 0: any free one.")
    ] = 0,
    practice: Annotated[
        bool,
        typer.Option(
            "--practice", help="Serve wallet, desk and auditor with people who do not exist."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Play one citizen's story on this computer, and tell what happens.

    Makes a vault with a fictional person in it, shares three fields with an agency, takes the
    access back, and checks the log. Everything lies in a folder that is removed at the end.

    With --practice no story is told: staff learn on the pages, until Ctrl-C. Every page says that
    its people do not exist.

    \b
    Examples:
      kluis demo
      kluis demo --practice --port 8000
      kluis demo --record brp_personen.json --bsn 999990019
    """
    out = Output(json)
    if (record is None) != (bsn is None):
        raise WrongUse("Give --record and --bsn together, or neither of them.")
    if practice and record is not None:
        raise WrongUse("--practice has people of its own: leave --record and --bsn out.")
    if practice:
        _practise(out, port)
    else:
        _tell(out, record or _OWN_RECORD, bsn or _OWN_BSN, port)


def _practise(out: Output, port: int) -> None:
    with own_folder() as folder, suppress(KeyboardInterrupt), Practice.of(out, folder, port):
        _wait()


def _tell(out: Output, record: Path, bsn: str, port: int) -> None:
    found = brp_record(record, bsn)
    found.warn(out)
    with own_folder() as folder, Story(out, folder, found.values, port).told() as story:
        out.answer(story.result)
        if story.stays:
            with suppress(KeyboardInterrupt):
                story.say_what_to_try()
                _wait()


def _wait() -> None:
    """Until Ctrl-C."""
    threading.Event().wait()
