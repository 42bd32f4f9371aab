"""Root keys in a PKCS#11 token: each mac is made inside, and no key ever leaves it.

The setting `root_key` is a PKCS#11 URI (RFC 7512), and names no secret:

    pkcs11:token=kluis;object=root?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/kluis/pin

Root key i is the secret key with the label OBJECT-i. The PIN is the first line of the file, or the
variable KLUIS_ROOT_PIN in the environment.
"""

import os
import threading
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from crypto.secret import Secret
from vault.errors import NotReady, Unavailable
from vault.opening import ROOT_ID
from vault.opening import root_key as root_key_in_files
from vault.rootkey import KeyFile, RootKey, RootProvider, root_key_ids, root_key_path
from vault.settings import Settings

PIN_VARIABLE = "KLUIS_ROOT_PIN"
_KEY_BITS = 256
FILE = "file"


def root_key(settings: Settings) -> RootKey:
    """The newest root key of an installation, in a file or a token, which finds the others.

    A file comes before a key of the same number in the token. Raises `NotReady`.
    """
    if _in_files(settings):
        return root_key_in_files(settings)

    def load(root_id: int) -> RootProvider:
        if root_key_path(settings.keys, root_id).exists():
            return KeyFile(settings.keys, root_id)
        return open_token(settings.root_key).key(root_id)

    return RootKey(load(max(root_ids(settings), default=ROOT_ID)), load)


def root_ids(settings: Settings) -> list[int]:
    """The root keys that are at hand, oldest first."""
    in_token = [] if _in_files(settings) else open_token(settings.root_key).ids()
    return sorted({*root_key_ids(settings.keys), *in_token})


def _in_files(settings: Settings) -> bool:
    place = settings.root_key  # where keys lie, which is no secret
    return place == FILE


def make_root(settings: Settings, root_id: int) -> str:
    """Makes a root key where new ones lie, and says where; never replaces one."""
    if _in_files(settings):
        path = root_key_path(settings.keys, root_id)
        write_key_file(path)
        return str(path)
    token = open_token(settings.root_key)
    token.make(root_id)
    return token.name(root_id)


def write_key_file(path: Path) -> None:
    """Makes a new key of 32 random bytes, mode 0600; never overwrites one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(Secret.random().reveal())
        file.flush()
        os.fsync(file.fileno())


class Token:
    """An open session with a token. One mac at a time: a session is not for several threads."""

    def __init__(self, uri: str) -> None:
        try:
            import pkcs11  # noqa: PLC0415 - an extra: most installations have none
        except ImportError:
            raise NotReady("Root keys in a token need the extra burgerkluis[pkcs11].") from None
        path = dict(part.partition("=")[::2] for part in urlsplit(uri).path.split(";"))
        query = dict(parse_qsl(urlsplit(uri).query))
        if not path.get("token") or not path.get("object") or "pin-value" in query | path:
            raise NotReady("root_key names a token and an object, and holds no PIN: docs/backup.md")
        self._pkcs11, self._lock = pkcs11, threading.Lock()
        self._label = unquote(path["object"])
        try:
            library = pkcs11.lib(query.get("module-path", ""))
            token = library.get_token(token_label=unquote(path["token"]))
            pin = _pin(query.get("pin-source", ""))
            try:
                self._session = token.open(rw=True, user_pin=pin)
            except pkcs11.UserAlreadyLoggedIn:  # a login is the process's, not the session's
                self._session = token.open(rw=True)
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            what = f"The token of the root key does not open: {type(error).__name__}."
            raise NotReady(what) from None

    def ids(self) -> list[int]:
        """The root keys in the token, oldest first."""
        kind = {self._pkcs11.Attribute.CLASS: self._pkcs11.ObjectClass.SECRET_KEY}
        with self._lock:
            labels = [key[self._pkcs11.Attribute.LABEL] for key in self._session.get_objects(kind)]
        ids = [label.removeprefix(f"{self._label}-") for label in labels]
        return sorted(int(id_) for id_ in ids if id_.isdigit())

    def name(self, root_id: int) -> str:
        """What a root key is called in the token."""
        return f"{self._label}-{root_id} in the token"

    def make(self, root_id: int) -> None:
        """Makes a root key that can only make macs and can not be read; never replaces one."""
        if root_id in self.ids():
            raise NotReady(f"Root key {root_id} is in the token already.")
        attribute = self._pkcs11.Attribute
        with self._lock:
            self._session.generate_key(
                self._pkcs11.KeyType.GENERIC_SECRET,
                _KEY_BITS,
                label=f"{self._label}-{root_id}",
                store=True,
                capabilities=self._pkcs11.MechanismFlag.SIGN,
                template={attribute.SENSITIVE: True, attribute.EXTRACTABLE: False},
            )

    def key(self, root_id: int) -> "TokenKey":
        """Root key i; raises `NotReady` where the token has none of this name."""
        try:
            with self._lock:
                kind = self._pkcs11.ObjectClass.SECRET_KEY
                found = self._session.get_key(kind, label=f"{self._label}-{root_id}")
        except self._pkcs11.PKCS11Error:
            raise NotReady(f"The token holds no root key {root_id}.") from None
        return TokenKey(root_id, self, found)

    def mac(self, key: Any, message: bytes) -> bytes:
        """HMAC-SHA-256, by the token; raises `Unavailable` where it does not answer."""
        try:
            with self._lock:
                return bytes(key.sign(message, mechanism=self._pkcs11.Mechanism.SHA256_HMAC))
        except self._pkcs11.PKCS11Error:
            raise Unavailable from None


class TokenKey:
    """One root key of a token."""

    def __init__(self, root_id: int, token: Token, key: Any) -> None:
        self.id = root_id
        self._token, self._key = token, key

    def mac(self, message: bytes) -> bytes:
        return self._token.mac(self._key, message)


@cache
def open_token(uri: str) -> Token:
    """The token of that URI, logged in once in this process."""
    return Token(uri)


def _pin(source: str) -> str:
    if not source:
        return os.environ.get(PIN_VARIABLE, "")
    try:
        return Path(source.removeprefix("file:")).read_text(encoding="utf-8").split("\n")[0]
    except OSError as error:
        raise NotReady(f"The PIN of the token can't be read: {error.strerror}.") from None
