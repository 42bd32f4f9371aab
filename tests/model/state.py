"""What there is in a vault, in plain words: the model's side of databases and keystore.

Serial numbers stand for ids, and instants are Unix milliseconds.
"""

from dataclasses import dataclass, field

Name = tuple[str, int]  # ("vault" | "method" | "session" | "code" | "token", serial)
Stated = tuple[str, str]  # a field and the text it holds; each text is stated only once


SESSION_MS = 3_600_000


class No(Exception):
    """The vault must refuse, with this code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, order=True)
class Line:
    """One entry of a vault's log: what was done, how it went, and by whom."""

    action: str
    outcome: str = "permitted"
    reason: str = ""
    actor: str = "owner"
    grant: int = 0
    requested: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    alarm: bool = False


@dataclass
class Vault:
    """`log` is a list of groups: the entries of one sweep have no order among themselves."""

    values: dict[str, list[str]] = field(default_factory=dict)  # every version, oldest first
    log: list[list[Line]] = field(default_factory=list)


@dataclass
class Session:
    vault: int
    unlocked: int
    looked: int = 0

    def covers(self, now: int) -> bool:
        return now < self.unlocked + SESSION_MS


@dataclass
class Grant:
    """`held` is what its keys reach: a text per field."""

    vault: int
    agency: str
    fields: tuple[str, ...]
    reads_max: int | None
    follow: bool
    created: int
    offer_ends: int
    ends: int
    held: dict[str, str]
    state: str = "offered"
    redeemed: bool = False
    reads: int = 0

    @property
    def secret(self) -> str:
        """The kind of the secret that opens `held`: the code, until it was redeemed."""
        return "token" if self.redeemed else "code"

    def covers(self, now: int) -> bool:
        """Whether it has not ended and its time is not over."""
        until = self.ends if self.state == "active" else self.offer_ends
        return self.state != "ended" and now < until


@dataclass
class Main:
    """What a dump of the main database takes along."""

    vaults: dict[int, Vault] = field(default_factory=dict)
    methods: dict[int, tuple[int, str]] = field(default_factory=dict)  # vault, kind
    sessions: dict[int, Session] = field(default_factory=dict)
    grants: dict[int, Grant] = field(default_factory=dict)


@dataclass
class Salt:
    """What the keystore holds beside each secret that was handed out: without it nothing opens."""

    vault: int
    until: int | None = None
