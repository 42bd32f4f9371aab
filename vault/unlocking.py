"""Unlock methods and sessions: how a secret in the citizen's hand opens the vault.

Written down in docs/format.md, 5 Unlocking and sessions.
A method boxes the vault's secret under the unlock secret *and* the root key. A session boxes only
what reading needs, so a stolen session can enrol nothing.
"""

from dataclasses import dataclass

from crypto.box import box, derive_id, kdf, open_box
from crypto.encoding import b64u, pae, unb64u
from crypto.errors import CannotOpen, Malformed
from crypto.secret import Secret
from vault.errors import SessionEnded
from vault.keys import OwnerKeys
from vault.rootkey import RootKey

DEVICE = "device"
RECOVERY = "recovery"
BLOCK = "block"  # shuts the vault's devices out, and opens nothing
DEVICE_SECRET_BYTES = 32
_SESSION_PREFIX = "ks1_"


def method_id(unlock_secret: Secret) -> bytes:
    """The id a method's row stands under. The secret has 128 bits or more: nothing to guess."""
    return derive_id(unlock_secret, "method")


@dataclass(frozen=True, slots=True)
class Method:
    """The names that one method's boxes are bound to."""

    vault_id: bytes
    epoch: int
    id: bytes
    kind: str

    def box(self, root: RootKey, unlock_secret: Secret, salt: bytes, vault_secret: Secret) -> bytes:
        inner = box(self._kek(unlock_secret, salt), self._inner(), vault_secret.reveal())
        return box(root.derive("outer", self.vault_id), self.outer(root), inner)

    def open(self, root: RootKey, unlock_secret: Secret, salt: bytes, blob: bytes) -> Secret:
        inner = open_box(root.derive("outer", self.vault_id), self.outer(root), blob)
        return Secret(open_box(self._kek(unlock_secret, salt), self._inner(), inner))

    def _kek(self, unlock_secret: Secret, salt: bytes) -> Secret:
        return kdf(
            unlock_secret, "unlock", self.vault_id, self.epoch, self.id, self.kind, salt=salt
        )

    def _inner(self) -> bytes:
        return pae("unlock", self.vault_id, self.epoch, self.id, self.kind)

    def outer(self, root: RootKey) -> bytes:
        """What the root's box is bound to."""
        return pae("outer", self.vault_id, self.epoch, self.id, root.id)


def session_token(secret: Secret) -> str:
    return _SESSION_PREFIX + b64u(secret.reveal())


def parse_session_token(token: str) -> Secret:
    if not token.startswith(_SESSION_PREFIX):
        raise SessionEnded
    try:
        return Secret(unb64u(token.removeprefix(_SESSION_PREFIX), 32))
    except Malformed:
        raise SessionEnded from None


def session_id(secret: Secret) -> bytes:
    return derive_id(secret, "sid")


@dataclass(frozen=True, slots=True)
class Session:
    """The names and times that a session's box is bound to; instants in Unix milliseconds."""

    id: bytes
    vault_id: bytes
    epoch: int
    unlocked_at: int
    expires_at: int

    def box(self, secret: Secret, salt: bytes, owner: OwnerKeys) -> bytes:
        return box(kdf(secret, "key", salt=salt), self._context(), owner.seed.reveal())

    def open(self, secret: Secret, salt: bytes, blob: bytes) -> OwnerKeys:
        try:
            seed = open_box(kdf(secret, "key", salt=salt), self._context(), blob)
        except CannotOpen:
            raise SessionEnded from None
        return OwnerKeys(Secret(seed), self.vault_id, self.epoch)

    def _context(self) -> bytes:
        return pae("session", self.id, self.vault_id, self.epoch, self.unlocked_at, self.expires_at)
