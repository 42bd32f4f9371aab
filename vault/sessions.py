"""Unlocking and sessions: from a secret in the citizen's hand to the keys of one request."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from crypto.code import BLOCK as BLOCK_CODE
from crypto.code import RECOVERY as RECOVERY_CODE
from crypto.code import CodeKind, decode_code
from crypto.encoding import unb64u
from crypto.errors import CannotOpen, Malformed
from crypto.primitives import constant_time_equal
from crypto.secret import Secret
from vault import caller
from vault.context import VaultContext, context_salts
from vault.database import Row
from vault.errors import CannotUnlock, Damaged, NotFound, Refused, SessionEnded
from vault.keys import AuditKey, OwnerKeys, method_salt, session_salt
from vault.recording import OWNER, draft
from vault.sequencer import Item
from vault.steps import Step, insertion, sql
from vault.system import System
from vault.unlocking import (
    BLOCK,
    DEVICE,
    DEVICE_SECRET_BYTES,
    RECOVERY,
    Method,
    Session,
    method_id,
    session_id,
    session_token,
)

_BY_SESSION = sql(
    """SELECT s.*, {vault_columns} FROM route r JOIN session s USING (vault_id) {join_vault}
    WHERE r.id = :id AND s.session_id = r.id"""
)
_BY_METHOD = sql(
    """SELECT m.*, {vault_columns} FROM route r JOIN method m USING (vault_id) {join_vault}
    WHERE r.id = :id AND m.method_id = r.id AND m.state = 'active'"""
)
_METHOD_IS_THERE = sql(
    "SELECT 1 FROM method WHERE vault_id = :vault AND method_id = :id AND state = 'active'"
)
_SESSIONS = sql("SELECT session_id FROM session WHERE vault_id = :vault")
_LIST = sql(
    """SELECT session_id, unlocked_at, expires_at FROM session
    WHERE vault_id = :vault AND expires_at > :now ORDER BY unlocked_at"""
)
_DELETE_SESSION = sql("DELETE FROM session WHERE vault_id = :vault AND session_id = :id")
DELETE_ROUTE = sql("DELETE FROM route WHERE id = :id")


@dataclass(frozen=True, slots=True)
class UnlockSecret:
    """A secret that a person holds, with the kind of method it belongs to."""

    kind: str
    secret: Secret

    @classmethod
    def device(cls, text: str) -> "UnlockSecret":
        """32 random bytes from the phone's key store, in base64url; else `CannotUnlock`."""
        try:
            return cls(DEVICE, Secret(unb64u(text, DEVICE_SECRET_BYTES)))
        except Malformed:
            raise CannotUnlock from None

    @classmethod
    def recovery(cls, code: str) -> "UnlockSecret":
        """A recovery code as typed. A typing mistake is found here, before any look-up."""
        return cls(RECOVERY, _typed(RECOVERY_CODE, code, BLOCK_CODE, "This is the block code."))

    @classmethod
    def block(cls, code: str) -> "UnlockSecret":
        """A block code as typed: it unlocks nothing."""
        return cls(BLOCK, _typed(BLOCK_CODE, code, RECOVERY_CODE, "This is the recovery code."))


def _typed(kind: CodeKind, code: str, other: CodeKind, what: str) -> Secret:
    try:
        return decode_code(kind, code)
    except Malformed:
        with suppress(Malformed):  # the sheet has two codes: whoever took the other one is told
            decode_code(other, code)
            raise CannotUnlock(what, "other_code") from None
    raise CannotUnlock


@dataclass(frozen=True, slots=True)
class Unlocked:
    """A vault opened by an unlock secret: its own secret is at hand, for this call only."""

    context: VaultContext
    secret: Secret
    keys: OwnerKeys
    method: Method
    confirmed: bool


@dataclass(frozen=True, slots=True)
class OpenVault:
    """A vault opened by a session: what one owner request works with."""

    context: VaultContext
    keys: OwnerKeys
    session: Session
    log_read_at: int

    def unlock_age_seconds(self, now_ms: int) -> int:
        return max(0, now_ms - self.session.unlocked_at) // 1000


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """What the citizen's device keeps: the token, shown once. Instants in Unix milliseconds."""

    vault_id: bytes
    token: str = field(repr=False)
    expires_at: int
    recovery_confirmed: bool


def open_session(system: System, owner: caller.Owner, now_ms: int) -> OpenVault:
    """Opens the vault behind a session token; raises `SessionEnded` where there is none."""
    sid = session_id(owner.token)
    with system.main.read() as connection:
        row = connection.execute(_BY_SESSION, {"id": sid}).one_or_none()
    if row is None or now_ms >= row.expires_at:
        raise SessionEnded
    salts = system.keystore.get([session_salt(sid), *context_salts(row)])
    salt = salts.get(session_salt(sid))
    if salt is None or row.epoch != row.vault_epoch:
        raise SessionEnded
    try:
        context = system.opener.open(row, salts)
    except NotFound:
        raise SessionEnded from None
    session = Session(sid, context.vault_id, context.epoch, row.unlocked_at, row.expires_at)
    keys = session.open(owner.token, salt, row.box)
    return OpenVault(context, keys, session, row.log_read_at)


def check_fresh(system: System, opened: OpenVault, now_ms: int) -> None:
    """Weighty decisions follow a recent unlock, by rule; raises `Refused`."""
    if opened.unlock_age_seconds(now_ms) > system.settings.fresh_unlock_seconds:
        raise Refused("Unlock the vault again first.", "unlock_too_old")


