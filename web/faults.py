"""What went wrong, as a status and a stable code. The words stand in `templates/common/`."""

from http import HTTPStatus

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from consent.errors import ConsentError
from vault.errors import (
    BadInput,
    CannotUnlock,
    Conflict,
    InvalidGrant,
    InvalidToken,
    LogUnavailable,
    NotFound,
    NotReady,
    Refused,
    SessionEnded,
    TooMany,
    Unavailable,
    VaultError,
)

_STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (BadInput, HTTPStatus.BAD_REQUEST),
    (RequestValidationError, HTTPStatus.BAD_REQUEST),
    (InvalidGrant, HTTPStatus.BAD_REQUEST),
    (SessionEnded, HTTPStatus.UNAUTHORIZED),
    (InvalidToken, HTTPStatus.UNAUTHORIZED),
    (ConsentError, HTTPStatus.UNAUTHORIZED),
    (CannotUnlock, HTTPStatus.FORBIDDEN),
    (Refused, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (TooMany, HTTPStatus.TOO_MANY_REQUESTS),
    (LogUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (NotReady, HTTPStatus.SERVICE_UNAVAILABLE),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


class GoElsewhere(Exception):
    """This page is not for whoever asks, or not yet: another one of ours is. `path` is ours."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Busy(HTTPException):
    """As much of this work as may be is being done now. Nothing is wrong or lost; try again."""

    code = "busy"

    def __init__(self) -> None:
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE)


class OneAtATime(Busy):
    """What was asked for before, by the same vault or officer, is still being done."""

    code = "one_at_a_time"


class ForgedForm(HTTPException):
    """A form that did not come from a page of ours in this browser."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.FORBIDDEN)

    code = "forged_form"


def words_of(error: Exception) -> tuple[int, str]:
    """The status and the code under which the error page finds its words."""
    if isinstance(error, HTTPException):
        return error.status_code, getattr(error, "code", f"http_{error.status_code}")
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return status, getattr(error, "code", "bad_input")
    code = error.code if isinstance(error, VaultError) else "internal_error"
    return HTTPStatus.INTERNAL_SERVER_ERROR, code
