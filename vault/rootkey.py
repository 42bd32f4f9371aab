"""The operator's root keys: one call, mac. A key file here, a token in `operate/token.py`.

What follows from it: docs/format.md, 4 Keys.
The root key alone opens nothing of a citizen: every unlock box needs the unlock secret as well.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from crypto.box import Context, kdf
from crypto.encoding import pae
from crypto.errors import CannotOpen
from crypto.primitives import hmac_sha256
from crypto.secret import Secret
from vault.errors import NotReady


class RootProvider(Protocol):
    """Holds root key `id` and makes 32-byte HMAC-SHA-256 macs with it."""

    id: int

    def mac(self, message: bytes) -> bytes: ...


Loader = Callable[[int], RootProvider]


class RootKey:
    """Keys derived from root i: rootkey_i(label, ctx.., salt). New rows are written under it.

    `load` finds the others, by id: while a rotation runs, and after it, rows name two of them.
    """

    def __init__(self, provider: RootProvider, load: Loader | None = None) -> None:
        self._provider = provider
        self._load = load
        self._known = {provider.id: self}
        self.id = provider.id
        self._of_purpose: dict[str, Secret] = {}  # keys of no place and salt: made once

    def at(self, root_id: int) -> "RootKey":
        """The root key that a row names; `CannotOpen` where it is not at hand (any more)."""
        if root_id not in self._known and self._load is not None:
            with suppress(NotReady):
                self._known[root_id] = RootKey(self._load(root_id))
        if root_id not in self._known:
            raise CannotOpen
        return self._known[root_id]

    def derive(self, label: str, *context: Context, salt: bytes = b"") -> Secret:
        if (made := self._of_purpose.get(label)) is not None and not context and not salt:
            return made
        seed = Secret(self._provider.mac(pae("KLUIS1", label, *context)))
        made = kdf(seed, label, *context, salt=salt)
        if not context and not salt:
            self._of_purpose[label] = made
        return made


class KeyFile:
    """A root key in a file of 32 bytes that only its owner may read."""

    def __init__(self, keys: Path, root_id: int) -> None:
        self.id = root_id
        self._key = Secret(read_key_file(root_key_path(keys, root_id)))

    def mac(self, message: bytes) -> bytes:
        return hmac_sha256(self._key.reveal(), message)


def root_key_ids(keys: Path) -> list[int]:
    """The root keys that lie in files there, oldest first."""
    return sorted(int(p.stem[5:]) for p in keys.glob("root-*.key") if p.stem[5:].isdigit())


def root_key_path(keys: Path, root_id: int) -> Path:
    return keys / f"root-{root_id}.key"


def read_key_file(path: Path) -> bytes:
    """The 32 bytes of a key file; refuses one that others may read."""
    try:
        if path.stat().st_mode & 0o077:
            raise NotReady(f"Others can read {path}. Close it: chmod 600 {path}")
        key = path.read_bytes()
    except OSError as error:
        raise NotReady(f"The key file {path} can't be read: {error.strerror}.") from None
    if len(key) != 32:
        raise NotReady(f"The key file {path} does not hold 32 bytes.")
    return key
