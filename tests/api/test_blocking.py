"""The block code, open sessions and names of devices, over HTTP."""

from collections.abc import Callable

from tests.api.conftest import Citizen, Server, device_secret, make_citizen


def test_a_vault_is_blocked_without_login_and_opens_with_the_recovery_code(
    stranger: Citizen,
) -> None:
    http = stranger.http
    made = http.post("/v1/vaults", json={"device_secret": device_secret(), "label": "Phone"}).json()
    device = {"Authorization": f"Bearer {made['session']['token']}"}
    assert made["block_code"].startswith("BC ")
    overview = http.get("/v1/vault", headers=device).json()
    assert [one.get("label") for one in overview["methods"] if one["kind"] == "device"] == ["Phone"]

    body = {"block_code": made["block_code"].lower()}
    blocked = http.post("/v1/block", json=body)
    assert blocked.status_code == 200, blocked.text
    assert http.post("/v1/block", json=body).json() == blocked.json()

    assert http.get("/v1/vault", headers=device).status_code == 401
    opened = http.post("/v1/sessions", json={"recovery_code": made["recovery_code"]})
    assert opened.status_code == 201
    assert stranger.get("/v1/vault").status_code == 200


def test_block_codes_that_are_none_are_counted_by_address(serve: Callable[..., Server]) -> None:
    with serve(unlock_failures_per_hour=2).client() as http:
        citizen = make_citizen(http)
        for typed in (citizen.recovery_code, "BC 00000"):
            answer = http.post("/v1/block", json={"block_code": typed})
            assert answer.status_code == 403
        answer = http.post("/v1/block", json={"block_code": "BC 00000"})
        assert (answer.status_code, answer.json()["limit"]) == (429, "unlock_failures_per_hour")
        assert citizen.get("/v1/vault").status_code == 200


def test_the_other_code_of_the_sheet_is_told(stranger: Citizen) -> None:
    typed = {"block_code": stranger.recovery_code}
    assert stranger.http.post("/v1/block", json=typed).json()["code"] == "other_code"


def test_a_session_elsewhere_is_seen_and_ended(stranger: Citizen) -> None:
    opened = stranger.http.post("/v1/sessions", json={"device_secret": stranger.device}).json()
    sessions = stranger.get("/v1/vault").json()["sessions"]
    (other,) = (one["id"] for one in sessions if not one["current"])
    assert stranger.delete(f"/v1/sessions/{other}").status_code == 204
    assert stranger.delete(f"/v1/sessions/{other}").status_code == 404
    assert stranger.delete("/v1/sessions/no-id-at-all!").status_code == 404
    header = {"Authorization": f"Bearer {opened['session']['token']}"}
    assert stranger.http.get("/v1/vault", headers=header).status_code == 401
    assert stranger.get("/v1/vault").status_code == 200
    assert stranger.delete("/v1/sessions/current").status_code == 204
    assert stranger.get("/v1/vault").status_code == 401
