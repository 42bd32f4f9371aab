"""How often one address may try, and who may make a vault at all."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from api.limits import client_address
from tests.api.conftest import Citizen, Server, device_secret, make_citizen
from vault.caller import Operator


def too_many(answer: httpx.Response, limit: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert answer.json()["limit"] == limit
    assert 1 <= int(answer.headers["retry-after"]) <= 3600


def test_an_address_makes_only_so_many_vaults(serve: Callable[..., Server]) -> None:
    with serve(registrations_per_hour=2).client() as http:
        for _ in range(2):
            assert http.post("/v1/vaults", json={"device_secret": device_secret()}).is_success
        too_many(
            http.post("/v1/vaults", json={"device_secret": device_secret()}),
            "registrations_per_hour",
        )
        other = {"X-Forwarded-For": "203.0.113.9"}  # nobody's word: there is no proxy here
        body = {"device_secret": device_secret()}
        too_many(http.post("/v1/vaults", json=body, headers=other), "registrations_per_hour")


def test_secrets_that_open_nothing_are_counted_together(serve: Callable[..., Server]) -> None:
    with serve(unlock_failures_per_hour=3).client() as http:
        citizen = make_citizen(http)
        right = {"device_secret": citizen.device}
        wrong = {"device_secret": device_secret()}
        for _ in range(5):  # what opens a vault is not counted
            assert http.post("/v1/sessions", json=right).status_code == 201
        assert http.post("/v1/sessions", json=wrong).json()["code"] == "cannot_unlock"
        mistyped = {"recovery_code": "00000-00000"}
        assert http.post("/v1/sessions", json=mistyped).json()["code"] == "cannot_unlock"
        added = http.post("/v1/vault/methods", json={"unlock": wrong})
        assert (added.status_code, added.json()["code"]) == (403, "cannot_unlock")
        too_many(http.post("/v1/sessions", json=wrong), "unlock_failures_per_hour")
        too_many(http.post("/v1/vault/methods", json={"unlock": wrong}), "unlock_failures_per_hour")
        # A right secret is not refused for what others behind the same address tried.
        assert http.post("/v1/sessions", json=right).status_code == 201


def test_a_vault_needs_an_invitation_where_the_operator_says_so(
    serve: Callable[..., Server],
) -> None:
    server = serve(registration="invite")
    invitation = server.vault.invite(Operator(), 600)

    with server.client() as http:

        def make(**more: str) -> httpx.Response:
            return http.post("/v1/vaults", json={"device_secret": device_secret(), **more})

        assert (make().status_code, make().json()["code"]) == (403, "invitation_needed")
        unknown = invitation[:-1] + ("0" if invitation[-1] != "0" else "1")
        assert make(invitation=unknown).status_code == 403
        assert make(invitation=invitation.lower()).status_code == 201
        again = make(invitation=invitation)
        assert (again.status_code, again.json()["code"]) == (403, "invitation_invalid")


def test_a_device_secret_belongs_to_one_vault(stranger: Citizen) -> None:
    answer = stranger.http.post("/v1/vaults", json={"device_secret": stranger.device})
    assert (answer.status_code, answer.json()["code"]) == (409, "secret_in_use")


def test_weighty_decisions_need_a_fresh_unlock(
    server: Server, citizen: Citizen, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = server.vault.system.clock
    later = clock.now_ms() + (server.vault.system.settings.fresh_unlock_seconds + 1) * 1000
    monkeypatch.setattr(type(clock), "now_ms", lambda _: later)
    answer = citizen.delete("/v1/vault")
    assert (answer.status_code, answer.json()["code"]) == (403, "unlock_too_old")


@pytest.mark.parametrize(
    ("host", "counted_as"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("unix-socket", "unix-socket"),
        (None, ""),
    ],
)
def test_an_ipv6_household_counts_as_one_address(host: str | None, counted_as: str) -> None:
    request: Any = SimpleNamespace(client=None if host is None else SimpleNamespace(host=host))
    assert asyncio.run(client_address(request)) == counted_as


def test_the_last_way_to_unlock_stays(citizen: Citizen) -> None:
    (device,) = [
        method
        for method in citizen.get("/v1/vault").json()["methods"]
        if method["kind"] == "device"
    ]
    answer = citizen.delete(f"/v1/vault/methods/{device['id']}")
    assert (answer.status_code, answer.json()["code"]) == (403, "last_method")
