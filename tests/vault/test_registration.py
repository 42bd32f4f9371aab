"""Who may make a vault: anyone, whoever was invited, or the operator alone."""

import os

import pytest

from crypto.encoding import b64u
from tests.builders import Store
from vault import caller
from vault.agencies import parse_invite
from vault.errors import Refused
from vault.sessions import UnlockSecret


def device() -> UnlockSecret:
    return UnlockSecret.device(b64u(os.urandom(32)))


def test_an_invitation_makes_one_vault_and_no_second(store: Store) -> None:
    vault = store.reopen(registration="invite")
    invitation = parse_invite(vault.invite(caller.Operator(), 3600))

    vault.create(caller.Stranger(), device(), invitation)

    with pytest.raises(Refused) as refused:
        vault.create(caller.Stranger(), device(), invitation)
    assert refused.value.code == "invitation_invalid"


def test_an_invitation_ends(store: Store) -> None:
    vault = store.reopen(registration="invite")
    invitation = parse_invite(vault.invite(caller.Operator(), 60))
    store.clock.advance(seconds=61)

    with pytest.raises(Refused) as refused:
        vault.create(caller.Stranger(), device(), invitation)
    assert refused.value.code == "invitation_invalid"


def test_without_an_invitation_no_vault_is_made_where_one_is_needed(store: Store) -> None:
    vault = store.reopen(registration="invite")

    with pytest.raises(Refused) as refused:
        vault.create(caller.Stranger(), device(), None)
    assert refused.value.code == "invitation_needed"


def test_only_the_operator_makes_vaults_where_it_is_set_so(store: Store) -> None:
    vault = store.reopen(registration="operator")
    invitation = parse_invite(vault.invite(caller.Operator(), 3600))

    with pytest.raises(Refused) as refused:
        vault.create(caller.Stranger(), device(), invitation)
    assert refused.value.code == "registration_closed"
    assert vault.create(caller.Operator(), device(), None).session.token


def test_a_typing_mistake_in_an_invitation_is_named(store: Store) -> None:
    with pytest.raises(Refused) as refused:
        parse_invite("00000-00000-00000-00000-00000-00001")
    assert refused.value.code == "invitation_invalid"
