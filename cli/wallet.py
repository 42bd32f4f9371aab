"""`kluis wallet`: a citizen's vault from the command line."""

import re
from collections.abc import Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from catalogue.brp import person_from_answer
from catalogue.errors import CatalogueFault
from cli import qr, words
from cli.citizen import Choice, Citizen, Unlock
from cli.client import Answer
from cli.errors import Refused, WrongUse
from cli.files import check_free, write_new
from cli.installation import make_at_the_counter, settings_of
from cli.options import (
    Json,
    ProfileName,
    Url,
    WithId,
    document,
    names,
    seconds,
    secret,
    typed_secret,
)
from cli.output import Output, in_groups, shown, when
from cli.profile import DEFAULT_PROFILE, again
from cli.sharing import share as make_offer

app = typer.Typer(no_args_is_help=True, help="Your own vault: what is in it, who may read it.")
methods = typer.Typer(no_args_is_help=True, help="What can open the vault: devices and codes.")
imports = typer.Typer(no_args_is_help=True, help="Put in what a register knows about you.")
app.add_typer(methods, name="methods")
app.add_typer(imports, name="import")

_READS_ONCE = "What an agency has read stays with the agency; it can read nothing more."
_FIELDS_SHOWN = 6
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?")
_STATUS_WORDS = {"under_investigation": "under investigation"}

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
    out.answer({"vault": made["vault"], "recovery_code": made["recovery_code"]})
    out.say("Your vault is there. This is your recovery code. It is shown this once:")
    out.say()
    out.say(f"    {made['recovery_code']}", style="bold")
    out.say()
    out.say("Write it on paper and keep it safe. Whoever has it can open your vault.")
    out.say(f"Then type it back: {again('kluis wallet confirm', profile)}")


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


