"""The owner's values: put, current, history. Values are never updated.

Written down in docs/format.md, 6 Statements and values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

from catalogue import edtf
from catalogue.errors import CatalogueFault
from crypto.secret import Secret
from vault import caller
from vault.errors import BadInput, NotFound
from vault.grants import (
    Held,
    grants_of,
    held_values,
    insert_stanzas,
    remove_older_stanzas,
    sound_grants,
)
from vault.recording import OWNER, draft, raise_version, unchanged
from vault.sequencer import Item
from vault.sessions import OpenVault, open_session
from vault.statement import STATUSES, Statement
from vault.steps import Step, insertion, sql
from vault.system import System
from vault.values import Stanza, StoredValue

_HEADS = sql("SELECT * FROM value_head WHERE vault_id = :vault")
_PUT_HEAD = sql(
    "INSERT INTO value_head (vault_id, handle, seq, value_id, mac)"
    " VALUES (:vault_id, :handle, :seq, :value_id, :mac) ON CONFLICT (vault_id, handle)"
    " DO UPDATE SET seq = excluded.seq, value_id = excluded.value_id, mac = excluded.mac"
)
_VERSIONS = sql(
    """SELECT v.*, s.wrapped FROM value v JOIN stanza s USING (vault_id, handle, seq)
    WHERE v.vault_id = :vault AND v.handle = :handle AND s.recipient = :vault ORDER BY v.seq"""
)


Made = tuple[StoredValue, Secret]  # a new version and its data key


@dataclass(frozen=True, slots=True)
class NewValue:
    """What the owner states about one field. Validity dates are EDTF text."""

    field: str
    value: Any = dataclass_field(repr=False)
    status: str = "stated"
    valid_from: str | None = None
    valid_until: str | None = None


@dataclass(frozen=True, slots=True)
class OwnValue:
    """One version of a field as its owner sees it."""

    seq: int
    statement: Statement
    is_current: bool


def put(
    system: System, owner: caller.Owner, new: Sequence[NewValue], now_ms: int
) -> tuple[str, ...]:
    """Adds a version of each field, for the owner and for every grant that follows updates.

    All or none; one entry names them all. Returns the fields. Raises `BadInput`, `Conflict`.
    """
    statements = [_statement(system, one, now_ms) for one in new]
    fields = tuple(statement.field for statement in statements)
    if not fields or len(set(fields)) != len(fields) or len(fields) > system.settings.fields_max:
        raise BadInput("Name at least one field, and each of them once.", "bad_fields")

    def prepare() -> tuple[Item, None]:
        opened = open_session(system, owner, now_ms)
        made = _seal(system, opened, statements)
        return Item(
            draft(now_ms, "value.put", OWNER, fields_given=fields),
            opened.context.audit_key,
            premises=(unchanged(opened.context),),
            writes=_writes(system, opened, made, fields, now_ms),
            refs=tuple(value.ref for value, _ in made),
        ), None

    system.record(prepare)
    return fields


def _statement(system: System, new: NewValue, now_ms: int) -> Statement:
    field = system.catalogue.get(new.field)
    if field is None:
        raise BadInput("There is no such field in the catalogue.", "unknown_field")
    if new.status not in STATUSES:
        raise BadInput(f"A status is one of {', '.join(STATUSES)}.", "bad_status")
    try:
        value = field.check(new.value, now_ms)
        edtf.check_period(new.valid_from, new.valid_until)
    except CatalogueFault as fault:
        raise BadInput(str(fault), fault.code) from None
    return Statement(
        field=field.id,
        value=value,
        stated_at=now_ms,
        status=new.status,
        valid_from=new.valid_from,
        valid_until=new.valid_until,
    )


def _seal(system: System, opened: OpenVault, statements: Sequence[Statement]) -> list[Made]:
    keys = opened.context.keys
    heads = _head_numbers(system, opened)
    made = []
    for statement in statements:
        handle = keys.handle(statement.field)
        seq = heads.get(handle, 0) + 1
        made.append(StoredValue.seal_statement(keys.vault_id, handle, seq, statement))
    return made


def _head_numbers(system: System, opened: OpenVault) -> dict[bytes, int]:
    keys = opened.context.keys
    with system.main.read() as connection:
        rows = connection.execute(_HEADS, {"vault": keys.vault_id}).all()
    for row in rows:
        head = StoredValue(keys.vault_id, row.handle, row.seq, row.value_id, b"")
        keys.check("value head", row.mac, head.head_mac(keys))
    return {row.handle: row.seq for row in rows}


def _writes(
    system: System, opened: OpenVault, made: Sequence[Made], fields: Sequence[str], now_ms: int
) -> tuple[Step, ...]:
    rows = [value.rows(opened.context.keys, now_ms) for value, _ in made]
    own = [
        Stanza(value, value.vault_id, value.wrap_for(opened.keys, data_key))
        for value, data_key in made
    ]
    followers = _for_followers(system, opened, made, fields, now_ms)
    return (
        *insertion("value", [row for row, _ in rows]),
        Step(_PUT_HEAD, [head for _, head in rows]),
        *insert_stanzas([*own, *followers]),
        *remove_older_stanzas(followers),
        raise_version(opened.context.vault_id),
    )


def _for_followers(
    system: System, opened: OpenVault, made: Sequence[Made], fields: Sequence[str], now_ms: int
) -> list[Stanza]:
    """Stanzas for the grants that follow updates. Their tokens are away: each is a seal."""
    keys = opened.context.keys
    with system.main.read() as connection:
        found = grants_of(connection, keys.vault_id)
    sealed = []
    for grant, terms in sound_grants((g for g in found if g.covers(now_ms)), keys):
        if terms.follow and grant.public_key is not None:
            sealed += [
                Stanza(
                    value,
                    grant.grant_id,
                    value.seal_for_grant(grant.grant_id, grant.public_key, data_key),
                )
                for field, (value, data_key) in zip(fields, made, strict=True)
                if field in terms.fields
            ]
    return sealed


def current(system: System, owner: caller.Owner, now_ms: int) -> dict[str, OwnValue]:
    """Every field that has a value, with its current version, in the catalogue's order."""
    opened = open_session(system, owner, now_ms)
    keys = opened.context.keys
    by_handle = {keys.handle(field): field for field in system.catalogue}
    with system.main.read() as connection:
        held = held_values(connection, keys, keys.vault_id, by_handle)
    found = {by_handle[h]: _own(opened, one, by_handle[h]) for h, one in held.items()}
    return {field: found[field] for field in system.catalogue if field in found}


def history(system: System, owner: caller.Owner, field: str, now_ms: int) -> list[OwnValue]:
    """Every version of a field, newest first. Raises `NotFound` for a field without a value."""
    opened = open_session(system, owner, now_ms)
    if field not in system.catalogue:
        raise BadInput("There is no such field in the catalogue.", "unknown_field")
    keys = opened.context.keys
    parameters = {"vault": keys.vault_id, "handle": keys.handle(field)}
    with system.main.read() as connection:
        rows = connection.execute(_VERSIONS, parameters).all()
    versions = []
    for row in rows:
        value = StoredValue(keys.vault_id, row.handle, row.seq, row.value_id, row.box)
        keys.check("value", row.mac, value.mac(keys))
        versions.append(_own(opened, Held(value, row.wrapped, row is rows[-1]), field))
    if not versions:
        raise NotFound("This field has no value yet.")
    return versions[::-1]


def _own(opened: OpenVault, held: Held, field: str) -> OwnValue:
    statement = held.value.open(held.value.unwrap(opened.keys, held.wrapped), field)
    return OwnValue(held.value.seq, statement, held.is_current)
