"""What the parts of the vault stand on, put together once by `Vault.open`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from catalogue.fields import Catalogue
from vault.anchor import AnchorWriter
from vault.clock import Clock
from vault.context import Opener
from vault.database import Database
from vault.errors import Conflict, LogUnavailable
from vault.keys import AuditKey
from vault.keystore import Keystore
from vault.limits import Limits
from vault.log import LogStore, Recorded
from vault.registry import Registry
from vault.rootkey import RootKey
from vault.sequencer import Item, PremiseFailed, Sequencer
from vault.settings import Settings

PREPARATIONS_MAX = 4
_MOVED = "Others changed this at the same time. Try again."
T = TypeVar("T")
L = TypeVar("L")


async def in_step() -> None:
    """Lets the other requests on this event loop come as far as this one.

    The processor's cache holds the code of a step, and not that of a whole read: one step for many
    requests is quicker than one request after the other (docs/decisions/0051).
    """
    await asyncio.sleep(0)


class Aside(Protocol):
    """Does in a thread what would hold up an event loop."""

    async def __call__(self, do: Callable[[], T], /) -> T: ...


@dataclass(slots=True)
class Witnesses:
    """Since when the newest checkpoints have lacked the witnesses that a policy wants (Unix ms).

    None: they have them, or there is no policy. Told by `operate/publishing.py`.
    """

    missing_since_ms: int | None = None


@dataclass(frozen=True, slots=True)
class System:
    """Databases, keys, clock, limits, and the sequencer through which all changes go."""

    settings: Settings
    clock: Clock
    main: Database
    keystore: Keystore
    root: RootKey
    opener: Opener
    catalogue: Catalogue
    registry: Registry
    log: LogStore
    sequencer: Sequencer
    anchor: AnchorWriter
    limits: Limits
    system_key: AuditKey
    witnesses: Witnesses = field(default_factory=Witnesses)

    def record(self, prepare: Callable[[], tuple[Item, T]]) -> tuple[Recorded, T]:
        """Records the item that `prepare` makes; returns what else it made beside the record.

        Prepares again when the state has moved on meanwhile. Raises `Conflict` when it kept
        moving, `LogUnavailable`, `TooMany` for an owner who did too much this hour, and whatever
        `prepare` finds wrong.
        """
        for _ in range(PREPARATIONS_MAX):
            item, made = prepare()
            if item.event.actor.kind == "owner":  # ends don't come this way: they never wait
                self.limits.spend("owner_acts_per_hour", item.key.subject, item.event.at)
            try:
                return self.sequencer.record(item), made
            except PremiseFailed:
                continue
        raise Conflict(_MOVED)

    async def record_soon(
        self, look: Callable[[], L], prepare: Callable[[L], tuple[Item, T]], aside: Aside
    ) -> tuple[Recorded, T]:
        """The same for an event loop, of items that are no owner's acts; `look` comes first."""
        for _ in range(PREPARATIONS_MAX):
            if self.main.is_sqlite:
                looked = look()
                await in_step()
                item, made = prepare(looked)
            else:
                item, made = await aside(lambda: prepare(look()))
            try:
                return await self.sequencer.record_soon(item), made
            except PremiseFailed:
                continue
        raise Conflict(_MOVED)

    def check_anchored(self) -> None:
        """No read leaves while the log's anchor, or its witnesses, can't follow."""
        if self.anchor.lag_seconds() > self.settings.anchor_lag_seconds_max:
            raise LogUnavailable
        if (most := self.settings.unwitnessed_seconds_max) and self.unwitnessed_seconds() > most:
            raise LogUnavailable

    def unwitnessed_seconds(self) -> float:
        """For how long published checkpoints have lacked their witnesses."""
        since = self.witnesses.missing_since_ms
        return 0 if since is None else (self.clock.now_ms() - since) / 1000
