"""Somebody writes the main database: each column of each row, one at a time, is refused.

Beside the macs stand, by design, `vault.version`, `created_at`, a grant's state and usage, and what
only counts or reminds (`confirmed_at`, `log_read_at`, a vault's `root_id`). What those give whoever
changes them is tested in test_old_rows.py, what `audit verify --data` says in test_verification.py.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import Table

from tests.builders import PERSON, AgencyDesk, Citizen, Store
from tests.vault.rows import change, other_than, row_of
from tests.vault.tables import (
    audit_keys,
    grants,
    instance,
    methods,
    registrations,
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
    InvalidGrant,
    InvalidToken,
    Refused,
    SessionEnded,
    UnauthorizedField,
    VaultError,
)
from vault.sessions import UnlockSecret
from vault.unlocking import method_id, parse_session_token, session_id

FIELD = "identity.given_name"
Expected = type[Exception] | None  # None: it is not refused


@dataclass
class Scene:
    """A citizen and an agency that may read one field of hers, and one code not yet redeemed."""

    store: Store
    citizen: Citizen
    agency: AgencyDesk
    token: str
    code: str

    def read(self) -> object:
        return self.agency.read(self.token, [FIELD])[FIELD].statement.value

    def look(self) -> object:
        return self.citizen.values()[FIELD]

    def unlock(self) -> object:
        secret = UnlockSecret.device(self.citizen.device_secret)
        return self.store.vault.unlock(caller.Stranger(), secret)

    def redeem(self) -> object:
        return self.agency.redeem(self.code)

    @property
    def handle(self) -> bytes:
        """The handle of FIELD: the one the grant has a stanza of."""
        grant_id = row_of(self.store, grants, vault_id=self.citizen.vault_id, state="active")
        found = row_of(self.store, stanzas, recipient=grant_id["grant_id"])
        handle: bytes = found["handle"]
        return handle


@pytest.fixture
def scene(store: Store) -> Scene:
    citizen, agency = store.citizen(), store.agency()
    redeemed = agency.redeem(citizen.offer(agency, [FIELD], reads_max=5).code)
    code = citizen.offer(agency, [FIELD]).code
    scene = Scene(store, citizen, agency, redeemed.token, code)
    assert scene.read() == scene.look() == PERSON[FIELD]
    return scene


def outcome(act: Callable[[], object]) -> Expected:
    """What acting is answered with. KeyError: the owner is shown no such value."""
    try:
        act()
    except (VaultError, KeyError) as refused:
        return type(refused)
    return None


def cases(*rows: tuple[str, Expected, Expected]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("column", "first", "second"), rows, ids=[r[0] for r in rows])


def all_columns(mark: pytest.MarkDecorator) -> set[str]:
    return {row[0] for row in mark.args[1]}


def tamper(scene: Scene, table: Table, column: str, **where: object) -> None:
    row = row_of(scene.store, table, **where)
    change(scene.store, table, where, **{column: other_than(row[column], table.c[column])})


VAULT = cases(  # what the owner gets, what the agency gets
    ("vault_id", SessionEnded, InvalidToken),
    ("epoch", SessionEnded, InvalidToken),
    ("version", None, None),  # beside the mac: it only makes writers prepare again
    ("state", SessionEnded, InvalidToken),
    ("public_key", Damaged, InvalidToken),
    ("subject", SessionEnded, InvalidToken),
    ("root_id", None, None),  # a note for re-wrapping; the box itself is bound to the root's id
    ("metadata_box", Damaged, InvalidToken),
    ("mac", Damaged, InvalidToken),
    ("created_at", None, None),
)


@VAULT
def test_a_changed_vault_row_is_not_used(
    scene: Scene, column: str, first: Expected, second: Expected
) -> None:
    tamper(scene, vaults, column, vault_id=scene.citizen.vault_id)

    assert outcome(scene.look) is first
    assert outcome(scene.read) is second


GRANT = cases(  # what its token gets, what the owner's list of grants gets
    ("vault_id", InvalidToken, None),
    ("grant_id", InvalidToken, None),
    ("phase", InvalidToken, None),
    ("offer_id", InvalidToken, None),
    ("token_id", InvalidToken, None),
    ("prev_token_id", InvalidToken, None),
    ("prev_until", InvalidToken, None),
    ("public_key", InvalidToken, None),
    ("key_hash", InvalidToken, None),
    ("offer_ends", InvalidToken, None),
    ("not_after", InvalidToken, None),
    ("box", InvalidToken, None),
    ("mac", InvalidToken, None),
    ("state", InvalidToken, None),  # beside the mac: a word that is no state gives nothing
    ("reads_used", None, None),
    ("wrong_codes", None, None),
    ("created_at", None, None),
)
UNSIGNED_OF_GRANTS = {"state", "reads_used", "wrong_codes", "created_at"}


@GRANT
def test_a_changed_grant_row_gives_nothing_and_is_not_shown(
    scene: Scene, column: str, first: Expected, second: Expected
) -> None:
    grant_id = row_of(scene.store, grants, state="active")["grant_id"]
    tamper(scene, grants, column, grant_id=grant_id)

    assert outcome(scene.read) is first
    shown = [grant.state for grant in scene.citizen.vault.grants(scene.citizen.owner)]
    assert len(shown) == (2 if column in UNSIGNED_OF_GRANTS else 1)


@pytest.mark.parametrize("column", [c.name for c in grants.c if c.name not in UNSIGNED_OF_GRANTS])
def test_a_changed_offer_can_not_be_redeemed(scene: Scene, column: str) -> None:
    grant_id = row_of(scene.store, grants, state="offered")["grant_id"]
    tamper(scene, grants, column, grant_id=grant_id)

    assert outcome(scene.redeem) is InvalidGrant


VALUE = cases(  # what the owner gets, what the agency gets
    ("vault_id", KeyError, UnauthorizedField),
    ("handle", KeyError, UnauthorizedField),
    ("seq", KeyError, UnauthorizedField),
    ("value_id", Damaged, Damaged),
    ("box", Damaged, Damaged),
    ("created_at", None, None),
    ("mac", Damaged, Damaged),
)
HEAD = cases(
    ("vault_id", KeyError, UnauthorizedField),
    ("handle", KeyError, UnauthorizedField),
    ("seq", KeyError, Damaged),
    ("value_id", Damaged, Damaged),
    ("mac", Damaged, Damaged),
)
STANZA = cases(
    ("vault_id", None, UnauthorizedField),
    ("recipient", None, UnauthorizedField),
    ("handle", None, UnauthorizedField),
    ("seq", None, UnauthorizedField),
    ("wrapped", None, Damaged),
)


@VALUE
def test_a_changed_value_row_is_not_shown_to_anyone(
    scene: Scene, column: str, first: Expected, second: Expected
) -> None:
    tamper(scene, values, column, handle=scene.handle)

    assert outcome(scene.look) is first
    assert outcome(scene.read) is second


@pytest.mark.parametrize("at", [0, 1, 33, 65, -1], ids=["suite", "salt", "c", "text", "tag"])
def test_each_part_of_a_value_box_is_bound(scene: Scene, at: int) -> None:
    row = row_of(scene.store, values, handle=scene.handle)
    box = bytearray(row["box"])
    box[at] ^= 1
    change(scene.store, values, {"handle": scene.handle}, box=bytes(box))

    assert outcome(scene.look) is Damaged
    assert outcome(scene.read) is Damaged


@HEAD
def test_a_changed_value_head_shows_no_value(
    scene: Scene, column: str, first: Expected, second: Expected
) -> None:
    tamper(scene, value_heads, column, handle=scene.handle)

    assert outcome(scene.look) is first
    assert outcome(scene.read) is second


@STANZA
def test_a_changed_stanza_opens_nothing_for_its_recipient_alone(
    scene: Scene, column: str, first: Expected, second: Expected
) -> None:
    grant_id = row_of(scene.store, grants, state="active")["grant_id"]
    tamper(scene, stanzas, column, recipient=grant_id)

    assert outcome(scene.look) is first
    assert outcome(scene.read) is second


METHOD = cases(  # what unlocking gets, what an open session gets
    ("vault_id", CannotUnlock, None),
    ("method_id", CannotUnlock, None),
    ("kind", CannotUnlock, None),
    ("state", CannotUnlock, None),
    ("epoch", CannotUnlock, None),
    ("root_id", CannotUnlock, None),  # it names the key that opens the box
    ("box", CannotUnlock, None),
    ("created_at", None, None),
    ("confirmed_at", None, None),
    ("label", None, None),
)


@METHOD
def test_a_changed_method_does_not_unlock(
    scene: Scene, column: str, first: Expected, second: Expected
) -> None:
    device = method_id(UnlockSecret.device(scene.citizen.device_secret).secret)
    tamper(scene, methods, column, method_id=device)

    assert outcome(scene.unlock) is first
    assert outcome(scene.look) is second


SESSION = cases(  # what its token gets, what unlocking anew gets
    ("vault_id", SessionEnded, None),
    ("session_id", SessionEnded, None),
    ("epoch", SessionEnded, None),
    ("unlocked_at", SessionEnded, None),
    ("expires_at", SessionEnded, None),
    ("box", SessionEnded, None),
    ("log_read_at", None, None),
)


@SESSION
def test_a_changed_session_is_over(
    scene: Scene, column: str, first: Expected, second: Expected
) -> None:
    sid = session_id(parse_session_token(scene.citizen.token))
    tamper(scene, sessions, column, session_id=sid)

    assert outcome(scene.look) is first
    assert outcome(scene.unlock) is second


AUDIT_KEY = cases(  # what the owner gets, what the agency gets
    ("subject", SessionEnded, InvalidToken),
    ("root_id", None, None),
    ("box", Damaged, InvalidToken),
)


@AUDIT_KEY
def test_a_vault_whose_audit_key_was_changed_is_not_used(
    scene: Scene, column: str, first: Expected, second: Expected
) -> None:
    subject = row_of(scene.store, vaults, vault_id=scene.citizen.vault_id)["subject"]
    tamper(scene, audit_keys, column, subject=subject)

    assert outcome(scene.look) is first
    assert outcome(scene.read) is second


REGISTRATION = cases(  # what a code gets, what a new offer gets
    ("kind", InvalidGrant, Refused),
    ("id", InvalidGrant, Refused),
    ("parent", InvalidGrant, Refused),
    ("root_id", InvalidGrant, Refused),  # it names the key under which the mac is
    ("document", InvalidGrant, Refused),
    ("state", InvalidGrant, Refused),
    ("created_at", None, None),
    ("mac", InvalidGrant, Refused),
)


@pytest.mark.parametrize("kind", ["agency", "use"])
@REGISTRATION
def test_a_changed_registration_gives_nothing(
    scene: Scene, kind: str, column: str, first: Expected, second: Expected
) -> None:
    tamper(scene, registrations, column, kind=kind)
    version = row_of(scene.store, instance)["registry_version"]
    change(scene.store, instance, {"id": 0}, registry_version=version + 1)  # else it is not read

    assert outcome(scene.redeem) is first
    assert outcome(lambda: scene.citizen.offer(scene.agency, [FIELD])) is second


@pytest.mark.parametrize(
    ("table", "mark"),
    [
        (vaults, VAULT),
        (grants, GRANT),
        (values, VALUE),
        (value_heads, HEAD),
        (stanzas, STANZA),
        (methods, METHOD),
        (sessions, SESSION),
        (audit_keys, AUDIT_KEY),
        (registrations, REGISTRATION),
    ],
    ids=lambda one: one.name if isinstance(one, Table) else "",
)
def test_no_column_was_left_out(table: Table, mark: pytest.MarkDecorator) -> None:
    assert all_columns(mark) == {column.name for column in table.c}
