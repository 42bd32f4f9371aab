"""Rows of two citizens exchanged, rows moved, rows forged: refused."""

import os

import pytest

from crypto.box import box, keypair, seal
from crypto.encoding import b64u, pae
from crypto.secret import Secret
from tests.builders import AgencyDesk, Citizen, Store
from tests.vault.rows import (
    BOTH,
    FAMILY,
    GIVEN,
    NEWER,
    change,
    grant_of,
    insert,
    put_back,
    row_of,
    rows_of,
    shared,
    swap,
)
from tests.vault.tables import (
    audit_keys,
    grants,
    methods,
    registrations,
    routes,
    sessions,
    stanzas,
    value_heads,
    values,
    vaults,
)
from vault import caller
from vault.errors import (
    CannotUnlock,
    Damaged,
    InvalidToken,
    Refused,
    SessionEnded,
    UnauthorizedField,
)
from vault.keys import open_metadata_key, vault_salt
from vault.opening import root_key
from vault.sessions import UnlockSecret
from vault.statement import Statement
from vault.unlocking import method_id
from vault.values import StoredValue


@pytest.fixture
def agency(store: Store) -> AgencyDesk:
    return store.agency()


def value_of(store: Store, citizen: Citizen, field: str) -> bytes:
    """The handle of a field, looked up as the vault does."""
    row = row_of(store, vaults, vault_id=citizen.vault_id)
    name = vault_salt(citizen.vault_id)
    salt = store.vault.system.keystore.get([name])[name]
    root = root_key(store.settings)
    return open_metadata_key(root, citizen.vault_id, salt, row["metadata_box"]).handle(field)


# Two citizens' rows, exchanged.


def test_value_boxes_of_two_citizens_can_not_be_exchanged(store: Store, agency: AgencyDesk) -> None:
    one, other = store.citizen(), store.citizen({GIVEN: "Canaria-Other"})
    token = shared(one, agency, GIVEN)
    mine = row_of(store, values, vault_id=one.vault_id, handle=value_of(store, one, GIVEN))
    hers = row_of(store, values, vault_id=other.vault_id)

    swap(store, values, mine, hers, "box", "value_id", "mac")

    for act in (one.values, other.values, lambda: agency.read(token, [GIVEN])):
        with pytest.raises(Damaged):
            act()


def test_stanzas_of_two_citizens_can_not_be_exchanged(store: Store) -> None:
    one, other = store.citizen({GIVEN: "Canaria-One"}), store.citizen({GIVEN: "Canaria-Other"})
    swap(
        store,
        stanzas,
        row_of(store, stanzas, vault_id=one.vault_id),
        row_of(store, stanzas, vault_id=other.vault_id),
        "wrapped",
    )

    for citizen in (one, other):
        with pytest.raises(Damaged):
            citizen.values()


def test_unlock_boxes_of_two_citizens_can_not_be_exchanged(store: Store) -> None:
    one, other = store.citizen(), store.citizen()
    rows = [row_of(store, methods, vault_id=c.vault_id, kind="device") for c in (one, other)]

    swap(store, methods, rows[0], rows[1], "box")

    for citizen in (one, other):
        with pytest.raises(CannotUnlock):
            citizen.unlock()


def test_session_boxes_of_two_citizens_can_not_be_exchanged(store: Store) -> None:
    one, other = store.citizen(), store.citizen()
    rows = [row_of(store, sessions, vault_id=citizen.vault_id) for citizen in (one, other)]

    swap(store, sessions, rows[0], rows[1], "box")

    for citizen in (one, other):
        with pytest.raises(SessionEnded):
            citizen.values()


