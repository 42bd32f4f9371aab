"""`kluis doctor`: what is wrong or risky here, and what to do about it."""

import re
from contextlib import suppress

import typer

from cli.errors import FAILED
from cli.installation import settings_of
from cli.options import DEFAULT_DATA, Data, Json, at
from cli.output import Output
from operate.advice import WRONG
from operate.doctor import examine
from vault.errors import VaultError

_WORDS = {"ok": ("ok    ", "green"), "risk": ("risk  ", "yellow"), "wrong": ("WRONG ", "bold red")}
_COMMAND = re.compile(
    r"kluis (?:init|serve|migrate|audit verify|audit continue|root rotate|agency register FILE)"
)


def doctor(data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Look for what is wrong or risky in an installation. Changes nothing.

    Ends with 1 when something is wrong, else with 0; risks are for you to judge.

    \b
    Example:
      kluis doctor --data /srv/kluis
    """
    out = Output(json)
    with suppress(VaultError):  # that there is no installation is told as advice
        settings_of(data)
    with out.working("Looking"):
        advice = examine(data)
    wrong = any(one.level == WRONG for one in advice)
    found = [
        {
            "level": one.level,
            "what": one.what,
            "do": _COMMAND.sub(lambda m: m[0] + at(data), one.do),
        }
        for one in advice
    ]
    out.answer({"healthy": not wrong, "advice": found})
    for each in found:
        word, style = _WORDS[each["level"]]
        out.say(f"{word}{each['what']}", style=style)
        if each["do"]:
            out.say(f"      {each['do']}")
    if wrong:
        raise typer.Exit(FAILED)
