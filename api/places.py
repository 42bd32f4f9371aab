"""Places in the log as addresses name them: the number of a log and an index there, like 1.830."""

import re

from audit.shapes import Place

PLACE = r"^[1-9][0-9]{0,8}\.[0-9]{1,18}$"


def place_text(place: Place) -> str:
    return f"{place[0]}.{place[1]}"


def place_of(text: str) -> Place | None:
    """The place that a text names; None for what is none."""
    if not re.fullmatch(PLACE, text):
        return None
    log, _, index = text.partition(".")
    return int(log), int(index)
