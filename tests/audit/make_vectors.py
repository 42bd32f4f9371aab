"""Writes the frozen vectors of this folder: `python -m tests.audit.make_vectors`.

The format is final. A change in these files is a change of the log's bytes, and breaks every log.
"""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

from audit.entry import Actor, Chain, Event, Officer, encode_chain, encode_event
from audit.leaf import Opening, chain_digest, event_digest, leaf_hash, seal_opening
from audit.note import Checkpoint, sign_checkpoint
from audit.shapes import entry_id_text
from audit.tree import Frontier
from crypto import primitives
from crypto.secret import Secret
from tests.audit.logbook import KEY, NOW, ORIGIN, entry_id, fixed

VECTORS = Path(__file__).with_name("vectors")
AUDIT_KEY = Secret(fixed("audit key"))
TREE_SIZES = (0, 1, 2, 3, 7, 8, 255, 256, 257, 512, 600)


def pairs() -> dict[str, tuple[Event, Chain]]:
    """One entry of each shape that `refs` can have, and one with every key."""
    subject, first_leaf = fixed("subject", 16), b"\x01" + fixed("leaf before")
    grant, row = fixed("grant", 16), fixed("row mac")
    value_ids = fixed("value 1", 16), fixed("value 2", 16)
    owner, agency = Actor("owner"), Actor("agency", "gemeente-voorbeeld")
    fields = "identity.birth_date", "address.postal_code"
    put = tuple(
        (fixed(f"handle {seq}", 16), value_id, seq, fixed(f"c {seq}"))
        for seq, value_id in enumerate(value_ids, start=1)
    )
    return {
        "smallest": (
            Event(entry_id(0), NOW, "vault.create", "permitted", owner),
            Chain(subject, "open", 1),
        ),
        "read": (
            Event(
                entry_id(1), NOW + 1, "data.read", "permitted", agency,
                officer=Officer("m.devries", "agency"), on_behalf_of="Burgemeester en wethouders",
                intended_use="parkeervergunning", legal_basis="Parkeerverordening art. 3 – lid 2",
                grant=grant, fields_requested=(*fields, "contact.email"), fields_given=fields,
            ),
            Chain(subject, "open", 2, first_leaf, refs=value_ids),
        ),
        "hidden read": (
            Event(entry_id(2), NOW + 2, "data.read", "permitted", agency, fields_given=fields[:1]),
            Chain(subject, "deferred", 1, visible_after=NOW + 86_400_000, refs=value_ids[:1]),
        ),
        "denied": (
            Event(
                entry_id(3), NOW + 3, "data.read", "denied", agency, reason="second_use",
                grant=grant, fields_requested=fields, fields_unknown=2,
            ),
            Chain(subject, "open", 3, first_leaf, alarm=True),
        ),
        "put": (
            Event(entry_id(4), NOW + 4, "value.put", "permitted", owner, fields_given=fields),
            Chain(subject, "open", 4, first_leaf, refs=put),
        ),
        "offer": (
            Event(entry_id(5), NOW + 5, "offer.create", "permitted", owner, grant=grant),
            Chain(subject, "open", 5, first_leaf, refs=(grant, row)),
        ),
        "registration": (
            Event(entry_id(6), NOW + 6, "registry.add", "permitted", Actor("operator", "op-1")),
            Chain(subject, "open", 6, first_leaf, refs=(row, fixed("row mac 2"))),
        ),
        "limited": (
            Event(
                entry_id(7), NOW + 7, "calls.limited", "denied", agency,
                reason="limit_reached", count=4211,
            ),
            Chain(subject, "open", 7, first_leaf),
        ),
    }  # fmt: skip


def entries() -> list[dict[str, Any]]:
    found = []
    for name, (event, chain) in pairs().items():
        n1, n2 = fixed(f"n1 {name}"), fixed(f"n2 {name}")
        opening = Opening(n1, encode_event(event), n2, encode_chain(chain))
        with patch.object(primitives, "random_bytes", _salt):
            sealed = seal_opening(AUDIT_KEY, ORIGIN, event.id, opening)
        found.append(
            {
                "name": name,
                "entry_id": entry_id_text(event.id),
                "event": opening.event.decode(),
                "chain": opening.chain.decode(),
                "n1": n1.hex(),
                "n2": n2.hex(),
                "h1": event_digest(n1, opening.event).hex(),
                "h2": chain_digest(n2, opening.chain).hex(),
                "leaf_data": opening.leaf_data().hex(),
                "leaf_hash": leaf_hash(opening.leaf_data()).hex(),
                "sealed": sealed.hex(),
            }
        )
    return found


def _salt(length: int) -> bytes:
    return fixed("salt", length)


def trees() -> list[dict[str, Any]]:
    frontiers = {
        size: Frontier().extend(leaf_hash(b"\x01" + fixed(f"leaf {i}")) for i in range(size))
        for size in TREE_SIZES
    }
    return [
        {"size": size, "root": frontier.root().hex(), "frontier": frontier.encode().hex()}
        for size, frontier in frontiers.items()
    ]


def notes() -> dict[str, Any]:
    checkpoint = Checkpoint(ORIGIN, 600, bytes.fromhex(trees()[-1]["root"]))
    return {
        "seed": KEY.seed.reveal().hex(),
        "vkey": KEY.verifier.vkey,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "note": sign_checkpoint(KEY, checkpoint),
    }


def all_vectors() -> dict[str, Any]:
    return {
        "entries.json": {
            "origin": ORIGIN,
            "audit_key": AUDIT_KEY.reveal().hex(),
            "entries": entries(),
        },
        "trees.json": {"leaf_data": "0x01 || SHAKE256('leaf <i>', 32)", "trees": trees()},
        "note.json": notes(),
    }


def as_text(vectors: Any) -> str:
    return json.dumps(vectors, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for file, vectors in all_vectors().items():
        (VECTORS / file).write_text(as_text(vectors), "utf-8")
