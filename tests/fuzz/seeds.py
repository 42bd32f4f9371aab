"""Small right inputs for each decoder, made by the encoders; fuzzers begin from them."""

import base64
import json
from pathlib import Path
from typing import Any

import jwt

from audit.entry import Actor, Chain, Event, Officer, encode_chain, encode_event
from audit.leaf import Opening
from audit.note import Checkpoint, LatticeKey, encode_checkpoint, open_note
from audit.tree import Frontier
from consent.terms import Terms
from crypto import box, code, jose
from crypto.encoding import b64u, canonical_json, pad, pae, unpad
from crypto.secret import Secret
from evidence.cosignature import CosignatureKey, LatticeVerifier
from evidence.entries import encode_closed, encode_opening
from evidence.tiles import encode_bundle
from tests.audit.logbook import KEY as LOG_KEY
from tests.audit.logbook import NOW, ORIGIN, entry_id, fixed, make_log
from tests.builders import registration, texts
from tests.evidence.exports import make_book, members_of
from vault.keystore import Owed
from vault.statement import Statement

ROOT = Path(__file__).resolve().parents[2]
URL = "https://kluis.example"
AGENCY = "https://agency.example"
BSN = "999942037"
FIELD = "identity.given_name"
SECRET = Secret(fixed("a secret"))
CONTEXT = pae("fuzz", fixed("a place", 16))
KEY = jose.generate_key()
ENTRY_ID = entry_id(1)
SUBJECT, GRANT, ROW = fixed("subject", 16), fixed("grant", 16), fixed("row mac")
VERIFIER = LOG_KEY.verifier
PROOF_PLACE: dict[str, Any] = {"method": "GET", "url": f"{URL}/v1/data", "now_ms": NOW}


def signed(claims: bytes, *, typ: str, carry_key: bool) -> str:
    """A token with these bytes for claims, whatever they are, rightly signed."""
    public = {name: KEY[name] for name in ("crv", "kty", "x", "y")}
    header = {"typ": typ, **({"jwk": public} if carry_key else {"kid": KEY["kid"]})}
    private = jwt.PyJWK(KEY, algorithm="ES256").key
    return jwt.PyJWS().encode(claims, private, algorithm="ES256", headers=header)


def codes(kind: code.CodeKind) -> list[bytes]:
    whole = code.encode_code(kind, Secret(fixed("code", kind.secret_bytes)))
    grouped = code.group_code(kind, whole)
    return [spelled.encode() for spelled in (whole, grouped, grouped.lower(), f" {whole}\t")]


def tokens(prefix: str) -> list[bytes]:
    return [f"{prefix}{b64u(fixed('token'))}".encode(), prefix.encode()]


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


_SECONDS = NOW // 1000
_PROOF = {"jti": "1", "htm": "GET", "htu": f"{URL}/v1/data", "iat": _SECONDS, "officer": "é"}
_CLIENT = {"iss": AGENCY, "sub": AGENCY, "aud": URL, "jti": "2", "exp": _SECONDS + 60}
_EVENT = Event(ENTRY_ID, NOW, "vault.unlock", "permitted", Actor("owner"))
_READ = Event(
    id=entry_id(2),
    at=NOW,
    action="data.read",
    outcome="denied",
    actor=Actor("agency", AGENCY),
    reason="not_granted",
    officer=Officer("desk 4", AGENCY),
    intended_use="use",
    legal_basis="consent",
    grant=GRANT,
    fields_requested=(FIELD, "identity.family_name"),
    fields_given=(),
    fields_unknown=1,
    count=2,
)
_VALUE_REF = (fixed("handle", 16), fixed("value", 16), 1, fixed("c"))
_CHAINS = (
    Chain(SUBJECT, "open", 1),
    Chain(SUBJECT, "open", 2, fixed("previous", 33), alarm=True, refs=(GRANT, ROW)),
    Chain(SUBJECT, "deferred", 1, visible_after=NOW, refs=(_VALUE_REF,)),
)
_DOCUMENT = registration(AGENCY, KEY, {FIELD: True})

