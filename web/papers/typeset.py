"""Tagged PDF (PDF/UA-1) from one of our templates and data that is never read as markup.

Each PDF is made in a process of its own (`press.py`), which gets the data through a pipe, has no
environment, and ends with all it knew. No network, no font of the system and no file but the
templates is looked at: they import nothing else. The same data and moment give the same bytes.
Takes about half a second: call it from a thread.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from web.papers.glyphs import printable
from web.slots import Slots

SECONDS_MAX = 30
# -I: no folder that somebody can write, and no variable, says what Python imports.
_PRESS = (sys.executable, "-I", "-m", "web.papers.press")
PRESSES = Slots(2)  # each takes a processor and some 100 MB: whoever has a PDF made holds one


class CannotTypeset(Exception):
    """No PDF could be made. It says nothing about the data; try again, or take the JSON."""

    def __init__(self) -> None:
        super().__init__("The PDF could not be made.")


def typeset(template: str, data: Mapping[str, Any], made_at: int) -> bytes:
    """The PDF of `template`, a name beside this module; `made_at` is Unix milliseconds.

    Raises `CannotTypeset`.
    """
    order = {"template": template, "data": shown(dict(data)), "made_at": made_at}
    try:
        made = subprocess.run(  # noqa: S603 - our own program, no argument from outside
            _PRESS,
            input=json.dumps(order).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it would quote the data
            env={},
            timeout=SECONDS_MAX,
            check=True,
        )
    except (subprocess.SubprocessError, OSError):
        raise CannotTypeset from None
    return made.stdout


def shown(part: Any) -> Any:
    """The same data with every text made printable."""
    if isinstance(part, str):
        return printable(part)
    if isinstance(part, dict):
        return {name: shown(each) for name, each in part.items()}
    if isinstance(part, list | tuple):
        return [shown(each) for each in part]
    return part
