"""`kluis doctor`: what is wrong or risky here, and what to do about it."""

import typer

from cli.errors import FAILED
from cli.options import DEFAULT_DATA, Data, Json
from cli.output import Output
from operate.doctor import WRONG, examine

_WORDS = {"ok": ("ok    ", "green"), "risk": ("risk  ", "yellow"), "wrong": ("WRONG ", "bold red")}


def doctor(data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Look for what is wrong or risky in an installation. Changes nothing.

    Ends with 1 when something is wrong, else with 0; risks are for you to judge.

    \b
    Example:
      kluis doctor --data /srv/kluis
    """
    out = Output(json)
    with out.working("Looking"):
        advice = examine(data)
    wrong = any(one.level == WRONG for one in advice)
    found = [{"level": one.level, "what": one.what, "do": one.do} for one in advice]
    out.answer({"healthy": not wrong, "advice": found})
    for one in advice:
        word, style = _WORDS[one.level]
        out.say(f"{word}{one.what}", style=style)
        if one.do:
            out.say(f"      {one.do}")
    if wrong:
        raise typer.Exit(FAILED)
