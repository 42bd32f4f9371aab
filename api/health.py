"""Whether the server runs, and whether it may serve. Without secrets; in words for an operator."""

import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from shutil import disk_usage
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response

from api.bodies import StrictRoute
from api.credentials import OpenedVault
from api.described import documented
from api.shapes import Answer
from vault.errors import NotReady, Unavailable
from vault.schema import MAIN, check_schema
from vault.steps import sql
from vault.vault import Vault

router = APIRouter(route_class=StrictRoute, tags=["health"])


_TRIED_SECONDS = 1.0
_SWEEPS_LATE = 3  # rounds
_SWEEP_SECONDS = 60  # a round of many ends may take that long
_FREE_BYTES_MIN = 256 * 2**20
_STANDS = sql("SELECT 1 FROM audit_head")


class _Looking:
    """One request at a time looks; others meanwhile get what was found last.

    Whether the log can be written is tried once a second at most: it takes the lock that every
    entry needs, and anybody may ask.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: list[str] = []
        self._tried_at = -_TRIED_SECONDS

    def problems(self, vault: Vault) -> list[str]:
        if self._lock.acquire(blocking=False):
            try:
                self._found = list(_state(vault)) or list(self._written(vault))
            finally:
                self._lock.release()
        return self._found

    def _written(self, vault: Vault) -> Iterator[str]:
        if time.monotonic() < self._tried_at + _TRIED_SECONDS:
            return
        try:
            with vault.system.main.write() as connection:  # changes nothing: it begins, or not
                connection.execute(_STANDS)
            self._tried_at = time.monotonic()
        except Unavailable:
            yield "The log can't be written: the main database is locked, or for readers only."


async def _looking(request: Request) -> _Looking:
    state = request.app.state
    if not hasattr(state, "looking"):
        state.looking = _Looking()
    found: _Looking = state.looking
    return found


LookedAt = Annotated[_Looking, Depends(_looking)]


class Health(Answer):
    status: Literal["ok"] = "ok"


class Readiness(Answer):
    status: Literal["ready", "not_ready"]
    problems: list[str]


@router.get("/healthz", responses=documented(500))
async def healthz() -> Health:  # needs no thread: those may all wait for a database
    """The process runs"""
    return Health()


@router.get("/readyz", responses={503: {"model": Readiness}, **documented(500)})
def readyz(vault: OpenedVault, looked: LookedAt, response: Response) -> Readiness:
    """Citizens and agencies can be served, or why not"""
    problems = looked.problems(vault)
    if problems:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Readiness(status="not_ready" if problems else "ready", problems=problems)


def _state(vault: Vault) -> Iterator[str]:
    system, sweeper = vault.system, vault.sweeper
    settings = system.settings
    lag_seconds = system.anchor.lag_seconds()
    if lag_seconds > settings.anchor_lag_seconds_max:
        yield f"The log's anchor is {lag_seconds:.0f} seconds behind: reads are refused."
    if 0 < settings.unwitnessed_seconds_max < system.unwitnessed_seconds():
        yield "Witnesses have been missing for too long: reads are refused."
    if not system.keystore.truncated:
        yield "The keystore's write-ahead log still holds deleted salts."
    late_seconds = 0.0 if sweeper is None else time.monotonic() - sweeper.swept_at
    if late_seconds > _SWEEPS_LATE * settings.sweep_seconds + _SWEEP_SECONDS:
        yield f"The sweeper's last round ended {late_seconds:.0f} seconds ago."
    for name, folder in {"data": settings.data, "keys": settings.keys}.items():
        if disk_usage(folder).free < _FREE_BYTES_MIN:
            yield f"The disk of the {name} folder is nearly full."
    try:
        check_schema(system.main, MAIN)
        system.log.head()
    except NotReady as fault:
        yield str(fault)
    except Exception:  # noqa: BLE001 - whatever it is, it does not answer
        yield "The main database does not answer."
    try:
        system.keystore.instance_id()
    except Exception:  # noqa: BLE001 - the same
        yield "The keystore does not answer."
