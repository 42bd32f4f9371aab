"""Creating a vault, and the ways to unlock it: device, recovery code.

Written down in docs/format.md, 5 Unlocking and sessions.
A vault never has only one way in: the recovery code is made with it, and counts once it was typed
back. Adding a way takes the vault's own secret, so an unlock secret has to be shown again.
"""

from dataclasses import dataclass, field

from sqlalchemy.exc import IntegrityError

from crypto.box import ID_BYTES, derive_id
from crypto.code import BLOCK as BLOCK_CODE
from crypto.code import RECOVERY as RECOVERY_CODE
from crypto.code import CodeKind, encode_code, group_code
from crypto.primitives import random_bytes
from crypto.secret import Secret
from vault import caller
from vault.context import VaultContext, vault_mac
from vault.errors import BadInput, CannotUnlock, Conflict, NotFound, Refused
from vault.keys import (
    AuditKey,
    MetadataKeys,
    OwnerKeys,
    audit_salt,
    box_audit_key,
    box_metadata_key,
    method_salt,
    vault_salt,
)
from vault.recording import OWNER, draft, raise_version, unchanged
from vault.sequencer import Item, PremiseFailed
from vault.sessions import (
    DELETE_ROUTE,
    OpenVault,
    SessionStarted,
    Unlocked,
    UnlockSecret,
    check_fresh,
    end_other_sessions,
    new_session,
    open_session,
    open_with_secret,
    route,
)
from vault.steps import Step, insertion, sql
from vault.system import System
from vault.unlocking import BLOCK, RECOVERY, Method, method_id, session_id

RECOVERY_SECRET_BYTES = RECOVERY_CODE.secret_bytes
LABEL_CHARACTERS_MAX = 40
NOTHING = bytes(32)  # what the box of a block code holds, as long as a secret
_EPOCH = 1
_INVITE_IS_VALID = sql("SELECT 1 FROM invite WHERE id = :id AND expires_at > :now")
_USE_INVITE = sql("DELETE FROM invite WHERE id = :id")
_ROUTE = sql("SELECT 1 FROM route WHERE id = :id")
_LIST = sql(
    """SELECT method_id, kind, created_at, confirmed_at, label FROM method
    WHERE vault_id = :vault AND state = 'active' AND kind <> 'block' ORDER BY created_at"""
)
_BLOCKS = sql(
    "SELECT method_id FROM method WHERE vault_id = :vault AND kind = 'block' AND state = 'removed'"
)
_REMOVE_BLOCKS = sql(
    "UPDATE method SET state = 'removed' WHERE vault_id = :vault AND kind = 'block'"
)
_CONFIRM = sql(
    "UPDATE method SET confirmed_at = :now WHERE vault_id = :vault AND method_id = :id"
    " AND state = 'active'"
)
_REMOVE = sql("UPDATE method SET state = 'removed' WHERE vault_id = :vault AND method_id = :id")
_DELETE = sql(
    "DELETE FROM method WHERE vault_id = :vault AND method_id = :id AND state = 'removed'"
)


@dataclass(frozen=True, slots=True)
class VaultCreated:
    """A new vault: the codes to write down, shown once, and a session to go on with."""

    recovery_code: str = field(repr=False)
    block_code: str = field(repr=False)
    session: SessionStarted


@dataclass(frozen=True, slots=True)
class MethodInfo:
    """One way to unlock a vault, as its owner calls it. Instants in Unix milliseconds."""

    id: bytes
    kind: str
    created_at: int
    confirmed_at: int | None
    label: str | None


@dataclass(frozen=True, slots=True)
class MethodAdded:
    """The new method's id, and for a new sheet its two codes: shown once."""

    id: bytes
    recovery_code: str | None = field(repr=False)
    block_code: str | None = field(repr=False)


def create_vault(
    system: System,
    by: caller.Stranger | caller.Operator,
    device: UnlockSecret,
    invite: Secret | None,
    label: str | None,
    now_ms: int,
) -> VaultCreated:
    """Makes a vault with a device secret, recovery and block code. Salts first, then all
    rows at once.

    Raises `Refused` without leave to make one, and `Conflict` for a device secret that is in use.
    """
    premises, admission = _admission(system, by, invite, now_ms)
    _check_free(system, device.secret)
    _check_label(label)
    recovery, block = _new_sheet()
    try:
        unlocked, writes = _new_vault(system, device, label, now_ms)
        for one in (recovery, block):
            writes += _new_method(system, unlocked, one, now_ms)
        session_writes, session = new_session(system, unlocked, now_ms)
        item = Item(
            draft(now_ms, "vault.create", OWNER),
            unlocked.context.audit_key,
            premises=premises,
            writes=(*admission, *writes, *session_writes),
        )
        system.sequencer.record(item)
    except PremiseFailed:
        raise _not_invited() from None
    except (IntegrityError, NotFound):  # also with the salt of a try that was never answered
        raise _in_use() from None
    return VaultCreated(_show(RECOVERY_CODE, recovery), _show(BLOCK_CODE, block), session)