BASE64URL = [b64u(fixed("x", length)).encode() for length in (0, 1, 2, 3, 32)]
PAES = [pae(), pae("a", b"", 1), CONTEXT]
PADDED = [pad(b""), pad(b"\x80"), pad(b"x" * 255), pad(b"x" * 1023)]
JSONS = [b"null", b'{"a":[1,-2,true,"\xc3\xa9"],"b":{}}', b'"\\ud83d\\ude00"', _json(_DOCUMENT)]
BOXES = [box.box(SECRET, CONTEXT, plain) for plain in (b"", b"plain")]
SEALS = [box.seal(box.keypair(SECRET).public, CONTEXT, SECRET)]
PROOF_CLAIMS = [_json(_PROOF), _json({**_PROOF, "nbf": _SECONDS, "exp": _SECONDS + 1, "ath": "x"})]
ASSERTION_CLAIMS = [_json(_CLIENT), _json({**_CLIENT, "iat": _SECONDS, "nbf": _SECONDS})]
PROOFS = [signed(claims, typ="dpop+jwt", carry_key=True).encode() for claims in PROOF_CLAIMS]
ASSERTIONS = [signed(claims, typ="JWT", carry_key=False).encode() for claims in ASSERTION_CLAIMS]
JWKS = [
    _json(jose.public_jwk(KEY)),
    _json({"kty": "OKP", "crv": "Ed25519", "x": b64u(VERIFIER.public)}),
    _json({"kty": "RSA", "n": b64u(b"\xc1" + fixed("n", 254) + b"\x01"), "e": "AQAB"}),
]
KEY_SETS = [_json({"keys": [json.loads(jwk)]}) for jwk in JWKS]
REGISTRATIONS = [_json(_DOCUMENT), (ROOT / "cli" / "demo_agency.json").read_bytes()]
TERMS = [
    Terms(AGENCY, "use", (FIELD,), None, follow=False).encode(),
    Terms(AGENCY, "use", (FIELD,), 5, follow=True, tx_code="1234").encode(),
]
STATEMENTS = [
    Statement(FIELD, "Ada", NOW).encode(),
    Statement(FIELD, ["é", "b"], NOW, "under_investigation", "2024-05", "XXXX").encode(),
]
TERMS_MEMBERS = [unpad(terms) for terms in TERMS]
STATEMENT_MEMBERS = [unpad(stated)[1:] for stated in STATEMENTS]
OWED = [Owed("grant.end", "owner", "", NOW, "revoked").encode()]
VALUES = [_json(value) for value in ("Ada", 7, ["NL", "0001"], "2024-05", "+31612345678", "a@b.nl")]
CATALOGUES = [
    b"",
    b'[[theme]]\nid = "x"\n[theme.labels]\nnl = "a"\nfr = "a"\nde = "a"\nen = "a"\n'
    b'[[field]]\nid = "x.y"\ntype = "text"\ntheme = "x"\nsensitivity = "ordinary"\n'
    b'value_bytes_max = 10\n[field.labels]\nnl = "a"\nfr = "a"\nde = "a"\nen = "a"\n',
]
DATES = [b"2024-02-29", b"2024-05", b"0001", b"XXXX"]
ANSWERS = [(ROOT / "cli" / "fictional_person.json").read_bytes(), _json({"personen": []})]
EVENTS = [encode_event(_EVENT), encode_event(_READ)]
CHAINS = [encode_chain(chain) for chain in _CHAINS]
REFS = [
    canonical_json([b64u(GRANT), b64u(ROW)]),
    canonical_json([[b64u(part) if isinstance(part, bytes) else part for part in _VALUE_REF]]),
]
ENTRY_IDS = [b"01a9b0a0-0000-7000-8000-000000000000"]
INSTANTS = [b"2026-11-21T18:00:00.000Z", b"1970-01-01T00:00:00.000Z", b"9999-12-31T23:59:59.999Z"]
_OPENING = Opening(fixed("n1"), EVENTS[0], fixed("n2"), CHAINS[0])
OPENINGS = [pad(pae(_OPENING.n1, _OPENING.event, _OPENING.n2, _OPENING.chain))]
NOTES = [make_log(size).head_note.encode() for size in (1, 300)]
RECEIPTS = [make_log(size).receipt(size - 1).encode() for size in (1, 300)]
CHECKPOINTS = [encode_checkpoint(Checkpoint(ORIGIN, size, ROW)).encode() for size in (0, 2**62)]
_COSIGNERS = (
    CosignatureKey(ORIGIN, Secret(fixed("curve"))),
    LatticeKey(ORIGIN, Secret(fixed("lattice"))),
)
VERIFIERS = (VERIFIER, _COSIGNERS[0].verifier, LatticeVerifier.of(_COSIGNERS[1]))
_COSIGNED = make_log(300)
COSIGNED_NOTES = [
    (_COSIGNED.head_note + one.cosign(open_note(_COSIGNED.head_note, [VERIFIER]), 1)).encode()
    for one in _COSIGNERS
]
VKEYS = [verifier.vkey.encode() for verifier in VERIFIERS]
TILE_PATHS = [b"tile/0/000", b"tile/entries/x001/234.p/44"]
BUNDLES = [encode_bundle([fixed("leaf", 33)]), encode_bundle([b"", b"x"])]
FRONTIERS = [
    size.to_bytes(2, "big") + Frontier().extend([ROW] * size).encode() for size in (0, 1, 7, 300)
]

