"""The frozen cases of format KLUIS1: whatever changes in the code, these bytes do not."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crypto.box import box, derive_id, kdf, keypair, mac, open_box, seal, unseal
from crypto.code import GRANT, RECOVERY, decode_code, encode_code
from crypto.encoding import pad, pae, unpad, unpae
from crypto.errors import CannotOpen, Malformed
from crypto.secret import Secret
from tests.crypto import make_vectors

Case = dict[str, Any]

CASES: dict[str, Case] = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted(make_vectors.FOLDER.glob("*.json"))
}
CODE_KINDS = {kind.prefix: kind for kind in (RECOVERY, GRANT)}
FAULTS = {"cannot open": CannotOpen, "malformed": Malformed}


def _bytes(case: Case, name: str) -> bytes:
    return bytes.fromhex(case[name])


def _secret(case: Case, name: str) -> Secret:
    return Secret(_bytes(case, name))


def _parts(shown: list[Case]) -> list[bytes | str | int]:
    """The one value of each `{"bytes": hex}`, `{"text": ...}` or `{"integer": ...}`."""
    return [
        bytes.fromhex(value) if kind == "bytes" else value
        for part in shown
        for kind, value in part.items()
    ]


def _check_pae(case: Case) -> None:
    read = unpae(_bytes(case, "encoded"))
    assert pae(*_parts(case["parts"])) == _bytes(case, "encoded")
    assert len(read) == len(case["parts"])


def _check_kdf(case: Case) -> None:
    output = kdf(
        _secret(case, "ikm"),
        case["label"],
        *_parts(case["context"]),
        salt=_bytes(case, "salt"),
        length=case["length"],
    )
    assert output == _secret(case, "output")


def _check_derive_id(case: Case) -> None:
    assert derive_id(_secret(case, "ikm"), case["label"]) == _bytes(case, "output")


def _check_mac(case: Case) -> None:
    assert mac(_secret(case, "key"), *_parts(case["parts"])) == _bytes(case, "output")


def _check_box(case: Case) -> None:
    plain = open_box(_secret(case, "key"), _bytes(case, "place"), _bytes(case, "box"))
    assert plain == _bytes(case, "plain")


def _check_keypair(case: Case) -> None:
    public = keypair(_secret(case, "seed")).public
    assert hashlib.sha256(public).hexdigest() == case["public_sha256"]


def _check_seal(case: Case) -> None:
    pair = keypair(_secret(case, "seed"))
    assert unseal(pair, _bytes(case, "place"), _bytes(case, "seal")) == _secret(case, "key")


def _check_seal_to(case: Case) -> None:
    seal(_bytes(case, "public"), _bytes(case, "place"), _secret(case, "key"))


def _check_pad(case: Case) -> None:
    plain = unpad(_bytes(case, "padded"))
    assert plain == _bytes(case, "plain")
    assert pad(plain) == _bytes(case, "padded")


def _check_code(case: Case) -> None:
    kind = CODE_KINDS[case["prefix"]]
    secret = decode_code(kind, case["code"])
    assert secret == _secret(case, "secret")
    assert decode_code(kind, encode_code(kind, secret)) == secret


CHECKS: dict[str, Callable[[Case], None]] = {
    "pae": _check_pae,
    "kdf": _check_kdf,
    "derive_id": _check_derive_id,
    "mac": _check_mac,
    "box": _check_box,
    "keypair": _check_keypair,
    "seal": _check_seal,
    "seal to": _check_seal_to,
    "pad": _check_pad,
    "code": _check_code,
}


@pytest.mark.parametrize("name", CASES)
def test_a_frozen_case_does_what_it_says(name: str) -> None:
    case = CASES[name]
    check = CHECKS[case["kind"]]
    if case["expect"] == "opens":
        check(case)
    else:
        with pytest.raises(FAULTS[case["expect"]]):
            check(case)


def test_each_kind_has_a_good_case_and_all_but_derivations_a_bad_one() -> None:
    kinds = {(case["kind"], case["expect"] == "opens") for case in CASES.values()}
    good = {kind for kind, opens in kinds if opens}
    bad = {kind for kind, opens in kinds if not opens}
    assert good == CHECKS.keys() - {"seal to"}
    assert bad == CHECKS.keys() - {"kdf", "derive_id", "mac"}


def test_the_generator_writes_these_files_again_byte_for_byte() -> None:
    written = {name: make_vectors.written(case) for name, case in make_vectors.build().items()}
    assert written == {
        path.stem: path.read_text("utf-8") for path in make_vectors.FOLDER.glob("*.json")
    }


def test_the_public_key_of_the_first_seed_is_the_one_that_was_published() -> None:
    assert CASES["keypair_good"]["seed"] == bytes(range(32)).hex()
    assert CASES["keypair_good"]["public_sha256"] == (
        "c9a3565ffde4f72b51661be391ee13e46378d7f06dd5c8bf5af9d2cfb5b8336b"
    )


def test_frozen_boxes_open_by_hand() -> None:
    """docs/format.md, 2 Boxes, seals, derivation: read a second time, almost by hand."""
    for name in ("box_good", "box_empty", "box_padded"):
        case = CASES[name]
        key, place, blob = (_bytes(case, part) for part in ("key", "place", "box"))
        suite, salt, commitment, ciphertext = blob[:1], blob[1:33], blob[33:65], blob[65:]
        info = (3).to_bytes(4, "big")
        for part in (b"KLUIS1", b"box", place):
            info += len(part).to_bytes(4, "big") + part
        pseudorandom = hmac.digest(salt, key, "sha256")
        first = hmac.digest(pseudorandom, info + b"\1", "sha256")
        second = hmac.digest(pseudorandom, first + info + b"\2", "sha256")
        assert suite == b"\1"
        assert commitment == second
        assert AESGCM(first).decrypt(bytes(12), ciphertext, b"") == _bytes(case, "plain")


def test_a_box_made_today_with_the_same_random_bytes_is_the_frozen_one() -> None:
    case = CASES["box_good"]
    with make_vectors.fixed_random("box"):
        made = box(_secret(case, "key"), _bytes(case, "place"), _bytes(case, "plain"))
    assert made == _bytes(case, "box")
