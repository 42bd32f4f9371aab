"""An export checked by someone who has the file, the log's key, and nothing else of the vault.

(1) Each member is what the manifest says, none is missing and none is there beside them.
(2) Each log is whole: `evidence.verify`, from its entry bundles, against every tile and note.
(3) Each entry is open or closed with a reason, once; and none is closed for another reason than an
    erasure.
(4) The renderings are what the openings give, line by line.
(5) The export before this one is a beginning of it.
(6) A log that goes on from another names its end.
(7) The entry that says that this export was made is in it, and the manifest's counts are right.

What that can't show stands in `NOT_PROVED`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from audit.errors import AuditError
from audit.note import Verifier, parse_checkpoint
from audit.tree import EMPTY_ROOT
from evidence.archive import Reader
from evidence.errors import BadExport
from evidence.examined import LogExamination, Progress
from evidence.export import CHECKPOINT, MANIFEST, POLICY
from evidence.exported import ExportedParts, Manifest, read_manifest
from evidence.findings import Finding, Findings
from evidence.verify import Report

NOT_PROVED = (
    "that the log recorded what happened: a server that lies from the start signs a sound log",
    "that nothing came after the newest checkpoint that somebody outside holds",
    "that the key is the log's: believe one that the operator gave you by another way",
    "what closed entries say, and that those called erased or past retention were",
    "anything by the renderings: they repeat the openings, and nobody signs them",
)
_POLICY_BYTES_MAX = 2**18


@dataclass(frozen=True, slots=True)
class Examined:
    """What was checked, in words, and every finding, log by log, the first place first. `root` is
    the newest log's, as it was signed.
    """

    size: int
    root: bytes
    checked: tuple[str, ...]
    findings: tuple[Finding, ...]


def verify_export(
    reader: Reader,
    verifiers: Sequence[Verifier],
    previous: Reader | None = None,
    progress: Progress = lambda _: None,
) -> Examined:
    """Checks an export, and that it continues the one before. Raises `BadExport` for a file that
    is none, or whose manifest can't be read.
    """
    before = None if previous is None else _Previous.read(previous)
    manifest = read_manifest(reader)
    logs = [ExportedParts(reader, one) for one in manifest.logs]
    checked, findings = list[str](), Findings()
    # (1)
    _check_members(findings, reader, manifest, logs)
    _check_policy(findings, reader, manifest, verifiers)
    checked.append(f"{len(reader.names)} members compared with the manifest")
    # (2) to (7)
    found, reports = list[Finding](), list[Report]()
    for at, parts in enumerate(logs):
        after = logs[at + 1] if at + 1 < len(logs) else None
        note = None if before is None else before.notes.get(parts.described.origin)
        recorded_at = manifest.recorded_at_index if after is None else None
        log = LogExamination(parts, verifiers, after, note, recorded_at, progress)
        reports.append(log.verify(reports))
        found += log.found()
        checked += log.told
    if before is not None:
        _check_previous(findings, manifest, before)
        checked.append(f"compared with the export before, of {before.size} entries")
    size = sum(report.size for report in reports)
    signed = reports[-1].checkpoint
    root = EMPTY_ROOT if signed is None else signed.root
    return Examined(size, root, tuple(checked), (*found, *findings.in_order()))


@dataclass(frozen=True, slots=True)
class _Previous:
    """The export before: the note of each of its logs, by origin, and what the newest claims."""

    notes: dict[str, str]
    size: int
    root: str

    @classmethod
    def read(cls, reader: Reader) -> "_Previous":
        logs = read_manifest(reader).logs
        notes = {
            log.origin: ExportedParts(reader, log).note(log.folder + CHECKPOINT) for log in logs
        }
        try:
            text = notes[logs[-1].origin].partition("\n\n")[0] + "\n"
            claimed = parse_checkpoint(text)
        except AuditError:
            raise BadExport("previous", "the export before has no checkpoint") from None
        return cls(notes, claimed.size, claimed.root.hex())


def _check_members(
    findings: Findings, reader: Reader, manifest: Manifest, logs: list[ExportedParts]
) -> None:
    told, names = manifest.members, set(reader.names)
    expected = {POLICY, MANIFEST}.union(*(log.expected() for log in logs))
    expected.update(*(log.checkpoints() for log in logs))
    for name in sorted((expected | told.keys()) - names):
        findings.add(None, "member", f"{name} is not there")
    for name in sorted(names - expected):
        findings.add(None, "member", f"{name} does not belong to an export")
    for name in sorted(expected & names - told.keys() - {MANIFEST}):
        findings.add(None, "member", f"{name} is not in the manifest")
    for name in sorted(names & told.keys()):
        try:
            size_and_hash = reader.digest(name)
            if size_and_hash != told[name]:
                findings.add(None, "member", f"{name} is not what the manifest says")
        except BadExport as error:
            findings.add(None, "member", error.what)


def _check_policy(
    findings: Findings, reader: Reader, manifest: Manifest, verifiers: Sequence[Verifier]
) -> None:
    try:
        lines = reader.read(POLICY, _POLICY_BYTES_MAX).decode().splitlines()
    except (BadExport, UnicodeDecodeError):
        lines = []
    vkeys = [line.removeprefix("log ") for line in lines[:-1]]
    origins = [log.origin for log in manifest.logs]
    named = list(dict.fromkeys(one.partition("+")[0] for one in vkeys))
    if named != origins or lines[-1:] != ["quorum none"]:
        findings.add(None, "member", f"{POLICY} does not name these logs")
    elif not {one.name for one in verifiers if one.vkey in vkeys}.issuperset(origins):
        findings.add(None, "member", f"{POLICY} names no key of a log that you gave")


def _check_previous(findings: Findings, manifest: Manifest, before: _Previous) -> None:
    for origin in sorted(before.notes.keys() - {log.origin for log in manifest.logs}):
        findings.add(None, "previous", f"{origin} is not in this export")
    if manifest.previous not in {None, (before.size, before.root)}:
        findings.add(None, "previous", "the manifest names another one before than you gave")
