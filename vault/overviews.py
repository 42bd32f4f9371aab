"""The owner's overviews: what is in the vault, who may read it."""

from dataclasses import dataclass

from consent.terms import Terms
from vault import caller
from vault.grants import grants_of, sound_grants
from vault.methods import MethodInfo, list_methods
from vault.sessions import open_session, sessions_of
from vault.system import System

_SHOWN = ("grant_id", "state", "created_at", "offer_ends", "not_after", "reads_used")


@dataclass(frozen=True, slots=True)
class Overview:
    """A vault as its owner sees it first. Instants in Unix milliseconds."""

    vault_id: bytes
    unlocked_at: int
    session_expires_at: int
    methods: tuple[MethodInfo, ...]
    sessions: tuple["SessionInfo", ...]


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """An unlocked session of the vault; `current`: the one that asks."""

    id: bytes
    unlocked_at: int
    expires_at: int
    current: bool


@dataclass(frozen=True, slots=True)
class GrantInfo:
    """An offer or grant as its owner sees it."""

    grant_id: bytes
    terms: Terms
    state: str
    created_at: int
    offer_ends: int
    not_after: int
    reads_used: int


def overview(system: System, owner: caller.Owner, now_ms: int) -> Overview:
    """Methods and session of the owner's vault; opens no value."""
    opened = open_session(system, owner, now_ms)
    live = sessions_of(system, opened.context.vault_id, now_ms)
    return Overview(
        vault_id=opened.context.vault_id,
        unlocked_at=opened.session.unlocked_at,
        session_expires_at=opened.session.expires_at,
        methods=tuple(list_methods(system, opened)),
        sessions=tuple(
            SessionInfo(id_, at, ends, id_ == opened.session.id) for id_, at, ends in live
        ),
    )


def list_grants(system: System, owner: caller.Owner, now_ms: int) -> list[GrantInfo]:
    """The grants whose rows pass their mac, newest first."""
    opened = open_session(system, owner, now_ms)
    with system.main.read() as connection:
        found = grants_of(connection, opened.context.vault_id)
    return [
        GrantInfo(terms=terms, **{name: getattr(grant, name) for name in _SHOWN})
        for grant, terms in sound_grants(reversed(found), opened.context.keys)
    ]
