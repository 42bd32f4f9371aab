"""The errors that leave this package: a stable word and a place, never contents."""


class EvidenceError(Exception):
    """Base of every error of this package. `word` says what failed, `what` where it did."""

    about = "evidence"

    def __init__(self, word: str, what: str = "") -> None:
        super().__init__(f"{self.about}: {word}{what and ': '}{what}")
        self.word = word
        self.what = what


class BadReceipt(EvidenceError):
    """A receipt that proves nothing. Its word is one of `evidence.receipt.WORDS`."""

    about = "receipt refused"


class BadPolicy(EvidenceError):
    """A trust policy that says nothing. Its word is the line: `line 7`."""

    about = "policy refused"


class BadTile(EvidenceError):
    """A path of a tile, or a bundle of entries, that no log has. Its word is the one or other."""

    about = "tile refused"


class BadLog(EvidenceError):
    """A log that can't be compared with: `note` not signed, another `origin`, `tiles` that lie."""

    about = "log refused"


class BadExport(EvidenceError):
    """A file that is no export, or one that is not taken any further. Its word says why."""

    about = "export refused"