def test_a_token_can_not_be_routed_to_another_citizens_grant(
    store: Store, agency: AgencyDesk
) -> None:
    one, other = store.citizen(), store.citizen()
    tokens = [shared(citizen, agency, GIVEN) for citizen in (one, other)]
    mine, hers = (row_of(store, grants, vault_id=c.vault_id) for c in (one, other))
    routed = [row_of(store, routes, id=grant["token_id"]) for grant in (mine, hers)]

    swap(store, routes, routed[0], routed[1], "vault_id", "target")

    for token in tokens:
        with pytest.raises(InvalidToken):
            agency.read(token, [GIVEN])


def test_grant_rows_of_two_citizens_can_not_be_exchanged(store: Store, agency: AgencyDesk) -> None:
    one, other = store.citizen(), store.citizen()
    tokens = [shared(citizen, agency, GIVEN) for citizen in (one, other)]
    mine, hers = (row_of(store, grants, vault_id=c.vault_id) for c in (one, other))
    columns = [c.name for c in grants.c if not c.primary_key]

    swap(store, grants, mine, hers, *columns)

    for token in tokens:
        with pytest.raises(InvalidToken):
            agency.read(token, [GIVEN])


def test_audit_keys_of_two_citizens_can_not_be_exchanged(store: Store, agency: AgencyDesk) -> None:
    one, other = store.citizen(), store.citizen()
    token = shared(one, agency, GIVEN)
    subjects = [row_of(store, vaults, vault_id=c.vault_id)["subject"] for c in (one, other)]
    mine, hers = (row_of(store, audit_keys, subject=subject) for subject in subjects)

    swap(store, audit_keys, mine, hers, "box")

    with pytest.raises(Damaged):
        one.values()
    with pytest.raises(InvalidToken):  # nobody reads what can't be written to her log
        agency.read(token, [GIVEN])


def test_a_vault_can_not_be_given_another_citizens_log(store: Store) -> None:
    one, other = store.citizen(), store.citizen()
    subject = row_of(store, vaults, vault_id=other.vault_id)["subject"]

    change(store, vaults, {"vault_id": one.vault_id}, subject=subject)

    with pytest.raises(Damaged):
        one.values()


# One citizen's rows, moved.


def test_a_stanza_can_not_be_moved_to_another_field(store: Store, agency: AgencyDesk) -> None:
    citizen = store.citizen()
    token = shared(citizen, agency, GIVEN)
    grant_id, family = grant_of(store, citizen), value_of(store, citizen, FAMILY)
    change(store, stanzas, {"recipient": grant_id}, handle=family)

    for field in BOTH:
        with pytest.raises(UnauthorizedField):
            agency.read(token, [field])


def test_a_stanza_can_not_be_moved_between_granted_fields(store: Store, agency: AgencyDesk) -> None:
    citizen = store.citizen()
    token = shared(citizen, agency, *BOTH)
    held = rows_of(store, stanzas, recipient=grant_of(store, citizen))

    swap(store, stanzas, held[0], held[1], "wrapped")

    for field in BOTH:
        with pytest.raises(Damaged):
            agency.read(token, [field])


def test_a_stanza_can_not_be_moved_to_another_version(store: Store, agency: AgencyDesk) -> None:
    citizen = store.citizen()
    token = shared(citizen, agency, GIVEN)
    citizen.put(NEWER)
    change(store, stanzas, {"recipient": grant_of(store, citizen)}, seq=2)

    with pytest.raises(Damaged):
        agency.read(token, [GIVEN])


def test_a_stanza_can_not_be_moved_to_another_grant(store: Store, agency: AgencyDesk) -> None:
    citizen = store.citizen()
    narrow, wide = shared(citizen, agency, GIVEN), shared(citizen, agency, *BOTH)
    rows = rows_of(store, grants, vault_id=citizen.vault_id)
    wide_id = next(
        r["grant_id"] for r in rows if len(rows_of(store, stanzas, recipient=r["grant_id"])) == 2
    )
    (narrow_id,) = {r["grant_id"] for r in rows} - {wide_id}
    family = row_of(store, stanzas, recipient=wide_id, handle=value_of(store, citizen, FAMILY))
    insert(store, stanzas, [family | {"recipient": narrow_id}])
    given = value_of(store, citizen, GIVEN)
    swap(
        store,
        stanzas,
        row_of(store, stanzas, recipient=wide_id, handle=given),
        row_of(store, stanzas, recipient=narrow_id, handle=given),
        "wrapped",
    )

    with pytest.raises(UnauthorizedField):
        agency.read(narrow, [FAMILY])
    for token in (narrow, wide):
        with pytest.raises(Damaged):
            agency.read(token, [GIVEN])


