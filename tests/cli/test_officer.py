"""The operator invites officers, lists and revokes them; the register of agencies is silent."""

import httpx

from tests.cli.conftest import Kluis, Running
from vault import caller
from vault.settings import load_settings
from vault.vault import Vault


def test_an_officer_is_invited_listed_and_revoked(server: Running, kluis: Kluis) -> None:
    party = next(
        one["agency"]
        for one in kluis("agency", "list", "--data", server.data, "--json").json["registrations"]
    )
    who = ("--party", party, "--officer", "jo.jansen")
    name = ("--name", "Canaria Jansen")
    invited = kluis("officer", "invite", *who, *name, "--data", server.data, "--json")
    assert invited.status == 0, invited.err
    page, _, code = invited.json["link"].partition("#")
    assert page == f"{server.url}/desk/enrol"

    with Vault.open(load_settings(server.data)) as vault:
        vault.enrol_officer(caller.Stranger(), code, b"credential", b"public key")

    listed = kluis("officer", "list", "--data", server.data, "--json").json["officers"]
    shown = {"id": "jo.jansen", "party": party, "name": "Canaria Jansen", "state": "active"}
    assert listed == [shown]
    assert "Canaria Jansen" in kluis("officer", "list", "--data", server.data).out
    public = httpx.get(f"{server.url}/v1/agencies").text
    assert "Canaria" not in public
    assert "jo.jansen" not in public
    assert "jo.jansen" not in kluis("agency", "list", "--data", server.data).out

    assert kluis("officer", "revoke", *who, "--data", server.data).status == 0
    listed = kluis("officer", "list", "--data", server.data, "--json").json["officers"]
    assert listed == [shown | {"state": "revoked"}]
    again = kluis("officer", "revoke", *who, "--data", server.data, "--json")
    assert (again.status, again.json["error"]["code"]) == (1, "not_found")


def test_nobody_is_invited_for_an_unknown_party(server: Running, kluis: Kluis) -> None:
    who = ("--party", "https://nobody.example", "--officer", "a", "--name", "A")
    refused = kluis("officer", "invite", *who, "--data", server.data, "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "not_found")
