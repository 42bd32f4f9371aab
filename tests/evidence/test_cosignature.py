"""Cosignatures: both kinds sign what the specification says, and nothing else is believed."""

import base64
import hashlib
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadNote
from audit.note import Checkpoint, LatticeKey, Verifier, open_note, parse_note, subtree_message
from crypto.errors import CannotOpen
from crypto.secret import Secret
from evidence.cosignature import (
    SECONDS_MAX,
    Cosignature,
    CosignatureKey,
    CosignatureVerifier,
    LatticeVerifier,
    cosignature_message,
    cosignatures,
    parse_verifier,
)
from tests.audit.logbook import KEY, ORIGIN, fixed, make_log

AT = 1_795_284_000
LOG = make_log(300)
NOTE = LOG.head_note
CHECKPOINT = open_note(NOTE, [KEY.verifier])
WITNESS = "witness.example/w1"
LATTICE = LatticeKey(WITNESS, Secret(fixed("lattice")))
CURVE = CosignatureKey(WITNESS, Secret(fixed("curve")))
LATTICE_VERIFIER = LatticeVerifier.of(LATTICE)
KEYS = [(LATTICE, LATTICE_VERIFIER), (CURVE, CURVE.verifier)]
BOTH = pytest.mark.parametrize(("key", "verifier"), KEYS, ids=["ml-dsa-44", "ed25519"])

# Published by the log implementation Sunlight, cmd/skylight/testdata (ISC licence).
SUNLIGHT_VKEY = "witness.example.org+b8a2cf20+BFLN3yikSfFkVAJtrnh/CiY3Zozkoy7clp+P7XB28qUN"
SUNLIGHT_CHECKPOINT = Checkpoint(
    "rome2026h1.example.org", 300, base64.b64decode("lCkHUpkmVBEms2r2T1K6Og69+wUuuN3MIEW1/ezu2v0=")
)
SUNLIGHT_LINE = (
    "uKLPIAAAAABpVGeAhm2bOvKc3LaB9PFN1ruG19Y5yqslmcAAbhftnn1Zznmo0LXFZq4LGvqKqLX8jWlwLKasxEGTLIqAVusn"
    "eCBmBw=="
)


def blob_of(line: str) -> tuple[str, bytes, int, bytes]:
    """Name, key id, time and signature of a line, taken apart by hand."""
    dash, name, encoded = line.rstrip("\n").split(" ")
    assert dash == "\N{EM DASH}"
    blob = base64.b64decode(encoded)
    return name, blob[:4], struct.unpack(">Q", blob[4:12])[0], blob[12:]


def test_an_ed25519_cosignature_of_another_implementation_verifies() -> None:
    verifier = parse_verifier(SUNLIGHT_VKEY)
    assert isinstance(verifier, CosignatureVerifier)
    signature = base64.b64decode(SUNLIGHT_LINE)
    assert signature[:4] == verifier.key_id
    verifier.verify(SUNLIGHT_CHECKPOINT, signature[4:])
    smaller = Checkpoint(SUNLIGHT_CHECKPOINT.origin, 299, SUNLIGHT_CHECKPOINT.root)
    with pytest.raises(CannotOpen):
        verifier.verify(smaller, signature[4:])


def test_the_ml_dsa_message_is_that_of_another_specification_of_it() -> None:
    """vaduno/spec, vectors/cosign-mldsa44-payload.json."""
    checkpoint = Checkpoint("vaduno.example/ledger", 42, b"\xab" * 32)
    message = subtree_message("witness.example/a", 1_780_000_000, checkpoint)
    digest = "b236307b0529d129c9355cd371f3b4802b19e74857a9f68f99ed448cc999314e"
    assert hashlib.sha256(message).hexdigest() == digest


