"""`kluis wallet show`, `fields` and `set`: what is in a vault."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.citizen import Citizen
from cli.errors import Refused, WrongUse
from cli.options import Json, ProfileName, Url, document
from cli.output import Output, shown, when
from cli.profile import again

app = typer.Typer()

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?")
_STATUS_WORDS = {"under_investigation": "under investigation"}


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
