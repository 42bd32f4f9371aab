"""Registering and revoking agencies and auditors; invitations: the operator's, an entry each."""

from collections.abc import Mapping

from audit.entry import Event
from catalogue.registration import auditor_from_document, parse_registration
from crypto.box import derive_id
from crypto.code import RECOVERY as CODE
from crypto.code import decode_code, encode_code, group_code
from crypto.errors import Malformed
from crypto.primitives import sha256
from crypto.secret import Secret
from vault.errors import Conflict, NotFound, Refused
from vault.recording import OPERATOR, draft, registry_is
from vault.registry import ACTIVE, Registrant, Snapshot
from vault.sequencer import Item
from vault.steps import sql
from vault.system import System

_INVITE = sql("INSERT INTO invite (id, expires_at) VALUES (:id, :expires_at)")


def register_agency(system: System, document: Mapping[str, object], now_ms: int) -> str:
    """Registers an agency with its intended uses, or adds uses to it; returns its id.

    What is registered already stays as it is: uses are revoked and replaced, never edited. Raises
    `catalogue.errors.BadRegistration`, and `Conflict` for a changed or revoked row or nothing new.
    """
    registration = parse_registration(document, system.catalogue.keys())
    _register(system, system.registry.rows_of(registration), now_ms)
    return registration.agency.id


def register_auditor(system: System, document: Mapping[str, object], now_ms: int) -> str:
    """Registers an auditor; returns its id. Raises as `register_agency` does."""
    auditor = auditor_from_document(document)
    _register(system, [system.registry.row_of(auditor)], now_ms)
    return auditor.id


def _register(system: System, wanted: list[Registrant], now_ms: int) -> None:
    def prepare() -> tuple[Item, None]:
        registry = system.registry.current()
        rows = _new_rows(registry, wanted)
        event = draft(now_ms, "registry.add", OPERATOR, count=len(rows))
        return adding(system, registry, rows, event), None

    system.record(prepare)


def adding(system: System, registry: Snapshot, rows: list[Registrant], event: Event) -> Item:
    """The item that adds rows to the registry as it was looked at."""
    return Item(
        event,
        system.system_key,
        premises=(registry_is(registry.version),),
        writes=(*system.registry.additions(rows, event.at), system.registry.raise_version()),
        refs=tuple(sha256(row.mac) for row in rows),
    )


def _new_rows(registry: Snapshot, wanted: list[Registrant]) -> list[Registrant]:
    """The rows that are not registered yet; those that are must be the same and not revoked."""
    known = {(row.kind, row.id, row.parent): row for row in registry.rows}
    for row in wanted:
        found = known.get((row.kind, row.id, row.parent), row)
        if (found.document, found.state) != (row.document, row.state):
            raise Conflict(
                f"The {row.kind} {row.id} is registered differently, or was revoked. What is "
                "registered is never edited: revoke it and register a new one under a new id.",
                "already_registered",
            )
    new = [row for row in wanted if (row.kind, row.id, row.parent) not in known]
    if not new:
        raise Conflict("All of this is registered already.", "already_registered")
    return new


def revoke(system: System, client: str, use: str | None, now_ms: int, kind: str = "agency") -> int:
    """Revokes an agency with all its uses, or one use, an auditor, or (as `use`) an officer of a
    party. Returns the number of rows revoked.

    Officers of a revoked party keep their rows, which give nothing without it.
    """

    def prepare() -> tuple[Item, int]:
        registry = system.registry.current()
        rows = _chosen(registry, kind, client, use)
        if not rows:
            raise NotFound(f"No such {kind} or use is registered, or it was revoked before.")
        macs, steps = system.registry.revocations(rows)
        return Item(
            draft(now_ms, "registry.revoke", OPERATOR, count=len(rows)),
            system.system_key,
            premises=(registry_is(registry.version),),
            writes=(*steps, system.registry.raise_version()),
            refs=tuple(sha256(new) for new in macs),
        ), len(rows)

    return system.record(prepare)[1]


def _chosen(registry: Snapshot, kind: str, client: str, use: str | None) -> list[Registrant]:
    active = [row for row in registry.rows if row.state == ACTIVE]
    if use is not None:
        part = "use" if kind == "agency" else kind
        return [r for r in active if (r.kind, r.parent, r.id) == (part, client, use)]
    uses_of = client if kind == "agency" else None
    return [
        r
        for r in active
        if (r.kind, r.id) == (kind, client) or (r.kind, r.parent) == ("use", uses_of)
    ]


def invite(system: System, lives_seconds: int, now_ms: int) -> str:
    """A code that lets its bearer make one vault. Stored is only what finds it again."""
    secret = Secret.random(CODE.secret_bytes)
    row = {"id": derive_id(secret, "invite"), "expires_at": now_ms + lives_seconds * 1000}
    with system.main.write() as connection:
        connection.execute(_INVITE, row)
    return group_code(CODE, encode_code(CODE, secret))


def parse_invite(code: str | None) -> Secret | None:
    """The secret of an invitation as typed, if there is one; `Refused` for a typing mistake."""
    if code is None:
        return None
    try:
        return decode_code(CODE, code)
    except Malformed:
        raise Refused("This invitation has a typing mistake.", "invitation_invalid") from None
