"""`entries.csv`: entries for a spreadsheet (RFC 4180: commas, CRLF, UTF-8 with a byte order mark).

Derived from the openings and not signed. Names come from agencies, and a cell that begins like a
formula is run by a spreadsheet: such a cell gets an apostrophe first. A reader that takes
semicolons for commas splits cells elsewhere, so the same holds after each of them.
"""

import csv
import io
import re

from audit.entry import Chain, Event
from audit.shapes import entry_id_text, instant_text
from crypto.encoding import b64u

MARK = b"\xef\xbb\xbf"  # else spreadsheets take UTF-8 for a code page
COLUMNS = (
    "index",
    "at",
    "id",
    "action",
    "outcome",
    "reason",
    "actor_kind",
    "actor_id",
    "officer",
    "officer_stated_by",
    "on_behalf_of",
    "intended_use",
    "legal_basis",
    "grant",
    "fields_requested",
    "fields_given",
    "fields_unknown",
    "count",
    "subject",
    "subject_seq",
    "class",
    "visible_after",
    "alarm",
)
_FORMULA = re.compile(r"(^\s*|[;,\t]\s*)(?=[=+\-@|%\uff1d\uff0b\uff0d\uff20])")


def heading() -> bytes:
    return MARK + _row(COLUMNS)


def row(index: int, event: Event, chain: Chain) -> bytes:
    """The line of one entry."""
    officer = event.officer
    return _row(
        (
            str(index),
            instant_text(event.at),
            entry_id_text(event.id),
            event.action,
            event.outcome,
            event.reason or "",
            event.actor.kind,
            event.actor.id or "",
            "" if officer is None else officer.id,
            "" if officer is None else officer.stated_by,
            event.on_behalf_of or "",
            event.intended_use or "",
            event.legal_basis or "",
            "" if event.grant is None else b64u(event.grant),
            " ".join(event.fields_requested or ()),
            " ".join(event.fields_given or ()),
            "" if event.fields_unknown is None else str(event.fields_unknown),
            "" if event.count is None else str(event.count),
            b64u(chain.subject),
            str(chain.subject_seq),
            chain.class_,
            "" if chain.visible_after is None else instant_text(chain.visible_after),
            "yes" if chain.alarm else "",
        )
    )


def _row(cells: tuple[str, ...]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow([harmless(cell) for cell in cells])
    return text.getvalue().encode("utf-8", "replace")


def harmless(cell: str) -> str:
    """The text as a cell that no spreadsheet runs, on one line."""
    shown = cell
    if not cell.isprintable():
        shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in cell)
    return _FORMULA.sub(r"\1'", shown)
