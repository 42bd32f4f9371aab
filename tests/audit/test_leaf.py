"""Leaves hide and bind; openings open under one key, in one log, for one entry."""

import hashlib
import hmac
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import MalformedEntry
from audit.leaf import (
    Nonces,
    Opening,
    chain_digest,
    check_leaf_data,
    event_digest,
    leaf_data,
    leaf_hash,
    open_opening,
    seal_opening,
)
from audit.shapes import parse_entry_id
from crypto.box import box
from crypto.encoding import pad, pae
from crypto.errors import CannotOpen
from crypto.secret import Secret
from tests.audit.logbook import ORIGIN, entry_id, fixed, make_event, make_opening
from tests.audit.make_vectors import all_vectors, as_text, pairs

VECTORS = Path(__file__).with_name("vectors")
KEY = Secret(fixed("audit key"))
ENTRIES = json.loads((VECTORS / "entries.json").read_text("utf-8"))


def an_opening() -> Opening:
    return make_opening(1, *pairs()["read"])


@pytest.mark.parametrize("entry", ENTRIES["entries"], ids=lambda entry: str(entry["name"]))
def test_a_leaf_is_what_the_format_says(entry: dict[str, str]) -> None:
    n1, n2 = bytes.fromhex(entry["n1"]), bytes.fromhex(entry["n2"])
    h1 = hmac.digest(n1, b"event\n" + entry["event"].encode(), "sha256")
    h2 = hmac.digest(n2, b"chain\n" + entry["chain"].encode(), "sha256")
    data = b"\x01" + hashlib.sha256(b"kluis-audit/v1\n" + h1 + h2).digest()
    assert (h1.hex(), h2.hex(), data.hex()) == (entry["h1"], entry["h2"], entry["leaf_data"])
    assert hashlib.sha256(b"\x00" + data).hexdigest() == entry["leaf_hash"]
    opening = Opening(n1, entry["event"].encode(), n2, entry["chain"].encode())
    assert opening.leaf_data() == data
    assert leaf_hash(data).hex() == entry["leaf_hash"]


@pytest.mark.parametrize("entry", ENTRIES["entries"], ids=lambda entry: str(entry["name"]))
def test_a_frozen_opening_opens(entry: dict[str, str]) -> None:
    key = Secret(bytes.fromhex(ENTRIES["audit_key"]))
    number = parse_entry_id(entry["entry_id"])
    opening = open_opening(key, ENTRIES["origin"], number, bytes.fromhex(entry["sealed"]))
    assert opening.leaf_data().hex() == entry["leaf_data"]
    assert opening.event.decode() == entry["event"]
    assert opening.chain.decode() == entry["chain"]


@pytest.mark.parametrize("file", ["entries.json", "trees.json", "note.json"])
def test_the_frozen_vectors_are_what_the_code_still_makes(file: str) -> None:
    assert (VECTORS / file).read_text("utf-8") == as_text(all_vectors()[file])


def test_a_receipt_gives_the_leaf_from_the_event_and_h2_alone() -> None:
    opening = an_opening()
    h2 = chain_digest(opening.n2, opening.chain)
    assert leaf_data(event_digest(opening.n1, opening.event), h2) == opening.leaf_data()


@given(st.binary(max_size=2000), st.binary(max_size=2000))
def test_an_opening_reads_back_as_it_was_sealed(event: bytes, chain: bytes) -> None:
    opening = Opening(fixed("n1"), event, fixed("n2"), chain)
    sealed = seal_opening(KEY, ORIGIN, entry_id(1), opening)
    assert open_opening(KEY, ORIGIN, entry_id(1), sealed) == opening


def test_an_opening_opens_under_no_other_key_log_or_entry() -> None:
    sealed = seal_opening(KEY, ORIGIN, entry_id(1), an_opening())
    for key, origin, number in [
        (Secret(fixed("other")), ORIGIN, entry_id(1)),
        (KEY, ORIGIN + "/2", entry_id(1)),
        (KEY, ORIGIN, entry_id(2)),
    ]:
        with pytest.raises(CannotOpen):
            open_opening(key, origin, number, sealed)


