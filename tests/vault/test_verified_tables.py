"""`audit verify --data` compares the tables with the log, and names the row that does not fit."""

from dataclasses import dataclass

import pytest
from sqlalchemy import Table

from crypto import jose
from operate.verification import verify_data
from tests.builders import AgencyDesk, Citizen, Store, texts
from tests.vault.rows import change, insert, other_than, put_back, remove, row_of, rows_of
from tests.vault.tables import (
    audit_keys,
    grants,
    instance,
    registrations,
    value_heads,
    values,
    vaults,
)
from vault import caller
from vault.errors import Damaged, InvalidGrant

GIVEN, FAMILY = "identity.given_name", "identity.family_name"
NEWER = {GIVEN: "Canaria-Newer"}

GONE = "1 vaults, or their audit keys, are gone without an erasure"


@dataclass
class Scene:
    """A citizen with two versions of a field, and an agency that used one read of three."""

    store: Store
    citizen: Citizen
    agency: AgencyDesk
    code: str
    token: str
    grant_id: bytes

    @property
    def vault(self) -> str:
        return f"vault {self.citizen.vault_id.hex()[:8]}"

    @property
    def grant(self) -> str:
        return f"{self.vault}: grant {self.grant_id.hex()[:8]}"

    def newer(self) -> bytes:
        """The handle of the field that has two versions."""
        (row,) = rows_of(self.store, values, seq=2)
        handle: bytes = row["handle"]
        return handle

    def found(self) -> set[tuple[str, str]]:
        found = verify_data(self.store.settings).findings
        assert all(one.index is None for one in found)  # the log itself is whole
        return {(one.code, one.what) for one in found}


@pytest.fixture
def scene(store: Store) -> Scene:
    citizen, agency = store.citizen(), store.agency()
    citizen.put(NEWER)
    offer = citizen.offer(agency, [GIVEN], reads_max=3)
    token = agency.redeem(offer.code).token
    agency.read(token, [GIVEN])
    scene = Scene(store, citizen, agency, offer.code, token, offer.grant_id)
    assert scene.found() == set()
    return scene


# Old rows put back whole: nothing refuses them, so they must be named.


def test_an_older_value_head_put_back_is_named(scene: Scene) -> None:
    old = rows_of(scene.store, value_heads, handle=scene.newer())
    scene.citizen.put({GIVEN: "Canaria-Newest"})
    put_back(scene.store, value_heads, old)

    handle = f"handle {scene.newer().hex()[:8]}"
    assert scene.found() == {
        ("value_head", f"{scene.vault}: a value head is not the newest recorded ({handle})")
    }


@pytest.mark.parametrize(
    ("column", "value"), [("reads_used", 0), ("wrong_codes", 2), ("state", "ended")]
)
def test_a_grants_state_and_usage_from_before_are_named(
    scene: Scene, column: str, value: object
) -> None:
    change(scene.store, grants, {"grant_id": scene.grant_id}, **{column: value})

    what = f"{scene.grant}: state or usage is not what the log tells"
    assert scene.found() == {("usage", what)}


def test_wrong_spoken_codes_are_counted_as_the_log_tells(scene: Scene) -> None:
    offer = scene.citizen.offer(scene.agency, [GIVEN], with_tx_code=True)
    assert offer.tx_code is not None
    for tries in range(1, 4):
        with pytest.raises(InvalidGrant):
            scene.agency.redeem(offer.code, f"{(int(offer.tx_code) + tries) % 10_000:04}")
        assert scene.found() == set()


def test_an_older_grant_row_put_back_is_named(scene: Scene) -> None:
    offer = scene.citizen.offer(scene.agency, [GIVEN])
    old = rows_of(scene.store, grants, grant_id=offer.grant_id)
    scene.agency.redeem(offer.code)
    put_back(scene.store, grants, old)

    name = f"{scene.vault}: grant {offer.grant_id.hex()[:8]}"
    assert scene.found() == {
        ("grant", f"{name} is an older row, put back"),
        ("usage", f"{name}: state or usage is not what the log tells"),
    }


@pytest.mark.parametrize("kind", ["agency", "use"])
def test_a_revoked_registration_put_back_is_named(scene: Scene, kind: str) -> None:
    old = row_of(scene.store, registrations, kind=kind)
    scene.store.vault.revoke_agency(caller.Operator(), scene.agency.id, None)
    assert scene.found() == set()
    put_back(scene.store, registrations, [old])

    what = f"{kind} {old['id']} is an older row, put back"
    assert scene.found() == {("registry", what)}


