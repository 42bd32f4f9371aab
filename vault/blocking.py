"""Blocking a vault by its block code, without login, for whoever finds that the phone is gone.

All devices are shut out, every session and open offer ends, with an alarm; grants in use stay. The
recovery code still opens. The code's row is a way to unlock whose box holds nothing: it proves
which vault the code is of, and opens none (docs/format.md, 5 Unlocking and sessions).
"""

from consent.decision import OFFERED
from vault.context import VaultContext
from vault.ending import end
from vault.errors import CannotUnlock, LogUnavailable
from vault.grants import grants_of
from vault.methods import finish_removal
from vault.recording import OWNER, draft, raise_version, unchanged
from vault.sequencer import Item, PremiseFailed
from vault.sessions import UnlockSecret, end_other_sessions, open_method, sessions_of
from vault.steps import Step, sql
from vault.system import System
from vault.unlocking import BLOCK

_DEVICES = sql("SELECT method_id FROM method WHERE vault_id = :vault AND kind = 'device'")
_REMOVE = sql("UPDATE method SET state = 'removed' WHERE vault_id = :vault AND kind = 'device'")
_USED = sql("UPDATE method SET confirmed_at = :now WHERE vault_id = :vault AND method_id = :id")


def block(system: System, code: UnlockSecret, now_ms: int) -> int:
    """Blocks the vault that a code is of; returns when (Unix ms), of what was blocked before then.

    Raises `CannotUnlock`. It counts with nobody's acts: a thief can't use them up before.
    """
    if code.kind != BLOCK:
        raise CannotUnlock
    ended = False
    while True:
        context, method, _, used = open_method(system, code)
        vault_id = context.vault_id
        # First of all: were we killed after the entry, nobody would end them before their time.
        # Once: who holds a session still and makes one offer after the other holds nothing up.
        if not ended and _end_offers(system, context, now_ms):
            ended = True
            continue  # the vault is another version of itself now
        with system.main.read() as connection:
            devices = list(connection.execute(_DEVICES, {"vault": vault_id}).scalars())
        if used is not None and not (devices or ended or sessions_of(system, vault_id, now_ms)):
            return used
        this = {"vault": vault_id, "id": method.id, "now": now_ms}
        item = Item(
            draft(now_ms, "vault.block", OWNER),
            context.audit_key,
            premises=(unchanged(context),),
            writes=(Step(_REMOVE, this), Step(_USED, this), raise_version(vault_id)),
            alarm=True,
        )
        try:
            system.sequencer.record(item)
        except PremiseFailed:
            continue
        end_other_sessions(system, vault_id, b"")
        for id_ in devices:
            finish_removal(system, vault_id, id_)
        _end_offers(system, context, now_ms)  # what a session made before it ended
        return now_ms


def _end_offers(system: System, context: VaultContext, now_ms: int) -> bool:
    """Whether there were any. Raises `LogUnavailable`: they open nothing then, all the same."""
    with system.main.read() as connection:
        offers = [g for g in grants_of(connection, context.vault_id) if g.state == OFFERED]
    for grant in offers:
        if not end(system, context.audit_key, grant, OWNER, "revoked", now_ms).recorded:
            raise LogUnavailable
    return bool(offers)
