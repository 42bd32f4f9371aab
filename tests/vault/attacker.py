"""An honest thief: tries every key that docs/format.md allows on everything that is stored.

He knows the format by heart and spells every derivation himself. What he may have is up to the
test: the rows of the main database, the salts, the operator's root key, and secrets of people.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from crypto.box import SEAL_BYTES, kdf, keypair, open_box, unseal
from crypto.encoding import pae, unpad
from crypto.errors import CannotOpen
from crypto.primitives import hmac_sha256
from crypto.secret import Secret
from tests.vault.rows import Row, Rows

ORIGIN = "kluis.example/audit"
PHASES = range(3)
Place = tuple[bytes, bytes, int]  # vault_id, handle, seq


@dataclass
class Loot:
    """What he got open. Terms by grant, openings by entry id, statements by place."""

    metadata_keys: dict[bytes, bytes] = field(default_factory=dict)
    audit_keys: dict[bytes, bytes] = field(default_factory=dict)
    terms: dict[bytes, bytes] = field(default_factory=dict)
    openings: dict[bytes, bytes] = field(default_factory=dict)
    unlock_boxes: dict[bytes, bytes] = field(default_factory=dict)  # without the root's layer
    vault_secrets: dict[bytes, bytes] = field(default_factory=dict)
    seeds: dict[bytes, bytes] = field(default_factory=dict)  # of owners, by vault
    data_keys: dict[Place, bytes] = field(default_factory=dict)
    statements: dict[Place, bytes] = field(default_factory=dict)

    def opens_a_vault(self) -> bool:
        """Whether anything came open that the promise covers."""
        return bool(self.vault_secrets or self.seeds or self.data_keys or self.statements)

    def read(self) -> set[bytes]:
        """The statements, without padding and the byte that says by whom."""
        return {unpad(statement)[1:] for statement in self.statements.values()}


class Attacker:
    """`loot()` is what these rows, salts, root and secrets give together."""

    def __init__(
        self,
        main: Rows,
        keystore: Rows | None = None,
        root: bytes | None = None,
        secrets: Iterable[bytes] = (),
        *,
        thorough: bool = True,
    ) -> None:
        self._main = main
        self._thorough = thorough  # else he keeps to the rules of the format
        stored = [row["salt"] for row in keystore["salt"]] if keystore else []
        self._salts: list[bytes] = [b"", bytes(32), *(salt for salt in stored if salt)]
        self._root = root
        self._secrets = list(secrets)
        self._values = {(row["vault_id"], row["handle"], row["seq"]): row for row in main["value"]}
        self._loot = Loot()

    def knowing(self, found: Loot) -> "Attacker":
        """Begins with the secrets of vaults and owners that other dumps gave."""
        self._loot.vault_secrets |= found.vault_secrets
        self._loot.seeds |= found.seeds
        return self

    def loot(self) -> Loot:
        self._by_root()
        self._by_unlock_secrets()
        self._by_sessions()
        self._by_owner_seeds()
        self._by_codes_and_tokens()
        if self._thorough:
            self._by_every_key_at_hand()
        return self._loot

    # By the rules of the format.

    def _by_root(self) -> None:
        loot = self._loot
        for row in self._main["vault"]:
            vault_id = row["vault_id"]
            for key in self._root_keys("meta", vault_id):
                place = pae("mk", vault_id, row["root_id"])
                _keep(loot.metadata_keys, vault_id, key, place, row["metadata_box"])
        for row in self._main["audit_key"]:
            for key in self._root_keys("audit", row["subject"]):
                place = pae("ak", row["subject"], row["root_id"])
                _keep(loot.audit_keys, row["subject"], key, place, row["box"])
        for row in self._main["method"]:
            for key in self._root_keys("outer", row["vault_id"]):
                names = row["vault_id"], row["epoch"], row["method_id"], row["root_id"]
                place = pae("outer", *names)
                _keep(loot.unlock_boxes, row["method_id"], key, place, row["box"])
        for row in self._main["vault_grant"]:
            if row["vault_id"] in loot.metadata_keys:
                key = kdf(Secret(loot.metadata_keys[row["vault_id"]]), "grant")
                self._try_terms(row, key)
        for row, entry_id in self._openings():
            if row["subject"] in loot.audit_keys:
                self._try_opening(row, entry_id, Secret(loot.audit_keys[row["subject"]]))

    def _root_keys(self, label: str, *context: bytes) -> Iterator[Secret]:
        if self._root is None:
            return
        seed = Secret(hmac_sha256(self._root, pae("KLUIS1", label, *context)))
        for salt in self._salts:
            yield kdf(seed, label, *context, salt=salt)

    def _by_unlock_secrets(self) -> None:
        for secret in map(Secret, self._secrets):
            mid = kdf(secret, "method").reveal()[:16]
            for row in self._main["method"]:
                inner = self._inner(row)
                if row["method_id"] == mid:
                    names = (row["vault_id"], row["epoch"], mid, row["kind"])
                    for salt in self._salts:
                        kek = kdf(secret, "unlock", *names, salt=salt)
                        place = pae("unlock", *names)
                        _keep(self._loot.vault_secrets, row["vault_id"], kek, place, inner)
        for row in self._main["vault"]:
            if row["vault_id"] in self._loot.vault_secrets:
                secret = Secret(self._loot.vault_secrets[row["vault_id"]])
                seed = kdf(secret, "enc", row["vault_id"], row["epoch"])
                self._loot.seeds[row["vault_id"]] = seed.reveal()

    def _by_sessions(self) -> None:
        for secret in map(Secret, self._secrets):
            sid = kdf(secret, "sid").reveal()[:16]
            for row in self._main["session"]:
                if self._thorough or row["session_id"] == sid:
                    for salt in self._salts:
                        self._try_session(row, kdf(secret, "key", salt=salt))

    def _by_owner_seeds(self) -> None:
        for vault_id, seed in self._loot.seeds.items():
            for row in self._main["stanza"]:
                if row["recipient"] == row["vault_id"] == vault_id:
                    key = kdf(Secret(seed), "owner-box", vault_id, self._epoch(vault_id))
                    self._try_stanza(row, key, Secret(seed))

    def _by_codes_and_tokens(self) -> None:
        for secret in map(Secret, self._secrets):
            id_ = kdf(secret, "id").reveal()[:16]
            for row in self._main["vault_grant"]:
                if id_ in (row["offer_id"], row["token_id"], row["prev_token_id"]):
                    self._try_token(row["vault_id"], row["grant_id"], secret)

    def _try_token(self, vault_id: bytes, grant_id: bytes, secret: Secret) -> None:
        held = [row for row in self._main["stanza"] if row["recipient"] == grant_id]
        for salt in self._salts:
            for phase in PHASES:
                seed = kdf(secret, "grant", vault_id, grant_id, phase, salt=salt)
                key = kdf(seed, "grant-box", vault_id, grant_id, phase)
                for row in held:
                    self._try_stanza(row, key, seed)

    # Against the rules: any key at hand, on anything.

    def _by_every_key_at_hand(self) -> None:
        pool = {key for start in self._at_hand() for key in self._children(start)}
        for key in map(Secret, pool):
            for row in self._main["session"]:
                self._try_session(row, key)
            for row in self._main["method"]:
                inner = self._inner(row)
                place = pae("unlock", row["vault_id"], row["epoch"], row["method_id"], row["kind"])
                _keep(self._loot.vault_secrets, row["vault_id"], key, place, inner)
            for row in self._main["stanza"]:
                self._try_stanza(row, key, key)
            for name, row in self._values.items():
                _keep(self._loot.statements, name, key, _value_place(row), row["box"])
            for row in self._main["vault_grant"]:
                self._try_terms(row, key)
            for row, entry_id in self._openings():
                self._try_opening(row, entry_id, key)

    def _at_hand(self) -> Iterator[bytes]:
        loot = self._loot
        yield from (salt for salt in self._salts if salt)
        yield from self._secrets
        for found in (loot.metadata_keys, loot.audit_keys, loot.vault_secrets, loot.seeds):
            yield from found.values()
        if self._root is not None:
            yield self._root
            for label in ("row", "replay"):
                yield from (key.reveal() for key in self._root_keys(label))
            for row in self._main["vault"]:
                for label in ("meta", "outer", "audit"):
                    yield from (key.reveal() for key in self._root_keys(label, row["vault_id"]))

    def _children(self, start: bytes) -> Iterator[bytes]:
        """The key itself, and what each label of the format makes of it for each vault."""
        yield start
        secret = Secret(start)
        for label in ("key", "row", "handle", "grant", "jkt", "etag", "box"):
            yield kdf(secret, label).reveal()
        for row in self._main["vault"]:
            for label in ("enc", "owner-box"):
                yield kdf(secret, label, row["vault_id"], row["epoch"]).reveal()
        for row in self._main["vault_grant"]:
            names = (row["vault_id"], row["grant_id"], row["phase"])
            yield kdf(secret, "grant", *names).reveal()
            yield kdf(secret, "grant-box", *names).reveal()

    # One try each.

    def _try_session(self, row: Row, key: Secret) -> None:
        place = pae("session", row["session_id"], row["vault_id"], row["epoch"],
                    row["unlocked_at"], row["expires_at"])  # fmt: skip
        _keep(self._loot.seeds, row["vault_id"], key, place, row["box"])

    def _try_terms(self, row: Row, key: Secret) -> None:
        place = pae("grant", row["vault_id"], row["grant_id"])
        _keep(self._loot.terms, row["grant_id"], key, place, row["box"])

    def _try_opening(self, row: Row, entry_id: bytes, key: Secret) -> None:
        place = pae("opening", ORIGIN, entry_id)
        _keep(self._loot.openings, entry_id, key, place, row["opening"])

    def _try_stanza(self, row: Row, key: Secret, seed: Secret) -> None:
        place = row["vault_id"], row["handle"], row["seq"]
        value = self._values[place]
        kind = "owner" if row["recipient"] == row["vault_id"] else "grant"
        info = pae("KLUIS1", "dek", *place[:2], value["value_id"], value["seq"], kind,
                   row["recipient"], value["box"][33:65])  # fmt: skip
        found = _quiet(lambda: open_box(key, info, row["wrapped"]))
        if found is None and len(row["wrapped"]) == SEAL_BYTES:
            found = _quiet(lambda: unseal(keypair(seed), info, row["wrapped"]).reveal())
        if found is not None:
            self._loot.data_keys[place] = found
            _keep(self._loot.statements, place, Secret(found), _value_place(value), value["box"])

    def _inner(self, row: Row) -> bytes:
        """A method's box, without the root's layer where that came off."""
        stored: bytes = row["box"]
        return self._loot.unlock_boxes.get(row["method_id"], stored)

    def _openings(self) -> Iterator[tuple[Row, bytes]]:
        ids = {row["idx"]: row["entry_id"] for row in self._main["audit_leaf"]}
        for row in self._main["audit_opening"]:
            yield row, ids[row["idx"]]

    def _epoch(self, vault_id: bytes) -> int:
        return next(int(r["epoch"]) for r in self._main["vault"] if r["vault_id"] == vault_id)


def _value_place(row: Row) -> bytes:
    return pae("value", row["vault_id"], row["handle"], row["value_id"], row["seq"])


def _keep(into: dict[Any, bytes], name: object, key: Secret, place: bytes, blob: bytes) -> None:
    found = _quiet(lambda: open_box(key, place, blob))
    if found is not None:
        into[name] = found


def _quiet(attempt: Callable[[], bytes]) -> bytes | None:
    try:
        return attempt()
    except CannotOpen:
        return None