def _admission(
    system: System, by: caller.Stranger | caller.Operator, invite: Secret | None, now_ms: int
) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Premise and write of the invitation that a new vault takes, where it takes one."""
    mode = system.settings.registration
    if mode == "open" or isinstance(by, caller.Operator):
        return (), ()
    if mode == "operator":
        raise Refused("New vaults are made at the counter only.", "registration_closed")
    if invite is None:
        raise Refused("A new vault needs an invitation here.", "invitation_needed")
    this = {"id": derive_id(invite, "invite"), "now": now_ms}
    with system.main.read() as connection:  # before anything is made for a stranger
        if connection.execute(_INVITE_IS_VALID, this).one_or_none() is None:
            raise _not_invited()
    return (Step(_INVITE_IS_VALID, this),), (Step(_USE_INVITE, this),)


def _new_vault(
    system: System, device: UnlockSecret, label: str | None, now_ms: int
) -> tuple[Unlocked, tuple[Step, ...]]:
    vault_id, secret, audit_key = random_bytes(ID_BYTES), Secret.random(), AuditKey.fresh()
    keys = MetadataKeys.of(Secret.random(), vault_id)
    owner = OwnerKeys.from_vault_secret(secret, vault_id, _EPOCH)
    public_key = owner.pair.public
    names = vault_salt(vault_id), audit_salt(audit_key.subject)
    salts = system.keystore.make_all(names, vault_id)
    context = VaultContext(vault_id, _EPOCH, 0, public_key, keys, audit_key)
    method = Method(vault_id, _EPOCH, method_id(device.secret), device.kind)
    unlocked = Unlocked(context, secret, owner, method, confirmed=False)
    vault_row = {
        "vault_id": vault_id,
        "epoch": _EPOCH,
        "version": 0,
        "state": "open",
        "public_key": public_key,
        "subject": audit_key.subject,
        "root_id": system.root.id,
        "metadata_box": box_metadata_key(system.root, keys, salts[names[0]]),
        "mac": vault_mac(keys, _EPOCH, public_key, audit_key.subject),
        "created_at": now_ms,
    }
    audit_row = {
        "subject": audit_key.subject,
        "root_id": system.root.id,
        "box": box_audit_key(system.root, audit_key, salts[names[1]]),
    }
    return unlocked, (
        *insertion("vault", [vault_row]),
        *insertion("audit_key", [audit_row]),
        *_new_method(system, unlocked, device, now_ms, label, confirmed=True),
    )


def _new_method(
    system: System,
    unlocked: Unlocked,
    unlock: UnlockSecret,
    now_ms: int,
    label: str | None = None,
    *,
    confirmed: bool = False,
) -> tuple[Step, ...]:
    context = unlocked.context
    method = Method(context.vault_id, context.epoch, method_id(unlock.secret), unlock.kind)
    salt = system.keystore.make(method_salt(method.id), context.vault_id)
    # Whoever has the block code alone gets nothing out of its box: there is nothing in it.
    held = Secret(NOTHING) if unlock.kind == BLOCK else unlocked.secret
    row = {
        "vault_id": context.vault_id,
        "method_id": method.id,
        "kind": unlock.kind,
        "state": "active",
        "epoch": context.epoch,
        "root_id": system.root.id,
        "box": method.box(system.root, unlock.secret, salt, held),
        "created_at": now_ms,
        "confirmed_at": now_ms if confirmed else None,
        "label": None if label is None else context.keys.box_label(method.id, label),
    }
    return *insertion("method", [row]), *route(method.id, context.vault_id, method.id)


def list_methods(system: System, opened: OpenVault) -> list[MethodInfo]:
    with system.main.read() as connection:
        rows = connection.execute(_LIST, {"vault": opened.context.vault_id}).all()
    open_label = opened.context.keys.open_label
    return [
        MethodInfo(id_, kind, made, confirmed, open_label(id_, label))
        for id_, kind, made, confirmed, label in rows
    ]


def recovery_confirmed(system: System, opened: OpenVault) -> bool:
    found = list_methods(system, opened)
    return any(m.kind == RECOVERY and m.confirmed_at is not None for m in found)


def confirm_recovery(system: System, owner: caller.Owner, code: str, now_ms: int) -> None:
    """The recovery code, typed back: proves that it was written down and that it opens this vault.

    Raises `CannotUnlock` for any other code. Doing it twice changes nothing.
    """
    opened = open_session(system, owner, now_ms)
    unlocked = open_with_secret(system, UnlockSecret.recovery(code))
    if unlocked.context.vault_id != opened.context.vault_id:
        raise Refused("This recovery code is for another vault.", "wrong_recovery_code")
    if unlocked.confirmed:
        return
    values = {"vault": opened.context.vault_id, "id": unlocked.method.id, "now": now_ms}
    event = draft(now_ms, "method.add", OWNER)
    confirming = Item(event, opened.context.audit_key, rights=(Step(_CONFIRM, values, "ended"),))
    if not system.sequencer.record(confirming).permitted:
        raise CannotUnlock


def add_method(
    system: System,
    unlock: UnlockSecret,
    new: UnlockSecret | None,
    label: str | None,
    now_ms: int,
) -> MethodAdded:
    """Adds a device, or with no `new` a fresh recovery code, which counts once typed back; a new
    block code comes with it, and the one before blocks nothing any more.

    Takes an unlock secret, not a session: what is boxed is the vault's own secret.
    """
    _check_label(label)
    recovery, block = _new_sheet()
    added = new or recovery
    _check_free(system, added.secret)

    def prepare() -> tuple[Item, bytes]:
        unlocked = open_with_secret(system, unlock)
        vault_id = unlocked.context.vault_id
        steps = _new_method(system, unlocked, added, now_ms, label, confirmed=new is not None)
        if new is None:
            steps = Step(_REMOVE_BLOCKS, {"vault": vault_id}), *steps
            steps += _new_method(system, unlocked, block, now_ms)
        return Item(
            draft(now_ms, "method.add", OWNER),
            unlocked.context.audit_key,
            premises=(unchanged(unlocked.context),),
            writes=(*steps, raise_version(vault_id)),
        ), vault_id

    try:
        _, vault_id = system.record(prepare)
    except (IntegrityError, NotFound):
        raise _in_use() from None
    if new is not None:
        return MethodAdded(method_id(added.secret), None, None)
    finish_blocks(system, vault_id)
    shown = _show(RECOVERY_CODE, recovery), _show(BLOCK_CODE, block)
    return MethodAdded(method_id(added.secret), *shown)


def remove_method(system: System, owner: caller.Owner, id_: bytes, now_ms: int) -> None:
    """Removes a way to unlock, for good: its salt goes, so no backup brings it back.

    Every other session ends with it: a lost phone's is among them. Raises `Refused` when fewer
    than two ways, or no confirmed recovery code, would be left.
    """

    def prepare() -> tuple[Item, bytes]:
        opened = open_session(system, owner, now_ms)
        check_fresh(system, opened, now_ms)
        _check_removable(list_methods(system, opened), id_)
        vault_id = opened.context.vault_id
        return Item(
            draft(now_ms, "method.remove", OWNER),
            opened.context.audit_key,
            premises=(unchanged(opened.context),),
            writes=(Step(_REMOVE, {"vault": vault_id, "id": id_}), raise_version(vault_id)),
        ), vault_id

    _, vault_id = system.record(prepare)
    finish_removal(system, vault_id, id_, session_id(owner.token))


def finish_removal(system: System, vault_id: bytes, id_: bytes, kept: bytes = b"") -> None:
    """Of a method that main shows as removed: ends all sessions but one, drops salt and rows."""
    end_other_sessions(system, vault_id, kept)
    _drop(system, vault_id, id_)


def finish_blocks(system: System, vault_id: bytes) -> None:
    """Drops the block codes that main shows as removed; sessions go on."""
    with system.main.read() as connection:
        removed = list(connection.execute(_BLOCKS, {"vault": vault_id}).scalars())
    for id_ in removed:
        _drop(system, vault_id, id_)


def _drop(system: System, vault_id: bytes, id_: bytes) -> None:
    system.keystore.drop([method_salt(id_)])
    with system.main.write() as connection:
        connection.execute(_DELETE, {"vault": vault_id, "id": id_})
        connection.execute(DELETE_ROUTE, {"id": id_})


def _check_removable(found: list[MethodInfo], id_: bytes) -> None:
    if all(method.id != id_ for method in found):
        raise NotFound("This vault has no such way to unlock it.")
    left = [m for m in found if m.id != id_ and m.confirmed_at is not None]
    if len(left) < 2 or all(m.kind != RECOVERY for m in left):
        raise Refused(
            "A vault keeps at least two ways to unlock it, one of them a confirmed recovery code. "
            "Add another first.",
            "last_method",
        )


def _not_invited() -> Refused:
    return Refused("This invitation is not valid, or not any more.", "invitation_invalid")


def _check_free(system: System, secret: Secret) -> None:
    with system.main.read() as connection:
        if connection.execute(_ROUTE, {"id": method_id(secret)}).one_or_none() is not None:
            raise _in_use()


def _in_use() -> Conflict:
    return Conflict("This device secret is in use. Make a new one.", "secret_in_use")


def _new_sheet() -> tuple[UnlockSecret, UnlockSecret]:
    """A fresh recovery code and block code."""
    recovery = UnlockSecret(RECOVERY, Secret.random(RECOVERY_SECRET_BYTES))
    return recovery, UnlockSecret(BLOCK, Secret.random(BLOCK_CODE.secret_bytes))


def _check_label(label: str | None) -> None:
    if label is not None and not (1 <= len(label) <= LABEL_CHARACTERS_MAX and label.isprintable()):
        raise BadInput(f"A name has 1 to {LABEL_CHARACTERS_MAX} characters.", "bad_label")


def _show(kind: CodeKind, code: UnlockSecret) -> str:
    return group_code(kind, encode_code(kind, code.secret))
