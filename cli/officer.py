"""`kluis officer`: the people who use the desk or auditor pages for a registered party."""

from typing import Annotated

import typer

from cli.installation import opened
from cli.options import DEFAULT_DATA, Data, Json, at, seconds
from cli.output import Output
from crypto.encoding import parse_canonical
from vault import caller
from vault.vault import Vault

app = typer.Typer(no_args_is_help=True, help="Who uses the desk and auditor pages.")
INVITATION_SECONDS_MAX = 14 * 86_400
_PAGES = {"agency": "/desk/enrol", "auditor": "/auditor/enrol"}

Party = Annotated[str, typer.Option("--party", help="The id of a registered agency or auditor.")]
OfficerId = Annotated[
    str, typer.Option("--officer", help="How the log names this person: no name, like j.jansen.")
]


@app.command()
def invite(
    party: Party,
    officer: OfficerId,
    name: Annotated[str, typer.Option("--name", help="The name that the person's page shows.")],
    lives: Annotated[
        str, typer.Option("--for", help="How long the link works: 30m, 12h, 2d; 14 days at most.")
    ] = "2d",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Make a link with which one person becomes an officer, with a passkey of their own.

    Hand it to that person alone: whoever opens it first is the officer.

    \b
    Example:
      kluis officer invite --party https://agency.example --officer j.jansen --name "Jo Jansen"
    """
    out = Output(json)
    lives_seconds = min(seconds(lives), INVITATION_SECONDS_MAX)
    with opened(data, out) as vault:
        link, _role = link_for(vault, party, officer, name, lives_seconds)
    out.answer({"link": link, "officer": officer, "party": party, "lives_seconds": lives_seconds})
    out.say(link)


def link_for(
    vault: Vault, party: str, officer: str, name: str, lives_seconds: int
) -> tuple[str, str]:
    """The link with which this person becomes an officer, and of what: agency or auditor."""
    code = vault.invite_officer(caller.Operator(), party, officer, name, lives_seconds)
    role = vault.read_invitation(caller.Stranger(), code).role
    return f"{vault.system.settings.url}{_PAGES[role]}#{code}", role


@app.command("list")
def list_officers(data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Show every officer who enrolled, also the revoked ones.

    \b
    Example:
      kluis officer list
    """
    out = Output(json)
    with opened(data, out) as vault:
        registry = vault.registry()
    rows = [
        {
            "id": row.id,
            "party": row.parent,
            "name": parse_canonical(row.document)["name"],
            "state": row.state,
        }
        for row in registry.rows
        if row.kind == "officer"
    ]
    out.answer({"officers": rows})
    if rows:
        columns = ("party", "id", "state", "name")
        out.table(
            ("Party", "Officer", "State", "Name"),
            [tuple(row[name] for name in columns) for row in rows],
        )
    else:
        out.say(f"No officer has enrolled yet. Invite one: kluis officer invite{at(data)} ...")


@app.command()
def revoke(party: Party, officer: OfficerId, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Take back an officer's access. Every session of theirs ends at once.

    \b
    Example:
      kluis officer revoke --party https://agency.example --officer j.jansen
    """
    out = Output(json)
    with opened(data, out) as vault:
        vault.revoke_officer(caller.Operator(), party, officer)
    out.answer({"officer": officer, "party": party})
    out.say(f"Revoked {officer} of {party}. What they had open is closed.")
