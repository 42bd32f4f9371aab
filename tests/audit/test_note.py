"""Signed notes: one spelling, recomputed key ids, no second log's key."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadNote
from audit.note import (
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    Checkpoint,
    LogKey,
    encode_checkpoint,
    key_id,
    open_note,
    parse_checkpoint,
    sign_checkpoint,
)
from crypto.secret import Secret
from evidence.cosignature import parse_verifier
from tests.audit.logbook import KEY, ORIGIN, OTHER_KEY, fixed

VECTOR = json.loads(Path(__file__).with_name("vectors").joinpath("note.json").read_text("utf-8"))
CHECKPOINT = Checkpoint(ORIGIN, 600, bytes.fromhex(VECTOR["root"]))
NOTE: str = VECTOR["note"]
TEXT, _, LINE = NOTE.rpartition("\n\n")
ROOT = base64.b64encode(CHECKPOINT.root).decode()
KNOWN = [KEY.verifier]


def line(name: str, blob: bytes) -> str:
    return f"— {name} {base64.b64encode(blob).decode()}\n"


def with_lines(*lines: str) -> str:
    return TEXT + "\n\n" + "".join(lines)


def test_the_frozen_note_is_signed_again_byte_for_byte_and_opens() -> None:
    key = LogKey(ORIGIN, Secret(bytes.fromhex(VECTOR["seed"])))
    assert key.verifier.vkey == VECTOR["vkey"]
    assert sign_checkpoint(key, CHECKPOINT) == NOTE
    assert open_note(NOTE, [parse_verifier(VECTOR["vkey"])]) == CHECKPOINT


def test_the_frozen_note_verifies_by_hand() -> None:
    public = base64.b64decode(VECTOR["vkey"].split("+", 2)[2])[1:]
    dash, name, encoded = LINE.rstrip("\n").split(" ")
    blob = base64.b64decode(encoded)
    assert (dash, name) == ("\N{EM DASH}", ORIGIN)
    assert blob[:4] == hashlib.sha256(ORIGIN.encode() + b"\n\x01" + public).digest()[:4]
    text = f"{ORIGIN}\n600\n{ROOT}\n".encode()
    Ed25519PublicKey.from_public_bytes(public).verify(blob[4:], text)


@pytest.mark.parametrize(
    "vkey",
    [
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
    ],
)
def test_published_keys_have_the_ids_they_name(vkey: str) -> None:
    assert parse_verifier(vkey).vkey == vkey


def test_published_keys_of_other_types_have_the_ids_they_name() -> None:
    blob = base64.b64decode("BFLN3yikSfFkVAJtrnh/CiY3Zozkoy7clp+P7XB28qUN")
    assert key_id("witness.example.org", blob[0], blob[1:]).hex() == "b8a2cf20"


names = st.text(st.characters(categories=["L", "N", "P"], exclude_characters="+"), min_size=1)


@given(names.filter(lambda name: len(name.encode()) < 256), st.integers(0, 2**63 - 1), st.binary())
def test_every_checkpoint_reads_back(origin: str, size: int, seed: bytes) -> None:
    checkpoint = Checkpoint(origin, size, hashlib.sha256(seed).digest())
    assert parse_checkpoint(encode_checkpoint(checkpoint)) == checkpoint
    key = LogKey(origin, Secret(fixed("seed")))
    verifier = parse_verifier(key.verifier.vkey)
    assert open_note(sign_checkpoint(key, checkpoint), [verifier]) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(f"{ORIGIN}\n5\n{ROOT}", id="no last line end"),
        pytest.param(f"{ORIGIN}\n5\n{ROOT}\n\n", id="empty line after"),
        pytest.param(f"{ORIGIN}\n5\n{ROOT}\nextension\n", id="extension line"),
        pytest.param(f"{ORIGIN}\n5\n", id="no root"),
        pytest.param(f"\n5\n{ROOT}\n", id="no origin"),
        pytest.param(f"a b\n5\n{ROOT}\n", id="space in origin"),
        pytest.param(f"a+b\n5\n{ROOT}\n", id="plus in origin"),
        pytest.param(f"{'a' * 256}\n5\n{ROOT}\n", id="origin too long"),
        pytest.param(f"{ORIGIN}\n05\n{ROOT}\n", id="leading zero"),
        pytest.param(f"{ORIGIN}\n-5\n{ROOT}\n", id="negative size"),
        pytest.param(f"{ORIGIN}\n+5\n{ROOT}\n", id="signed size"),
        pytest.param(f"{ORIGIN}\n 5\n{ROOT}\n", id="space before size"),
        pytest.param(f"{ORIGIN}\n5_0\n{ROOT}\n", id="underscore in size"),
        pytest.param(f"{ORIGIN}\n\u0665\n{ROOT}\n", id="digit of another script"),
        pytest.param(f"{ORIGIN}\n\n{ROOT}\n", id="no size"),
        pytest.param(f"{ORIGIN}\n{2**63}\n{ROOT}\n", id="size too large"),
        pytest.param(f"{ORIGIN}\n5\n{ROOT[:-1]}\n", id="root without padding"),
        pytest.param(f"{ORIGIN}\n5\n{ROOT[:-2]}B=\n", id="second spelling of root"),
        pytest.param(f"{ORIGIN}\n5\n{ROOT} \n", id="space after root"),
        pytest.param(f"{ORIGIN}\n5\n{ROOT[:-4]}\n", id="root too short"),
        pytest.param(f"{ORIGIN}\n5\n{'_' * 43}=\n", id="base64url root"),
        pytest.param(f"{ORIGIN}\r\n5\r\n{ROOT}\r\n", id="carriage returns"),
    ],
)
def test_a_checkpoint_is_refused_with(text: str) -> None:
    with pytest.raises(BadNote):
        parse_checkpoint(text)


def test_a_log_signs_no_other_logs_checkpoint() -> None:
    with pytest.raises(BadNote):
        sign_checkpoint(KEY, Checkpoint("kluis.example/other", 5, CHECKPOINT.root))


def test_a_note_with_any_character_changed_does_not_open() -> None:
    for at, character in enumerate(NOTE):
        for other in {"0", "A", "\n", " "} - {character}:
            changed = NOTE[:at] + other + NOTE[at + 1 :]
            with pytest.raises(BadNote):
                open_note(changed, KNOWN)


def test_a_note_opens_only_for_a_known_key() -> None:
    for verifiers in ([], [OTHER_KEY.verifier]):
        with pytest.raises(BadNote):
            open_note(NOTE, verifiers)


def test_signatures_by_unknown_keys_and_of_unknown_types_say_nothing() -> None:
    witness = line("witness.example", fixed("w", 4 + 8 + 64))
    lattice = line(ORIGIN, fixed("m", 4 + 8 + 2420))
    assert open_note(with_lines(witness, LINE, lattice), KNOWN) == CHECKPOINT
    with pytest.raises(BadNote):
        open_note(with_lines(witness, lattice), KNOWN)


def test_one_failing_signature_by_a_known_key_rejects_the_whole_note() -> None:
    bad = line(ORIGIN, KEY.verifier.key_id + bytes(64))
    for lines in ([LINE, bad], [bad, LINE], [bad]):
        with pytest.raises(BadNote):
            open_note(with_lines(*lines), KNOWN)
    short = line(ORIGIN, KEY.verifier.key_id + bytes(63))
    with pytest.raises(BadNote):
        open_note(with_lines(LINE, short), KNOWN)


def test_a_failing_signature_by_the_second_known_key_counts_too() -> None:
    other = OTHER_KEY.verifier
    good = sign_checkpoint(OTHER_KEY, CHECKPOINT).rpartition("\n\n")[2]
    assert open_note(with_lines(LINE, good), [*KNOWN, other]) == CHECKPOINT
    with pytest.raises(BadNote):
        open_note(with_lines(LINE, line(ORIGIN, other.key_id + bytes(64))), [*KNOWN, other])


def test_a_key_of_another_name_does_not_speak_for_this_log() -> None:
    stranger = LogKey("other.example/audit", KEY.seed)
    blob = stranger.verifier.key_id
    text = encode_checkpoint(CHECKPOINT)
    signed = base64.b64decode(sign_checkpoint(KEY, CHECKPOINT).split(" ")[2])[4:]
    note = text + "\n" + line(stranger.name, blob + signed)
    with pytest.raises(BadNote, match="no signature by a known key"):
        open_note(note, [stranger.verifier])


@pytest.mark.parametrize(
    "note",
    [
        pytest.param("", id="empty"),
        pytest.param(TEXT + "\n", id="no signatures"),
        pytest.param(TEXT + "\n\n", id="no signature lines"),
        pytest.param(TEXT + "\n" + LINE, id="no empty line"),
        pytest.param(NOTE + "\n", id="empty line at the end"),
        pytest.param(NOTE.removesuffix("\n"), id="no last line end"),
        pytest.param("\n" + NOTE, id="empty line at the start"),
        pytest.param(NOTE.replace("—", "-"), id="hyphen for dash"),
        pytest.param(NOTE.replace("—", "–"), id="en dash for em dash"),
        pytest.param(NOTE.replace("— ", "—  "), id="two spaces"),
        pytest.param(NOTE.replace("\n", "\r\n"), id="carriage returns"),
        pytest.param(NOTE[:-1] + "\t\n", id="control character"),
        pytest.param(with_lines(LINE, "— \n"), id="empty signature"),
        pytest.param(with_lines(LINE, "— a+b AAAAAAAA\n"), id="plus in a name"),
        pytest.param(with_lines(LINE, "— a AAAA\n"), id="half a key id"),
        pytest.param(with_lines(LINE, line("a", bytes(4))), id="a key id without a signature"),
        pytest.param(with_lines(LINE, "— a AAAAAAAB=\n"), id="bad base64"),
        pytest.param(with_lines(LINE, "words\n"), id="another line"),
        pytest.param(with_lines(LINE * 33), id="too many signatures"),
        pytest.param(with_lines(LINE, line("a", bytes(100_000))), id="too long"),
        pytest.param(NOTE[:-1] + "\ud800\n", id="no unicode"),
    ],
)
def test_a_note_is_refused_with(note: str) -> None:
    with pytest.raises(BadNote):
        open_note(note, KNOWN)


def of_bytes(count: int) -> str:
    """The note with a line of an unknown key more, so long that the whole has so many bytes."""
    room = count - len(with_lines(LINE, line("", b"")).encode())
    name = "a" * (4 + room % 4)
    note = with_lines(LINE, line(name, bytes((room - len(name)) // 4 * 3)))
    assert len(note.encode()) == count
    return note


def test_a_note_opens_up_to_its_limits_and_not_beyond() -> None:
    assert open_note(with_lines(LINE * SIGNATURES_MAX), KNOWN) == CHECKPOINT
    assert open_note(of_bytes(NOTE_BYTES_MAX), KNOWN) == CHECKPOINT
    with pytest.raises(BadNote):
        open_note(of_bytes(NOTE_BYTES_MAX + 1), KNOWN)


@pytest.mark.parametrize("letter", ["a", "é", "😀"])
def test_a_name_has_up_to_255_bytes(letter: str) -> None:
    most = letter * (255 // len(letter.encode()))
    longest = most + "a" * (255 - len(most.encode()))
    key = LogKey(longest, KEY.seed)
    note = sign_checkpoint(key, Checkpoint(longest, 5, CHECKPOINT.root))
    assert open_note(note, [key.verifier]).origin == longest
    with pytest.raises(BadNote):
        LogKey(longest + "a", KEY.seed)


PUBLIC = KEY.verifier.public
ENCODED = base64.b64encode(b"\x01" + PUBLIC).decode()
ID = KEY.verifier.key_id.hex()


@pytest.mark.parametrize(
    "vkey",
    [
        pytest.param("", id="empty"),
        pytest.param(ORIGIN, id="a name alone"),
        pytest.param(f"{ORIGIN}+{ID}", id="no key"),
        pytest.param(f"{ORIGIN}+00000000+{ENCODED}", id="another id"),
        pytest.param(f"{ORIGIN}+{ID.upper()}+{ENCODED}", id="upper-case id"),
        pytest.param(f"{ORIGIN}x+{ID}+{ENCODED}", id="another name"),
        pytest.param(f"+{ID}+{ENCODED}", id="no name"),
        pytest.param(f"{ORIGIN}+{ID}+{ENCODED[:-4]}", id="key too short"),
        pytest.param(f"{ORIGIN}+{ID}+{ENCODED}\n", id="line end"),
    ],
)
def test_a_key_is_refused_with(vkey: str) -> None:
    with pytest.raises(BadNote):
        parse_verifier(vkey)


@pytest.mark.parametrize("kind", [0, 2, 3, 5, 255])
def test_a_key_of_another_type_is_refused_even_with_its_right_id(kind: int) -> None:
    encoded = base64.b64encode(bytes([kind]) + PUBLIC).decode()
    with pytest.raises(BadNote, match="key type"):
        parse_verifier(f"{ORIGIN}+{key_id(ORIGIN, kind, PUBLIC).hex()}+{encoded}")


def test_two_keys_of_one_id_are_both_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.note.key_id", lambda name, kind, public: b"same")
    with pytest.raises(BadNote, match="two keys"):
        open_note(NOTE, [KEY.verifier, OTHER_KEY.verifier])


def test_no_repr_shows_the_key() -> None:
    assert KEY.seed.reveal().hex() not in repr(KEY)
    assert repr(KEY.seed.reveal()) not in repr(KEY)