# Recipients and values that were never ours.


def test_an_inserted_grant_receives_nothing_at_the_next_put(
    store: Store, agency: AgencyDesk
) -> None:
    citizen = store.citizen()
    shared(citizen, agency, GIVEN, follow=True)
    real = row_of(store, grants, vault_id=citizen.vault_id)
    intruder, pair = os.urandom(16), keypair(Secret.random())
    insert(store, grants, [real | {"grant_id": intruder, "public_key": pair.public}])

    citizen.put(NEWER)

    assert rows_of(store, stanzas, recipient=intruder) == []
    assert len(rows_of(store, stanzas, recipient=real["grant_id"])) == 1
    assert len(citizen.vault.grants(citizen.owner)) == 1


def test_a_grant_whose_public_key_was_replaced_receives_nothing_at_the_next_put(
    store: Store, agency: AgencyDesk
) -> None:
    citizen = store.citizen()
    shared(citizen, agency, GIVEN, follow=True)
    grant_id, pair = grant_of(store, citizen), keypair(Secret.random())
    before = rows_of(store, stanzas, recipient=grant_id)
    change(store, grants, {"grant_id": grant_id}, public_key=pair.public)

    citizen.put(NEWER)

    assert rows_of(store, stanzas, recipient=grant_id) == before


def test_a_replaced_owner_key_stops_puts_and_unlocking(store: Store) -> None:
    citizen = store.citizen()
    right = row_of(store, vaults, vault_id=citizen.vault_id)
    public = keypair(Secret.random()).public
    change(store, vaults, {"vault_id": citizen.vault_id}, public_key=public)

    for act in (lambda: citizen.put(NEWER), citizen.unlock, citizen.values):
        with pytest.raises(Damaged):
            act()
    put_back(store, vaults, [right])
    assert citizen.alarms() == ["damaged"]  # of the unlock


def test_a_replaced_owner_key_under_a_good_mac_stops_unlocking(store: Store) -> None:
    """Whoever has the root key can make the mac; what the unlock secret derives he can not."""
    citizen = store.citizen()
    row = row_of(store, vaults, vault_id=citizen.vault_id)
    name = vault_salt(citizen.vault_id)
    salt = store.vault.system.keystore.get([name])[name]
    keys = open_metadata_key(root_key(store.settings), citizen.vault_id, salt, row["metadata_box"])
    public = keypair(Secret.random()).public
    good = keys.row_mac("vault/1", citizen.vault_id, row["epoch"], public, row["subject"])
    change(store, vaults, {"vault_id": citizen.vault_id}, public_key=public, mac=good)

    with pytest.raises(Damaged, match="owner key"):
        citizen.unlock()
    assert citizen.alarms() == ["damaged"]


def seal_for_owner(value: StoredValue, public_key: bytes, data_key: Secret) -> bytes:
    """What anyone who knows a vault's public key can make (format.md, values)."""
    ids = value.vault_id, value.handle, value.value_id, value.seq
    info = pae("KLUIS1", "dek", *ids, "owner", value.vault_id, value.commitment)
    return seal(public_key, info, data_key)