AUDITORS = [_json({"id": AGENCY, "names": texts("A"), "jwks": {"keys": [jose.public_jwk(KEY)]}})]
OPENING_LINES = [encode_opening(7, _OPENING)]
CLOSED_LINES = [encode_closed(7, "erased"), encode_closed(0, "missing")]
_EXPORT = make_book(3).export()
EXPORTS = [_EXPORT]
ZIPS = [_EXPORT, b"PK\x05\x06" + bytes(18)]
MANIFESTS = [members_of(_EXPORT)["manifest.json"]]

_VALUES_BODY = {"values": [{"field": FIELD, "value": "Ada", "valid_from": "2024", "status": "x"}]}
_DEVICE = b64u(fixed("device"))
BODIES: dict[str, list[bytes]] = {
    "NewVault": [_json({"device_secret": _DEVICE, "invitation": "x"})],
    "Unlock": [_json({"device_secret": _DEVICE}), _json({"recovery_code": "00000-00000"})],
    "RecoveryCode": [_json({"recovery_code": "00000"})],
    "NewMethod": [_json({"unlock": {"device_secret": _DEVICE}, "device_secret": _DEVICE})],
    "StatedTogether": [_json(_VALUES_BODY)],
    "NewOffer": [
        _json({"agency": AGENCY, "use": "u", "fields": [FIELD], "duration_seconds": 60}),
        _json(
            {
                "agency": AGENCY,
                "use": "u",
                "fields": [FIELD],
                "duration_seconds": 60,
                "reads": 1,
                "follow": True,
                "tx_code": True,
                "replaces": b64u(GRANT),
            }
        ),
    ],
}
FORMS = [
    b"grant_type=urn:ietf:params:oauth:grant-type:pre-authorized_code&pre-authorized_code=VG1"
    b"&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    b"&client_assertion=a.b.c&tx_code=1234&client_id=x",
    b"grant_type=refresh_token",
]
_NOTE = make_log(300).head_note
SUBMISSIONS = [
    f"old 0\n\n{_NOTE}".encode(),
    f"old 7\n{base64.b64encode(bytes(32)).decode()}\n\n{_NOTE}".encode(),
]
POLICIES = [
    b"quorum none\n",
    f"# who\nlog {LOG_KEY.verifier.vkey} https://kluis.example\nquorum none\n".encode(),
    f"witness a {_COSIGNERS[0].verifier.vkey}\ngroup g any a\nquorum g\n".encode(),
]

QUERIES = [
    _json(query)
    for query in (
        {"limit": 3, "before": "1.204", "since_log": 1, "since_size": 7},
        {"agency": AGENCY, "action": "data.read", "outcome": "denied", "alarms": "new"},
        {"from": "2026-11-21T00:00:00.000Z", "to": "2026-11-22T00:00:00.000Z"},
        {},
    )
]
_SHOWN_OPENING = {
    name: b64u(getattr(make_log(1).openings[0], name)) for name in ("n1", "event", "n2", "chain")
}
_HASHES = [b64u(fixed("node"))]
PAGES = [
    _json(
        {
            "logs": [
                {"log": 1, "origin": ORIGIN, "checkpoint": make_log(1).head_note},
                {
                    "log": 2,
                    "checkpoint": "",
                    "begins": _SHOWN_OPENING,
                    "proof": _HASHES,
                    "consistency": _HASHES,
                },
            ],
            "entries": [{"log": 1, "index": 0, "opening": _SHOWN_OPENING, "proof": _HASHES}],
            "next": "1.0",
        }
    ),
    _json({"logs": [], "entries": []}),
]
MEMORIES = [
    _json(
        {
            "log": 1,
            "checkpoint": encode_checkpoint(Checkpoint(ORIGIN, 1, fixed("root"))),
            "subject": b64u(SUBJECT),
            "last": {
                "open": [1, b64u(b"\x01" + fixed("leaf")), 1, 0],
                "deferred": [2, b64u(bytes(33)), 1, 4],
            },
        }
    ),
    _json(
        {
            "log": 1,
            "checkpoint": encode_checkpoint(Checkpoint(ORIGIN, 1, fixed("root"))),
            "subject": None,
            "last": {},
        }
    ),
]
