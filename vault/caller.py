"""Who is asking, and how they proved it. Every public method of `Vault` takes one of these."""

from dataclasses import dataclass, field

from consent.credentials import Client, Proof
from crypto.secret import Secret


@dataclass(frozen=True, slots=True)
class Stranger:
    """Anyone, before they show a secret."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The citizen, by a session token. The vault opens it anew in each call."""

    token: Secret


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency that authenticated itself and holds a proof key (RFC 7523, RFC 9449)."""

    client: Client
    proof: Proof


@dataclass(frozen=True, slots=True)
class TokenHolder:
    """Whoever presents an access token with a proof. `officer`: whom they say is asking."""

    token: Secret
    proof: Proof
    officer: str | None


@dataclass(frozen=True, slots=True)
class Auditor:
    """An auditor that authenticated itself and holds a proof key, as agencies do."""

    client: Client
    proof: Proof


@dataclass(frozen=True, slots=True)
class Officer:
    """A person who acts for an agency or auditor in the pages, by an officer's session token."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Operator:
    """Whoever runs the commands on the machine itself."""
