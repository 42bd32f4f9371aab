"""`kluis audit keys`: what auditors check the log with, and changing it (docs/operate.md)."""

from typing import Annotated

import typer

from audit.note import ED25519, ML_DSA_44
from audit.shapes import instant_text
from cli.installation import settings_of
from cli.options import DEFAULT_DATA, Data, Json, at
from cli.output import Output, when
from operate.signers import KINDS, RETIRED, SIGNING, complete, public_keys, retire, rotate
from vault.clock import SystemClock

app = typer.Typer(help="The keys that sign the log, and changing them.")

_USED_FOR = {
    KINDS[ED25519]: "For receipts, exports and a citizen's own check (Ed25519)",
    KINDS[ML_DSA_44]: "Besides, for what has to hold beyond quantum computers (ML-DSA-44)",
}


@app.callback(invoke_without_command=True)
def keys(context: typer.Context, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Show the public halves of the keys that sign the log. They are no secret.

    Whoever checks the log has to have them from you, not from the log. Hand them over in a way that
    an auditor trusts.

    \b
    Example:
      kluis audit keys --data /srv/kluis
    """
    if context.invoked_subcommand is not None:
        return
    out = Output(json)
    found = public_keys(settings_of(data))
    out.answer(
        {
            "keys": [
                {
                    "key": one.verifier.vkey,
                    "origin": one.verifier.name,
                    "type": one.kind,
                    "state": one.state,
                }
                for one in found
            ]
        }
    )
    newest = found[0].verifier.name
    for one in found:
        if one.state == RETIRED:
            out.warn(f"Retired, for old notes only: {one.verifier.vkey}")
        elif one.verifier.name != newest:
            out.warn(f"Of a log before a restore: {one.verifier.vkey}")
        else:
            until = "" if one.state == SIGNING else ", the old one, until it is retired"
            out.warn(f"{_USED_FOR[one.kind]}{until}:")
            out.say(one.verifier.vkey)


@app.command("complete")
def complete_(data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Make the ML-DSA-44 key, where an installation was made before there was one.

    It signs what is published, beside the other key, and outlasts quantum computers. The entry
    `key.rotate` names it. A server may be running.

    \b
    Example:
      kluis audit keys complete
    """
    out = Output(json)
    made = complete(settings_of(data), SystemClock())
    out.answer({"made": str(made)})
    out.say(f"Made {made}. Keep a copy offline, now.")
    out.say(f"Give auditors the new key: kluis audit keys{at(data)}")


@app.command("rotate")
def rotate_(data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Make new keys for the log, or go on with a change that was stopped.

    The new ones sign from now on; for `log_key_overlap_days` the old ones sign what is published as
    well, so that auditors can change over. A server may be running, and goes on with them.

    \b
    Example:
      kluis audit keys rotate
    """
    out = Output(json)
    done = rotate(settings_of(data), SystemClock())
    ends = instant_text(done.overlap_ends)
    made = [str(path) for path in done.made]
    out.answer({"number": done.number, "made": made, "overlap_ends": ends})
    for path in made:
        out.say(f"Made {path}. Keep a copy offline, now.")
    out.say("The log is signed by the new key. If servers on other machines have a keys folder of")
    out.say("their own, copy the new files there now: until then those record nothing.")
    out.say(f"Give auditors the new keys: kluis audit keys{at(data)}")
    out.say(f"From {when(ends)} on, end the old ones: kluis audit keys retire{at(data)}")


@app.command("retire")
def retire_(
    now: Annotated[
        bool, typer.Option("--now", help="Before the overlap is over: a key was stolen.")
    ] = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """End the keys before the newest. Of each its public half stays, so that old notes are checked.

    A running server stops using them with the next checkpoint that it publishes.

    \b
    Example:
      kluis audit keys retire
    """
    out = Output(json)
    left = [str(path) for path in retire(settings_of(data), SystemClock(), now=now)]
    out.answer({"retired": left})
    for path in left:
        out.say(f"The key is gone; its public half is in {path}.")
    out.say("Do the same in every copy of the keys folder, and destroy the copies offline.")