def test_the_key_and_message_of_a_fixed_seed_stay() -> None:
    key = LatticeKey("witness.example.com/w1", Secret(bytes(range(32))))
    root = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    checkpoint = Checkpoint("example.com/behind-the-sofa", 20_852_163, root)
    public = "9f107644c1084526af3bc8098680b05499a2325a644e388fb4f970e058d19d46"
    assert hashlib.sha256(key.public).hexdigest() == public
    assert LatticeVerifier.of(key).key_id.hex() == "db8c366f"
    assert subtree_message(key.name, 1_679_315_147, checkpoint).hex() == (
        "737562747265652f76310a00167769746e6573732e6578616d706c652e636f6d2f773100000000641850cb1b6578"
        "616d706c652e636f6d2f626568696e642d7468652d736f6661000000000000000000000000013e2dc30ac5186a91"
        "863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    )


def test_both_messages_are_built_as_the_specification_says() -> None:
    root = base64.b64encode(CHECKPOINT.root).decode()
    text = f"cosignature/v1\ntime {AT}\n{ORIGIN}\n300\n{root}\n"
    assert cosignature_message(AT, CHECKPOINT) == text.encode()
    packed = struct.pack(
        f">12sB{len(WITNESS)}sQB{len(ORIGIN)}sQQ32s",
        b"subtree/v1\n\x00", len(WITNESS), WITNESS.encode(), AT,
        len(ORIGIN), ORIGIN.encode(), 0, 300, CHECKPOINT.root,
    )  # fmt: skip
    assert subtree_message(WITNESS, AT, CHECKPOINT) == packed


def test_both_lines_verify_by_hand() -> None:
    name, key_id, at, signature = blob_of(CURVE.cosign(CHECKPOINT, AT))
    public = CURVE.verifier.public
    assert (name, at, len(signature)) == (WITNESS, AT, 64)
    assert key_id == hashlib.sha256(WITNESS.encode() + b"\n\x04" + public).digest()[:4]
    Ed25519PublicKey.from_public_bytes(public).verify(
        signature, cosignature_message(AT, CHECKPOINT)
    )
    name, key_id, at, signature = blob_of(LATTICE.cosign(CHECKPOINT, AT))
    assert (name, at, len(signature), len(LATTICE.public)) == (WITNESS, AT, 2420, 1312)
    assert key_id == hashlib.sha256(WITNESS.encode() + b"\n\x06" + LATTICE.public).digest()[:4]
    MLDSA44PublicKey.from_public_bytes(LATTICE.public).verify(
        signature, subtree_message(WITNESS, AT, CHECKPOINT)
    )


@BOTH
def test_a_cosigned_note_opens_and_tells_who_and_when(
    key: LatticeKey | CosignatureKey, verifier: Verifier
) -> None:
    note = NOTE + key.cosign(CHECKPOINT, AT)
    assert open_note(note, [KEY.verifier, verifier]) == CHECKPOINT
    assert cosignatures(note, [KEY.verifier, verifier]) == (Cosignature(verifier, AT),)
    assert cosignatures(note, [KEY.verifier]) == ()
    assert cosignatures(NOTE, [KEY.verifier, verifier]) == ()


@BOTH
def test_a_witness_alone_does_not_speak_for_the_log(
    key: LatticeKey | CosignatureKey, verifier: Verifier
) -> None:
    text = NOTE.rpartition("\n\n")[0]
    note = f"{text}\n\n{key.cosign(CHECKPOINT, AT)}"
    for verifiers in ([verifier], [verifier, KEY.verifier]):
        with pytest.raises(BadNote, match="no signature by a known key"):
            open_note(note, verifiers)


def test_the_logs_own_ml_dsa_key_speaks_for_the_log() -> None:
    own = LatticeKey(ORIGIN, Secret(fixed("own")))
    text = NOTE.rpartition("\n\n")[0]
    note = f"{text}\n\n{own.cosign(CHECKPOINT, AT)}"
    assert open_note(note, [LatticeVerifier.of(own)]) == CHECKPOINT


@BOTH
def test_a_failing_cosignature_of_a_known_key_rejects_the_note(
    key: LatticeKey | CosignatureKey, verifier: Verifier
) -> None:
    blob = base64.b64decode(key.cosign(CHECKPOINT, AT).split(" ")[2])
    other = base64.b64decode(key.cosign(Checkpoint(ORIGIN, 299, CHECKPOINT.root), AT).split(" ")[2])
    middle = len(blob) // 2
    flipped = blob[:middle] + bytes([blob[middle] ^ 1]) + blob[middle + 1 :]
    later = blob[:4] + struct.pack(">Q", AT + 1) + blob[12:]
    beyond = blob[:4] + struct.pack(">Q", 2**63) + blob[12:]
    for bad in (other, flipped, later, beyond, blob[:-1], blob + b"\0", blob[:12], blob[:5]):
        note = f"{NOTE}— {WITNESS} {base64.b64encode(bad).decode()}\n"
        with pytest.raises(BadNote):
            open_note(note, [KEY.verifier, verifier])
        assert open_note(note, [KEY.verifier]) == CHECKPOINT  # unknown, it says nothing


def test_an_ml_dsa_cosignature_is_bound_to_its_signers_name() -> None:
    other = LatticeVerifier("witness.example/w2", LATTICE.public)
    blob = base64.b64decode(LATTICE.cosign(CHECKPOINT, AT).split(" ")[2])
    line = f"— {other.name} {base64.b64encode(other.key_id + blob[4:]).decode()}\n"
    with pytest.raises(BadNote, match="signature"):
        open_note(NOTE + line, [KEY.verifier, other])


def test_a_cosignature_is_no_signature_of_the_log_and_none_of_another_kind() -> None:
    """One seed under two types: the messages differ, so neither line passes for the other."""
    text_key, cosigner = KEY, CosignatureKey(ORIGIN, KEY.seed)
    blob = base64.b64decode(cosigner.cosign(CHECKPOINT, AT).split(" ")[2])
    as_log = base64.b64encode(text_key.verifier.key_id + blob[12:]).decode()
    with pytest.raises(BadNote, match="signature"):
        open_note(NOTE.rpartition("\n\n")[0] + f"\n\n— {ORIGIN} {as_log}\n", [KEY.verifier])
    signed = base64.b64decode(NOTE.rstrip("\n").split(" ")[2])[4:]
    as_cosigned = base64.b64encode(cosigner.verifier.key_id + struct.pack(">Q", AT) + signed)
    with pytest.raises(BadNote, match="signature"):
        open_note(f"{NOTE}— {ORIGIN} {as_cosigned.decode()}\n", [KEY.verifier, cosigner.verifier])


@given(st.integers(0, SECONDS_MAX))
def test_every_time_reads_back(at_seconds: int) -> None:
    note = NOTE + CURVE.cosign(CHECKPOINT, at_seconds)
    assert cosignatures(note, [KEY.verifier, CURVE.verifier])[0].at_seconds == at_seconds
    assert blob_of(CURVE.cosign(CHECKPOINT, at_seconds))[2] == at_seconds


@BOTH
def test_a_time_beyond_what_the_specification_has_is_refused(
    key: LatticeKey | CosignatureKey, verifier: Verifier
) -> None:
    with pytest.raises(BadNote, match="signature"):
        open_note(NOTE + key.cosign(CHECKPOINT, SECONDS_MAX + 1), [KEY.verifier, verifier])


@BOTH
def test_of_a_note_that_its_log_did_not_sign_no_cosignature_is_told(
    key: LatticeKey | CosignatureKey, verifier: Verifier
) -> None:
    note = NOTE.rpartition("\n\n")[0] + "\n\n" + key.cosign(CHECKPOINT, AT)
    with pytest.raises(BadNote):
        cosignatures(note, [KEY.verifier, verifier])


def test_verifier_keys_of_all_kinds_read_back_and_are_told_apart() -> None:
    for verifier in (KEY.verifier, CURVE.verifier, LATTICE_VERIFIER):
        assert parse_verifier(verifier.vkey) == verifier
        assert type(parse_verifier(verifier.vkey)) is type(verifier)


@pytest.mark.parametrize(
    "vkey",
    [
        pytest.param("", id="empty"),
        pytest.param("a+b", id="no key"),
        pytest.param("a+00000000+", id="empty key"),
        pytest.param("a+00000000+Ag==", id="unknown type"),
        pytest.param("a+00000000+Bg==", id="type without key"),
        pytest.param(SUNLIGHT_VKEY.replace("b8a2cf20", "b8a2cf21"), id="another id"),
        pytest.param(SUNLIGHT_VKEY.replace("b8a2cf20", "B8A2CF20"), id="upper case id"),
        pytest.param(SUNLIGHT_VKEY[:-4], id="short key"),
        pytest.param(SUNLIGHT_VKEY + "\n", id="line end"),
        pytest.param(SUNLIGHT_VKEY.replace("witness", "wit ness"), id="space in name"),
        pytest.param(LATTICE_VERIFIER.vkey[:-4], id="short ml-dsa key"),
    ],
)
def test_a_verifier_key_is_refused_with(vkey: str) -> None:
    with pytest.raises(BadNote):
        parse_verifier(vkey)


def test_a_published_key_with_a_wrong_id_is_refused() -> None:
    """Others ignore the id of these kinds (transparency-dev/formats): not here."""
    wrong = CURVE.verifier.vkey.replace(CURVE.verifier.key_id.hex(), "5893dc2c")
    with pytest.raises(BadNote, match="key id"):
        parse_verifier(wrong)


def test_two_keys_of_one_id_are_both_refused() -> None:
    class Colliding(CosignatureVerifier):
        key_id = CURVE.verifier.key_id

    other = Colliding(WITNESS, fixed("another public key"))
    with pytest.raises(BadNote, match="two keys of one id"):
        open_note(NOTE, [KEY.verifier, CURVE.verifier, other])


def test_a_note_may_carry_many_lines_of_both_kinds() -> None:
    lines = "".join(
        LatticeKey(f"w{n}.example", Secret(fixed(f"w{n}"))).cosign(CHECKPOINT, AT)
        for n in range(16)
    )
    note = NOTE + lines + CURVE.cosign(CHECKPOINT, AT)
    assert len(parse_note(note)[1]) == 18
    assert open_note(note, [KEY.verifier, CURVE.verifier]) == CHECKPOINT
