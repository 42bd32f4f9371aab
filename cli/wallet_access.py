"""`kluis wallet agencies`, `share`, `grants` and `revoke`: who may read it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import words
from cli.citizen import Choice, Citizen
from cli.client import Answer
from cli.files import check_free, write_new
from cli.options import Force, Json, ProfileName, Url, WithId, names, seconds
from cli.output import Output, in_groups, when
from cli.profile import DEFAULT_PROFILE, again
from cli.sharing import share as make_offer
from web import qr

app = typer.Typer()

_READS_ONCE = "What an agency has read stays with the agency; it can read nothing more."


@app.command()
def agencies(url: Url = None, profile: ProfileName = "default", json: Json = False) -> None:
    """Show which agencies may ask, for what, and which fields each use needs.

    \b
    Example:
      kluis wallet agencies
    """
    out = Output(json)
    found = Citizen(profile, url).agencies()
    out.answer(found)
    for agency in found["agencies"]:
        out.say(f"{_in_english(agency.get('names'))}   {agency['id']}", style="bold")
        for use in agency.get("intended_uses") or agency.get("uses") or []:
            revoked = "   (revoked)" if use.get("state") == "revoked" else ""
            out.say(f"  {use['id']}: {_in_english(use.get('purpose'))}{revoked}")
            if right := use.get("hidden_reads"):
                out.say(f"    {words.hidden_reads(right)}", style="yellow")
            for field in use["fields"]:
                need = "needed " if field["mandatory"] else "if you like "
                out.say(f"    {need:12} {field['id']}   {_in_english(field.get('why'))}")
    if not found["agencies"]:
        out.say("No agency is registered here yet.")


def _in_english(texts: object) -> str:
    return str(texts.get("en", "")) if isinstance(texts, dict) else ""


AgencyId = Annotated[str, typer.Option("--agency", help="Who may read: the agency's id.")]
UseId = Annotated[str, typer.Option("--use", help="For what: the use's id.")]
Fields = Annotated[str, typer.Option("--fields", help="Which fields, with commas between.")]
Lasts = Annotated[str, typer.Option("--for", help="Until when: 30m, 1h, 7d from now.")]
Reads = Annotated[
    int | None, typer.Option("--reads", min=1, help="At most so many times. Left out: any.")
]
Follow = Annotated[
    bool, typer.Option("--follow", help="Newer values of these fields, too, until it ends.")
]
TxCode = Annotated[
    bool, typer.Option("--tx-code", help="Also a code of four digits, to say aloud.")
]
Replaces = Annotated[
    str | None, typer.Option("--replaces", help="An earlier offer that this one takes back.")
]
Svg = Annotated[Path | None, typer.Option("--svg", help="Write the QR code to this file.")]
Png = Annotated[Path | None, typer.Option("--png", help="Write the QR code to this file.")]


@app.command()
def share(
    agency: AgencyId,
    use: UseId,
    fields: Fields,
    lasts: Lasts = "1h",
    reads: Reads = None,
    follow: Follow = False,
    tx_code: TxCode = False,
    replaces: Replaces = None,
    svg: Svg = None,
    png: Png = None,
    force: Force = False,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Share chosen fields with one agency: shows a QR code that works once, for two minutes.

    Show the code to the agency, or read it aloud. Don't send it to anyone. You see every read with
    `kluis wallet activity`, and end it with `kluis wallet revoke`.

    \b
    Example:
      kluis wallet share --agency https://oin.example/00000001234567890000 \\
        --use parking-permit --fields identity.full_name,address.resident_address \\
        --for 1h --reads 3
    """
    out = Output(json)
    check_free(svg, force=force)
    check_free(png, force=force)
    chosen = Choice(
        agency=agency,
        use=use,
        fields=names(fields),
        duration_seconds=seconds(lasts),
        reads=reads,
        follow=follow,
        tx_code=tx_code,
        replaces=replaces,
    )
    made = make_offer(Citizen(profile, url), chosen)
    out.answer(made)
    show_offer(out, made, profile)
    if svg is not None:
        write_new(svg, qr.svg(made["qr"]), force=force, private=True)
    if png is not None:
        write_new(png, qr.png(made["qr"]), force=force, private=True)


def show_offer(out: Output, made: Mapping[str, Any], profile: str = DEFAULT_PROFILE) -> None:
    """The code to scan, to type and to say, and until when."""
    if right := made.get("hidden_reads"):
        out.say(words.hidden_reads(right), style="yellow")
    out.picture(qr.lines(made["qr"]))
    out.say(f"Code:       {in_groups(made['code'])}", style="bold")
    if made.get("tx_code"):
        out.say(f"Say aloud:  {made['tx_code']}", style="bold")
    out.say(f"The code works once, until {when(made['offer_ends'])}.")
    out.say(f"The agency can then read until {when(made['not_after'])}.")
    end = again(f"kluis wallet revoke {made['grant']}", profile)
    out.say(f"End it earlier: {end}")


@app.command()
def grants(url: Url = None, profile: ProfileName = "default", json: Json = False) -> None:
    """Show every offer and grant: who may read what, until when.

    \b
    Example:
      kluis wallet grants
    """
    out = Output(json)
    found = Citizen(profile, url).grants()
    out.answer(found)
    if not found["grants"]:
        out.say("You shared nothing yet.")
        return
    out.table(
        ("Grant", "State", "Agency", "Use", "Fields", "Until", "Read"),
        [
            (
                one["grant"],
                one["state"],
                one["agency"],
                one["use"],
                ", ".join(one["fields"]),
                when(one["not_after"]),
                _count(one),
            )
            for one in found["grants"]
        ],
    )


def _count(grant: Mapping[str, Any]) -> str:
    limit = grant.get("reads") or grant.get("reads_max")
    return str(grant.get("reads_used", "")) + (f" of {limit}" if limit else "")


@app.command(cls=WithId)
def revoke(
    grant: Annotated[str, typer.Argument(help="The grant, as kluis wallet grants shows it.")],
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Take back what you shared. The agency's next request is refused.

    \b
    Example:
      kluis wallet revoke 8uVJ0yQJb1mYw0S3l1Jj7A
    """
    out = Output(json)
    answer = Citizen(profile, url).revoke(grant)
    out.answer({"grant": grant, "status": status(answer)})
    out.say(f"Ended. {_READS_ONCE}")
    say_when_later(out, answer)


def status(answer: Answer) -> str:
    return str(answer.body.get("status", "recorded_later" if answer.status == 202 else "ended"))


def say_when_later(out: Output, answer: Answer) -> None:
    if answer.status == 202:
        out.say("It is done; its line in the log follows a little later.")