def test_a_value_forged_with_the_public_key_alone_is_refused(
    store: Store, agency: AgencyDesk
) -> None:
    citizen = store.citizen()
    token = shared(citizen, agency, GIVEN, follow=True)
    handle = value_of(store, citizen, GIVEN)
    forged, data_key = StoredValue.seal_statement(
        citizen.vault_id, handle, 2, Statement(GIVEN, "Forged", store.clock.now_ms())
    )
    owner = row_of(store, vaults, vault_id=citizen.vault_id)["public_key"]
    grant = row_of(store, grants, vault_id=citizen.vault_id)
    row = {"vault_id": citizen.vault_id, "handle": handle, "seq": 2, "value_id": forged.value_id}
    unsigned = {"mac": os.urandom(32)}
    for recipient, wrapped in (
        (citizen.vault_id, seal_for_owner(forged, owner, data_key)),
        (
            grant["grant_id"],
            forged.seal_for_grant(grant["grant_id"], grant["public_key"], data_key),
        ),
    ):
        stanza = {k: row[k] for k in ("vault_id", "handle", "seq")}
        insert(store, stanzas, [stanza | {"recipient": recipient, "wrapped": wrapped}])
    insert(store, values, [row | unsigned | {"box": forged.box, "created_at": 0}])
    put_back(store, value_heads, [row | unsigned])

    with pytest.raises(Damaged):
        citizen.values()
    with pytest.raises(Damaged):
        agency.read(token, [GIVEN])
    with pytest.raises(Damaged):
        citizen.vault.history(citizen.owner, GIVEN)


def test_a_value_forged_into_its_own_row_is_refused(store: Store, agency: AgencyDesk) -> None:
    """Ids, number and mac stay; another text under another data key, sealed to everyone's keys."""
    citizen = store.citizen()
    token = shared(citizen, agency, GIVEN, follow=True)
    where = {"vault_id": citizen.vault_id, "handle": value_of(store, citizen, GIVEN)}
    row, data_key = row_of(store, values, **where), Secret.random()
    place = pae("value", citizen.vault_id, row["handle"], row["value_id"], row["seq"])
    text = Statement(GIVEN, "Forged", store.clock.now_ms()).encode()
    forged = StoredValue(
        citizen.vault_id, row["handle"], row["seq"], row["value_id"], box(data_key, place, text)
    )
    owner = row_of(store, vaults, vault_id=citizen.vault_id)["public_key"]
    grant = row_of(store, grants, vault_id=citizen.vault_id)
    id_, public = grant["grant_id"], grant["public_key"]
    change(store, values, where, box=forged.box)
    for recipient, wrapped in (
        (citizen.vault_id, seal_for_owner(forged, owner, data_key)),
        (id_, forged.seal_for_grant(id_, public, data_key)),
    ):
        change(store, stanzas, where | {"recipient": recipient}, wrapped=wrapped)

    for act in (citizen.values, lambda: agency.read(token, [GIVEN])):
        with pytest.raises(Damaged):
            act()


def test_a_forged_registration_is_not_used(store: Store, agency: AgencyDesk) -> None:
    citizen = store.citizen()
    use = row_of(store, registrations, kind="use")
    document = use["document"].replace(b"test-use", b"open-use")
    insert(store, registrations, [use | {"id": "open-use", "document": document}])
    agency.use = "open-use"

    with pytest.raises(Refused) as refused:
        citizen.offer(agency, [GIVEN])
    assert refused.value.code == "use_revoked"


def test_a_method_made_without_the_root_key_does_not_unlock(store: Store) -> None:
    """He knows an unlock secret of his own and any box he likes, but not the vault's secret."""
    citizen = store.citizen()
    secret = UnlockSecret.device(b64u(os.urandom(32)))
    mid = method_id(secret.secret)
    row = row_of(store, methods, vault_id=citizen.vault_id, kind="device")
    inner = box(Secret.random(), pae("unlock", citizen.vault_id, 1, mid, "device"), bytes(32))
    insert(store, methods, [row | {"method_id": mid, "box": inner}])
    insert(store, routes, [{"id": mid, "vault_id": citizen.vault_id, "target": mid}])

    with pytest.raises(CannotUnlock):
        store.vault.unlock(caller.Stranger(), secret)
