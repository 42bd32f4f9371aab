"""Exports as the tests use them: made of a small log, taken apart, and put together again."""

import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from audit.entry import Actor, Chain, Event, Officer, encode_chain, encode_event
from audit.leaf import Opening
from audit.note import Verifier
from crypto.encoding import canonical_json, parse_json
from crypto.primitives import sha256
from evidence.archive import Reader, Writer
from evidence.entries import Entry
from evidence.examination import Examined, verify_export
from evidence.export import MANIFEST, ExportedLog, compose
from tests.audit.logbook import KEY, NOW, ORIGIN, Log, entry_id, fixed, make_opening

AGENCY = "https://agency.example"
SUBJECTS = tuple(fixed(f"subject {number}", 16) for number in range(3))
SYSTEM = fixed("system", 16)


def event_of(number: int) -> Event:
    """Reads, refusals and acts of owners by turns; every tenth is an erasure."""
    if number % 10 == 9:
        return Event(entry_id(number), NOW + number, "vault.erase", "permitted", Actor("owner"))
    if number % 3 == 0:
        fields = ("identity.given_name", "address.resident_city")
        return Event(
            entry_id(number), NOW + number, "data.read", "permitted", Actor("agency", AGENCY),
            officer=Officer("j.devries", "agency"), intended_use="address-check",
            legal_basis="consent", grant=fixed("grant", 16), fields_requested=fields,
            fields_given=fields,
        )  # fmt: skip
    if number % 3 == 1:
        return Event(
            entry_id(number), NOW + number, "data.read", "denied", Actor("agency", AGENCY),
            reason="not_granted", grant=fixed("grant", 16),
            fields_requested=("identity.birth_date",), fields_unknown=2,
        )  # fmt: skip
    return Event(entry_id(number), NOW + number, "vault.unlock", "permitted", Actor("owner"))


@dataclass
class Book:
    """A log that grows by batches, and its exports."""

    log: Log = field(default_factory=Log)
    tails: dict[bytes, tuple[int, bytes | None]] = field(default_factory=dict)
    closed: dict[int, str] = field(default_factory=dict)

    def grow(self, events: Iterable[Event]) -> None:
        openings = []
        for number, event in enumerate(events, start=len(self.log.leaves)):
            of_system = event.action in {"vault.erase", "log.export"}
            subject = SYSTEM if of_system else SUBJECTS[number % len(SUBJECTS)]
            seq, prev = self.tails.get(subject, (0, None))
            chain = Chain(subject, "open", seq + 1, prev)
            opening = make_opening(number, event, chain)
            self.tails[subject] = seq + 1, opening.leaf_data()
            openings.append(opening)
        self.log.add(openings)

    def export(self, previous: tuple[int, bytes] | None = None) -> bytes:
        """Grows by the entry that says so, and gives the zip."""
        at = len(self.log.leaves)
        auditor = Actor("auditor", "https://auditor.example")
        self.grow([Event(entry_id(at), NOW + at, "log.export", "permitted", auditor, count=at + 1)])
        return b"".join(compose(self.source(), previous))

    def source(self) -> "Source":
        return Source(self)


@dataclass(frozen=True)
class Source:
    """A book as an export comes from it."""

    book: Book

    @property
    def logs(self) -> tuple[ExportedLog, ...]:
        log = self.book.log
        notes = tuple((size, log.notes[size]) for size in sorted(log.notes)[:-1])
        size = len(log.leaves)
        return (ExportedLog(1, ORIGIN, (KEY.verifier.vkey,), size, log.head_note, notes),)

    @property
    def index(self) -> int:
        return len(self.book.log.leaves) - 1

    def leaves(self, log: ExportedLog) -> list[bytes]:
        return [leaf.data for leaf in self.book.log.leaves]

    def entries(self, log: ExportedLog) -> list[Entry]:
        return [
            Entry(1, leaf.index, b"", leaf.data, self._opening(leaf.index), self._why(leaf.index))
            for leaf in self.book.log.leaves
        ]

    def _why(self, index: int) -> str:
        return self.book.closed.get(index, "")

    def _opening(self, index: int) -> Opening | None:
        return None if self._why(index) else self.book.log.openings[index]


def make_book(size: int, batch: int = 100) -> Book:
    book = Book()
    for first in range(0, size, batch):
        book.grow(event_of(number) for number in range(first, min(first + batch, size)))
    return book


def check(
    blob: bytes, previous: bytes | None = None, keys: Iterable[Verifier] = (KEY.verifier,)
) -> Examined:
    before = None if previous is None else Reader(io.BytesIO(previous))
    return verify_export(Reader(io.BytesIO(blob)), list(keys), before)


def found(examined: Examined) -> list[str]:
    return [str(one) for one in examined.findings]


def members_of(blob: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(blob)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: Mapping[str, bytes]) -> bytes:
    writer = Writer()
    parts = [piece for name, raw in members.items() for piece in writer.member(name, [raw])]
    return b"".join([*parts, writer.finish()])


def resealed(members: Mapping[str, bytes]) -> bytes:
    """Put together by somebody who knows that the manifest must fit."""
    manifest = parse_json(members[MANIFEST])
    others = {name: raw for name, raw in members.items() if name != MANIFEST}
    manifest["members"] = {n: [len(raw), sha256(raw).hex()] for n, raw in others.items()}
    return zipped(others | {MANIFEST: canonical_json(manifest) + b"\n"})


def reencoded(opening: Opening, **changed: object) -> Opening:
    """The same opening with another event."""
    from audit.entry import decode_event

    event = replace(decode_event(opening.event), **changed)  # type: ignore[arg-type]
    return replace(opening, event=encode_event(event))


def rechained(opening: Opening, chain: Chain) -> Opening:
    return replace(opening, chain=encode_chain(chain))