def test_an_opening_with_any_bit_changed_does_not_open() -> None:
    sealed = seal_opening(KEY, ORIGIN, entry_id(1), an_opening())
    for at in range(0, len(sealed), 7):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(CannotOpen):
            open_opening(KEY, ORIGIN, entry_id(1), changed)


N, EVENT, CHAIN = fixed("n"), b"event", b"chain"


@pytest.mark.parametrize(
    "plain",
    [
        pytest.param(pae(N, EVENT, N, CHAIN), id="not padded"),
        pytest.param(pad(pae(N, EVENT, N)), id="three parts"),
        pytest.param(pad(pae(N, EVENT, N, CHAIN, b"")), id="five parts"),
        pytest.param(pad(pae(N[:31], EVENT, N, CHAIN)), id="short n1"),
        pytest.param(pad(pae(N, EVENT, N + b"\x00", CHAIN)), id="long n2"),
        pytest.param(pad(N + EVENT), id="no pae"),
    ],
)
def test_a_box_that_holds_no_opening_does_not_open(plain: bytes) -> None:
    sealed = box(KEY, pae("opening", ORIGIN, entry_id(1)), plain)
    with pytest.raises(CannotOpen):
        open_opening(KEY, ORIGIN, entry_id(1), sealed)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_nonces_and_digests_are_exactly_32_bytes_and_a_refusal_names_which(length: int) -> None:
    short = bytes(length)
    for name, make in (
        ("n1", lambda: Nonces(short, N)),
        ("n2", lambda: Nonces(N, short)),
        ("n1", lambda: Opening(short, EVENT, N, CHAIN)),
        ("n2", lambda: Opening(N, EVENT, short, CHAIN)),
        ("n1", lambda: event_digest(short, EVENT)),
        ("n2", lambda: chain_digest(short, CHAIN)),
        ("h1", lambda: leaf_data(short, N)),
        ("h2", lambda: leaf_data(N, short)),
    ):
        with pytest.raises(MalformedEntry) as refused:
            make()
        assert refused.value.what == name


def test_a_nonce_and_its_zero_padded_twin_can_not_both_open_a_leaf() -> None:
    twin = N[:31] + b"\x00"
    same = hmac.digest(twin, b"event\nx", "sha256") == hmac.digest(N[:31], b"event\nx", "sha256")
    assert same  # HMAC pads keys with zeros: the length check is what tells them apart
    with pytest.raises(MalformedEntry):
        event_digest(N[:31], b"x")


def test_the_same_entry_twice_gives_two_leaves_that_tell_nothing() -> None:
    first, second = Nonces.fresh(), Nonces.fresh()
    assert len({first.n1, first.n2, second.n1, second.n2}) == 4
    event = an_opening().event
    assert event_digest(first.n1, event) != event_digest(second.n1, event)


def test_event_and_chain_can_not_take_each_others_place() -> None:
    assert event_digest(N, EVENT) != chain_digest(N, EVENT)
    assert Opening(N, EVENT, N, CHAIN).leaf_data() != Opening(N, CHAIN, N, EVENT).leaf_data()


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x02" + bytes(32), b"\x01" + bytes(33)])
def test_what_is_no_leaf_is_refused(data: bytes) -> None:
    check_leaf_data(an_opening().leaf_data())
    with pytest.raises(MalformedEntry) as refused:
        check_leaf_data(data)
    assert refused.value.what == "leaf data"


def test_no_repr_shows_an_entry_or_a_nonce() -> None:
    opening = make_opening(1, make_event(1), pairs()["smallest"][1])
    shown = repr(opening) + repr(Nonces(opening.n1, opening.n2))
    assert "vault.unlock" not in shown
    assert opening.n1.hex() not in shown
    assert repr(opening.n1) not in shown
