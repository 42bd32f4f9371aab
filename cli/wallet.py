"""`kluis wallet`: a citizen's vault from the command line."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cli import wallet_access, wallet_activity, wallet_data, wallet_import, wallet_methods
from cli.citizen import Citizen
from cli.errors import WrongUse
from cli.installation import make_at_the_counter, settings_of
from cli.options import Json, ProfileName, TypedSecret, Url, Yes, secret, typed_secret
from cli.output import Output, when
from cli.profile import again
from cli.wallet_access import say_when_later, status
from cli.wallet_methods import Recovery, say_block_code, say_once, unlock_of

app = typer.Typer(no_args_is_help=True, help="Your own vault: what is in it, who may read it.")
app.add_typer(wallet_methods.app, name="methods")


Invitation = Annotated[
    str | None,
    typer.Option("--invitation", help="The invitation you got; - reads it from input."),
]
AtTheCounter = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Make it on the operator's own machine, at a counter: the data folder."
    ),
]


@app.command()
def create(
    invitation: Invitation = None,
    data: AtTheCounter = None,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Make a vault. Shows your recovery code, once: write it down.

    This computer becomes the first device that can open the vault. The recovery code opens it when
    the device is lost; before you can share anything you type it back with `kluis wallet confirm`.

    \b
    Examples:
      kluis wallet create --url https://kluis.example.org
      kluis wallet create --url https://kluis.example.org --invitation -
      kluis wallet create --data /srv/kluis --profile ada
    """
    out = Output(json)
    if invitation is not None:
        invitation = secret(invitation, "Invitation")
    if data is None:
        made = Citizen(profile, url).create(invitation)
    else:
        where = url or settings_of(data).url
        made = Citizen(profile, where).create(make=partial(make_at_the_counter, data, out))
    codes = {name: made[name] for name in ("recovery_code", "block_code")}
    out.answer({"vault": made["vault"]} | codes)
    say_once(out, "Your vault is there. This is your recovery code.", made["recovery_code"])
    out.say("Write it on paper and keep it safe. Whoever has it can open your vault.")
    say_block_code(out, made["block_code"])
    out.say(f"Then type it back: {again('kluis wallet confirm', profile)}")


@app.command()
def block(
    code: TypedSecret = None,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Shut every device out of your vault, with the block code on your paper. No login is needed.

    Sessions and open offers end too. The recovery code still opens the vault.

    \b
    Examples:
      kluis wallet block --url https://kluis.example.org
      kluis wallet block - --url https://kluis.example.org < paper.txt
    """
    out = Output(json)
    blocked = Citizen(profile, url).block(typed_secret(code, "Block code"))
    out.answer(blocked)
    out.say(f"Blocked since {when(blocked['blocked_at'])}. No device opens this vault any more.")
    out.say("Add a device with the recovery code: kluis wallet unlock --recovery --profile NEW")


@app.command()
def confirm(
    code: TypedSecret = None,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Type your recovery code back, to show that you have it. Needed before you can share.

    \b
    Examples:
      kluis wallet confirm
      kluis wallet confirm - < paper.txt
    """
    out = Output(json)
    citizen = Citizen(profile, url)
    citizen.confirm(typed_secret(code, "Recovery code"))
    out.answer({"confirmed": True})
    out.say("Right. You can share now.")


@app.command()
def unlock(
    code: TypedSecret = None,
    recovery: Recovery = False,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Open your vault for an hour, with this device or with your recovery code.

    \b
    Examples:
      kluis wallet unlock
      kluis wallet unlock --recovery --url https://kluis.example.org --profile newphone
    """
    out = Output(json)
    citizen = Citizen(profile, url)
    opened = citizen.unlock(unlock_of(code, recovery=recovery))
    ends = opened["session"]["expires_at"]
    out.answer(
        {
            "vault": opened["vault"],
            "session_expires_at": ends,
            "recovery_confirmed": opened.get("recovery_confirmed"),
        }
    )
    out.say(f"Open until {when(ends)}. Close it earlier: {again('kluis wallet lock', profile)}")
    if opened.get("recovery_confirmed") is False:
        typed = again("kluis wallet confirm", profile)
        out.say(f"You did not type your recovery code back yet: {typed}")


@app.command()
def lock(url: Url = None, profile: ProfileName = "default", json: Json = False) -> None:
    """Close your vault. This device can open it again.

    \b
    Example:
      kluis wallet lock
    """
    out = Output(json)
    Citizen(profile, url).lock()
    out.answer({"locked": True})
    out.say("Closed.")


@app.command()
def erase(
    yes: Yes = False,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Erase your vault for good: values, grants, devices, codes. Nobody can bring it back.

    \b
    Examples:
      kluis wallet erase
      kluis wallet erase --yes
    """
    out = Output(json)
    citizen = Citizen(profile, url)
    if not yes:
        if not out.is_terminal:
            raise WrongUse("Nothing was erased. Add --yes if you mean it.")
        typed = typer.prompt("This can't be undone. Type erase to go on", err=True)
        if typed.strip().lower() != "erase":
            raise WrongUse("Nothing was erased.")
    answer = citizen.erase()
    out.answer({"erased": True, "status": status(answer)})
    out.say("Erased. What agencies had read before stays with them.")
    say_when_later(out, answer)


app.add_typer(wallet_data.app)
app.add_typer(wallet_import.app, name="import")
app.add_typer(wallet_access.app)
app.add_typer(wallet_activity.app)
