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
from vault.errors import NotReady
from vault.schema import MAIN, check_schema
from vault.steps import sql
from vault.vault import Vault

router = APIRouter(route_class=StrictRoute, tags=["health"])


_SWEEPS_LATE = 3  # rounds
_SWEEP_SECONDS = 60  # a round of many ends may take that long
_FREE_BYTES_MIN = 256 * 2**20
_STANDS = sql("SELECT 1 FROM audit_head")


class _Looking:
    """One request at a time looks; others meanwhile get what was found last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: list[str] = []

    def problems(self, vault: Vault) -> list[str]:
        if self._lock.acquire(blocking=False):
            try:
                self._found = list(_problems(vault))
            finally:
                self._lock.release()
        return self._found


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


def _problems(vault: Vault) -> Iterator[str]:
    system, sweeper = vault.system, vault.sweeper
    settings = system.settings
    lag_seconds = system.anchor.lag_seconds()
    if lag_seconds > settings.anchor_lag_seconds_max:
        yield f"The log's anchor is {lag_seconds:.0f} seconds behind: reads are refused."
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
        with system.main.write() as connection:  # it changes nothing: that it begins is the proof
            connection.execute(_STANDS)
    except NotReady as fault:
        yield str(fault)
    except Exception:  # noqa: BLE001 - whatever it is, it does not answer
        yield "The log can't be written: the main database does not answer, or only to readers."
    try:
        system.keystore.instance_id()
    except Exception:  # noqa: BLE001 - the same
        yield "The keystore does not answer."
