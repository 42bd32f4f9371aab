"""`kluis wallet methods`: what can open a vault, devices and codes, and how a new code is shown."""

from typing import Annotated

import typer

from cli.citizen import Citizen, Unlock
from cli.errors import WrongUse
from cli.options import Json, ProfileName, TypedSecret, Url, WithId, typed_secret
from cli.output import Output, when
from cli.profile import again

app = typer.Typer(no_args_is_help=True, help="What can open the vault: devices and codes.")

Recovery = Annotated[
    bool, typer.Option("--recovery", help="Open with the recovery code instead of this device.")
]


@app.command("list")
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


@app.command("add")
def add_method(
    code: TypedSecret = None,
    device: Annotated[
        str | None,
        typer.Option("--device", help="Make this profile of this computer a device of the vault."),
    ] = None,
    recovery: Recovery = False,
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
    way = unlock_of(code, recovery=recovery)
    if device is not None:
        added = citizen.add_device(device, way)
        out.answer(added | {"profile": device})
        out.say(f"Added. Open the vault there: kluis wallet unlock --profile {device}")
        return
    added = citizen.add_recovery(way)
    out.answer(added)
    say_once(out, "This is a further recovery code.", added["recovery_code"])
    say_block_code(out, added["block_code"])
    out.say(f"Write it down, then type it back: {again('kluis wallet confirm', profile)}")


@app.command("remove", cls=WithId)
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


def unlock_of(code: str | None, *, recovery: bool) -> Unlock | None:
    """The recovery code, typed; None stands for this device, which takes no code."""
    if recovery:
        return Unlock.recovery(typed_secret(code, "Recovery code"))
    if code is not None:
        raise WrongUse("A code is asked for with --recovery only.")
    return None


def say_once(out: Output, words: str, recovery_code: str) -> None:
    """A new recovery code, apart from everything else."""
    out.say(f"{words} It is shown this once:")
    out.say()
    out.say(f"    {recovery_code}", style="bold")
    out.say()


def say_block_code(out: Output, code: str) -> None:
    out.say(f"Block code, for the same paper: {code}")
    out.say("If your phone is gone, kluis wallet block shuts it out. This code opens nothing.")
