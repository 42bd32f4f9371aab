"""Whether the server runs, and whether it may serve. Without secrets; in words for an operator."""

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Response

from api.bodies import StrictRoute
from api.credentials import OpenedVault
from api.described import documented
from api.shapes import Answer
from vault.system import System

router = APIRouter(route_class=StrictRoute, tags=["health"])


class Health(Answer):
    status: Literal["ok"] = "ok"


class Readiness(Answer):
    status: Literal["ready", "not_ready"]
    problems: list[str]


@router.get("/healthz", responses=documented(500))
def healthz() -> Health:
    """The process runs"""
    return Health()


@router.get("/readyz", responses={503: {"model": Readiness}, **documented(500)})
def readyz(vault: OpenedVault, response: Response) -> Readiness:
    """Citizens and agencies can be served, or why not"""
    problems = _problems(vault.system)
    if problems:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Readiness(status="not_ready" if problems else "ready", problems=problems)


def _problems(system: System) -> list[str]:
    problems = []
    lag_seconds = system.anchor.lag_seconds()
    if lag_seconds > system.settings.anchor_lag_seconds_max:
        problems.append(f"The log's anchor is {lag_seconds:.0f} seconds behind: reads are refused.")
    if not system.keystore.truncated:
        problems.append("The keystore's write-ahead log still holds deleted salts.")
    databases = {"main database": system.log.head, "keystore": system.keystore.instance_id}
    for name, ask in databases.items():
        try:
            ask()
        except Exception:  # noqa: BLE001 - whatever it is, it does not answer
            problems.append(f"The {name} does not answer.")
    return problems
