"""`kluis wallet activity`: who read what, page by page, and whether the list is whole."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cli import words
from cli.checking import check
from cli.citizen import Citizen
from cli.errors import FAILED
from cli.options import Json, ProfileName, Url
from cli.output import Output, when
from cli.profile import DEFAULT_PROFILE, again
from evidence.own import in_words

app = typer.Typer()

_FIELDS_SHOWN = 6
_PAGE_MAX = 200
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


Acknowledge = Annotated[
    str | None, typer.Option("--acknowledge", help="The id of an alarm that you have seen.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many, newest first.")]
Before = Annotated[
    str | None, typer.Option("--before", help="Go on from where the last list ended.")
]
AgencyId = Annotated[str | None, typer.Option("--agency", help="Only what it did.")]
Action = Annotated[
    str | None, typer.Option("--action", help="Only lines of this kind, like data.read.")
]
Outcome = Annotated[str | None, typer.Option("--outcome", help="Only permitted, denied or failed.")]
Since = Annotated[str | None, typer.Option("--from", help="From this day on.")]
Until = Annotated[str | None, typer.Option("--to", help="Before this day.")]
Alarms = Annotated[bool, typer.Option("--alarms", help="Only alarms.")]
Verify = Annotated[
    bool, typer.Option("--verify", help="Check here that nothing is missing or changed.")
]
LogKeys = Annotated[
    list[str] | None,
    typer.Option("--key", help="The log's public key, for --verify. Remembered."),
]


@app.command()
def activity(
    acknowledge: Acknowledge = None,
    limit: Limit = 50,
    before: Before = None,
    agency: AgencyId = None,
    action: Action = None,
    outcome: Outcome = None,
    since: Since = None,
    until: Until = None,
    alarms: Alarms = False,
    verify: Verify = False,
    keys: LogKeys = None,
    url: Url = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Show everything that happened in your vault: who read what, and what was refused.

    With --verify this computer checks the whole list by itself: that each line is in the log, that
    none is missing, and that the log goes on from what it was the last time.

    \b
    Examples:
      kluis wallet activity
      kluis wallet activity --action data.read --from 2026-11-01
      kluis wallet activity --acknowledge 01999e2c-6a00-7000-8000-000000000000
      kluis wallet activity --verify --key kluis.example.org/audit+0a1b2c3d+AbC...
    """
    out = Output(json)
    citizen = Citizen(profile, url)
    if acknowledge is not None:
        return _acknowledge(out, citizen, acknowledge)
    if verify:
        return _verify(out, citizen, keys or [])
    asked = {
        "before": before,
        "agency": agency,
        "action": action,
        "outcome": outcome,
        "from": _instant(since),
        "to": _instant(until),
        "alarms": "all" if alarms else None,
    }
    found = collect(citizen, {name: text for name, text in asked.items() if text}, limit)
    out.answer(found)
    return show_activity(out, found, profile)


def collect(citizen: Citizen, query: Mapping[str, str], limit: int) -> dict[str, Any]:
    """The first page, filled up from those after it to as many entries as are wanted."""
    found = citizen.activity({**query, "limit": str(min(limit, _PAGE_MAX))})
    while "next" in found and len(found["entries"]) < limit:
        rest = str(min(limit - len(found["entries"]), _PAGE_MAX))
        more = citizen.activity({**query, "limit": rest, "before": found.pop("next")})
        found["entries"] += more["entries"]
        found["damaged"] += [what for what in more["damaged"] if what not in found["damaged"]]
        found |= {name: more[name] for name in ("next", "logs") if name in more}
    return found


def _acknowledge(out: Output, citizen: Citizen, alarm: str) -> None:
    citizen.acknowledge(alarm)
    out.answer({"acknowledged": alarm})
    out.say("Noted: you have seen this alarm.")


def _verify(out: Output, citizen: Citizen, keys: list[str]) -> None:
    with out.working("Checking every line"):
        report = check(citizen, keys)
    lines = in_words(report)
    out.answer(
        {
            "whole": not report.findings,
            "entries": report.entries,
            "reads": report.reads,
            "refusals": report.refusals,
            "deferred": report.deferred,
            "begins": report.first,
            "lost": report.lost,
            "findings": [str(finding) for finding in report.findings],
        }
    )
    for line in lines:
        out.say(line, style="bold red" if report.findings else "green")
    if report.findings:
        out.say("Tell whoever runs this vault, and the supervisory authority.", style="bold red")
        raise typer.Exit(FAILED)


def show_activity(out: Output, found: Mapping[str, Any], profile: str = DEFAULT_PROFILE) -> None:
    """The owner's entries, newest first, alarms and damage in words, and what is not shown."""
    for one in found["entries"]:
        _show_entry(out, one)
    if "next" in found:
        more = again(f"kluis wallet activity --before {found['next']}", profile)
        out.say(f"There is more: {more}")
    counts = found["counts"]
    out.say(
        f"Agencies read {_times(counts['reads'])}, and were refused {_times(counts['refusals'])}."
    )
    if counts["deferred"]:
        out.say(f"{counts['deferred']} lines were hidden for a time by law, and are shown now.")
    if begins := found.get("begins"):
        out.say(words.begins(begins["number"], when(begins["at"])))
    out.say("Not in this list:")
    for each in found["not_shown"]:
        out.say(f"  {words.not_shown(each['code'], each['what'])}")
    for one in found["alarms"]:
        out.say(f"ALARM: {words.alarm(one.get('reason'))}", style="bold red")
        seen = again(f"kluis wallet activity --acknowledge {one['id']}", profile)
        out.say(f"  When you have seen it: {seen}")
    for what in found["damaged"]:
        out.say(f"BROKEN: {what}. Tell whoever runs this vault.", style="bold red")


def _times(count: int) -> str:
    return f"{count} {'time' if count == 1 else 'times'}"


def _show_entry(out: Output, entry: Mapping[str, Any]) -> None:
    actor = entry.get("actor") or {}
    kind = actor.get("kind")
    by = "you" if kind == "owner" else actor.get("id") or kind or "?"
    outcome = str(entry["outcome"])
    reason = f" ({words.reason(entry['reason'])})" if entry.get("reason") else ""
    alarm = "   ALARM" if entry.get("alarm") and not entry.get("acknowledged") else ""
    hidden = "   (hidden by law until lately)" if entry.get("deferred") else ""
    number = f"h{entry['number']}" if entry.get("deferred") else str(entry["number"])
    line = f"{number:>5}  {when(str(entry['at']))}  {entry['action']}: {outcome}{reason}"
    out.say(f"{line}, by {by}{alarm}{hidden}", style="" if outcome == "permitted" else "yellow")
    fields = entry.get("fields_given") or entry.get("fields_requested") or []
    if len(fields) > _FIELDS_SHOWN:
        out.say(f"       {len(fields)} fields")
    elif fields:
        out.say(f"       {', '.join(fields)}")


def _instant(text: str | None) -> str | None:
    """A day, by its beginning in UTC, or an instant as the log writes it."""
    if text is None or not _DAY.fullmatch(text):
        return text
    return f"{text}T00:00:00.000Z"
