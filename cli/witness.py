"""`kluis witness`: seeing to it that a log shows everybody the same (docs/witness.md).

Municipalities can be witnesses for each other. A witness sees no entry of a log it signs for: only
its name, its size and its root.
"""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from api.connections import Bounds, Door
from api.witness import witness_app
from audit.errors import BadNote
from audit.shapes import instant_text
from cli.errors import FAILED, CannotSay, WrongUse
from cli.log_reader import LogReader, log_key
from cli.options import Json
from cli.output import Output, when
from cli.server import listen
from evidence.fork import Fork, first_fork, opened
from operate.witnessing import Contradiction, Witness, add_log, make_witness
from vault.clock import SystemClock

app = typer.Typer(
    no_args_is_help=True, help="Sign other logs' checkpoints, and compare what was seen."
)
Folder = Annotated[
    Path,
    typer.Option("--witness", envvar="KLUIS_WITNESS", help="The witness's own folder."),
]
DEFAULT_FOLDER = Path("kluis-witness")
_KEEP_ALIVE_SECONDS = 15


@app.command("init")
def init(
    name: Annotated[
        str,
        typer.Argument(help="The witness's name, for ever: its address without https://."),
    ],
    folder: Folder = DEFAULT_FOLDER,
    json: Json = False,
) -> None:
    """Make a witness: a folder with two keys of its own.

    \b
    Example:
      kluis witness init witness.example.org
    """
    out = Output(json)
    try:
        make_witness(folder, name)
    except BadNote:
        raise WrongUse(f"{name!r} can't be a name: no spaces and no plus signs.") from None
    _say_keys(out, folder, name)


@app.command("keys")
def keys(folder: Folder = DEFAULT_FOLDER, json: Json = False) -> None:
    """Show the witness's public keys: what logs and auditors put into their policies.

    \b
    Example:
      kluis witness keys
    """
    with closing(Witness(folder, SystemClock())) as witness:
        _say_keys(Output(json), folder, witness.verifiers[0].name)


@app.command("add-log")
def add(
    vkey: Annotated[str, typer.Argument(help="A key of the log, as `kluis audit keys` says it.")],
    folder: Folder = DEFAULT_FOLDER,
    json: Json = False,
) -> None:
    """Sign for this log from the next start on. Take its key from its operator, not from the log.

    \b
    Example:
      kluis witness add-log kluis.example.org/audit+0a1b2c3d+AQ...
    """
    out = Output(json)
    key = log_key(vkey)
    add_log(folder, vkey)
    out.answer({"log": key.name})
    out.say(f"This witness signs for {key.name}. Restart it if it runs.")


@app.command("serve")
def serve(
    folder: Folder = DEFAULT_FOLDER,
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port. 0: any that is free.")
    ] = 8010,
    json: Json = False,
) -> None:
    """Run the witness, until Ctrl-C. Put a proxy that speaks https in front.

    \b
    Example:
      kluis witness serve --port 8010
    """
    out = Output(json)
    with closing(Witness(folder, SystemClock())) as witness, listen(host, port) as listener:
        bound = listener.getsockname()[1]
        out.answer({"listening": f"http://{host}:{bound}", "logs": sorted(witness.logs)})
        out.say(f"Listening on http://{host}:{bound} for {len(witness.logs)} logs. Ctrl-C stops.")
        uvicorn.Server(
            uvicorn.Config(
                witness_app(witness.add_checkpoint, witness.newest),
                http=Door(Bounds()).protocol(),
                access_log=False,
                log_level="error",
                server_header=False,
                proxy_headers=False,
                ws="none",
                lifespan="off",
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            )
        ).run(sockets=[listener])


@app.command("evidence")
def evidence(folder: Folder = DEFAULT_FOLDER, json: Json = False) -> None:
    """Show what logs signed that does not fit together. Ends with 1 if there is any.

    \b
    Example:
      kluis witness evidence
    """
    out = Output(json)
    with closing(Witness(folder, SystemClock())) as witness:
        found = witness.contradictions()
    out.answer({"contradictions": [_as_json(one) for one in found]})
    for one in found:
        _tell_contradiction(out, one)
    if found:
        raise typer.Exit(FAILED)
    out.say("No log has contradicted itself here.")


@app.command("compare")
def compare(
    vkey: Annotated[str, typer.Argument(help="The log's key, as its operator handed it to you.")],
    log: Annotated[str, typer.Option("--log", help="Where the log's tiles are: its public URL.")],
    witnesses: Annotated[
        list[str], typer.Option("--at", help="A witness's URL; may be given again.")
    ],
    json: Json = False,
) -> None:
    """Ask witnesses, and the log itself, which history they hold, and whether it is one.

    Ends with 0 if it is, with 1 if the log showed two, and prints both signed notes: keep them,
    they prove it to anybody. With 2 where it can't be said.

    \b
    Example:
      kluis witness compare KEY --log https://kluis.example.org --at https://witness.example.org
    """
    out = Output(json)
    key = log_key(vkey)
    reader = LogReader(log)
    with out.working("Asking"):
        notes = {"the log itself": reader.checkpoint()}
        notes |= {where: LogReader(where).witnessed(key.name) for where in witnesses}
        try:
            shown = opened(notes, [key])
        except BadNote as error:
            raise CannotSay("bad_note", f"A note can't be believed: {error}.") from None
        sizes = {one.holder: one.checkpoint.size for one in shown}
        fork = first_fork(shown, reader.consistency(shown[-1].checkpoint.size))
    out.answer({"one_history": fork is None, "sizes": sizes, "fork": fork and _fork(fork)})
    if fork is not None:
        _tell_fork(out, fork)
        raise typer.Exit(FAILED)
    out.say(f"One history, seen by {len(shown)}: {max(sizes.values())} entries.", style="green")


def _say_keys(out: Output, folder: Path, name: str) -> None:
    with closing(Witness(folder, SystemClock())) as witness:
        public = [one.vkey for one in witness.verifiers]
    out.answer({"name": name, "keys": public})
    out.say("Hand these over in a way that others trust. One of them is enough in a policy:")
    for vkey in public:
        out.say(vkey)


def _as_json(one: Contradiction) -> dict[str, object]:
    return {
        "log": one.origin,
        "at": instant_text(one.at_ms),
        "is_proof": one.is_proof,
        "held": one.held,
        "shown": one.shown,
    }


def _tell_contradiction(out: Output, one: Contradiction) -> None:
    what = (
        "signed two histories of one size: this proves it to anybody"
        if one.is_proof
        else "was shown with a note that was not proved to go on from the one before: ask the log"
    )
    out.say(f"{when(instant_text(one.at_ms))}: {one.origin} {what}.", style="bold red")
    _tell_notes(out, (one.held, one.shown))


def _fork(fork: Fork) -> dict[str, object]:
    return {"what": str(fork), "is_proof": fork.is_proof, "notes": _notes(fork)}


def _tell_fork(out: Output, fork: Fork) -> None:
    out.say(f"TWO HISTORIES: {fork}.", style="bold red")
    _tell_notes(out, _notes(fork))


def _notes(fork: Fork) -> Sequence[str]:
    return [fork.smaller.note, fork.larger.note]


def _tell_notes(out: Output, notes: Sequence[str]) -> None:
    for note in notes:
        out.say("")
        out.say(note)
