"""The owner's own export: a link that lives a quarter of an hour and works once, and its entry.

The link is stored nowhere: it is a box under a key of the session that made it, with its end in it.
"""

from crypto.box import box, kdf, open_box
from crypto.encoding import b64u, canonical_json, pae, parse_canonical
from crypto.errors import CannotOpen
from crypto.primitives import random_bytes, sha256
from vault import caller
from vault.errors import NotFound, Replayed
from vault.recording import OWNER, burn, draft, is_burnt
from vault.sequencer import Item
from vault.sessions import check_fresh, open_session
from vault.steps import Step
from vault.system import System

LINK_SECONDS = 900
_PLACE = pae("export-link")


def export_link(system: System, owner: caller.Owner, now_ms: int) -> bytes:
    """The id of a link to one export, for this session alone. Takes a fresh unlock."""
    check_fresh(system, open_session(system, owner, now_ms), now_ms)
    held = [b64u(random_bytes(16)), now_ms + LINK_SECONDS * 1000]
    return box(kdf(owner.token, "export-link"), _PLACE, canonical_json(held))


def check_link(system: System, owner: caller.Owner, link_id: bytes, now_ms: int) -> None:
    """Before anything is gathered: raises as `record_export` does, and spends nothing.

    A second use is an entry, as it is there.
    """
    open_session(system, owner, now_ms)
    with system.main.read() as connection:
        is_used = is_burnt(connection, _once(system, owner, link_id, now_ms))
    if is_used:
        record_export(system, owner, link_id, now_ms)


def record_export(system: System, owner: caller.Owner, link_id: bytes, now_ms: int) -> None:
    """Records the export that a link stands for, once, before anything of it leaves.

    Raises `NotFound` for a link that is another session's or over, and `Replayed`.
    """

    def prepare() -> tuple[Item, None]:
        opened = open_session(system, owner, now_ms)
        event = draft(now_ms, "vault.export", OWNER)
        rights = (_once(system, owner, link_id, now_ms),)
        return Item(event, opened.context.audit_key, rights=rights), None

    if not system.record(prepare)[0].permitted:
        raise Replayed("replayed")


def _once(system: System, owner: caller.Owner, link_id: bytes, now_ms: int) -> Step:
    """Right: this session made the link, it is not over, and nobody used it."""
    try:
        _, ends = parse_canonical(open_box(kdf(owner.token, "export-link"), _PLACE, link_id))
    except CannotOpen:
        ends = 0
    if now_ms >= ends:
        raise NotFound("This link is over. Make a new one.", "link_ended")
    return burn(system.system_key, "export-link", b64u(sha256(link_id)), ends, "replayed")
