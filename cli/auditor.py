"""`kluis auditor`: who may read the whole log, and an auditor's own commands, over HTTP."""

import json as jsonlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from catalogue.errors import BadRegistration
from catalogue.kinds import LANGUAGES
from cli.errors import Failed
from cli.examiner import Examiner
from cli.examining import claimed_end
from cli.files import check_free, write_new, write_pieces
from cli.installation import opened
from cli.options import (
    DEFAULT_DATA,
    Data,
    Force,
    Instead,
    Json,
    ProfileName,
    Registration,
    Url,
    at,
    document,
)
from cli.output import Output
from vault import caller

app = typer.Typer(no_args_is_help=True, help="Who may read the whole log; and reading it.")

AuditorId = Annotated[
    str | None,
    typer.Option("--auditor", help="The auditor's id in its registration. Needed once."),
]

Previous = Annotated[Path | None, typer.Option("--previous", help="Your export before this one.")]
Looking = Annotated[str | None, typer.Option("--officer", help="Who is looking, for the log.")]
After = Annotated[str | None, typer.Option("--after", help="Entries after this place, like 1.830.")]
OfAgency = Annotated[str | None, typer.Option("--agency", help="Of this agency alone.")]
OfAction = Annotated[
    str | None, typer.Option("--action", help="Of this kind alone, like data.read.")
]
ByOfficer = Annotated[str | None, typer.Option("--by", help="Of this officer alone.")]


@app.command()
def register(
    file: Registration,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Register an auditor from a file: id, names, jwks. It may then read the whole log.

    That is an entry, and everybody can look up who audits.

    \b
    Example:
      kluis auditor register rekenkamer.json
    """
    out = Output(json)
    registration = document(file)
    with opened(data, out) as vault:
        try:
            auditor = vault.register_auditor(caller.Operator(), registration)
        except BadRegistration as error:
            raise Failed(error.code, f"Not registered. In {file}: {error.message}.") from None
    out.answer({"auditor": auditor})
    out.say(f"Registered {auditor}. It may read the whole log, and no value.")


@app.command("list")
def list_auditors(data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Show every auditor, also the revoked ones.

    \b
    Example:
      kluis auditor list
    """
    out = Output(json)
    with opened(data, out) as vault:
        registry = vault.registry()
    rows = [row for row in registry.rows if row.kind == "auditor"]
    out.answer({"auditors": [{"id": row.id, "state": row.state} for row in rows]})
    names = {id_: found.names["en"] for id_, found in registry.auditors.items()}
    if rows:
        out.table(
            ("Auditor", "State", "Name"),
            [(row.id, row.state, names.get(row.id, "")) for row in rows],
        )
    else:
        out.say(
            f"No auditor is registered yet. Register one: kluis auditor register FILE{at(data)}"
        )


@app.command()
def revoke(
    auditor: Annotated[
        str, typer.Argument(help="The auditor's id, as kluis auditor list shows it.")
    ],
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Take back an auditor's registration. It reads nothing any more, at once.

    \b
    Example:
      kluis auditor revoke https://oin.example/00000005555555550000
    """
    out = Output(json)
    with opened(data, out) as vault:
        vault.revoke_auditor(caller.Operator(), auditor)
    out.answer({"auditor": auditor})
    out.say(f"Revoked {auditor}. It can't read the log any more.")


@app.command()
def keygen(
    file: Instead = None,
    force: Force = False,
    auditor: AuditorId = None,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Make the key this auditor signs in with. Shows the public part, for the registration file.

    \b
    Example:
      kluis auditor keygen --url https://kluis.example.org --auditor https://auditor.example
    """
    out = Output(json)
    check_free(file, force=force)
    examiner = Examiner(profile, url)
    jwks = examiner.public_keys() if examiner.has_key else examiner.make_key()
    examiner.act_for(auditor)
    registration = {
        "id": examiner.state.agency,
        "names": dict.fromkeys(LANGUAGES, ""),
        "jwks": jwks,
    }
    text = jsonlib.dumps(registration, indent=2)
    if file is not None:
        write_new(file, text.encode() + b"\n", force=force)
    out.answer({"jwks": jwks})
    out.say(text if file is None else f"The public key is in {file}.")
    out.say("Fill in names and id, and give it to the operator: kluis auditor register FILE")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write it: a zip file.")],
    previous: Previous = None,
    officer: Looking = None,
    force: Force = False,
    auditor: AuditorId = None,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Fetch the whole log as one file, every entry opened. That is an entry itself.

    \b
    Example:
      kluis auditor export november.zip --previous october.zip
    """
    out = Output(json)
    check_free(file, force=force)
    before = None if previous is None else claimed_end(previous)
    examiner = Examiner(profile, url)
    examiner.act_for(auditor)
    with examiner.export(before, officer) as (entries, pieces):
        with out.working(f"Fetching {entries} entries"):
            size = write_pieces(file, pieces, force=force)
        with_end = claimed_end(file)[0]  # an answer that broke off has no manifest
    out.answer({"file": str(file), "entries": entries, "bytes": size})
    out.say(f"{with_end} entries of the newest log, {size} bytes, are in {file}.")
    out.say(f"Check it: kluis audit verify {file} --key KEY")


@app.command()
def entries(
    after: After = None,
    agency: OfAgency = None,
    action: OfAction = None,
    officer: ByOfficer = None,
    auditor: AuditorId = None,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Go through the log, a thousand entries at a time. That is an entry itself.

    \b
    Example:
      kluis auditor entries --agency https://agency.example --action data.read
    """
    out = Output(json)
    examiner = Examiner(profile, url)
    examiner.act_for(auditor)
    asked = {"after": after, "agency": agency, "action": action, "officer": officer}
    found = examiner.entries({name: text for name, text in asked.items() if text is not None})
    out.answer(found)
    columns = ("Place", "When", "What", "Outcome", "By", "Officer", "Fields")
    out.table(columns, [_row(one) for one in found.get("entries", [])])
    for one in found.get("anomalies", []):
        out.say(f"  {one['code']}: {one['what']}")
    out.say(f"{found.get('scanned', 0)} entries were gone through.")
    if found.get("next"):
        out.say(f"Go on: --after {found['next']}")


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    actor = one.get("actor", {})
    return (
        one["place"],
        one.get("at", ""),
        one.get("action", f"({one.get('closed')})"),
        one.get("outcome", ""),
        actor.get("id") or actor.get("kind", ""),
        (one.get("officer") or {}).get("id", ""),
        ", ".join(one.get("fields_given") or one.get("fields_requested") or []),
    )