# Rows that are gone.


@pytest.mark.parametrize("seq", [1, 2])
def test_a_removed_version_is_named(scene: Scene, seq: int) -> None:
    handle = scene.newer()
    remove(scene.store, values, handle=handle, seq=seq)

    what = f"{scene.vault}: a version of a field is gone (handle {handle.hex()[:8]})"
    assert scene.found() == {("value", what)}


def test_a_removed_value_head_is_named(scene: Scene) -> None:
    handle = scene.newer()
    remove(scene.store, value_heads, handle=handle)

    what = f"{scene.vault}: a value head is gone (handle {handle.hex()[:8]})"
    assert scene.found() == {("value_head", what)}


def test_a_removed_grant_is_named(scene: Scene) -> None:
    remove(scene.store, grants, grant_id=scene.grant_id)

    assert scene.found() == {("grant", f"{scene.grant} is not in the tables")}


@pytest.mark.parametrize("revoked", [False, True])
def test_a_removed_registration_is_named(scene: Scene, revoked: bool) -> None:
    if revoked:
        scene.store.vault.revoke_agency(caller.Operator(), scene.agency.id, None)
    remove(scene.store, registrations, kind="use")

    assert scene.found() == {("registry", "1 registrations are gone")}


def test_a_vault_removed_without_erasure_is_named(scene: Scene) -> None:
    remove(scene.store, vaults, vault_id=scene.citizen.vault_id)

    assert scene.found() == {("vault", GONE)}


def test_an_erasure_does_not_cover_for_another_vault_that_is_gone(scene: Scene) -> None:
    other = scene.store.citizen()
    scene.store.vault.erase(other.owner)
    assert scene.found() == set()
    remove(scene.store, vaults, vault_id=scene.citizen.vault_id)

    assert scene.found() == {("vault", GONE)}


def test_an_erasure_past_its_retention_does_not_cover_for_another_vault(scene: Scene) -> None:
    other = scene.store.citizen()
    scene.store.vault.erase(other.owner)
    scene.store.clock.advance(days=scene.store.settings.audit_retention_days + 1)
    scene.store.vault.sweep()
    assert scene.found() == set()
    remove(scene.store, vaults, vault_id=scene.citizen.vault_id)

    assert scene.found() == {("vault", GONE)}


def test_a_vault_called_erasing_without_an_erasure_is_named(scene: Scene) -> None:
    change(scene.store, vaults, {"vault_id": scene.citizen.vault_id}, state="erasing")

    assert {code for code, _ in scene.found()} == {"vault"}


def test_a_vault_called_erasing_by_somebody_else_keeps_its_salts(scene: Scene) -> None:
    """Else who writes the main database destroys what no backup of it brings back."""
    store = scene.store
    before = {key.key for key in store.vault.system.keystore.rows()}
    change(store, vaults, {"vault_id": scene.citizen.vault_id}, state="erasing")

    store.vault.sweep()

    assert {key.key for key in store.vault.system.keystore.rows()} == before


def test_a_vault_without_its_salts_is_named(scene: Scene) -> None:
    keystore = scene.store.vault.system.keystore
    keystore.drop(
        [row.key for row in keystore.rows("vault") if row.vault_id == scene.citizen.vault_id]
    )

    what = f"{scene.vault} does not pass its check, or its salt is gone"
    assert scene.found() == {("vault", what)}


# Rows that were changed, or never written by us.

SIGNED = [
    *[(vaults, name) for name in ("epoch", "public_key", "metadata_box", "mac")],
    *[(values, name) for name in ("seq", "value_id", "mac")],
    *[(value_heads, name) for name in ("seq", "value_id", "mac")],
    *[
        (grants, name)
        for name in (
            "phase", "offer_id", "token_id", "prev_token_id", "prev_until", "public_key",
            "key_hash", "offer_ends", "not_after", "box", "mac",
        )
    ],
    *[(registrations, name) for name in ("kind", "id", "parent", "document", "state", "mac")],
    (audit_keys, "box"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "column"), SIGNED, ids=[f"{table.name}.{column}" for table, column in SIGNED]
)
def test_each_changed_column_under_a_mac_is_named(scene: Scene, table: Table, column: str) -> None:
    row = rows_of(scene.store, table)[-1]
    keys = {key.name: row[key.name] for key in table.primary_key}
    change(scene.store, table, keys, **{column: other_than(row[column], table.c[column])})

    codes = {"vault_grant": "grant", "audit_key": "audit_key"}
    found = verify_data(scene.store.settings).findings
    assert codes.get(table.name, table.name) in {one.code for one in found}


