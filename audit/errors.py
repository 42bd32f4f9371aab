"""The errors that leave this package: a stable code and a place, never contents."""


class AuditError(Exception):
    """Base of every error of this package. `what` names the place."""

    code = "audit"
    about = "audit"

    def __init__(self, what: str) -> None:
        super().__init__(f"{self.about}: {what}")
        self.what = what


class MalformedEntry(AuditError):
    """An event, chain, leaf or opening that this package would never have written."""

    code = "malformed_entry"
    about = "malformed entry"


class MalformedTile(AuditError):
    """A tile path, tile, entry bundle or frontier of a shape that no log has."""

    code = "malformed_tile"
    about = "malformed tile"


class BadNote(AuditError):
    """A signed note, checkpoint or key string that is not of the form, or not signed as it must."""

    code = "bad_note"
    about = "note refused"


class BadProof(AuditError):
    """A proof that does not prove what it is said to prove."""

    code = "bad_proof"
    about = "proof refused"
