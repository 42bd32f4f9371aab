"""Whose signatures make a checkpoint believed: trust policies of C2SP tlog-policy.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> any|all|<k> <name>..
    quorum <name>|none

Names of witnesses and groups mean nothing outside their file. Each is defined before it is used,
and is a member at most once, so that no witness counts twice.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field

from audit.errors import BadNote
from audit.note import ED25519, Verifier
from evidence.cosignature import CosignatureVerifier, parse_verifier
from evidence.errors import BadPolicy

POLICY_BYTES_MAX = 262_144
LINES_MAX = 1024
NONE = "none"


@dataclass(frozen=True, slots=True)
class Party:
    """A log or witness: its key and where it is asked, if that is known. A log has its origin as
    `name`, a witness the name that the policy gives it.
    """

    name: str
    key: Verifier
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Has witnessed what `least` of its members have."""

    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Logs, witnesses, and which of the witnesses suffice."""

    logs: tuple[Party, ...] = ()
    witnesses: tuple[Party, ...] = ()
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str = NONE

    def is_met_by(self, cosigned: Container[str]) -> bool:
        """Whether these witnesses, by their names in the policy, are enough."""
        return self.quorum == NONE or self._witnessed(self.quorum, cosigned)

    def _witnessed(self, name: str, cosigned: Container[str]) -> bool:
        if group := self.groups.get(name):
            return sum(self._witnessed(one, cosigned) for one in group.members) >= group.least
        return name in cosigned


def parse_policy(raw: bytes) -> Policy:
    """The policy of a file. Raises `BadPolicy` with the number of the line that is wrong."""
    if len(raw) > POLICY_BYTES_MAX:
        raise BadPolicy("line 1", "too long")
    if any((octet < 0x20 and octet not in b"\t\n") or octet == 0x7F for octet in raw):
        raise BadPolicy("line 1", "a control character in the file")
    lines = raw.decode("utf-8", "surrogateescape").split("\n")
    if len(lines) > LINES_MAX:
        raise BadPolicy("line 1", "too many lines")
    reading = _Reading()
    for number, line in enumerate(lines, start=1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if words and not words[0].startswith("#"):
            reading.take(number, words)
    return reading.finish()


class _Reading:
    """A policy as far as it was read."""

    def __init__(self) -> None:
        self._logs: list[Party] = []
        self._witnesses: list[Party] = []
        self._groups: dict[str, Group] = {}
        self._used: set[str] = set()
        self._quorum: str | None = None
        self._line = 0
        self._kinds: dict[str, Callable[[Sequence[str]], None]] = {
            "log": self._log,
            "witness": self._witness,
            "group": self._group,
            "quorum": self._take_quorum,
        }

    def take(self, number: int, words: Sequence[str]) -> None:
        self._line = number
        kind = self._kinds.get(words[0])
        if kind is None:
            raise BadPolicy(f"line {number}", "it begins with none of log, witness, group, quorum")
        kind(words[1:])

    def finish(self) -> Policy:
        if self._quorum is None:
            raise BadPolicy(f"line {max(1, self._line)}", "no quorum line after it")
        return Policy(tuple(self._logs), tuple(self._witnesses), self._groups, self._quorum)

    def _log(self, words: Sequence[str]) -> None:
        self._check(len(words) in {1, 2}, "log <vkey> [<url>] is expected")
        key = self._key(words[0], self._logs)
        self._check(not isinstance(key, CosignatureVerifier), "a witness's key, not a log's")
        self._logs.append(Party(key.name, key, *words[1:]))

    def _witness(self, words: Sequence[str]) -> None:
        self._check(len(words) in {2, 3}, "witness <name> <vkey> [<url>] is expected")
        self._define(words[0])
        key = self._key(words[1], self._witnesses)
        self._check(key.kind != ED25519, "a log's key, not a witness's")
        self._witnesses.append(Party(words[0], key, *words[2:]))

    def _group(self, words: Sequence[str]) -> None:
        self._check(len(words) >= 3, "group <name> any|all|<k> <name>.. is expected")
        name, least, *members = words
        self._define(name)
        for member in members:
            self._check(self._is_defined(member) and member != name, f"{member} is not defined")
            self._check(member not in self._used, f"{member} is in a group already")
            self._used.add(member)
        self._groups[name] = Group(self._least(least, len(members)), tuple(members))

    def _take_quorum(self, words: Sequence[str]) -> None:
        self._check(self._quorum is None, "a second quorum line")
        self._check(len(words) == 1, "quorum <name> is expected")
        known = words[0] == NONE or self._is_defined(words[0])
        self._check(known, f"{words[0]} is not defined")
        self._quorum = words[0]

    def _least(self, word: str, members: int) -> int:
        if word in {"any", "all"}:
            return 1 if word == "any" else members
        ascii_digits = word.isascii() and word.isdigit() and not word.startswith("0")
        self._check(ascii_digits and len(word) <= 4, "any, all or a number is expected")
        self._check(int(word) <= members, "the group has not so many members")
        return int(word)

    def _key(self, vkey: str, others: Sequence[Party]) -> Verifier:
        try:
            key = parse_verifier(vkey)
        except BadNote as error:
            raise BadPolicy(f"line {self._line}", f"its key can't be read: {error.what}") from None
        twice = any(other.key.public == key.public for other in others)
        self._check(not twice, "this key stands there already")
        return key

    def _define(self, name: str) -> None:
        taken = name == NONE or self._is_defined(name)
        self._check(not taken, f"the name {name} is taken")

    def _is_defined(self, name: str) -> bool:
        return name in self._groups or any(one.name == name for one in self._witnesses)

    def _check(self, holds: bool, what: str) -> None:
        if not holds:
            raise BadPolicy(f"line {self._line}", what)
