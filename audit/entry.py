"""The two bodies of an entry of docs/audit.md, 2 Entries: `Event` and `Chain`.

The agency that acted may know the event, and not the chain.

Both are canonical JSON (RFC 8785). An absent key is left out, unknown keys are refused, arrays hold
no duplicates, and what decodes encodes to the same bytes: one entry has one spelling.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from audit.errors import MalformedEntry
from audit.reasons import REASONS
from audit.record import Record, record
from audit.refs import REFS, Refs, check_refs
from audit.shapes import ENTRY_ID, FIELDS, FLAG, ID, INSTANT, LEAF_DATA, TEXT, integer, listed
from crypto.encoding import INTEGER_MAX, canonical_json, parse_json
from crypto.errors import Malformed
from crypto.primitives import random_bytes

VERSION = 1
ACTIONS = (
    "vault.create", "vault.erase", "method.add", "method.remove", "vault.unlock", "value.put",
    "value.deposit", "offer.create", "grant.redeem", "grant.rekey", "grant.end", "data.read",
    "data.export", "log.read", "log.export", "log.continue", "registry.add", "registry.revoke",
    "key.rotate", "calls.limited", "vault.export", "vault.block",
)  # fmt: skip
OUTCOMES = ("permitted", "denied", "failed")
ACTOR_KINDS = ("owner", "agency", "source", "auditor", "operator", "system")
CLASSES = ("open", "deferred")


@dataclass(frozen=True, slots=True)
class Actor(Record):
    """Who acted. `id` is the registered id; the owner and the system have none that is shown."""

    called: ClassVar[str] = "actor "
    kind: Annotated[str, listed(ACTOR_KINDS)]
    id: Annotated[str | None, TEXT] = None


@dataclass(frozen=True, slots=True)
class Officer(Record):
    """The person behind an agency's call, and who says so."""

    called: ClassVar[str] = "officer "
    id: Annotated[str, TEXT]
    stated_by: Annotated[str, TEXT]


@dataclass(frozen=True, slots=True)
class Event(Record):
    """What was done, by whom, on which ground. Names of fields, never a value.

    `id` is a UUIDv7 (16 bytes), `at` Unix milliseconds. `fields_unknown` counts the requested names
    that are not in the catalogue: a stranger's words are never kept.
    """

    id: Annotated[bytes, ENTRY_ID]
    at: Annotated[int, INSTANT]
    action: Annotated[str, listed(ACTIONS)]
    outcome: Annotated[str, listed(OUTCOMES)]
    actor: Annotated[Actor, record(Actor)]
    reason: Annotated[str | None, listed(REASONS)] = None
    officer: Annotated[Officer | None, record(Officer)] = None
    on_behalf_of: Annotated[str | None, TEXT] = None
    intended_use: Annotated[str | None, TEXT] = None
    legal_basis: Annotated[str | None, TEXT] = None
    grant: Annotated[bytes | None, ID] = None
    fields_requested: Annotated[tuple[str, ...] | None, FIELDS] = None
    fields_given: Annotated[tuple[str, ...] | None, FIELDS] = None
    fields_unknown: Annotated[int | None, integer(0, INTEGER_MAX)] = None
    count: Annotated[int | None, integer(0, INTEGER_MAX)] = None


@dataclass(frozen=True, slots=True)
class Chain(Record):
    """Whose entry it is and which one of theirs, gapless from 1 per subject and class.

    `subject_prev` is the leaf_data of the one before. `visible_after` (Unix ms) stands in entries
    of the deferred class and in no other.
    """

    subject: Annotated[bytes, ID]
    class_: Annotated[str, listed(CLASSES)]
    subject_seq: Annotated[int, integer(1, INTEGER_MAX)]
    subject_prev: Annotated[bytes | None, LEAF_DATA] = None
    visible_after: Annotated[int | None, INSTANT] = None
    alarm: Annotated[bool, FLAG] = False
    refs: Annotated[Refs | None, REFS] = None

    def __post_init__(self) -> None:
        Record.__post_init__(self)
        if (self.subject_prev is None) != (self.subject_seq == 1):
            raise MalformedEntry("subject_prev")
        if (self.visible_after is None) != (self.class_ == "open"):
            raise MalformedEntry("visible_after")


def encode_event(event: Event) -> bytes:
    """The canonical bytes of an event, the ones that are hashed."""
    return _encode({"v": VERSION} | event.members())


def decode_event(raw: bytes) -> Event:
    """The event of its canonical bytes. Raises `MalformedEntry` for any other spelling."""
    found = _decode(raw)
    if isinstance(found, dict) and found.get("v") != VERSION:
        raise MalformedEntry("version")
    event = Event.of(found)
    # Here unknown keys are refused, null for absent, and whatever else has two spellings.
    if encode_event(event) != raw:
        raise MalformedEntry("event")
    return event


def encode_chain(chain: Chain) -> bytes:
    """The canonical bytes of a chain, the ones that are hashed."""
    return _encode(chain.members())


def decode_chain(raw: bytes) -> Chain:
    """The chain of its canonical bytes. Raises `MalformedEntry` for any other spelling.

    Which refs an action may have is `check_pair`'s to say: a chain does not name its action.
    """
    chain = Chain.of(_decode(raw))
    if encode_chain(chain) != raw:
        raise MalformedEntry("chain")
    return chain


def check_pair(event: Event, chain: Chain) -> None:
    """Event and chain of one entry fit: refs as the action has them, one per field given."""
    check_refs(event.action, chain.refs)
    per_field = event.action in {"data.read", "value.put", "value.deposit"}
    if per_field and chain.refs is not None and len(chain.refs) != len(event.fields_given or ()):
        raise MalformedEntry("refs")


def new_entry_id(now_ms: int) -> bytes:
    """A UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, 74 random bits."""
    INSTANT.check("at", now_ms)
    noise = random_bytes(10)
    high = bytes([0x70 | noise[0] & 0x0F, noise[1], 0x80 | noise[2] & 0x3F])
    return now_ms.to_bytes(6, "big") + high + noise[3:]


def _encode(members: dict[str, Any]) -> bytes:
    try:
        return canonical_json(members)
    except Malformed:
        raise MalformedEntry("json") from None


def _decode(raw: bytes) -> Any:
    try:
        return parse_json(raw)
    except Malformed:
        raise MalformedEntry("json") from None
