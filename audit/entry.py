"""The two bodies of an entry of docs/audit.md, 2 Entries: `Event` and `Chain`.

The agency that acted may know the event, and not the chain.

Both are canonical JSON (RFC 8785). An absent key is left out, unknown keys are refused, arrays hold
no duplicates, and what decodes encodes to the same bytes: one entry has one spelling.
"""

from dataclasses import dataclass
from typing import Any

from audit.errors import MalformedEntry
from audit.reasons import REASONS
from audit.refs import Refs, check_refs, check_refs_form, decode_refs, encode_refs
from audit.shapes import (
    ID_BYTES,
    INSTANT_MAX,
    LEAF_DATA_BYTES,
    check_bytes,
    check_entry_id,
    check_fields,
    check_integer,
    check_listed,
    check_text,
    check_type,
    entry_id_text,
    instant_text,
    parse_entry_id,
    parse_instant,
)
from crypto.encoding import INTEGER_MAX, b64u, canonical_json, parse_json, unb64u
from crypto.errors import Malformed
from crypto.primitives import random_bytes

VERSION = 1
ACTIONS = (
    "vault.create",
    "vault.erase",
    "method.add",
    "method.remove",
    "vault.unlock",
    "value.put",
    "value.deposit",
    "offer.create",
    "grant.redeem",
    "grant.rekey",
    "grant.end",
    "data.read",
    "data.export",
    "log.read",
    "log.export",
    "log.continue",
    "registry.add",
    "registry.revoke",
    "key.rotate",
    "calls.limited",
)
OUTCOMES = ("permitted", "denied", "failed")
ACTOR_KINDS = ("owner", "agency", "source", "auditor", "operator", "system")
CLASSES = ("open", "deferred")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted. `id` is the registered id; the owner and the system have none that is shown."""

    kind: str
    id: str | None = None

    def __post_init__(self) -> None:
        check_listed("actor kind", self.kind, ACTOR_KINDS)
        if self.id is not None:
            check_text("actor id", self.id)


@dataclass(frozen=True, slots=True)
class Officer:
    """The person behind an agency's call, and who says so."""

    id: str
    stated_by: str

    def __post_init__(self) -> None:
        check_text("officer id", self.id)
        check_text("officer stated_by", self.stated_by)


@dataclass(frozen=True, slots=True)
class Event:
    """What was done, by whom, on which ground. Names of fields, never a value.

    `id` is a UUIDv7 (16 bytes), `at` Unix milliseconds. `fields_unknown` counts the requested names
    that are not in the catalogue: a stranger's words are never kept.
    """

    id: bytes
    at: int
    action: str
    outcome: str
    actor: Actor
    reason: str | None = None
    officer: Officer | None = None
    on_behalf_of: str | None = None
    intended_use: str | None = None
    legal_basis: str | None = None
    grant: bytes | None = None
    fields_requested: tuple[str, ...] | None = None
    fields_given: tuple[str, ...] | None = None
    fields_unknown: int | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        check_entry_id(self.id)
        check_integer("at", self.at, 0, INSTANT_MAX)
        check_listed("action", self.action, ACTIONS)
        check_listed("outcome", self.outcome, OUTCOMES)
        check_type("actor", self.actor, Actor)
        if self.reason is not None:
            check_listed("reason", self.reason, REASONS)
        if self.officer is not None:
            check_type("officer", self.officer, Officer)
        for name in ("on_behalf_of", "intended_use", "legal_basis"):
            if (text := getattr(self, name)) is not None:
                check_text(name, text)
        if self.grant is not None:
            check_bytes("grant", self.grant, ID_BYTES)
        for name in ("fields_requested", "fields_given"):
            if (fields := getattr(self, name)) is not None:
                check_fields(name, fields)
        for name in ("fields_unknown", "count"):
            if (number := getattr(self, name)) is not None:
                check_integer(name, number, 0, INTEGER_MAX)


@dataclass(frozen=True, slots=True)
class Chain:
    """Whose entry it is and which one of theirs, gapless from 1 per subject and class.

    `subject_prev` is the leaf_data of the one before. `visible_after` (Unix ms) stands in entries
    of the deferred class and in no other.
    """

    subject: bytes
    class_: str
    subject_seq: int
    subject_prev: bytes | None = None
    visible_after: int | None = None
    alarm: bool = False
    refs: Refs | None = None

    def __post_init__(self) -> None:
        check_bytes("subject", self.subject, ID_BYTES)
        check_listed("class", self.class_, CLASSES)
        check_integer("subject_seq", self.subject_seq, 1, INTEGER_MAX)
        if (self.subject_prev is None) != (self.subject_seq == 1):
            raise MalformedEntry("subject_prev")
        if self.subject_prev is not None:
            check_bytes("subject_prev", self.subject_prev, LEAF_DATA_BYTES)
        if (self.visible_after is None) != (self.class_ == "open"):
            raise MalformedEntry("visible_after")
        if self.visible_after is not None:
            check_integer("visible_after", self.visible_after, 0, INSTANT_MAX)
        check_type("alarm", self.alarm, bool)
        if self.refs is not None:
            check_refs_form(self.refs)


