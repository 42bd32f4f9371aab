"""All of the log, computed again from its leaves and openings, with what is unusual in it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from audit.errors import AuditError
from audit.leaf import Opening
from audit.note import Verifier
from evidence.anomalies import Act, Anomaly, anomalies
from evidence.cosignature import parse_verifier
from evidence.entries import GONE
from evidence.export import ExportedLog
from evidence.findings import Finding
from evidence.verify import Report, numbered, verify_log
from web.auditor.looking import Examined, Examiner


@dataclass
class Checked:
    """What a check went through. `closed` counts entries by why they can't be opened."""

    entries: int = 0
    opened: int = 0
    chains: int = 0
    notes: int = 0
    closed: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    anomalies: tuple[Anomaly, ...] = ()

    @property
    def lost(self) -> int:
        """Closed without a reason that a rule gives."""
        return sum(count for why, count in self.closed.items() if why not in GONE)

    @property
    def holds(self) -> bool:
        return not self.findings and not self.lost


def check_all(examiner: Examiner) -> Checked:
    """Every log, oldest first; one look, at all entries. Raises `Busy`, and looks at nothing."""
    with examiner.slot():
        return _check_all(examiner)


def _check_all(examiner: Examiner) -> Checked:
    examined, found, acts = examiner.examine("log.read"), Checked(), list[Act]()
    before: Report | None = None
    for log in examined.logs:
        before = verify_log(
            log.origin,
            _verifiers(log),
            numbered(examined.leaves(log)),
            log.note,
            earlier_notes=[note for _, note in log.notes],
            openings=_openings(examined, log, found, acts),
            tails=None if before is None else before.subjects,
        )
        found.entries += before.size
        found.opened += before.opened
        found.chains += len(before.subjects)
        found.notes += len(log.notes)
        found.findings += before.findings
    found.anomalies = anomalies(acts)
    return found


def _openings(
    examined: Examined, log: ExportedLog, found: Checked, acts: list[Act]
) -> Iterator[tuple[int, Opening]]:
    for entry in examined.entries(log):
        if entry.why_closed:
            found.closed[entry.why_closed] += 1
        if entry.bodies is not None:
            acts.append(Act((entry.log, entry.index), entry.bodies[0], entry.bodies[1].subject))
        if entry.opening is not None:
            yield entry.index, entry.opening


def _verifiers(log: ExportedLog) -> list[Verifier]:
    found = []
    for vkey in log.vkeys:
        try:
            found.append(parse_verifier(vkey))
        except AuditError:
            continue
    return found
