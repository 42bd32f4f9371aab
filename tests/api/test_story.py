"""One citizen and one agency, from the first key to erasure, over HTTP."""

import re

import httpx

from tests.api.conftest import (
    AGENCY,
    BIRTH_DATE,
    FIELDS,
    NAMES,
    USE,
    Agency,
    Citizen,
    Server,
    device_secret,
    furnish,
    grant_of,
    make_citizen,
)

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ID = re.compile(r"[A-Za-z0-9_-]{22}")


def test_a_citizen_shares_and_takes_back(
    http: httpx.Client, server: Server, agency: Agency
) -> None:
    citizen = furnish(make_citizen(http))
    assert ID.fullmatch(citizen.vault)

    # The citizen shows a code.
    made = citizen.offer(reads=5)
    assert made.keys() == {"grant", "code", "qr", "offer_ends", "not_after"}
    assert made["qr"] == f"{server.url.upper()}/S#{made['code']}"
    assert grant_of(citizen, made)["state"] == "offered"

    # The agency redeems it.
    answer = agency.redeem(made["code"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()
    assert token.keys() == {
        *("access_token", "token_type", "expires_in", "authorization_details", "receipt")
    }
    assert token["token_type"] == "DPoP"
    assert 3590 <= token["expires_in"] <= 3600
    assert token["authorization_details"] == [
        {
            "type": "urn:burgerkluis:read",
            "actions": ["read"],
            "datatypes": list(FIELDS),
            "intended_use": USE,
        }
    ]

    # It reads.
    read = agency.read(token["access_token"], headers={"Kluis-Officer": "desk-7"})
    assert read.status_code == 200, read.text
    assert read.headers["cache-control"] == "no-store"
    assert read.json()["data"].keys() == set(NAMES)
    given = read.json()["data"][NAMES[0]]
    assert given["value"] == "Ada"
    assert given["source"] == "self"
    assert given["status"] == "stated"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", given["stated_at"])

    # The citizen sees it, and ends it.
    entry = next(one for one in citizen.activity() if one["action"] == "data.read")
    assert (entry["action"], entry["outcome"]) == ("data.read", "permitted")
    assert entry["actor"] == {"kind": "agency", "id": AGENCY}
    assert entry["officer"] == {"id": "desk-7", "stated_by": "agency"}
    assert entry["fields_given"] == list(NAMES)
    assert entry["grant"] == made["grant"]
    assert INSTANT.fullmatch(entry["at"])
    assert grant_of(citizen, made)["reads_used"] == 1
    ended = citizen.delete(f"/v1/grants/{made['grant']}")
    assert (ended.status_code, ended.json()) == (200, {"status": "ended"})

    # The next request is refused.
    refused = agency.read(token["access_token"])
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith('DPoP error="invalid_token", algs="')
    assert refused.json()["code"] == "invalid_token"

    # Erasing takes everything along.
    erased = citizen.delete("/v1/vault")
    assert (erased.status_code, erased.json()) == (200, {"status": "erased"})
    assert citizen.get("/v1/vault").status_code == 401
    unlock = http.post("/v1/sessions", json={"device_secret": citizen.device})
    assert (unlock.status_code, unlock.json()["code"]) == (403, "cannot_unlock")


def test_a_value_has_a_history_and_an_old_grant_says_superseded(
    citizen: Citizen, agency: Agency
) -> None:
    token = agency.token(citizen.offer()["code"])
    following = agency.token(citizen.offer(follow=True)["code"])
    stated = {"field": NAMES[0], "value": "Augusta", "valid_from": "2024-05"}
    assert citizen.post("/v1/values", {"values": [stated]}).json() == {"fields": [NAMES[0]]}
    versions = citizen.get(f"/v1/values/{NAMES[0]}").json()["versions"]
    assert [(one["version"], one["value"]) for one in versions] == [(2, "Augusta"), (1, "Ada")]
    assert versions[0]["valid_from"] == "2024-05"
    assert INSTANT.fullmatch(versions[0]["stated_at"])
    assert citizen.get("/v1/values").json()["values"][NAMES[0]] == versions[0]
    old = agency.read(token).json()["data"][NAMES[0]]
    new = agency.read(following).json()["data"][NAMES[0]]
    assert (old["value"], old["status"]) == ("Ada", "superseded")
    assert (new["value"], new["status"]) == ("Augusta", "stated")


IMPOSSIBLE = [
    ("identity.birth_date", "2999", "date_to_come"),
    ("identity.birth_date", "1757-03-14", "date_too_long_ago"),
    ("address.resident_since", "2999-01", "date_to_come"),
    ("identity.personal_administrative_number", "999942038", "bad_check_digits"),
    ("identity.personal_administrative_number", "85.07.30-033.82", "bad_check_digits"),
    ("identity.personal_administrative_number", "99994203", "bad_number_length"),
    ("contact.mobile_phone_number", "06 12345678", "bad_phone"),
]


def test_what_can_not_be_is_refused_with_its_code_and_never_repeated(citizen: Citizen) -> None:
    before = citizen.get("/v1/values").json()
    for field, value, code in IMPOSSIBLE:
        stated = [{"field": NAMES[0], "value": "Augusta"}, {"field": field, "value": value}]
        refused = citizen.post("/v1/values", {"values": stated})
        assert (refused.status_code, refused.json()["code"]) == (400, code)
        assert field in refused.json()["detail"]
        assert value not in refused.text
    assert citizen.get("/v1/values").json() == before


def test_unlocking_gives_a_session_and_logging_out_ends_it(citizen: Citizen) -> None:
    answer = citizen.http.post("/v1/sessions", json={"recovery_code": citizen.recovery_code})
    assert answer.status_code == 201
    assert answer.json()["recovery_confirmed"] is True
    assert answer.json()["vault"] == citizen.vault
    assert answer.json()["session"].keys() == {"token", "token_type", "expires_at"}
    citizen.token = answer.json()["session"]["token"]
    overview = citizen.get("/v1/vault").json()
    assert overview["vault"] == citizen.vault
    assert {method["kind"] for method in overview["methods"]} == {"device", "recovery"}
    assert citizen.delete("/v1/sessions/current").status_code == 204
    ended = citizen.get("/v1/vault")
    assert (ended.status_code, ended.json()["code"]) == (401, "session_ended")
    assert ended.headers["www-authenticate"] == "Bearer"


def test_a_citizen_adds_and_removes_ways_to_unlock(citizen: Citizen) -> None:
    new_device = device_secret()
    unlock = {"recovery_code": citizen.recovery_code}
    body = {"unlock": unlock, "device_secret": new_device}
    added = citizen.http.post("/v1/vault/methods", json=body)
    assert (added.status_code, added.json().keys()) == (201, {"id"})
    code = citizen.http.post("/v1/vault/methods", json={"unlock": {"device_secret": new_device}})
    assert (code.status_code, code.json().keys()) == (201, {"id", "recovery_code", "block_code"})
    assert citizen.delete(f"/v1/vault/methods/{added.json()['id']}").status_code == 204
    gone = citizen.http.post("/v1/sessions", json={"device_secret": new_device})
    assert gone.status_code == 403
    assert citizen.delete(f"/v1/vault/methods/{added.json()['id']}").status_code == 404


def test_nothing_is_shared_before_the_recovery_code_was_typed_back(
    stranger: Citizen, agency: Agency
) -> None:
    body = {"agency": AGENCY, "use": USE, "fields": list(FIELDS), "duration_seconds": 60}
    answer = stranger.post("/v1/offers", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "unconfirmed_recovery")


def test_a_new_code_for_the_same_choice_kills_the_old_one(citizen: Citizen, agency: Agency) -> None:
    old = citizen.offer()
    new = citizen.offer(replaces=old["grant"])
    assert grant_of(citizen, old)["state"] == "ended"
    assert agency.redeem(old["code"]).json()["error"] == "invalid_grant"
    assert agency.redeem(new["code"]).status_code == 200


def test_the_last_read_ends_the_grant(citizen: Citizen, agency: Agency) -> None:
    made = citizen.offer(reads=1)
    token = agency.token(made["code"])
    assert agency.read(token).status_code == 200
    assert agency.read(token).status_code == 401
    assert grant_of(citizen, made)["state"] == "ended"


def test_the_citizen_acknowledges_an_alarm(citizen: Citizen, agency: Agency) -> None:
    code = citizen.offer()["code"]
    token = agency.token(code)
    assert agency.read(token).status_code == 200
    assert agency.redeem(code).json()["error"] == "invalid_grant"
    alarms = [entry for entry in citizen.activity() if entry.get("alarm")]
    assert [(one["reason"], one["acknowledged"]) for one in alarms] == [("second_use", False)]
    assert citizen.post(f"/v1/me/activity/{alarms[0]['id']}/acknowledge").status_code == 204
    assert citizen.post(f"/v1/me/activity/{alarms[0]['id']}/acknowledge").status_code == 204
    alarms = [entry for entry in citizen.activity() if entry.get("alarm")]
    assert [one["acknowledged"] for one in alarms] == [True]


def test_the_register_and_the_catalogue_are_public(http: httpx.Client, agency: Agency) -> None:
    found = {one["id"]: one for one in http.get("/v1/agencies").json()["agencies"]}[AGENCY]
    assert found["state"] == "active"
    (use,) = found["intended_uses"]
    assert (use["id"], use["state"]) == (USE, "active")
    assert "agency_id" not in use
    assert [one["id"] for one in use["fields"]] == list(FIELDS)
    catalogue = http.get("/v1/catalogue").json()
    themes = {theme["id"] for theme in catalogue["themes"]}
    assert {field["theme"] for field in catalogue["fields"]} <= themes
    (born,) = [field for field in catalogue["fields"] if field["id"] == BIRTH_DATE]
    assert born["type"] == "date"
    assert born["labels"].keys() == {"nl", "fr", "de", "en"}


def test_two_agencies_get_nothing_in_common_but_the_values(
    citizen: Citizen, agency: Agency, other_agency: Agency
) -> None:
    answers = []
    for one in (agency, other_agency):
        redeemed = one.redeem(citizen.offer(agency=one.id)["code"])
        answers.append((redeemed.json(), one.read(redeemed.json()["access_token"]).json()))
    (first_token, first), (second_token, second) = answers
    assert first["data"] == second["data"]  # values, sources and days: no id
    assert first.keys() == second.keys() == {"data", "receipt"}
    assert set(first["data"][NAMES[0]]) == {"value", "source", "stated_at", "status"}
    assert first_token["access_token"] != second_token["access_token"]
    assert citizen.vault not in str(answers)
