"""`kluis desk`: an agency's counter from the command line."""

import json as jsonlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from cli import receipt
from cli.counter import Counter
from cli.files import check_free, write_new
from cli.options import Force, Instead, Json, ProfileName, Url, document, names, secret
from cli.output import Output, shown, when
from cli.profile import again

app = typer.Typer(no_args_is_help=True, help="An agency's counter: redeem a code, read fields.")
app.add_typer(receipt.app, name="receipt")

AgencyId = Annotated[
    str | None,
    typer.Option("--agency", help="The agency's id in its registration. Needed once."),
]


@app.command()
def keygen(
    file: Instead = None,
    force: Force = False,
    agency: AgencyId = None,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Make the key this desk signs in with. Shows the public part, for the registration file.

    The private part stays in the profile and is never shown. Where there is a key already, --url
    and --agency are remembered beside it, and the key stays.

    \b
    Examples:
      kluis desk keygen --url https://kluis.example.org
      kluis desk keygen --out jwks.json --profile counter3
    """
    out = Output(json)
    check_free(file, force=force)
    counter = Counter(profile, url)
    completes = counter.has_key and (url is not None or agency is not None)
    jwks = counter.public_keys() if completes else counter.make_key()
    counter.act_for(agency)
    text = jsonlib.dumps({"jwks": jwks}, indent=2)
    if file is not None:
        write_new(file, text.encode() + b"\n", force=force)
    out.answer({"jwks": jwks})
    out.say(text if file is None else f"The public key is in {file}.")
    if completes:
        out.say("The key is the one that was there. What you named is remembered.")
    for line in _next_steps(counter):
        out.say(line)


def _next_steps(counter: Counter) -> Iterator[str]:
    """What has to happen before this desk can redeem. It may all have happened."""
    state, name = counter.state, counter.profile.name
    yield "Next, unless it was done:"
    yield again("  kluis desk register-info FILE --out NEW-FILE", name)
    yield "      puts this key into your registration; give NEW-FILE to the operator"
    missing = [] if state.url else ["--url https://kluis.example.org"]
    missing += [] if state.agency else ["--agency ID"]
    if missing:
        yield again(f"  kluis desk keygen {' '.join(missing)}", name)
        yield "      says which server and agency this desk works for; the key stays"


@app.command("register-info")
def register_info(
    template: Annotated[
        Path | None,
        typer.Argument(help="A registration without key. Left out: only the key is shown."),
    ] = None,
    file: Instead = None,
    force: Force = False,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Show the public key again, or fill it into a registration file for the operator.

    \b
    Example:
      kluis desk register-info waterbeek.json --out registration.json
    """
    out = Output(json)
    check_free(file, force=force)
    counter = Counter(profile, url)
    registration = {} if template is None else document(template)
    registration["jwks"] = counter.public_keys()
    if isinstance(registration.get("id"), str):
        counter.act_for(registration["id"])
    text = jsonlib.dumps(registration, indent=2, ensure_ascii=False)
    if file is not None:
        write_new(file, text.encode() + b"\n", force=force)
    out.answer(registration)
    out.say(
        text
        if file is None
        else f"Give {file} to the operator: kluis agency register {file} --data FOLDER"
    )


@app.command()
def redeem(
    code: Annotated[
        str | None,
        typer.Argument(
            help="The citizen's code, with or without spaces. Left out: you are asked. "
            "- reads it from standard input."
        ),
    ] = None,
    tx_code: Annotated[
        str | None,
        typer.Option("--tx-code", help="The four digits that the citizen says, if any."),
    ] = None,
    agency: AgencyId = None,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Redeem a citizen's code, once. Then `kluis desk read` reads what was shared.

    \b
    Examples:
      kluis desk redeem
      kluis desk redeem "VG1 7K3M 9Q0T ..." --tx-code 4936
    """
    out = Output(json)
    counter = Counter(profile, url)
    if agency is not None:
        counter.act_for(agency)
    text = secret(code, "Code")
    if "#" in text:  # a hand scanner gives what the QR code holds
        text = text.rpartition("#")[2]
    counter.redeem(text, tx_code)
    state = counter.state
    out.answer({"fields": state.fields, "ends": state.ends})
    out.say(f"Shared with you: {', '.join(state.fields)}.")
    if state.ends is not None:
        out.say(f"Until {when(state.ends)}. Read it: {again('kluis desk read', profile)}")


@app.command()
def read(
    fields: Annotated[
        str | None, typer.Option("--fields", help="Which fields, with commas. Left out: all.")
    ] = None,
    officer: Annotated[
        str | None, typer.Option("--officer", help="Who is asking, for the log the citizen sees.")
    ] = None,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Read what a citizen shared. Every read is in the log that the citizen sees.

    \b
    Example:
      kluis desk read --fields identity.full_name,address.resident_address --officer j.devries
    """
    out = Output(json)
    counter = Counter(profile, url)
    given = counter.read(names(fields) if fields is not None else counter.state.fields, officer)
    out.answer(given)
    show_data(out, given)
    if counter.receipt is not None:
        out.say(f"Proof that this read is in the log: {counter.receipt}")


def show_data(out: Output, given: dict[str, object]) -> None:
    """What was read, each value with its source and status."""
    data = given.get("data")
    rows = data.items() if isinstance(data, dict) else ()
    out.table(
        ("Field", "Value", "Stated by", "When", "Status"),
        [
            (
                field,
                shown(one["value"]),
                "the citizen" if one.get("source") == "self" else str(one.get("source", "")),
                when(str(one.get("stated_at", ""))),
                str(one.get("status", "")).replace("_", " "),
            )
            for field, one in rows
        ],
    )
