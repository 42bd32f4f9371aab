"""Pictures of a log for auditors: bar charts as SVG text, each with the rows of its table.

Pure: rows in, text out. Nothing in a picture is only a colour or only a length: every bar has its
label and its figure as text, and a picture has a title and a description for whoever can't see it.
No style attribute (the CSP forbids them): colours come from the classes in web/static/css, and
`fill="currentColor"` stands where no stylesheet is. A picture is drawn 320 units wide.

    text.picture-label, text.picture-figure, rect.picture-bar, line.picture-axis, svg.picture
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from textwrap import wrap
from unicodedata import category
from xml.sax.saxutils import escape, quoteattr

from audit.entry import Event

BARS_MAX = 12  # more do not fit a screen: the rest is added up in a last bar
LINE_CHARACTERS_MAX, LINES_MAX = 40, 2
_WIDTH, _TOP = 320, 4
_LINE, _BAR, _BAR_HEIGHT = 16, 22, 12  # a line of a label; a bar with the space below it
_FIGURE_WIDTH = 64  # to the right of the longest bar
_HOURS = 24
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})

Translate = Callable[[str], str]
Name = Callable[[str], str]  # the name of an agency or reason by its id
NameOfUse = Callable[[str, str], str]  # what a use is for, by the ids of its agency and its own


@dataclass(frozen=True, slots=True)
class Row:
    """One bar, and one line of the table."""

    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart: `svg` to show as it is, safe, and `rows` for the table, never cut short."""

    title: str
    description: str
    rows: tuple[Row, ...]
    svg: str
    counted: str  # what a row is of: the head of the table's first column


def reads_per_agency(events: Iterable[Event], name: Name, _: Translate) -> Picture:
    """How often each agency read."""
    rows = _ranked(e.actor.id for e in events if _is_read(e) and e.actor.id)
    return _bars("agency", _("Reads per agency"), _("Agency"), _named(rows, name), _)


def reads_per_use(events: Iterable[Event], name: NameOfUse, _: Translate) -> Picture:
    """How often was read for each purpose. Agencies may give one id to uses that differ."""
    reads = (e for e in events if _is_read(e) and e.actor.id and e.intended_use)
    rows = _ranked(name(e.actor.id or "", e.intended_use or "") for e in reads)
    return _bars("use", _("Reads per purpose"), _("Purpose"), _named(rows, str), _)


def refusals_by_reason(events: Iterable[Event], name: Name, _: Translate) -> Picture:
    """Why reads and codes of agencies were refused."""
    rows = _ranked(
        e.reason
        for e in events
        if e.outcome == "denied" and e.actor.kind == "agency" and e.reason is not None
    )
    return _bars("refusal", _("Refusals by reason"), _("Reason"), _named(rows, name), _)


def reads_per_hour(events: Iterable[Event], _: Translate, zone: tzinfo = UTC) -> Picture:
    """At which hours of the day was read, all twenty-four of them."""
    found = Counter(
        datetime.fromtimestamp(e.at / 1000, UTC).astimezone(zone).hour
        for e in events
        if _is_read(e)
    )
    rows = tuple(Row(f"{hour:02}:00", found[hour]) for hour in range(_HOURS))
    title = _("Reads per hour of the day")
    description = _describe(rows, _)
    return Picture(title, description, rows, _columns(title, description, rows), _("Hour"))


def _is_read(event: Event) -> bool:
    return (event.action, event.outcome) == ("data.read", "permitted")


def _ranked(ids: Iterable[str]) -> list[tuple[str, int]]:
    """Most first; the same number in the order of the ids, so that a picture is always the same."""
    return sorted(Counter(ids).items(), key=lambda one: (-one[1], one[0]))


def _named(rows: Iterable[tuple[str, int]], name: Name) -> tuple[Row, ...]:
    return tuple(Row(name(id_), count) for id_, count in rows)


def _describe(rows: Sequence[Row], _: Translate) -> str:
    total = sum(row.count for row in rows)
    if not total:
        return _("There is nothing to show for this choice.")
    most = max(rows, key=lambda row: row.count)
    told = _("In all: {total}. Most: {label}, {count}. All figures stand in the table.")
    return told.format(total=total, label=most.label, count=most.count)


