"""A citizen's data as a tagged PDF for people: by theme, in their language, with dates in words.

What it says is what the JSON export holds, but for the oldest lines of a long log; then it says so.
"""

from collections.abc import Iterator
from typing import Any

from audit.entry import Event
from catalogue.kinds import Field, Theme
from vault.activities import Entry
from vault.fields import OwnValue
from vault.overviews import GrantInfo
from web.papers.gathering import Export
from web.papers.glyphs import is_printable
from web.papers.tongue import Tongue
from web.papers.typeset import typeset

LINES_MAX = 1000  # of the log: some forty pages
EARLIER_MAX = 200  # values of one theme that are not current any more
SELF = "self"
Section = dict[str, Any]
Row = list[str]


def export_pdf(export: Export, tongue: Tongue) -> bytes:
    """PDF/UA-1 on A4. The language is the tongue's; it may be another than the export's."""
    return typeset("document.typ", _Document(export, tongue).data(), export.made_at)


class _Document:
    def __init__(self, export: Export, tongue: Tongue) -> None:
        self.export, self.tongue = export, tongue
        self._ = tongue.say

    def data(self) -> dict[str, Any]:
        _, made_at = self._, self.export.made_at
        sections = [*self._values(), *self._grants(), *self._activity(), *self._methods()]
        made = _("Made on {day} from {url}", day=self.tongue.day(made_at), url=self.export.url)
        about = [
            _("This is a copy of what is in your vault: your data, who may see it, what happened."),
            _("It shows how it was at {moment}.", moment=self.tongue.moment(made_at)),
            _("All times are {zone}.", zone=self.tongue.zone_name(made_at)),
            _("Keep it as you keep your passport. Whoever has this paper can read it, and we"
              " can't see who does."),
        ]  # fmt: skip
        cells = [text for section in sections for row in section["rows"] for text in row]
        if not all(map(is_printable, cells)):
            about.append(
                _("Some characters can't be printed. They stand here as a number in brackets."
                  " The JSON file has them as they are.")
            )  # fmt: skip
        return {
            "title": _("My data"),
            "language": self.tongue.language,
            "about": about,
            "sections": sections,
            "footer": made,
            "page_word": _("Page"),
        }

    # Values

    def _values(self) -> Iterator[Section]:
        _ = self._
        if not self.export.values:
            yield _section(_("Your data"), [_("There is no data in your vault.")])
            return
        correct = _(
            "Is something wrong? What you stated yourself you can correct in your vault. For the"
            " rest, ask the office that it comes from."
        )
        yield _section(_("Your data"), [correct])
        for theme, fields in self.export.catalogue.by_theme():
            held = [each for each in fields if each.id in self.export.values]
            if held:
                yield from self._theme(theme, held)

    def _theme(self, theme: Theme, fields: list[Field]) -> Iterator[Section]:
        _, label = self._, theme.labels[self.tongue.language]
        head = [_("What"), _("Value"), _("Stated by"), _("Valid")]
        versions = [(each, one) for each in fields for one in self.export.values[each.id]]
        for title, current in (
            (label, True),
            (_("{theme}: earlier values", theme=label), False),
        ):
            rows = [self._value(*one) for one in versions if one[1].is_current is current]
            if rows:
                lines = [] if current else self._cut(len(rows), EARLIER_MAX)
                shown = rows if current else rows[:EARLIER_MAX]
                yield _section(title, lines, [3, 4, 3, 3], head, shown, level=3)

    def _value(self, field: Field, version: OwnValue) -> Row:
        _, stated = self._, version.statement
        who = _("you") if stated.source == SELF else self._name(stated.source)
        by = _("{who}, {day}", who=who, day=self.tongue.day(stated.stated_at))
        if stated.status == "under_investigation":
            by += " – " + _("it is being looked into whether this is right")
        return [
            field.labels[self.tongue.language],
            self.tongue.value(field, stated.value),
            by,
            self._validity(stated.valid_from, stated.valid_until),
        ]

    def _validity(self, first: str | None, last: str | None) -> str:
        _, words = self._, []
        if first is not None:
            words.append(_("from {date}", date=self.tongue.date(first)))
        if last is not None:
            words.append(_("until {date}", date=self.tongue.date(last)))
        return " ".join(words) or _("not stated")

    def _cut(self, total: int, most: int) -> list[str]:
        """What is said above a table that does not hold all lines there are."""
        told = self._("Only the first {count} lines are here. The JSON file has more.", count=most)
        return [told] if total > most else []

    # Grants

    def _grants(self) -> Iterator[Section]:
        _ = self._
        if not self.export.grants:
            yield _section(_("Who may see your data"), [_("You have shared nothing.")])
            return
        head = [_("Office"), _("What for"), _("Which data"), _("Until when"), _("Times read")]
        rows = [self._grant(grant) for grant in self.export.grants]
        yield _section(_("Who may see your data"), [], [3, 3, 4, 3, 2], head, rows)

    def _grant(self, info: GrantInfo) -> Row:
        _, terms = self._, info.terms
        reads = str(info.reads_used)
        if terms.reads_max is not None:
            reads = _("{count} of at most {most}", count=reads, most=terms.reads_max)
        return [
            self._name(terms.agency),
            self._purpose(terms.agency, terms.use),
            self._fields(terms.fields),
            self._until(info),
            reads,
        ]

    def _until(self, info: GrantInfo) -> str:
        _, now_ms = self._, self.export.made_at
        ends = info.offer_ends if info.state == "offered" else info.not_after
        if info.state == "ended" or ends <= now_ms:
            return _("ended")
        if info.state == "offered":
            return _("the code was not used yet")
        return self.tongue.moment(ends)

    # Activity

    def _activity(self) -> Iterator[Section]:
        _, export = self._, self.export
        lines = [_("These are names of data. The data itself is never in the list.")]
        total = len(export.entries) + (not export.log_is_whole)
        lines += self._cut(total, LINES_MAX)
        if export.hidden:
            lines.append(
                _("Hidden for now, because a law says so: {count}. They join the list later.",
                  count=export.hidden)
            )  # fmt: skip
        if export.damaged:
            lines.append(
                _("Lines that can't be read: {count}. Somebody changed what is stored. Tell"
                  " whoever runs your vault.", count=len(export.damaged))
            )  # fmt: skip
        head = [_("When"), _("What happened"), _("Who"), _("Which data")]
        rows = [self._entry(entry) for entry in export.entries[:LINES_MAX]]
        yield _section(_("What happened"), lines, [3, 4, 3, 4], head, rows)

    def _entry(self, entry: Entry) -> Row:
        _, event = self._, entry.event
        what = self.tongue.action(event.action)
        if event.outcome != "permitted":
            refused = event.outcome == "denied"
            what += " – " + (_("refused, nothing was given") if refused else _("it failed"))
        if event.reason is not None:
            what += ": " + self.tongue.reason(event.reason)
        fields = event.fields_given or event.fields_requested or ()
        return [self.tongue.moment(event.at), what, self._who(event), self._fields(fields)]

    def _who(self, event: Event) -> str:
        _, actor = self._, event.actor
        if event.action == "vault.block":
            return _("somebody with your block code")
        if actor.kind in {"agency", "source"} and actor.id is not None:
            name = self._name(actor.id)
            if event.officer is None:
                return name
            return _("{agency}, officer {officer}", agency=name, officer=event.officer.id)
        return {
            "owner": _("you"),
            "auditor": _("an auditor"),
            "operator": _("whoever runs the vault"),
        }.get(actor.kind, _("the vault itself"))

    # Ways to open the vault

    def _methods(self) -> Iterator[Section]:
        _ = self._
        head = [_("How"), _("Since"), _("Remark")]
        rows = [
            [
                _("Recovery code") if method.kind == "recovery" else _("Device or passkey"),
                self.tongue.day(method.created_at),
                _("not typed over yet")
                if method.kind == "recovery" and method.confirmed_at is None
                else _("in use"),
            ]
            for method in self.export.methods
        ]
        yield _section(_("How you open your vault"), [], [3, 3, 3], head, rows)

    # Names

    def _name(self, agency: str) -> str:
        party = self.export.parties.get(agency)
        return agency if party is None else party.agency.names[self.tongue.language]

    def _purpose(self, agency: str, use: str) -> str:
        party = self.export.parties.get(agency)
        known = {one.id: one for one in party.uses} if party else {}
        return known[use].purpose[self.tongue.language] if use in known else use

    def _fields(self, fields: tuple[str, ...]) -> str:
        known = self.export.catalogue
        labels = [known[f].labels[self.tongue.language] if f in known else f for f in fields]
        return ", ".join(labels) or "–"


def _section(
    title: str,
    lines: list[str],
    widths: list[int] | None = None,
    head: list[str] | None = None,
    rows: list[Row] | None = None,
    level: int = 2,
) -> Section:
    return {
        "title": title,
        "level": level,
        "lines": lines,
        "widths": widths or [],
        "head": head or [],
        "rows": rows or [],
    }
