"""Project Wycheproof's cases (C2SP/wycheproof, testvectors_v1) through our own functions."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, mlkem

from crypto import jose
from crypto.encoding import b64u, unb64u
from crypto.errors import BadToken, CannotOpen, Malformed
from crypto.primitives import ed25519_verify, hkdf_sha256, hmac_sha256

Case = dict[str, Any]
Cases = Callable[[str], Iterator[tuple[Case, Case]]]

# RFC 7520 figures whose key says PS256 while the token says PS384: one algorithm per key.
OTHER_ALGORITHM_THAN_THE_KEY = {346, 350}


@pytest.fixture
def cases(shared: Callable[[str], Path]) -> Cases:
    """`cases(name)` gives each (group, case) of one file."""

    def read(name: str) -> Iterator[tuple[Case, Case]]:
        document = json.loads(shared(f"vectors/wycheproof/{name}_test.json").read_text())
        pairs = [(group, case) for group in document["testGroups"] for case in group["tests"]]
        assert len(pairs) == document["numberOfTests"]
        return iter(pairs)

    return read


def _raw(case: Case, name: str) -> bytes:
    return bytes.fromhex(case[name])


def test_hmac_sha256(cases: Cases) -> None:
    for group, case in cases("hmac_sha256"):
        tag = hmac_sha256(_raw(case, "key"), _raw(case, "msg"))[: group["tagSize"] // 8]
        assert (tag == _raw(case, "tag")) == (case["result"] == "valid"), case["tcId"]


def test_hkdf_sha256(cases: Cases) -> None:
    for _, case in cases("hkdf_sha256"):
        inputs = (_raw(case, "ikm"), _raw(case, "salt"), _raw(case, "info"), case["size"])
        if case["result"] == "valid":
            assert hkdf_sha256(*inputs) == _raw(case, "okm"), case["tcId"]
        else:
            with pytest.raises(ValueError, match="large"):
                hkdf_sha256(*inputs)


def test_ed25519(cases: Cases) -> None:
    for group, case in cases("ed25519"):
        public = _raw(group["publicKey"], "pk")
        try:
            ed25519_verify(public, _raw(case, "sig"), _raw(case, "msg"))
            result = "valid"
        except CannotOpen:
            result = "invalid"
        assert result == case["result"], case["tcId"]


def test_ml_kem_768_public_keys_of_seeds(cases: Cases) -> None:
    for _, case in cases("mlkem_768_keygen_seed"):
        assert case["result"] == "valid"
        private = mlkem.MLKEM768PrivateKey.from_seed_bytes(_raw(case, "seed"))
        assert private.public_key().public_bytes_raw() == _raw(case, "ek"), case["tcId"]


def test_es256_signatures(cases: Cases) -> None:
    es256 = jose._jws.get_algorithm_by_name("ES256")
    for group, case in cases("ecdsa_secp256r1_sha256_p1363"):
        point = _raw(group["publicKey"], "uncompressed")
        jwk = {"kty": "EC", "crv": "P-256", "x": b64u(point[1:33]), "y": b64u(point[33:])}
        key = jose.parse_jwk(jwk).key
        assert isinstance(key, ec.EllipticCurvePublicKey)
        accepted = es256.verify(_raw(case, "msg"), key, _raw(case, "sig"))
        assert accepted == (case["result"] == "valid"), case["tcId"]


def test_json_web_signatures(cases: Cases) -> None:
    accepted = 0
    for group, case in cases("json_web_signature"):
        jwk = group.get("public") or group["private"]
        passed = _passes(jwk, case["jws"])
        accepted += passed
        if case["result"] == "invalid":
            assert not passed, case["tcId"]
        elif jwk["alg"] in jose.ALGORITHMS and case["tcId"] not in OTHER_ALGORITHM_THAN_THE_KEY:
            assert passed, case["tcId"]
        elif jwk["alg"] not in jose.ALGORITHMS:
            assert not passed, case["tcId"]  # HS, RS, other curves: not of this system
    assert accepted == 8


def _passes(jwk: Case, token: str) -> bool:
    """`jose.verify` but for what these tokens do not have: a `typ`, and claims."""
    try:
        key = jose.parse_jwk(jwk)
        header, payload, _ = (*token.split("."), "", "")[:3]
        algorithm = jose._json_part(header).get("alg")
        unb64u(payload)
        if token.count(".") != 2 or algorithm not in key.algorithms:
            return False
        jose._check_signature(token, key, str(algorithm))
    except (BadToken, Malformed):
        return False
    return True
