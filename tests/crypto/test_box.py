"""A box opens with its key at its place, a seal with its pair at its place, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import primitives
from crypto.box import (
    BOX_OVERHEAD_BYTES,
    SEAL_BYTES,
    box,
    box_commitment,
    derive_id,
    kdf,
    keypair,
    mac,
    open_box,
    seal,
    unseal,
)
from crypto.encoding import pae
from crypto.errors import CannotOpen
from crypto.secret import Secret

KEY = Secret(bytes(range(32)))
OTHER_KEY = Secret(bytes(range(1, 33)))
PLACE = pae("value", b"vault", 1)
PAIR = keypair(KEY)
DATA_KEY = Secret(b"\x07" * 32)


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_a_box_opens_with_its_key_at_its_place(plain: bytes, place: bytes) -> None:
    blob = box(KEY, place, plain)
    assert len(blob) == len(plain) + BOX_OVERHEAD_BYTES == len(plain) + 81
    assert open_box(KEY, place, blob) == plain


def test_two_boxes_of_one_text_share_nothing() -> None:
    first, second = box(KEY, PLACE, b"text"), box(KEY, PLACE, b"text")
    assert first[1:33] != second[1:33]
    assert box_commitment(first) != box_commitment(second)
    assert first[65:] != second[65:]


def test_a_box_does_not_open_with_another_key() -> None:
    with pytest.raises(CannotOpen):
        open_box(OTHER_KEY, PLACE, box(KEY, PLACE, b"text"))


@given(st.binary(max_size=40))
def test_a_box_does_not_open_at_another_place(place: bytes) -> None:
    with pytest.raises(CannotOpen):
        open_box(KEY, place, box(KEY, PLACE, b"text"))


@given(st.binary(max_size=60), st.data())
def test_a_box_with_any_byte_changed_does_not_open(plain: bytes, drawn: st.DataObject) -> None:
    blob = bytearray(box(KEY, PLACE, plain))
    blob[drawn.draw(st.integers(0, len(blob) - 1))] ^= drawn.draw(st.integers(1, 255))
    with pytest.raises(CannotOpen):
        open_box(KEY, PLACE, bytes(blob))


def test_every_single_bit_of_a_box_matters() -> None:
    blob = box(KEY, PLACE, b"x")
    for bit in range(len(blob) * 8):
        changed = bytearray(blob)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CannotOpen):
            open_box(KEY, PLACE, bytes(changed))


def test_a_shorter_or_longer_box_does_not_open() -> None:
    blob = box(KEY, PLACE, b"text")
    for length in range(len(blob)):
        with pytest.raises(CannotOpen):
            open_box(KEY, PLACE, blob[:length])
    with pytest.raises(CannotOpen):
        open_box(KEY, PLACE, blob + b"\0")


def test_a_ciphertext_that_two_keys_decrypt_opens_under_neither_commitment_but_its_own() -> None:
    # AES-GCM alone does not commit to a key. With the commitment of one key in front, the other
    # key is refused before anything is decrypted.
    blob, other = box(KEY, PLACE, b"text"), box(OTHER_KEY, PLACE, b"text")
    mixed = blob[:33] + box_commitment(other) + blob[65:]
    for key in (KEY, OTHER_KEY):
        with pytest.raises(CannotOpen):
            open_box(key, PLACE, mixed)


def test_the_commitment_is_checked_before_anything_is_decrypted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blob = box(KEY, PLACE, b"text")
    monkeypatch.setattr(primitives, "decrypt_once", lambda *_: pytest.fail("decrypted"))
    with pytest.raises(CannotOpen):
        open_box(OTHER_KEY, PLACE, blob)


def test_failure_says_nothing_and_has_no_cause() -> None:
    whole = box(KEY, PLACE, b"text")
    changed = whole[:-1] + bytes([whole[-1] ^ 1])
    for blob in (b"", changed):
        with pytest.raises(CannotOpen, match=r"^cannot open$") as caught:
            open_box(KEY, PLACE, blob)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_the_kdf_separates_labels_contexts_salts_and_keys() -> None:
    derived = [
        kdf(KEY, "a"),
        kdf(KEY, "b"),
        kdf(KEY, "a", "b"),
        kdf(KEY, "a", b"c"),
        kdf(KEY, "a", "b", "c"),
        kdf(KEY, "a", "bc"),
        kdf(KEY, "a", salt=b"s"),
        kdf(OTHER_KEY, "a"),
    ]
    assert len({secret.reveal() for secret in derived}) == len(derived)
    assert len(kdf(KEY, "a", length=64)) == 64
    assert kdf(KEY, "a", length=64).reveal()[:32] == kdf(KEY, "a").reveal()


def test_a_derived_id_has_sixteen_bytes() -> None:
    assert derive_id(KEY, "id") == kdf(KEY, "id").reveal()[:16]
    assert derive_id(KEY, "id", b"grant") == kdf(KEY, "id", b"grant").reveal()[:16]
    assert derive_id(KEY, "id", b"grant") != derive_id(KEY, "id")


def test_a_mac_separates_its_parts() -> None:
    assert len(mac(KEY, "a", "b")) == 32
    assert mac(KEY, "a", "b") != mac(KEY, "ab")
    assert mac(KEY, "a") != mac(OTHER_KEY, "a")


def test_a_seal_opens_with_its_pair_at_its_place() -> None:
    sealed = seal(PAIR.public, PLACE, DATA_KEY)
    assert len(sealed) == SEAL_BYTES == 1168
    assert unseal(PAIR, PLACE, sealed) == DATA_KEY
    assert sealed != seal(PAIR.public, PLACE, DATA_KEY)


def test_a_seal_does_not_open_with_another_pair_or_at_another_place() -> None:
    sealed = seal(PAIR.public, PLACE, DATA_KEY)
    with pytest.raises(CannotOpen):
        unseal(keypair(OTHER_KEY), PLACE, sealed)
    with pytest.raises(CannotOpen):
        unseal(PAIR, PLACE + b"\0", sealed)


def test_a_seal_with_a_byte_changed_does_not_open() -> None:
    sealed = seal(PAIR.public, PLACE, DATA_KEY)
    for at in [*range(0, 1088, 17), *range(1088, 1168)]:
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(CannotOpen):
            unseal(PAIR, PLACE, bytes(changed))


def test_a_seal_of_another_length_does_not_open() -> None:
    sealed = seal(PAIR.public, PLACE, DATA_KEY)
    # Right for HPKE, but it holds 31 bytes: the length of what is sealed is fixed.
    shorter = primitives.hpke_seal(PAIR.public, PLACE, bytes(31))
    for blob in (b"", sealed[:-1], sealed + b"\0", shorter):
        with pytest.raises(CannotOpen):
            unseal(PAIR, PLACE, blob)


@pytest.mark.parametrize(
    "public",
    [
        b"",
        PAIR.public[:-1],
        PAIR.public + b"\0",
        b"\xff" * 1184 + PAIR.public[1184:],  # coefficients out of range
        PAIR.public[:1184] + bytes(32),  # a point of low order
        PAIR.public[:1184] + b"\x01" + bytes(31),
    ],
    ids=["empty", "short", "long", "coefficients", "zero point", "order one"],
)
def test_nothing_is_sealed_to_a_bad_public_key(public: bytes) -> None:
    with pytest.raises(CannotOpen):
        seal(public, PLACE, DATA_KEY)


def test_only_keys_of_32_bytes_are_sealed_and_expanded() -> None:
    for key in (Secret(bytes(31)), Secret(bytes(33))):
        with pytest.raises(CannotOpen):
            seal(PAIR.public, PLACE, key)
        with pytest.raises(CannotOpen):
            keypair(key)


def test_a_pair_is_made_by_its_seed_alone_and_does_not_show_its_private_half() -> None:
    again = keypair(Secret(bytes(range(32))))
    assert again.public == PAIR.public
    assert len(PAIR.public) == 1216
    assert "private" not in repr(PAIR)
