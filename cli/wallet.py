"""`kluis wallet`: a citizen's vault from the command line."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cli import wallet_access, wallet_activity, wallet_data
from cli.citizen import Citizen, Unlock
from cli.errors import WrongUse
from cli.installation import make_at_the_counter, settings_of
from cli.options import (
    Json,
    ProfileName,
    Url,
    WithId,
    secret,
    typed_secret,
)
from cli.output import Output, when
from cli.profile import again
from cli.wallet_access import say_when_later, status

app = typer.Typer(no_args_is_help=True, help="Your own vault: what is in it, who may read it.")
methods = typer.Typer(no_args_is_help=True, help="What can open the vault: devices and codes.")
app.add_typer(methods, name="methods")

TypedSecret = Annotated[
    str | None,
    typer.Argument(
        metavar="[-]",
        help="Left out: you are asked. - reads it from standard input.",
        show_default=False,
    ),
]


@app.command()
def create(
    invitation: Annotated[
        str | None,
        typer.Option("--invitation", help="The invitation you got; - reads it from input."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="Make it on the operator's own machine, at a counter: the data folder.",
        ),
    ] = None,
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
    out.say("Your vault is there. This is your recovery code. It is shown this once:")
    out.say()
    out.say(f"    {made['recovery_code']}", style="bold")
    out.say()
    out.say("Write it on paper and keep it safe. Whoever has it can open your vault.")
    _say_block_code(out, made["block_code"])
    out.say(f"Then type it back: {again('kluis wallet confirm', profile)}")


def _say_block_code(out: Output, code: str) -> None:
    out.say(f"Block code, for the same paper: {code}")
    out.say("If your phone is gone, kluis wallet block shuts it out. This code opens nothing.")


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
    recovery: Annotated[
        bool, typer.Option("--recovery", help="Open with the recovery code instead of this device.")
    ] = False,
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
    if not recovery and code is not None:
        raise WrongUse("A code is asked for with --recovery only.")
    way = Unlock.recovery(typed_secret(code, "Recovery code")) if recovery else None
    opened = citizen.unlock(way)
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


@methods.command("list")
def list_methods(url: Url = None, profile: ProfileName = "default", json: Json = False) -> None:
    """Show what can open your vault.

    \b
    Example:
      kluis wallet methods list
    """
    out = Output(json)
    found = Citizen(profile, url).overview()
    out.answer(found)
    out.table(
        ("Id", "Kind", "Since", "Typed back"),
        [
            (
                one["id"],
                one["kind"],
                when(one["created_at"]),
                when(one["confirmed_at"]) if one.get("confirmed_at") else "",
            )
            for one in found["methods"]
        ],
    )


@methods.command("add")
def add_method(
    code: TypedSecret = None,
    device: Annotated[
        str | None,
        typer.Option("--device", help="Make this profile of this computer a device of the vault."),
    ] = None,
    recovery: Annotated[
        bool,
        typer.Option("--recovery", help="Open with the recovery code instead of this device."),
    ] = False,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Add a recovery code, or a device. Takes what opens the vault, not an open session.

    \b
    Examples:
      kluis wallet methods add
          a further recovery code
      kluis wallet methods add --device tablet
          a second device, kept in the profile `tablet`
      kluis wallet methods add --device newphone --recovery --profile newphone
          after `unlock --recovery`: make this profile a device
    """
    out = Output(json)
    citizen = Citizen(profile, url)
    if not recovery and code is not None:
        raise WrongUse("A code is asked for with --recovery only.")
    way = Unlock.recovery(typed_secret(code, "Recovery code")) if recovery else None
    if device is not None:
        added = citizen.add_device(device, way)
        out.answer(added | {"profile": device})
        out.say(f"Added. Open the vault there: kluis wallet unlock --profile {device}")
        return
    added = citizen.add_recovery(way)
    out.answer(added)
    out.say("This is a further recovery code. It is shown this once:")
    out.say()
    out.say(f"    {added['recovery_code']}", style="bold")
    out.say()
    _say_block_code(out, added["block_code"])
    out.say(f"Write it down, then type it back: {again('kluis wallet confirm', profile)}")


@methods.command("remove", cls=WithId)
def remove_method(
    method: Annotated[str, typer.Argument(help="Its id, as kluis wallet methods list shows it.")],
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Remove a device or a recovery code, for instance a lost one. It opens nothing any more.

    \b
    Example:
      kluis wallet methods remove 3q2-7wAAAAAAAAAAAAAAAA
    """
    out = Output(json)
    Citizen(profile, url).remove_method(method)
    out.answer({"removed": method})
    out.say("Removed. It opens your vault no more.")


@app.command()
def erase(
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
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
app.add_typer(wallet_access.app)
app.add_typer(wallet_activity.app)