def test_another_value_box_is_named_by_its_commitment(scene: Scene) -> None:
    where = {"handle": scene.newer(), "seq": 2}
    box = row_of(scene.store, values, **where)["box"]
    change(scene.store, values, where, box=box[:33] + bytes(32) + box[65:])

    assert {code for code, _ in scene.found()} == {"value"}


def test_a_damaged_text_in_a_value_box_is_refused_to_whoever_opens_it(scene: Scene) -> None:
    """The mac names the box by `c`; only its data key tells whether the rest is sound."""
    where = {"handle": scene.newer(), "seq": 2}
    box = row_of(scene.store, values, **where)["box"]
    change(scene.store, values, where, box=other_than(box, values.c.box))

    assert scene.found() == set()
    with pytest.raises(Damaged):
        scene.citizen.values()
    with pytest.raises(Damaged):
        scene.agency.read(scene.token, [GIVEN])


def test_a_version_that_was_never_put_is_named(scene: Scene) -> None:
    row = row_of(scene.store, values, handle=scene.newer(), seq=2)
    insert(scene.store, values, [row | {"seq": 3}])

    handle = row["handle"].hex()[:8]
    assert scene.found() == {
        ("value", f"{scene.vault}: version 3 of a field was changed"),
        ("value", f"{scene.vault}: a version of a field was never recorded (handle {handle})"),
    }


def test_a_grant_that_was_never_given_is_named(scene: Scene) -> None:
    row = row_of(scene.store, grants, grant_id=scene.grant_id)
    insert(scene.store, grants, [row | {"grant_id": bytes(16)}])

    assert scene.found() == {("grant", f"{scene.vault}: grant 00000000 is not in the log")}


def test_a_registration_that_was_never_made_is_named(scene: Scene) -> None:
    row = row_of(scene.store, registrations, kind="use")
    insert(scene.store, registrations, [row | {"id": "another-use"}])

    assert scene.found() == {("registry", "use another-use was changed")}


# Auditors are registrations like any other.

AUDITOR = "https://auditor.example"


@pytest.fixture
def audited(scene: Scene) -> Scene:
    key = jose.public_jwk(jose.generate_key())
    document = {"id": AUDITOR, "names": texts("Auditor"), "jwks": {"keys": [key]}}
    scene.store.vault.register_auditor(caller.Operator(), document)
    assert scene.found() == set()
    return scene


@pytest.mark.parametrize("column", ["id", "parent", "document", "state", "mac", "root_id", "kind"])
def test_a_changed_auditor_is_named_and_not_used(audited: Scene, column: str) -> None:
    row = row_of(audited.store, registrations, kind="auditor")
    new = other_than(row[column], registrations.c[column])
    change(audited.store, registrations, {"kind": "auditor"}, **{column: new})
    change(audited.store, instance, {"id": 0}, registry_version=99)

    assert {code for code, _ in audited.found()} == {"registry"}
    assert audited.store.vault.registry().auditors == {}


def test_a_removed_auditor_is_named(audited: Scene) -> None:
    remove(audited.store, registrations, kind="auditor")

    assert audited.found() == {("registry", "1 registrations are gone")}


def test_a_revoked_auditor_put_back_is_named(audited: Scene) -> None:
    old = row_of(audited.store, registrations, kind="auditor")
    audited.store.vault.revoke_auditor(caller.Operator(), AUDITOR)
    assert audited.found() == set()
    put_back(audited.store, registrations, [old])

    assert audited.found() == {("registry", f"auditor {AUDITOR} is an older row, put back")}


def test_an_agency_does_not_become_an_auditor_by_its_row(audited: Scene) -> None:
    row = row_of(audited.store, registrations, kind="agency")
    insert(audited.store, registrations, [row | {"kind": "auditor"}])
    change(audited.store, instance, {"id": 0}, registry_version=99)

    assert audited.found() == {("registry", f"auditor {row['id']} was changed")}
    assert list(audited.store.vault.registry().auditors) == [AUDITOR]