def open_with_secret(system: System, unlock: UnlockSecret) -> Unlocked:
    """Opens a vault by device secret or recovery code; raises `CannotUnlock`.

    Raises `Damaged` when the owner key in the database is not the one this secret derives.
    """
    if unlock.kind not in {DEVICE, RECOVERY}:
        raise CannotUnlock
    context, method, secret, confirmed_at = open_method(system, unlock)
    keys = OwnerKeys.from_vault_secret(secret, context.vault_id, context.epoch)
    if not constant_time_equal(keys.pair.public, context.public_key):
        raise Damaged("owner key", context.audit_key)
    return Unlocked(context, secret, keys, method, confirmed_at is not None)


def open_method(
    system: System, unlock: UnlockSecret
) -> tuple[VaultContext, Method, Secret, int | None]:
    """The row of a secret, opened: what its box holds, and when it was confirmed."""
    mid = method_id(unlock.secret)
    with system.main.read() as connection:
        row = connection.execute(_BY_METHOD, {"id": mid}).one_or_none()
    if row is None or row.kind != unlock.kind or row.epoch != row.vault_epoch:
        raise CannotUnlock
    salts = system.keystore.get([method_salt(mid), *context_salts(row)])
    method = Method(row.vault_id, row.epoch, mid, row.kind)
    try:
        context = system.opener.open(row, salts)
        root = system.root.at(row.root_id)
        secret = method.open(root, unlock.secret, salts[method_salt(mid)], row.box)
    except (CannotOpen, NotFound, KeyError):
        raise CannotUnlock from None
    return context, method, secret, row.confirmed_at


def start_session(system: System, unlock: UnlockSecret, now_ms: int) -> SessionStarted:
    """Unlocks, and keeps the vault readable for the life of a session token.

    A vault that somebody changed stays shut, with an alarm in its log: `Damaged`.
    """

    def prepare() -> tuple[Item, SessionStarted]:
        unlocked = open_with_secret(system, unlock)
        writes, started = new_session(system, unlocked, now_ms)
        this = {"vault": unlocked.method.vault_id, "id": unlocked.method.id}
        still = (Step(_METHOD_IS_THERE, this),)
        event = draft(now_ms, "vault.unlock", OWNER)
        return Item(event, unlocked.context.audit_key, premises=still, writes=writes), started

    try:
        return system.record(prepare)[1]
    except NotFound:  # an erasure was quicker
        raise CannotUnlock from None
    except Damaged as damaged:
        if isinstance(damaged.audit_key, AuditKey):
            event = draft(now_ms, "vault.unlock", OWNER, outcome="failed", reason="damaged")
            system.sequencer.record(Item(event, damaged.audit_key, alarm=True))
        raise


def new_session(
    system: System, unlocked: Unlocked, now_ms: int
) -> tuple[tuple[Step, ...], SessionStarted]:
    """A fresh session of an unlocked vault: its salt is made, its rows are steps to write."""
    token = Secret.random()
    vault_id = unlocked.context.vault_id
    expires_at = now_ms + system.settings.session_ttl_seconds * 1000
    session = Session(session_id(token), vault_id, unlocked.context.epoch, now_ms, expires_at)
    salt = system.keystore.make(session_salt(session.id), vault_id, expires_at)
    row = {
        "vault_id": vault_id,
        "session_id": session.id,
        "epoch": session.epoch,
        "unlocked_at": now_ms,
        "expires_at": expires_at,
        "box": session.box(token, salt, unlocked.keys),
        "log_read_at": 0,
    }
    writes = *insertion("session", [row]), *route(session.id, vault_id, session.id)
    return writes, SessionStarted(vault_id, session_token(token), expires_at, unlocked.confirmed)


def route(id_: bytes, vault_id: bytes, target: bytes) -> tuple[Step, ...]:
    """The routing row that leads from an id to its vault."""
    return insertion("route", [{"id": id_, "vault_id": vault_id, "target": target}])


def sessions_of(system: System, vault_id: bytes, now_ms: int) -> Sequence[Row]:
    """The sessions of a vault that are not over: session_id, unlocked_at, expires_at."""
    with system.main.read() as connection:
        return connection.execute(_LIST, {"vault": vault_id, "now": now_ms}).all()


def end_session(system: System, owner: caller.Owner, id_: bytes | None, now_ms: int) -> None:
    """Ends a session of the owner's vault, by default the one at hand; `NotFound` for another's.

    The salt goes first, so that the row is dead whatever happens next.
    """
    opened = open_session(system, owner, now_ms)
    wanted = opened.session.id if id_ is None else id_
    vault_id = opened.context.vault_id
    if all(row.session_id != wanted for row in sessions_of(system, vault_id, now_ms)):
        raise NotFound("This vault has no such session.")
    _end_sessions(system, vault_id, [wanted])


def end_other_sessions(system: System, vault_id: bytes, kept: bytes) -> None:
    """Logs every session of a vault out but one."""
    with system.main.read() as connection:
        found = list(connection.execute(_SESSIONS, {"vault": vault_id}).scalars())
    _end_sessions(system, vault_id, [sid for sid in found if sid != kept])


def _end_sessions(system: System, vault_id: bytes, ids: Sequence[bytes]) -> None:
    system.keystore.drop(map(session_salt, ids))
    with system.main.write() as connection:
        for id_ in ids:
            connection.execute(_DELETE_SESSION, {"vault": vault_id, "id": id_})
            connection.execute(DELETE_ROUTE, {"id": id_})
