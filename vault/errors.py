"""What can go wrong at the vault's door: a stable code, words a person understands, never contents.

`api/problems.py` turns each class into an HTTP status. A class stands for what the caller can do
about it; the code says which case it is.
"""


class VaultError(Exception):
    """Base of every error that leaves this package."""

    code = "vault_error"
    message = ""

    def __init__(self, message: str | None = None, code: str | None = None) -> None:
        super().__init__(message or type(self).message)
        self.code = code or type(self).code


class BadInput(VaultError):
    """The request itself is wrong; the same request will never work."""

    code = "bad_input"


class NotFound(VaultError):
    """There is nothing here for this caller."""

    code = "not_found"


class Refused(VaultError):
    """The caller is known, and may not do this now."""

    code = "refused"


class Conflict(VaultError):
    """The state does not allow it, or others kept changing it meanwhile: look again, then retry."""

    code = "conflict"


class SessionEnded(VaultError):
    """No session stands behind this token (never did, or not any more)."""

    code = "session_ended"
    message = "This session has ended. Unlock the vault again."


class CannotUnlock(VaultError):
    """The secret opens no vault here."""

    code = "cannot_unlock"
    message = "This secret opens no vault here."


class InvalidGrant(VaultError):
    """A code, or a token at the token endpoint, that gives nothing (RFC 6749 §5.2)."""

    code = "invalid_grant"
    message = "This code gives no access. Ask the citizen to make a new code."


class Replayed(VaultError):
    """A proof or assertion that was used before. `code` says which of the two."""

    code = "replayed"

    def __init__(self, reason: str) -> None:
        super().__init__("This proof or assertion was used before. Make a new one.", reason)


class InvalidToken(VaultError):
    """An access token that opens nothing (RFC 6750 §3.1): unknown, ended, or not this key's."""

    code = "invalid_token"
    message = "This token gives no access, or not any more."


class UnauthorizedField(VaultError):
    """A field outside the grant was asked for; nothing is released."""

    code = "unauthorized_field"
    message = "At least one field is not part of this grant. Nothing was released."


class TooMany(VaultError):
    """A limit is reached: the setting of that name. `retry_after_seconds`: when to try again."""

    code = "too_many_requests"

    def __init__(self, limit: str, retry_after_seconds: int) -> None:
        super().__init__("There were too many requests of this kind. Wait a while.")
        self.limit, self.retry_after_seconds = limit, retry_after_seconds


class Unavailable(VaultError):
    """A database does not answer. Nothing was released; try again."""

    code = "database_unavailable"
    message = "A database does not answer now. Nothing was released. Try again."


class LogUnavailable(VaultError):
    """The audit log can not be written, so nothing is released. It may have been recorded."""

    code = "log_unavailable"
    message = "The audit log can't be written now, so nothing was released. Try again."


class Damaged(VaultError):
    """A row fails its check: somebody changed the database. `what` names the kind of row."""

    code = "vault_damaged"

    def __init__(self, what: str, audit_key: object = None) -> None:
        super().__init__(f"The stored {what} does not pass its check and is not used.")
        self.audit_key = audit_key  # where the owner's log still opens: for the alarm


class NotReady(VaultError):
    """This installation can not be opened or served as it is; the message says what to do."""

    code = "not_ready"