def encode_event(event: Event) -> bytes:
    """The canonical bytes of an event, the ones that are hashed."""
    actor, officer = event.actor, event.officer
    return _encode(
        {
            "v": VERSION,
            "id": entry_id_text(event.id),
            "at": instant_text(event.at),
            "action": event.action,
            "outcome": event.outcome,
            "actor": {"kind": actor.kind} | ({} if actor.id is None else {"id": actor.id}),
            "reason": event.reason,
            "officer": officer and {"id": officer.id, "stated_by": officer.stated_by},
            "on_behalf_of": event.on_behalf_of,
            "intended_use": event.intended_use,
            "legal_basis": event.legal_basis,
            "grant": event.grant and b64u(event.grant),
            "fields_requested": event.fields_requested,
            "fields_given": event.fields_given,
            "fields_unknown": event.fields_unknown,
            "count": event.count,
        }
    )


def decode_event(raw: bytes) -> Event:
    """The event of its canonical bytes. Raises `MalformedEntry` for any other spelling."""
    found = _decode(raw)
    actor = _members(found.get("actor"))
    if type(found.get("v")) is not int or found["v"] != VERSION:
        raise MalformedEntry("version")
    grant = found.get("grant")
    event = Event(
        id=parse_entry_id(found.get("id")),
        at=parse_instant(found.get("at")),
        action=found.get("action", ""),
        outcome=found.get("outcome", ""),
        actor=Actor(actor.get("kind", ""), actor.get("id")),
        reason=found.get("reason"),
        officer=_decode_officer(found.get("officer")),
        on_behalf_of=found.get("on_behalf_of"),
        intended_use=found.get("intended_use"),
        legal_basis=found.get("legal_basis"),
        grant=None if grant is None else _bytes("grant", grant),
        fields_requested=_tuple(found.get("fields_requested")),
        fields_given=_tuple(found.get("fields_given")),
        fields_unknown=found.get("fields_unknown"),
        count=found.get("count"),
    )
    # Here unknown keys are refused, null for absent, and whatever else has two spellings.
    if encode_event(event) != raw:
        raise MalformedEntry("event")
    return event


def encode_chain(chain: Chain) -> bytes:
    """The canonical bytes of a chain, the ones that are hashed."""
    until = chain.visible_after
    return _encode(
        {
            "subject": b64u(chain.subject),
            "class": chain.class_,
            "subject_seq": chain.subject_seq,
            "subject_prev": chain.subject_prev and b64u(chain.subject_prev),
            "visible_after": None if until is None else instant_text(until),
            "alarm": True if chain.alarm else None,
            "refs": None if chain.refs is None else encode_refs(chain.refs),
        }
    )


def decode_chain(raw: bytes) -> Chain:
    """The chain of its canonical bytes. Raises `MalformedEntry` for any other spelling.

    Which refs an action may have is `check_pair`'s to say: a chain does not name its action.
    """
    found = _decode(raw)
    prev, until, refs = (found.get(key) for key in ("subject_prev", "visible_after", "refs"))
    chain = Chain(
        subject=_bytes("subject", found.get("subject")),
        class_=found.get("class", ""),
        subject_seq=found.get("subject_seq", 0),
        subject_prev=None if prev is None else _bytes("subject_prev", prev),
        visible_after=None if until is None else parse_instant(until),
        alarm=found.get("alarm", False),
        refs=None if refs is None else decode_refs(refs),
    )
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
    check_integer("at", now_ms, 0, INSTANT_MAX)
    noise = random_bytes(10)
    high = bytes([0x70 | noise[0] & 0x0F, noise[1], 0x80 | noise[2] & 0x3F])
    return now_ms.to_bytes(6, "big") + high + noise[3:]


def _encode(members: dict[str, Any]) -> bytes:
    try:
        return canonical_json({key: value for key, value in members.items() if value is not None})
    except Malformed:
        raise MalformedEntry("json") from None


def _decode(raw: bytes) -> dict[str, Any]:
    try:
        return _members(parse_json(raw))
    except Malformed:
        raise MalformedEntry("json") from None


def _members(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedEntry("json")
    return value


def _decode_officer(value: Any) -> Officer | None:
    if value is None:
        return None
    members = _members(value)
    return Officer(members.get("id", ""), members.get("stated_by", ""))


def _bytes(name: str, text: Any) -> bytes:
    try:
        return unb64u(text)
    except (Malformed, TypeError):
        raise MalformedEntry(name) from None


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