def _bars(kind: str, title: str, counted: str, rows: tuple[Row, ...], _: Translate) -> Picture:
    """Lying bars, each under its label, so that long names have the whole width."""
    description = _describe(rows, _)
    shown = rows
    if len(rows) > BARS_MAX:
        rest = rows[BARS_MAX - 1 :]
        others = _("{count} others together").format(count=len(rest))
        shown = (*rows[: BARS_MAX - 1], Row(others, sum(row.count for row in rest)))
    most = max((row.count for row in shown), default=0)
    drawn: list[str] = []
    top = _TOP
    for row in shown:
        lines = _lines(row.label)
        drawn.append(_bar(top, lines, row.count, most))
        top += _LINE * len(lines) + _BAR
    if not shown:
        drawn = [_text(0, _TOP + 14, description, "picture-label")]
        top += _LINE + _BAR
    return Picture(title, description, rows, _svg(kind, title, description, top, drawn), counted)


def _bar(top: int, lines: Sequence[str], count: int, most: int) -> str:
    labels = [
        _text(0, top + _LINE * number + 13, line, "picture-label")
        for number, line in enumerate(lines)
    ]
    top += _LINE * len(lines)
    width = _length(count, most, _WIDTH - _FIGURE_WIDTH)
    figure = _text(width + 6, top + 13, str(count), "picture-figure")
    return "".join(labels) + _rect(0, top + 2, width, _BAR_HEIGHT) + figure


def _columns(title: str, description: str, rows: Sequence[Row]) -> str:
    """Standing bars for the hours: every fourth is labelled, the highest has its figure."""
    top, floor = 22, 142
    most = max(row.count for row in rows)
    step = _WIDTH / len(rows)
    drawn = [f'<line class="picture-axis" x1="0" y1="{floor}" x2="{_WIDTH}" y2="{floor}"'
             ' stroke="currentColor"/>']  # fmt: skip
    for number, row in enumerate(rows):
        height = _length(row.count, most, floor - top)
        left = number * step
        drawn.append(_rect(left + 1.5, floor - height, step - 3, height))
        if row.count and row.count == most:
            middle = min(max(left + step / 2, 20), _WIDTH - 20)
            drawn.append(_text(middle, floor - height - 6, str(row.count), "picture-figure", True))
        if number % 4 == 0:
            drawn.append(_text(left, floor + 16, row.label, "picture-label"))
    return _svg("hour", title, description, floor + 22, drawn)


def _length(count: int, most: int, longest: float) -> float:
    """In proportion, but what is there is always seen."""
    if not count:
        return 0
    return max(2, round(longest * count / most, 1))


def _lines(label: str) -> list[str]:
    """A label in the lines it takes. What is longer than those is cut: the table has all of it."""
    lines = wrap(
        label,
        LINE_CHARACTERS_MAX,
        max_lines=LINES_MAX,
        placeholder="…",
        expand_tabs=False,
        replace_whitespace=False,
    )
    return lines or [label]


def _text(x: float, y: float, text: str, class_: str, centred: bool = False) -> str:
    anchor = ' text-anchor="middle"' if centred else ""
    place = f'x="{x:g}" y="{y:g}" font-size="13"{anchor} fill="currentColor"'
    return f'<text class="{class_}" {place}>{_escaped(text)}</text>'


def _rect(x: float, y: float, width: float, height: float) -> str:
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    return f'<rect class="picture-bar" {place} fill="currentColor"/>'


def _svg(kind: str, title: str, description: str, height: float, drawn: Iterable[str]) -> str:
    """`kind` makes the ids: each kind stands on a page once."""
    ids = f"picture-{kind}-title", f"picture-{kind}-description"
    named = quoteattr(" ".join(ids))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" role="img" width="100%"'
        f' viewBox="0 0 {_WIDTH} {height:g}" aria-labelledby={named}>'
        f'<title id="{ids[0]}">{_escaped(title)}</title>'
        f'<desc id="{ids[1]}">{_escaped(description)}</desc>'
        f"{''.join(drawn)}</svg>"
    )


def _escaped(text: str) -> str:
    """Text for an element. What XML can't hold, and what turns reading around, is shown as �."""
    return escape("".join("\ufffd" if category(each) in _UNSEEN else each for each in text))
