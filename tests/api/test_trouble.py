"""When the log can't be written, a row was changed, or somebody asks too often."""

from collections.abc import Callable
from typing import Any, NoReturn

import httpx
import pytest

from tests.api.conftest import (
    BIRTH_DATE,
    Agency,
    Citizen,
    Server,
    device_secret,
    furnish,
    make_citizen,
    register,
)
from vault.errors import Conflict, Damaged, LogUnavailable


def problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.fixture
def no_log(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on nothing can be recorded."""

    def fail(*_: object) -> NoReturn:
        raise LogUnavailable

    return lambda: monkeypatch.setattr(server.vault.system.sequencer, "_enqueue", fail)


def test_no_entry_no_value_and_no_token(
    citizen: Citizen,
    agency: Agency,
    no_log: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token, code = agency.token(citizen.offer()["code"]), citizen.offer()["code"]
    no_log()
    read = agency.read(token)
    problem(read, 503, "log_unavailable")
    redeemed = agency.redeem(code)
    assert (redeemed.status_code, redeemed.json()["error"]) == (503, "temporarily_unavailable")
    unlock = citizen.http.post("/v1/sessions", json={"device_secret": citizen.device})
    problem(unlock, 503, "log_unavailable")
    made = citizen.http.post("/v1/vaults", json={"device_secret": device_secret()})
    problem(made, 503, "log_unavailable")
    value = {"values": [{"field": BIRTH_DATE, "value": "1975"}]}
    problem(citizen.post("/v1/values", value), 503, "log_unavailable")
    for answer in (read, redeemed, unlock, made):
        assert int(answer.headers["retry-after"]) > 0
    monkeypatch.undo()
    assert agency.read(token).status_code == 200
    assert agency.redeem(code).status_code == 200


def test_an_end_does_not_wait_for_the_log(
    citizen: Citizen,
    agency: Agency,
    no_log: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = citizen.offer()
    token = agency.token(made["code"])
    no_log()
    ended = citizen.delete(f"/v1/grants/{made['grant']}")
    assert (ended.status_code, ended.json()) == (202, {"status": "recorded_later"})
    monkeypatch.undo()
    assert agency.read(token).status_code == 401


def test_erasing_does_not_wait_for_the_log(citizen: Citizen, no_log: Callable[[], None]) -> None:
    no_log()
    erased = citizen.delete("/v1/vault")
    assert (erased.status_code, erased.json()) == (202, {"status": "recorded_later"})
    assert citizen.get("/v1/vault").status_code == 401


@pytest.mark.parametrize(
    ("error", "status", "code", "oauth"),
    [
        (Damaged("value"), 500, "vault_damaged", (500, "server_error")),
        (Conflict("Others changed it."), 409, "conflict", (503, "temporarily_unavailable")),
    ],
)
def test_the_same_error_speaks_the_language_of_its_endpoint(
    server: Server,
    agency: Agency,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    code: str,
    oauth: tuple[int, str],
) -> None:
    def fail(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(server.vault, "read", fail)
    monkeypatch.setattr(server.vault, "redeem", fail)
    problem(agency.read("va1_" + "A" * 43), status, code)
    answer = agency.redeem("VG1")
    assert (answer.status_code, answer.json()["error"]) == oauth
    assert ("retry-after" in answer.headers) is (oauth[0] == 503)


@pytest.fixture
def strict_server(serve: Callable[..., Server]) -> Server:
    return serve(refusals_per_minute=2, registrations_per_hour=10)


def test_an_agency_that_is_refused_too_often_waits(strict_server: Server) -> None:
    with strict_server.client() as http:
        citizen = furnish(make_citizen(http))
        agency = register(strict_server, Agency(http, strict_server.url))
        token = agency.token(citizen.offer()["code"])
        answers: list[Any] = [agency.read(token, "identity.full_name") for _ in range(5)]
        waited = [one for one in answers if one.status_code == 429]
        assert {one.status_code for one in answers} == {403, 429}
        problem(waited[0], 429, "too_many_requests")
        tries = [agency.redeem("VG1") for _ in range(5)]
        assert {one.status_code for one in tries} == {400, 429}
        assert tries[-1].json()["error"] == "temporarily_unavailable"
        for one in (waited[0], tries[-1]):
            assert 1 <= int(one.headers["retry-after"]) <= 60
