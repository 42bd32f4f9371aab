"""The export as JSON: everything that is the citizen's, nothing that opens a vault."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.builders import PERSON, AgencyDesk, Citizen, Store
from vault import caller
from web.papers import gathering
from web.papers.gathering import gather
from web.papers.portable import FORMAT, export_json

DOCS = Path(__file__).resolve().parents[2] / "docs"
GIVEN, FAMILY = "identity.given_name", "identity.family_name"


@pytest.fixture
def shared(store: Store) -> tuple[Citizen, AgencyDesk]:
    """A citizen who corrected her name, shared two fields, and was read once."""
    citizen, agency = store.citizen(), store.agency()
    citizen.put({GIVEN: "Łucja"})
    redeemed = agency.redeem(citizen.offer(agency, (GIVEN, FAMILY), reads_max=3).code)
    agency.read(redeemed.token, (GIVEN,))
    return citizen, agency


def exported(store: Store, citizen: Citizen) -> Any:
    return json.loads(export_json(gather(store.vault, citizen.owner, "nl")))


def schema() -> Any:
    return json.loads((DOCS / "export.schema.json").read_text("utf-8"))


def test_every_version_of_every_value_is_there(
    store: Store, shared: tuple[Citizen, AgencyDesk]
) -> None:
    found = {field["field"]: field for field in exported(store, shared[0])["fields"]}

    assert set(found) == set(PERSON)
    assert found[GIVEN]["label"] == "Voornamen"
    newest, first = found[GIVEN]["values"]
    assert (newest["value"], newest["current"], newest["version"]) == ("Łucja", True, 2)
    assert (first["value"], first["current"], first["version"]) == (PERSON[GIVEN], False, 1)
    assert newest["source"] == "self"
    assert newest["stated_at"] == "2026-11-21T12:00:00.000Z"


def test_grants_say_who_for_what_and_how_often(
    store: Store, shared: tuple[Citizen, AgencyDesk]
) -> None:
    citizen, agency = shared
    document = exported(store, citizen)

    [grant] = document["grants"]
    assert (grant["agency"], grant["use"], grant["state"]) == (agency.id, agency.use, "active")
    assert (grant["fields"], grant["reads_used"], grant["reads_max"]) == ([GIVEN, FAMILY], 1, 3)
    [party] = document["agencies"]
    assert party["names"]["fr"] == "Agency of the tests"
    assert party["uses"][0]["purpose"]["de"] == "Testing"
    assert party["contact"] == {"email": "desk@agency.example"}


def test_the_log_has_names_of_fields_and_no_value(
    store: Store, shared: tuple[Citizen, AgencyDesk]
) -> None:
    activity = exported(store, shared[0])["activity"]

    reads = [entry for entry in activity["entries"] if entry["action"] == "data.read"]
    assert [entry["fields_given"] for entry in reads] == [[GIVEN]]
    assert activity["whole"] is True
    text = json.dumps(activity, ensure_ascii=False)
    assert not [value for value in (*PERSON.values(), "Łucja") if value in text]


def test_nothing_in_it_opens_a_vault_or_a_grant(
    store: Store, shared: tuple[Citizen, AgencyDesk]
) -> None:
    citizen, agency = shared
    offer = citizen.offer(agency, (GIVEN,))
    raw = export_json(gather(store.vault, citizen.owner, "en")).decode()

    for secret in (citizen.token, citizen.device_secret, citizen.recovery_code, offer.code):
        assert secret not in raw
        assert secret.replace("-", "") not in raw
    assert offer.tx_code is None or f'"{offer.tx_code}"' not in raw


def test_a_revoked_agency_is_still_named(store: Store, shared: tuple[Citizen, AgencyDesk]) -> None:
    citizen, agency = shared
    store.vault.revoke_agency(caller.Operator(), agency.id, None)

    [party] = exported(store, citizen)["agencies"]

    assert (party["agency"], party["revoked"]) == (agency.id, True)
    assert party["uses"][0]["revoked"] is True


def test_a_log_that_is_cut_off_says_so(
    store: Store, shared: tuple[Citizen, AgencyDesk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "ENTRIES_MAX", 3)
    monkeypatch.setattr(gathering, "_ENTRIES_AT_A_TIME", 2)

    activity = exported(store, shared[0])["activity"]

    assert (len(activity["entries"]), activity["whole"]) == (3, False)


def test_a_log_longer_than_a_page_is_there_without_a_gap(
    store: Store, shared: tuple[Citizen, AgencyDesk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "_ENTRIES_AT_A_TIME", 2)

    entries = exported(store, shared[0])["activity"]["entries"]

    numbers = [entry["number"] for entry in entries]
    assert numbers == list(range(len(numbers), 0, -1))


def test_another_citizen_is_nowhere_in_it(store: Store, shared: tuple[Citizen, AgencyDesk]) -> None:
    other = store.citizen({GIVEN: "Somebody-Else"})

    assert "Somebody-Else" not in json.dumps(exported(store, shared[0]))
    assert exported(store, other)["grants"] == []


def test_the_schema_takes_it_and_nothing_else(
    store: Store, shared: tuple[Citizen, AgencyDesk]
) -> None:
    document = exported(store, shared[0])
    check = jsonschema_rs.validator_for(schema(), validate_formats=True)

    check.validate(document)

    assert document["format"] == FORMAT
    assert not check.is_valid(document | {"secret": "x"})
    assert not check.is_valid({k: v for k, v in document.items() if k != "activity"})


def test_an_empty_vault_exports_too(store: Store) -> None:
    citizen = store.citizen({})
    document = exported(store, citizen)

    jsonschema_rs.validator_for(schema()).validate(document)
    assert (document["fields"], document["grants"], document["agencies"]) == ([], [], [])
    assert {method["kind"] for method in document["methods"]} == {"device", "recovery"}


def test_hostile_text_stays_text(store: Store) -> None:
    hostile = '"}],"grants":[{"x": "\\u2028</script>\u202f'
    citizen = store.citizen({GIVEN: "Ada"})
    export = gather(store.vault, citizen.owner, "nl")
    [version] = export.values[GIVEN]
    bad = replace(version, statement=replace(version.statement, value=hostile))

    document = json.loads(export_json(replace(export, values={GIVEN: (bad,)})))

    assert document["fields"][0]["values"][0]["value"] == hostile
    assert document["grants"] == []
