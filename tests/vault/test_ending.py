"""An end that was answered holds, whoever else was at it."""

from tests.builders import Store
from tests.vault.rows import GIVEN, grant_of, salts_of, shared
from vault.ending import Ended, ending_item, find_grant
from vault.recording import OWNER
from vault.sessions import open_session


def test_an_end_after_one_that_was_killed_leaves_no_salt(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    shared(citizen, agency, GIVEN)
    system, grant_id = store.vault.system, grant_of(store, citizen)
    opened = open_session(system, citizen.owner, store.clock.ms)
    grant = find_grant(system, citizen.vault_id, grant_id)
    # The first end commits its entry, and is killed before it deletes the salt.
    key = opened.context.audit_key
    system.sequencer.record(ending_item(key, grant, OWNER, "revoked", store.clock.ms))
    assert ("grant", grant_id, 1) in salts_of(store)

    assert store.vault.end_grant(citizen.owner, grant_id) == Ended(recorded=True)
    assert ("grant", grant_id, 1) not in salts_of(store)
