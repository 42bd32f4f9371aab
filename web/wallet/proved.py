"""The citizen's log, checked: by this server, which says so, as `kluis wallet activity --verify`
does it on the citizen's own computer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from api.proofs import ShownLog, Trees
from audit.shapes import Place
from evidence.findings import Finding
from evidence.own import OwnCheck, OwnEntry, OwnReport
from evidence.ownlogs import OwnLog
from vault import caller
from vault.activities import NEWEST, Activity, Entry, Page
from vault.log import OPEN, Tally
from vault.logkeys import log_keys
from vault.vault import Vault
from web.slots import Slots

ENTRIES_MAX = 4000  # of a check of everything
_AT_A_TIME = 200
CHECKS = Slots(2)
_BETWEEN = {"subject_seq", "subject_prev", "visible_after"}  # what a list with holes can't show


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check came to. `findings`: what does not fit.

    `gapless`: whether it was looked at that nothing between the lines is missing.
    """

    entries: int
    reads: int
    first: int
    gapless: bool
    is_all: bool
    findings: tuple[Finding, ...]


def check_page(vault: Vault, found: Activity, *, is_whole: bool, is_first: bool) -> Checked:
    """The lines of one page. `is_whole`: every line is wanted, so that a gap is one."""
    report = _report(vault, found.entries)
    faults = [one for one in report.findings if is_whole or one.code not in _BETWEEN] + _unopened(
        found.damaged
    )
    if is_whole and is_first:
        faults += _newest(found)
    is_all = is_whole and is_first and found.after is None
    return Checked(report.entries, report.reads, report.first, is_whole, is_all, tuple(faults))


def check_all(vault: Vault, owner: caller.Owner) -> Checked:
    """All lines, up to a number. Raises `Busy` while others are checked."""
    with CHECKS.held_by(vault.overview(owner).vault_id):
        return _check_all(vault, owner)


def _check_all(vault: Vault, owner: caller.Owner) -> Checked:
    entries: list[Entry] = []
    faults: list[Finding] = []
    before: Place | None = NEWEST
    looked = 0  # lines that don't open count too: a list full of them must not keep us here
    while before is not None and looked < ENTRIES_MAX:
        found = vault.activity(owner, Page(most=_AT_A_TIME, before=before))
        looked += len(found.entries) + len(found.damaged)
        faults += _unopened(found.damaged)
        faults += _newest(found) if before == NEWEST else []
        entries += found.entries
        before = found.after
    report = _report(vault, entries)
    faults += report.findings
    return Checked(report.entries, report.reads, report.first, True, before is None, tuple(faults))


def _report(vault: Vault, entries: Sequence[Entry]) -> OwnReport:
    """Of public halves of the log's keys, proofs from its tree, and the openings."""
    trees = Trees(vault)  # after the entries: its checkpoints are of logs that hold them
    check = OwnCheck(log_keys(vault.system.settings).verifiers)
    check.add(
        [_log(one, trees) for one in trees.logs],
        [
            OwnEntry(one.log, one.index, one.opening, tuple(trees.inclusion(one.log, one.index)))
            for one in entries
        ],
    )
    return check.finish()


def _log(log: ShownLog, trees: Trees) -> OwnLog:
    path = tuple(trees.inclusion(log.number, 0)) if log.begins else ()
    return OwnLog(log.number, log.note, log.begins, path)


def _unopened(damaged: Sequence[Place]) -> list[Finding]:
    return [Finding(at, "opening", f"of log {log}: it can't be opened") for log, at in damaged]


def _newest(found: Activity) -> list[Finding]:
    """Whether the list ends where the vault's own count ends."""
    last = found.tallies.get(OPEN, (Tally(), 0))[0]
    newest = next((one for one in found.entries if one.chain.class_ == OPEN), None)
    if newest is None or newest.opening.leaf_data() == last.leaf:
        return []
    what = f"the newest one there is number {newest.chain.subject_seq}, and not {last.seq}"
    return [Finding(None, "missing", what)]
