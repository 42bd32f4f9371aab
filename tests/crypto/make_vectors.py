"""Writes `vectors/*.json`, at most one fault a case (docs/format.md, 11 Frozen vectors).

    python -m tests.crypto.make_vectors

A case has a `comment`, a `kind` that names what is done with the rest of it, and `expect`:
"opens", "cannot open" or "malformed". Bytes are in hexadecimal. The random bytes of boxes are fixed
here, so a second run writes the same files. The library draws those of a seal itself: the one good
seal is kept from the file that is already there.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from crypto import primitives
from crypto.box import box, derive_id, kdf, keypair, mac, seal, unseal
from crypto.code import GRANT, RECOVERY, encode_code, group_code
from crypto.encoding import pad, pae
from crypto.errors import CannotOpen
from crypto.secret import Secret

FOLDER = Path(__file__).with_name("vectors")
Case = dict[str, Any]
Cases = dict[str, Case]

KEY = Secret(bytes(range(32)))
OTHER_KEY = Secret(bytes(range(32, 64)))
VAULT_ID = bytes.fromhex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf")
HANDLE = bytes.fromhex("b0b1b2b3b4b5b6b7b8b9babbbcbdbebf")
PLACE = pae("value", VAULT_ID, HANDLE, 1)
OTHER_PLACE = pae("value", VAULT_ID, HANDLE, 2)
PLAIN = b"the plaintext of a box"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    cases = build()
    for stale in {path.stem for path in FOLDER.glob("*.json")} - cases.keys():
        (FOLDER / f"{stale}.json").unlink()
    for name, case in cases.items():
        (FOLDER / f"{name}.json").write_text(written(case), "utf-8")


def written(case: Case) -> str:
    """The text of the file that holds a case."""
    return json.dumps(case, indent=2, ensure_ascii=False) + "\n"


def build() -> Cases:
    """Every case, by the name of its file."""
    return {
        **pae_cases(),
        **derivation_cases(),
        **box_cases(),
        **keypair_cases(),
        **seal_cases(),
        **padding_cases(),
        **code_cases(),
    }


def pae_cases() -> Cases:
    encoded = pae("value", VAULT_ID, 1)

    def good(comment: str, *parts: bytes | str | int) -> Case:
        shown = [_part(part) for part in parts]
        return _case("pae", "opens", comment, parts=shown, encoded=pae(*parts))

    def bad(comment: str, blob: bytes) -> Case:
        return _case("pae", "malformed", comment, encoded=blob)

    return {
        "pae_good": good("text, bytes and an integer", "value", VAULT_ID, 1),
        "pae_empty": good("no part at all"),
        "pae_empty_part": good("one empty part is not no part", b""),
        "pae_nfc": good(
            "text is encoded in NFC: this e and accent become one character", "e\u0301"
        ),
        "pae_integer_max": good("an integer is eight bytes, big-endian", 2**64 - 1),
        "pae_truncated": bad("the last byte is missing", encoded[:-1]),
        "pae_extended": bad("a byte stands after the last part", encoded + b"\0"),
        "pae_count_too_high": bad("it says four parts and holds three", b"\0\0\0\4" + encoded[4:]),
        "pae_count_too_low": bad("it says two parts and holds three", b"\0\0\0\2" + encoded[4:]),
        "pae_length_too_high": bad(
            "the first part is longer than all that follows",
            encoded[:4] + b"\xff\xff\xff\xff" + encoded[8:],
        ),
        "pae_without_count": bad("not a byte", b""),
    }


def derivation_cases() -> Cases:
    salt = bytes(range(64, 96))

    def derived(comment: str, label: str, *context: bytes | str | int, **more: Any) -> Case:
        output = kdf(KEY, label, *context, **more).reveal()
        inputs = {"salt": more.get("salt", b""), "length": more.get("length", 32)}
        shown = [_part(part) for part in context]
        return _case(
            "kdf", "opens", comment, ikm=KEY, label=label, context=shown, **inputs, output=output
        )

    return {
        "kdf_good": derived("a label alone", "enc"),
        "kdf_context": derived("a label and what it is for", "enc", VAULT_ID, 1),
        "kdf_salt": derived("a salt of the keystore", "key", salt=salt),
        "kdf_64_bytes": derived("as in a box", "box", PLACE, salt=salt, length=64),
        "derive_id_good": _case(
            "derive_id",
            "opens",
            "the first 16 bytes of KDF(secret, label)",
            ikm=KEY,
            label="id",
            output=derive_id(KEY, "id"),
        ),
        "mac_good": _case(
            "mac",
            "opens",
            "HMAC-SHA-256 over the PAE of the parts",
            key=KEY,
            parts=[_part("vault/1"), _part(VAULT_ID), _part(1)],
            output=mac(KEY, "vault/1", VAULT_ID, 1),
        ),
    }


def box_cases() -> Cases:
    with fixed_random("box"):
        good, empty = box(KEY, PLACE, PLAIN), box(KEY, PLACE, b"")
        padded = box(KEY, PLACE, pad(PLAIN))
        other_key, elsewhere = box(OTHER_KEY, PLACE, PLAIN), box(KEY, OTHER_PLACE, PLAIN)

    def opens(comment: str, blob: bytes, plain: bytes) -> Case:
        return _case("box", "opens", comment, key=KEY, place=PLACE, box=blob, plain=plain)

    def fails(comment: str, blob: bytes, key: Secret = KEY, place: bytes = PLACE) -> Case:
        return _case("box", "cannot open", comment, key=key, place=place, box=blob)

    return {
        "box_good": opens("a text", good, PLAIN),
        "box_empty": opens("an empty text: 81 bytes", empty, b""),
        "box_padded": opens("a padded text", padded, pad(PLAIN)),
        "box_wrong_key": fails("another key", good, key=OTHER_KEY),
        "box_wrong_place": fails("the same key at another place", good, place=OTHER_PLACE),
        "box_swapped": fails("the box of another place was put here", elsewhere),
        "box_place_shortened": fails("the place without its last byte", good, place=PLACE[:-1]),
        "box_nothing": fails("not a byte", b""),
        "box_too_short": fails("80 bytes: shorter than an empty text", empty[:-1]),
        "box_truncated": fails("the last byte of the tag is missing", good[:-1]),
        "box_extended": fails("a byte stands after the tag", good + b"\0"),
        "box_suite_00": fails("the first byte is 0x00", b"\0" + good[1:]),
        "box_suite_02": fails("the first byte is 0x02, which is reserved", b"\2" + good[1:]),
        "box_salt_changed": fails("a bit of the salt", _flipped(good, 1)),
        "box_commitment_changed": fails("a bit of the commitment", _flipped(good, 33)),
        "box_commitment_end_changed": fails("its last bit", _flipped(good, 64)),
        "box_commitment_of_other_key": fails(
            "salt and ciphertext of this key, commitment of another",
            good[:33] + other_key[33:65] + good[65:],
        ),
        "box_ciphertext_changed": fails("a bit of the ciphertext", _flipped(good, 65)),
        "box_ciphertext_of_other_box": fails(
            "the ciphertext of another box under the same key", good[:65] + elsewhere[65:]
        ),
        "box_tag_changed": fails("a bit of the tag", _flipped(good, len(good) - 16)),
        "box_tag_end_changed": fails("the last bit of the tag", _flipped(good, len(good) - 1)),
    }


def keypair_cases() -> Cases:
    def pair(comment: str, seed: Secret) -> Case:
        digest = hashlib.sha256(keypair(seed).public).digest()
        return _case("keypair", "opens", comment, seed=seed, public_sha256=digest)

    return {
        "keypair_good": pair("the 1216 bytes of the public key, hashed", KEY),
        "keypair_other": pair("another seed", OTHER_KEY),
        "keypair_short_seed": _case(
            "keypair", "cannot open", "a seed of 31 bytes", seed=bytes(range(31))
        ),
        "keypair_long_seed": _case(
            "keypair", "cannot open", "a seed of 33 bytes", seed=bytes(range(33))
        ),
    }


def seal_cases() -> Cases:
    good = _kept_seal()
    lattice = 1088  # bytes of the ML-KEM ciphertext; 32 of the X25519 share follow

    def fails(comment: str, blob: bytes, seed: Secret = KEY, place: bytes = PLACE) -> Case:
        return _case("seal", "cannot open", comment, seed=seed, place=place, seal=blob)

    def refuses(comment: str, public: bytes) -> Case:
        return _case("seal to", "cannot open", comment, public=public, place=PLACE, key=OTHER_KEY)

    public = keypair(KEY).public
    return {
        "seal_good": _case(
            "seal", "opens", "a data key", seed=KEY, place=PLACE, seal=good, key=OTHER_KEY
        ),
        "seal_wrong_pair": fails("the pair of another seed", good, seed=OTHER_KEY),
        "seal_wrong_place": fails("the same pair at another place", good, place=OTHER_PLACE),
        "seal_nothing": fails("not a byte", b""),
        "seal_truncated": fails("the last byte of the tag is missing", good[:-1]),
        "seal_extended": fails("a byte stands after the tag", good + b"\0"),
        "seal_mlkem_changed": fails("a bit of the ML-KEM ciphertext", _flipped(good, 0)),
        "seal_x25519_changed": fails("a bit of the X25519 share", _flipped(good, lattice)),
        "seal_x25519_low_order": fails(
            "the X25519 share is a point of low order",
            good[:lattice] + bytes(32) + good[lattice + 32 :],
        ),
        "seal_ciphertext_changed": fails("a bit of the sealed key", _flipped(good, lattice + 32)),
        "seal_tag_changed": fails("the last bit of the tag", _flipped(good, len(good) - 1)),
        "seal_to_short_key": refuses("a public key without its last byte", public[:-1]),
        "seal_to_coefficients": refuses(
            "an ML-KEM key with coefficients out of range", b"\xff" * 1184 + public[1184:]
        ),
        "seal_to_low_order": refuses(
            "an X25519 key that is a point of low order", public[:1184] + bytes(32)
        ),
    }


def padding_cases() -> Cases:
    def good(comment: str, plain: bytes) -> Case:
        return _case("pad", "opens", comment, plain=plain, padded=pad(plain))

    def bad(comment: str, padded: bytes) -> Case:
        return _case("pad", "malformed", comment, padded=padded)

    return {
        "pad_empty": good("nothing, in 256 bytes", b""),
        "pad_255": good("all but one byte of 256", b"\1" * 255),
        "pad_256": good("256 bytes need the mark, so 1024", b"\1" * 256),
        "pad_zeros_inside": good("zeros and marks of the text itself stay", b"\x80\0\x80\0\0"),
        "pad_nothing": bad("not a byte", b""),
        "pad_without_mark": bad("256 zeros", bytes(256)),
        "pad_full_without_mark": bad("256 bytes of text and no mark", b"\1" * 256),
        "pad_wrong_bucket": bad("255 bytes are no bucket", b"\x80".ljust(255, b"\0")),
        "pad_too_much": bad("an empty text in 1024 bytes", b"\x80".ljust(1024, b"\0")),
        "pad_after_mark": bad("another byte than zero after the mark", b"\x80\1".ljust(256, b"\0")),
    }


def code_cases() -> Cases:
    recovery, grant = Secret(bytes(range(16))), Secret(bytes(range(20)))
    rc, vg1 = encode_code(RECOVERY, recovery), encode_code(GRANT, grant)

    def opens(comment: str, code: str) -> Case:
        prefix, secret = ("VG1", grant) if code[0] in "Vv" else ("RC", recovery)
        return _case("code", "opens", comment, prefix=prefix, code=code, secret=secret)

    def fails(comment: str, code: str, prefix: str = "RC") -> Case:
        return _case("code", "malformed", comment, prefix=prefix, code=code)

    return {
        "code_rc_good": opens("as it is encoded", rc),
        "code_rc_grouped": opens("as it is shown", group_code(RECOVERY, rc)),
        "code_rc_lower": opens("in lower case, with spaces", group_code(RECOVERY, rc).lower()),
        "code_rc_lookalikes": opens("O for 0, I for 1", rc.replace("0", "O").replace("1", "I")),
        "code_rc_lookalike_l": opens("l for 1", rc.replace("1", "l")),
        "code_rc_typo": fails("the second character is wrong", rc[0] + "Z" + rc[2:]),
        "code_rc_swapped": fails("two neighbours changed places", rc[:5] + rc[6] + rc[5] + rc[7:]),
        "code_rc_check_changed": fails("the last character is wrong", rc[:-1] + _next(rc[-1])),
        "code_rc_short": fails("the last character is missing", rc[:-1]),
        "code_rc_long": fails("a character too many", rc + "0"),
        "code_rc_letter_u": fails("U is not in the alphabet", "U" + rc[1:]),
        "code_rc_foreign_digit": fails(
            "a digit of another script", "\N{ARABIC-INDIC DIGIT ZERO}" + rc[1:]
        ),
        "code_rc_endless": fails("a thousand hyphens", rc + "-" * 1000),
        "code_vg1_good": opens("as it is encoded", vg1),
        "code_vg1_grouped": opens("as it is shown", group_code(GRANT, vg1)),
        "code_vg1_prefix_folded": opens("the prefix is folded too", "vgl" + vg1[3:].lower()),
        "code_vg1_typo": fails(
            "the tenth character is wrong", vg1[:9] + _next(vg1[9]) + vg1[10:], "VG1"
        ),
        "code_vg1_no_prefix": fails("the prefix is missing", vg1[3:], "VG1"),
        "code_vg1_other_prefix": fails("the prefix of a later version", "VG2" + vg1[3:], "VG1"),
        "code_vg1_as_rc": fails("a grant code where a recovery code is asked for", vg1),
    }


@contextmanager
def fixed_random(name: str) -> Iterator[None]:
    """Random bytes that are the same in every run: SHAKE-256 of the name and a count."""
    drawn = 0

    def random_bytes(length: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return hashlib.shake_256(f"{name} {drawn}".encode()).digest(length)

    with patch.object(primitives, "random_bytes", random_bytes):
        yield


def _kept_seal() -> bytes:
    file = FOLDER / "seal_good.json"
    if file.exists():
        kept = bytes.fromhex(json.loads(file.read_text("utf-8"))["seal"])
        try:
            if unseal(keypair(KEY), PLACE, kept) == OTHER_KEY:
                return kept
        except CannotOpen:
            pass
    return seal(keypair(KEY).public, PLACE, OTHER_KEY)


def _case(kind: str, expect: str, comment: str, **inputs: Any) -> Case:
    shown = {name: _shown(value) for name, value in inputs.items()}
    return {"comment": comment, "kind": kind, "expect": expect, **shown}


def _shown(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal().hex()
    return value.hex() if isinstance(value, bytes) else value


def _part(part: bytes | str | int) -> Case:
    names: dict[type, str] = {bytes: "bytes", str: "text", int: "integer"}
    return {names[type(part)]: _shown(part)}


def _flipped(blob: bytes, at: int) -> bytes:
    return blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]


def _next(character: str) -> str:
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    return alphabet[(alphabet.index(character) + 1) % 32]


if __name__ == "__main__":
    main()