@app.command()
def show(
    field: Annotated[
        str | None, typer.Argument(help="One field, with its history. Left out: everything.")
    ] = None,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Show what is in your vault: each value, who stated it, and when.

    \b
    Examples:
      kluis wallet show
      kluis wallet show address.resident_address
    """
    out = Output(json)
    citizen = Citizen(profile, url)
    if field is None:
        found = citizen.values()
        out.answer(found)
        rows = list(found["values"].items())
    else:
        found = citizen.history(field)
        out.answer(found)
        rows = [(field, version) for version in found["versions"]]
    if not rows:
        put_in = again("kluis wallet set FIELD=VALUE", profile)
        out.say(f"Nothing is in your vault yet. Put something in: {put_in}")
        return
    out.table(("Field", "Value", "Stated by", "When", ""), [_row(*row) for row in rows])


def _row(field: str, version: Mapping[str, Any]) -> tuple[str, ...]:
    source = "you" if version.get("source") == "self" else str(version.get("source", ""))
    remarks = [_STATUS_WORDS.get(str(version.get("status")), "")]
    remarks += [f"from {version['valid_from']}"] if version.get("valid_from") else []
    remarks += [f"until {version['valid_until']}"] if version.get("valid_until") else []
    at = when(str(version.get("stated_at", "")))
    return field, shown(version["value"]), source, at, ", ".join(filter(None, remarks))


@app.command()
def fields(url: Url = None, profile: ProfileName = "default", json: Json = False) -> None:
    """Show which fields a vault can hold.

    \b
    Example:
      kluis wallet fields
    """
    out = Output(json)
    found = Citizen(profile, url).catalogue()
    out.answer(found)
    out.table(
        ("Field", "Kind of value", "What it is"),
        [(one["id"], one["type"], one["labels"]["en"]) for one in _fields_of(found)],
    )


@app.command("set")
def put(
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FIELD=VALUE]...", help="A field named twice becomes a list."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="A JSON file of fields and values; - reads standard input."),
    ] = None,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Put values into your vault, as your own statement. What was there stays in the history.

    A value on the command line can be seen by other programs on this computer for a moment and
    stays in the shell's history; --from avoids both.

    \b
    Examples:
      kluis wallet set contact.email_address=noortje@example.org
      kluis wallet set identity.nationality=NL identity.nationality=BE
      kluis wallet set --from - < mine.json
    """
    out = Output(json)
    if (source is None) == (not values):
        raise WrongUse("Give FIELD=VALUE, or a file with --from, one of the two.")
    citizen = Citizen(profile, url)
    given = document(source) if source is not None else _pairs(values or [], citizen)
    try:
        citizen.put([{"field": name, "value": value} for name, value in given.items()])
    except Refused as refused:
        gone = [name for name, value in given.items() if _is_no_day(value)]
        if refused.code != "bad_date" or not gone:
            raise
        message = f"{', '.join(gone)}: this date is not in the calendar."
        raise Refused(refused.code, message, refused.status_code) from None
    out.answer({"fields": list(given)})
    out.say(f"Put in: {', '.join(given)}.")


def _is_no_day(value: object) -> bool:
    """It is written like a date, and there is no such month or day."""
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return False
    year, month, day = (int(part or 1) for part in match.groups())
    try:
        date(year, month, day)
    except ValueError:
        return True
    return False


def _pairs(texts: list[str], citizen: Citizen) -> dict[str, Any]:
    """FIELD=VALUE texts as values, each as its field wants it."""
    given: dict[str, list[str]] = {}
    for text in texts:
        field, mark, value = text.partition("=")
        if not mark or not field.strip():
            raise WrongUse("Write each value as FIELD=VALUE, like contact.language=nl.")
        given.setdefault(field.strip(), []).append(value)
    types = {one["id"]: one["type"] for one in _fields_of(citizen.catalogue())}
    return {field: _typed(field, types.get(field), each) for field, each in given.items()}


def _typed(field: str, kind: str | None, given: list[str]) -> Any:
    if kind is None:
        raise WrongUse(f"There is no field {field}. See them all: kluis wallet fields")
    if kind.endswith("_list"):
        return given
    if len(given) > 1:
        raise WrongUse(f"{field} takes one value.")
    if kind == "integer":
        try:
            return int(given[0])
        except ValueError:
            raise WrongUse(f"{field}: a whole number is expected.") from None
    return given[0]


def _fields_of(catalogue: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields of a catalogue answer, in its order, whether or not they stand under themes."""
    found = list(catalogue.get("fields", []))
    for theme in catalogue.get("themes", []):
        found += theme.get("fields", [])
    return [one for one in found if isinstance(one, dict)]


@imports.command("brp")
def import_brp(
    file: Annotated[
        Path, typer.Argument(help="An answer of the Dutch population register, a JSON file.")
    ],
    bsn: Annotated[
        str, typer.Option("--bsn", help="Your citizen service number; - reads it from input.")
    ],
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Put in what the Dutch population register (BRP) knows about you, from a file.

    The values become your own statement. What the register is looking into keeps that remark.

    \b
    Example:
      kluis wallet import brp answer.json --bsn 999942037
    """
    out = Output(json)
    citizen = Citizen(profile, url)
    values = brp_values(file, secret(bsn, "Citizen service number"))
    citizen.put(values)
    doubted = [one["field"] for one in values if one["status"] != "stated"]
    out.answer({"fields": [one["field"] for one in values], "under_investigation": doubted})
    out.say(f"Put in {len(values)} fields: {', '.join(one['field'] for one in values)}.")
    if doubted:
        out.say(f"The register is looking into: {', '.join(doubted)}.")


def brp_values(file: Path, bsn: str) -> list[dict[str, Any]]:
    """What a register's answer says about one person, as values to put in."""
    try:
        found = person_from_answer(document(file), bsn)
    except CatalogueFault as error:
        raise WrongUse(f"{file}: {error}", error.code) from None
    status = {True: "under_investigation", False: "stated"}
    return [
        {"field": field, "value": value, "status": status[field in found.under_investigation]}
        for field, value in found.values.items()
    ]


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
            for field in use["fields"]:
                need = "needed " if field["mandatory"] else "if you like "
                out.say(f"    {need:12} {field['id']}   {_in_english(field.get('why'))}")
    if not found["agencies"]:
        out.say("No agency is registered here yet.")


def _in_english(texts: object) -> str:
    return str(texts.get("en", "")) if isinstance(texts, dict) else ""


@app.command()
def share(
    agency: Annotated[str, typer.Option("--agency", help="Who may read: the agency's id.")],
    use: Annotated[str, typer.Option("--use", help="For what: the use's id.")],
    fields: Annotated[str, typer.Option("--fields", help="Which fields, with commas between.")],
    lasts: Annotated[str, typer.Option("--for", help="Until when: 30m, 1h, 7d from now.")] = "1h",
    reads: Annotated[
        int | None, typer.Option("--reads", min=1, help="At most so many times. Left out: any.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Newer values of these fields, too, until it ends.")
    ] = False,
    tx_code: Annotated[
        bool, typer.Option("--tx-code", help="Also a code of four digits, to say aloud.")
    ] = False,
    replaces: Annotated[
        str | None, typer.Option("--replaces", help="An earlier offer that this one takes back.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option("--svg", help="Write the QR code to this file.")
    ] = None,
    png: Annotated[
        Path | None, typer.Option("--png", help="Write the QR code to this file.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write over a file that is there.")
    ] = False,
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
    out.answer({"grant": grant, "status": _status(answer)})
    out.say(f"Ended. {_READS_ONCE}")
    _say_when_later(out, answer)


@app.command()
def activity(
    acknowledge: Annotated[
        str | None,
        typer.Option("--acknowledge", help="The id of an alarm that you have seen."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, newest first.")] = 50,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Show everything that happened in your vault: who read what, and what was refused.

    \b
    Examples:
      kluis wallet activity
      kluis wallet activity --acknowledge 01999e2c-6a00-7000-8000-000000000000
    """
    out = Output(json)
    citizen = Citizen(profile, url)
    if acknowledge is not None:
        citizen.acknowledge(acknowledge)
        out.answer({"acknowledged": acknowledge})
        out.say("Noted: you have seen this alarm.")
        return
    found = citizen.activity()
    out.answer(found)
    show_activity(out, found, limit, profile)


def show_activity(
    out: Output, found: Mapping[str, Any], limit: int = 50, profile: str = DEFAULT_PROFILE
) -> None:
    """The owner's entries, newest first, alarms and damage in words.

    The numbers count this vault's lines from 1; an entry's place in the whole log is its `index`.
    """
    count = len(found["entries"])
    for number, one in zip(range(count, 0, -1), found["entries"][:limit], strict=False):
        _show_entry(out, number, one)
    count = found["reads"]
    out.say(f"Agencies read {count} {'time' if count == 1 else 'times'}.")
    for one in found["entries"]:
        if one.get("alarm") and not one.get("acknowledged"):
            out.say(f"ALARM: {words.alarm(one.get('reason'))}", style="bold red")
            seen = again(f"kluis wallet activity --acknowledge {one['id']}", profile)
            out.say(f"  When you have seen it: {seen}")
    for what in found["damaged"]:
        out.say(f"BROKEN: {what}. Tell whoever runs this vault.", style="bold red")


def _show_entry(out: Output, number: int, entry: Mapping[str, Any]) -> None:
    actor = entry.get("actor") or {}
    kind = actor.get("kind")
    by = "you" if kind == "owner" else actor.get("id") or kind or "?"
    outcome = str(entry["outcome"])
    reason = f" ({words.reason(entry['reason'])})" if entry.get("reason") else ""
    alarm = "   ALARM" if entry.get("alarm") and not entry.get("acknowledged") else ""
    line = f"{number:>5}  {when(str(entry['at']))}  {entry['action']}: {outcome}{reason}"
    out.say(f"{line}, by {by}{alarm}", style="" if outcome == "permitted" else "yellow")
    fields = entry.get("fields_given") or entry.get("fields_requested") or []
    if len(fields) > _FIELDS_SHOWN:
        out.say(f"       {len(fields)} fields")
    elif fields:
        out.say(f"       {', '.join(fields)}")


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
    out.answer({"erased": True, "status": _status(answer)})
    out.say("Erased. What agencies had read before stays with them.")
    _say_when_later(out, answer)


def _status(answer: Answer) -> str:
    return str(answer.body.get("status", "recorded_later" if answer.status == 202 else "ended"))


def _say_when_later(out: Output, answer: Answer) -> None:
    if answer.status == 202:
        out.say("It is done; its line in the log follows a little later.")
