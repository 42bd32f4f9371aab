"""What a check of the log found: places and words for people, never contents."""

from collections import Counter
from dataclasses import dataclass

FINDINGS_OF_A_CODE_MAX = 100

CODES = (
    "note",  # a note that is not signed by the log's key, or not well formed
    "empty",  # a log without entries proves nothing
    "missing",  # an entry is not there
    "order",  # an entry stands twice or out of order
    "cut",  # a signed note counts more entries than there are
    "unsigned",  # there are more entries than the head counts
    "leaf",  # a leaf is not what it was when it was hashed
    "tile",  # a stored tile and the leaves disagree
    "root",  # a signed root and the leaves disagree
    "opening",  # an opening does not open the leaf it stands for
    "entry",  # an opened entry is not well formed
    "entry_id",  # two entries of one id, or an id other than the opened one
    "subject_seq",  # a subject's entries have a gap or a repetition
    "subject_prev",  # an entry names another one before it than the one that is there
    "visible_after",  # a deferred entry would be shown before the one before it
    "proof",  # nothing proves that an entry is in the log
    "consistency",  # a checkpoint does not go on from one that was seen before
    "continue",  # a log does not go on from the end of the one before it
    "forgotten",  # an entry that was seen before is not there any more
    # Of an export alone:
    "member",  # a member is not there, is one too many, or not what the manifest says
    "manifest",  # the manifest says something else than what is there
    "closed",  # an entry is neither open nor accounted for, or nobody erased it
    "rendering",  # a rendering is not what the openings give
    "previous",  # the export before is not a beginning of this one
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: at entry `index`, or in `index` to `last` where no closer place can be told."""

    index: int | None
    code: str
    what: str
    last: int | None = None

    def __str__(self) -> str:
        if self.index is None:
            return f"{self.code}: {self.what}"
        if self.last is None:
            return f"{self.code}: entry {self.index}: {self.what}"
        return f"{self.code}: entries {self.index} to {self.last}: {self.what}"


class Findings:
    """Collects findings: the first hundred of each code are kept, all are counted."""

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self._counts = Counter[str]()

    @property
    def total(self) -> int:
        return self._counts.total()

    def add(self, index: int | None, code: str, what: str, last: int | None = None) -> None:
        self._counts[code] += 1
        if self._counts[code] <= FINDINGS_OF_A_CODE_MAX:
            only = last is None or last == index
            self._kept.append(Finding(index, code, what, None if only else last))

    def in_order(self) -> tuple[Finding, ...]:
        """By place. A range in which an exact place was found stands right after that place."""
        exact = sorted(
            finding.index
            for finding in self._kept
            if finding.index is not None and finding.last is None
        )

        def place(finding: Finding) -> tuple[bool, int, bool]:
            if finding.index is None:
                return True, 0, False
            if finding.last is None:
                return False, finding.index, False
            inside = (at for at in exact if finding.index <= at <= (finding.last or 0))
            return False, next(inside, finding.index), True

        return tuple(sorted(self._kept, key=place))
