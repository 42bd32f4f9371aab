"""`kluis agency`: who may ask, and for what. `kluis invite`: who may make a vault."""

from typing import Annotated

import typer

from catalogue.errors import BadRegistration
from catalogue.registration import parse_registration
from cli.errors import Failed
from cli.installation import opened
from cli.options import DEFAULT_DATA, Data, Json, Registration, at, document, seconds
from cli.output import Output
from vault import caller
from vault.registry import Snapshot

app = typer.Typer(no_args_is_help=True, help="Which agencies may ask, and for what.")
_INVITATION_SECONDS_MAX = 366 * 86_400


@app.command()
def register(
    file: Registration,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Register an agency and what it may ask for, from a file.

    An agency that is registered already may add uses. A use is never changed: revoke it and
    register a new one under another id. `kluis desk register-info` fills in the agency's key.

    \b
    Example:
      kluis agency register waterbeek.json
    """
    out = Output(json)
    registration = document(file)
    with opened(data, out) as vault:
        # Checked here first, so that a wrong file is refused with the place of the mistake.
        try:
            uses = parse_registration(registration, vault.system.catalogue.keys()).uses
            agency = vault.register_agency(caller.Operator(), registration)
        except BadRegistration as error:
            raise Failed(error.code, f"Not registered. In {file}: {error.message}.") from None
    out.answer({"agency": agency, "uses": [use.id for use in uses]})
    out.say(f"Registered {agency} for: {', '.join(use.id for use in uses)}.")


@app.command("list")
def list_agencies(data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Show every agency and use, also the revoked ones.

    \b
    Example:
      kluis agency list
    """
    out = Output(json)
    with opened(data, out) as vault:
        registry = vault.registry()
    rows = [
        {"kind": row.kind, "id": row.id, "agency": row.parent or row.id, "state": row.state}
        for row in registry.rows
        if row.kind != "officer"
    ]
    out.answer({"registrations": rows, "damaged": list(registry.damaged)})
    if rows:
        out.table(
            ("Agency", "Use", "State", "Name or purpose"),
            [
                (
                    row["agency"] if row["kind"] == "agency" else "",
                    row["id"] if row["kind"] == "use" else "",
                    row["state"],
                    _words(registry, row["kind"], row["agency"], row["id"]),
                )
                for row in sorted(rows, key=lambda row: (row["agency"], row["kind"], row["id"]))
            ],
        )
    else:
        out.say(f"No agency is registered yet. Register one: kluis agency register FILE{at(data)}")
    for name in registry.damaged:
        out.warn(
            f"{name} was changed in the database and is not used. Run kluis audit verify{at(data)}."
        )


@app.command()
def revoke(
    agency: Annotated[str, typer.Argument(help="The agency's id, as kluis agency list shows it.")],
    use: Annotated[
        str | None, typer.Option("--use", help="Only this use. Left out: the agency, all uses.")
    ] = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Take back an agency's registration, or one use of it. Its reads stop at once.

    \b
    Examples:
      kluis agency revoke https://oin.example/00000001234567890000
      kluis agency revoke https://oin.example/00000001234567890000 --use parking-permit
    """
    out = Output(json)
    with opened(data, out) as vault:
        count = vault.revoke_agency(caller.Operator(), agency, use)
    out.answer({"agency": agency, "use": use, "revoked": count})
    out.say(
        f"Revoked {agency if use is None else f'use {use} of {agency}'}. It can't read any more."
    )


def invite(
    lives: Annotated[
        str, typer.Option("--for", help="How long the code works: 90s, 30m, 12h, 7d, 2w.")
    ] = "7d",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Make an invitation: a code to make one vault with.

    \b
    Example:
      kluis invite --for 2d
    """
    out = Output(json)
    lives_seconds = min(seconds(lives), _INVITATION_SECONDS_MAX)
    with opened(data, out) as vault:
        code = vault.invite(caller.Operator(), lives_seconds)
        needed = vault.system.settings.registration == "invite"
    out.answer({"invitation": code, "lives_seconds": lives_seconds})
    out.say(code)
    if not needed:
        out.warn("This installation does not ask for invitations: see registration in kluis.toml.")


def _words(registry: Snapshot, kind: str, agency: str, id_: str) -> str:
    if kind == "agency":
        found = registry.agencies.get(agency)
        return "" if found is None else found.names["en"]
    use = registry.uses.get((agency, id_))
    return "" if use is None else use.purpose["en"]
