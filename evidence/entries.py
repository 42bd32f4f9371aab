"""An entry of the log as an export holds it: a leaf with its opening, or without and why."""

from dataclasses import dataclass
from functools import cached_property

from audit.entry import Chain, Event, decode_chain, decode_event
from audit.errors import MalformedEntry
from audit.leaf import Opening
from crypto.encoding import b64u, canonical_json, parse_canonical, unb64u
from crypto.errors import Malformed

CLOSED = (
    "erased",  # its subject's key is gone: the vault was erased, and its retention is over
    "retention",  # its time is over: openings of vaults that live are kept so long, and no longer
    "missing",  # the row of its opening is gone, which no erasure does
    "damaged",  # there is an opening, and it does not open, or holds no entry
)

GONE = ("erased", "retention")  # as it should be; the others are not

_OF_THE_INSTALLATION = frozenset(
    ("vault.erase", "registry.add", "registry.revoke", "log.continue", "log.export", "key.rotate",
     "calls.limited")
)  # fmt: skip


def is_about_a_citizen(event: Event) -> bool:
    """Whether its subject is a vault, and not the installation (docs/audit.md, 2 Entries)."""
    if event.action == "log.read":
        return event.actor.kind == "owner"
    return event.action not in _OF_THE_INSTALLATION and event.reason != "wrong_code"


@dataclass(frozen=True)
class Entry:
    """One entry of a log. Where it has no `opening`, `closed` is a word of `CLOSED`."""

    log: int
    index: int
    entry_id: bytes
    leaf_data: bytes
    opening: Opening | None
    closed: str = ""

    @cached_property
    def bodies(self) -> tuple[Event, Chain] | None:
        """Event and chain, where it is open and both are well formed."""
        if self.opening is None:
            return None
        try:
            return decode_event(self.opening.event), decode_chain(self.opening.chain)
        except MalformedEntry:
            return None

    @property
    def why_closed(self) -> str:
        """Why it can't be shown; empty where it can."""
        return self.closed if self.opening is None else "" if self.bodies else "damaged"


def encode_opening(index: int, opening: Opening) -> bytes:
    """A line of `openings.ndjson`, in canonical JSON, as event and chain are: they stand in it as
    they were hashed. Whether they are is for the caller to know.
    """
    nonces = f',"index":{index},"n1":"{b64u(opening.n1)}","n2":"{b64u(opening.n2)}"}}\n'
    return b'{"chain":' + opening.chain + b',"event":' + opening.event + nonces.encode()


def decode_opening(line: bytes) -> tuple[int, Opening]:
    """Index and opening of a line. Raises `MalformedEntry` for any other spelling."""
    try:
        found = parse_canonical(line.removesuffix(b"\n"))
        index, event, chain = found["index"], found["event"], found["chain"]
        opening = Opening(
            unb64u(found["n1"]), canonical_json(event), unb64u(found["n2"]), canonical_json(chain)
        )
        if type(index) is not int or index < 0 or len(found) != 5 or line[-1:] != b"\n":
            raise MalformedEntry("line")
    except (Malformed, KeyError, TypeError):
        raise MalformedEntry("line") from None
    return index, opening


def encode_closed(index: int, reason: str) -> bytes:
    """A line of `shredded.ndjson`."""
    return canonical_json({"index": index, "reason": reason}) + b"\n"


def decode_closed(line: bytes) -> tuple[int, str]:
    """Index and reason of a line. Raises `MalformedEntry` for any other spelling."""
    try:
        found = parse_canonical(line.removesuffix(b"\n"))
        index, reason = found["index"], found["reason"]
    except (Malformed, KeyError, TypeError):
        raise MalformedEntry("line") from None
    if type(index) is not int or index < 0 or reason not in CLOSED or len(found) != 2:
        raise MalformedEntry("line")
    if not line.endswith(b"\n"):
        raise MalformedEntry("line")
    return index, reason
