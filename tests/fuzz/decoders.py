"""Every decoder there is: what it reads, which errors it may raise, and what reads back the same.

Whatever bytes come, a decoder returns a value or raises one of its errors. A strict one (`exact`)
takes only what its encoder writes: encode(decode(b)) == b. Of the others encode(decode(b)) is read
as the same value. The table serves Hypothesis (`test_decoders.py`) and atheris (`run.py`) alike.
"""

import io
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from api import bodies, methods, offers, tokens, values, vaults
from api import sessions as asked_sessions
from api.filters import Filters
from api.problems import OAuthRefusal
from api.shapes import Asked
from audit import entry, leaf, note, refs, shapes, tree
from audit.errors import BadNote, MalformedEntry, MalformedTile
from catalogue import brp, edtf, fields, kinds
from catalogue.brp_answer import BadAnswer
from catalogue.errors import BadRegistration
from catalogue.fitting import fitting
from catalogue.registration import (
    agency_from_document,
    auditor_from_document,
    parse_registration,
    use_from_document,
)
from cli import checking
from consent.credentials import verify_assertion, verify_proof
from consent.errors import InvalidClient, InvalidProof
from consent.terms import Terms
from crypto import box, code, encoding, jose
from crypto.errors import BadToken, CannotOpen, Malformed
from evidence import archive, entries, exported
from evidence.cosignature import cosignatures, parse_verifier
from evidence.errors import BadExport, BadPolicy, BadReceipt, BadTile
from evidence.examination import verify_export
from evidence.policy import parse_policy
from evidence.receipt import check_receipt
from evidence.tiles import decode_bundle, encode_bundle, parse_tile_path, tile_path
from evidence.witness import NotWitnessed, Submission
from tests.audit.logbook import ORIGIN
from tests.builders import NOON_MS
from tests.fuzz import seeds
from vault import reading, sessions, statement, unlocking
from vault.agencies import parse_invite
from vault.auditing import parse_audit_token
from vault.errors import BadInput, CannotUnlock, Damaged, InvalidToken, Refused, SessionEnded
from vault.keystore import Owed

Read = Callable[[bytes], Any]


@dataclass(frozen=True)
class Decoder:
    """One decoder as a function of bytes, with what is true of it."""

    name: str
    decode: Read
    errors: tuple[type[Exception], ...]
    seeds: Sequence[bytes]
    encode: Callable[[Any], bytes] | None = None
    exact: bool = True

    def probe(self, data: bytes) -> bool:
        """Decodes; True for a value that reads back the same, False for a refusal."""
        try:
            found = self.decode(data)
        except self.errors:
            return False
        if self.encode is not None:
            again = self.encode(found)
            same = again == data if self.exact else self.decode(again) == found
            assert same, f"{self.name} reads two spellings as one value"
        return True


def text(data: bytes) -> str:
    """Bytes as a text of any kind, lone surrogates too."""
    return data.decode("utf-8", "surrogateescape")


def of_text(read: Callable[[str], Any]) -> Read:
    return lambda data: read(text(data))


def of_json(read: Callable[[Any], Any]) -> Read:
    """What is read after the strict JSON that every body is."""
    return lambda data: read(encoding.parse_json(data))


def _as_bytes(write: Callable[[Any], str]) -> Callable[[Any], bytes]:
    return lambda value: write(value).encode()


def padded(read: Read, before: bytes = b"") -> Read:
    """What is read of JSON that stands as its one spelling, padded, `before` it a tag."""
    return lambda data: read(
        encoding.pad(before + encoding.canonical_json(encoding.parse_json(data)))
    )


def _proof(claims: bytes) -> Any:
    """A proof with these claims, rightly signed: what stands behind the signature is read too."""
    token = seeds.signed(claims, typ="dpop+jwt", carry_key=True)
    return verify_proof(token, access_token=None, **seeds.PROOF_PLACE)


def _assertion(claims: bytes) -> Any:
    return verify_client(seeds.signed(claims, typ="JWT", carry_key=False))


def verify_client(token: str) -> Any:
    def keys_of(_: str) -> tuple[jose.PublicJwk, ...]:
        return (jose.parse_jwk(jose.public_jwk(seeds.KEY)),)

    return verify_assertion(
        token, keys_of=keys_of, issuer=seeds.URL, now_ms=seeds.PROOF_PLACE["now_ms"]
    )


def _catalogue(data: bytes) -> Any:
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(data)
        file.flush()
        return fields.load_catalogue(Path(file.name))


_KINDS = {kind.type: kind for kind in fields.load_catalogue().values()}


def _value(found: Any) -> Any:
    """A value by every type; what passes one passes it again as the same."""
    kept = []
    for kind in _KINDS.values():
        try:
            kept.append((kind, kind.check(found, NOON_MS)))
        except kinds.BadValue:
            continue
    if not kept:
        raise kinds.BadValue("", "", "")
    assert all(kind.check(value, NOON_MS) == value for kind, value in kept)
    return kept


def _register(answer: Any) -> Any:
    found = brp.person_from_answer(answer, seeds.BSN)
    fits = fitting(_BY_ID, found.values, NOON_MS)
    assert {*fits.values, *fits.left_out} == {*found.values}
    assert {*fits.left_out.values()} <= {"bad_date", "date_to_come", "date_too_long_ago"}
    assert all(_BY_ID[name].check(kept, NOON_MS) == kept for name, kept in fits.values.items())
    return found


_BY_ID = fields.load_catalogue()


def _registered(document: Any) -> Any:
    """A registration whose stored documents pass again."""
    found = parse_registration(document, _BY_ID)
    assert agency_from_document(found.agency.document) == found.agency
    assert all(use_from_document(use.document) == use for use in found.uses)
    return found


def _frontier(data: bytes) -> tree.Frontier:
    if len(data) < 2:
        raise MalformedTile("frontier")
    return tree.Frontier.decode(int.from_bytes(data[:2], "big"), data[2:])


def _auditor(document: Any) -> Any:
    """An auditor whose stored document passes again."""
    found = auditor_from_document(document)
    assert auditor_from_document(found.document) == found
    return found


def _zip(data: bytes) -> Any:
    reader = archive.Reader(io.BytesIO(data))
    return {name: reader.digest(name) for name in reader.names}


def _export(data: bytes) -> Any:
    return verify_export(archive.Reader(io.BytesIO(data)), [seeds.VERIFIER])


def _opening(plain: bytes) -> leaf.Opening:
    """What is in the box of an opening, rightly boxed."""
    context = encoding.pae("opening", ORIGIN, seeds.ENTRY_ID)
    blob = box.box(seeds.SECRET, context, plain)
    return leaf.open_opening(seeds.SECRET, ORIGIN, seeds.ENTRY_ID, blob)


def _opened(found: leaf.Opening) -> bytes:
    return encoding.pad(encoding.pae(found.n1, found.event, found.n2, found.chain))


def _form(data: bytes) -> tokens.Presented:
    return tokens.present(bodies.parse_form(data))


def _meaning(asked: Any) -> Any:
    """What the route makes of a body, before it asks the vault."""
    for name in ("secret", "choice"):
        if hasattr(asked, name):
            return getattr(asked, name)()
    return [stated.new() for stated in getattr(asked, "values", [])]


def _body(model: type[Asked]) -> Decoder:
    shape = TypeAdapter(model)
    return Decoder(
        f"body {model.__name__}",
        lambda data: _meaning(shape.validate_python(bodies.parse_json(data))),
        (BadInput, ValidationError, CannotUnlock),
        seeds.BODIES[model.__name__],
    )


_ASKED = (
    vaults.NewVault, asked_sessions.Unlock, vaults.RecoveryCode, methods.NewMethod,
    values.StatedTogether, offers.NewOffer,
)  # fmt: skip
_PAIR = box.keypair(seeds.SECRET)
_KINDS_OF_CODE = (("grant code", code.GRANT), ("recovery code", code.RECOVERY))


def _code(name: str, kind: code.CodeKind) -> Decoder:
    return Decoder(
        name,
        of_text(lambda typed: code.decode_code(kind, typed)),
        (Malformed,),
        seeds.codes(kind),
        _as_bytes(lambda secret: code.encode_code(kind, secret)),
        exact=False,
    )


def _page_asked(query: Any) -> tuple[Any, ...]:
    page = Filters.model_validate(query).page()
    return page.most, page.before, page.wanted is None


DECODERS = (
    Decoder("query of an owner's log", of_json(_page_asked),
            (Malformed, ValidationError, BadInput), seeds.QUERIES),
    Decoder("page of an owner's log", of_json(checking.page_of), (Malformed,), seeds.PAGES),
    Decoder("memory of a check", of_json(checking.memory_of), (Malformed,), seeds.MEMORIES,
            lambda memory: encoding.canonical_json(checking.written(memory)), exact=False),
    *(_code(name, kind) for name, kind in _KINDS_OF_CODE),
    *(_body(model) for model in _ASKED),
    Decoder("form", _form, (OAuthRefusal,), seeds.FORMS),
    Decoder("invitation", of_text(parse_invite), (Refused,), seeds.codes(code.RECOVERY)),
    Decoder("base64url", of_text(encoding.unb64u), (Malformed,), seeds.BASE64URL,
            _as_bytes(encoding.b64u)),
    Decoder("pae", encoding.unpae, (Malformed,), seeds.PAES, lambda parts: encoding.pae(*parts)),
    Decoder("padding", encoding.unpad, (Malformed,), seeds.PADDED, encoding.pad),
    Decoder("strict json", encoding.parse_json, (Malformed,), seeds.JSONS,
            encoding.canonical_json, exact=False),
    Decoder("canonical json", encoding.parse_canonical, (Malformed,), seeds.JSONS,
            encoding.canonical_json),
    Decoder("box", lambda blob: box.open_box(seeds.SECRET, seeds.CONTEXT, blob), (CannotOpen,),
            seeds.BOXES),
    Decoder("seal", lambda blob: box.unseal(_PAIR, seeds.CONTEXT, blob), (CannotOpen,),
            seeds.SEALS),
    Decoder("sealing to a key", lambda key: box.seal(key, seeds.CONTEXT, seeds.SECRET),
            (CannotOpen,), [_PAIR.public]),
    Decoder("access token", of_text(reading.parse_access_token), (InvalidToken,),
            seeds.tokens("va1_"), lambda key: b"va1_" + encoding.b64u(key.reveal()).encode()),
    Decoder("session token", of_text(unlocking.parse_session_token), (SessionEnded,),
            seeds.tokens("ks1_"), _as_bytes(unlocking.session_token)),
    Decoder("device secret", of_text(sessions.UnlockSecret.device), (CannotUnlock,),
            seeds.tokens(""), lambda unlock: encoding.b64u(unlock.secret.reveal()).encode()),
    Decoder("unlock by code", of_text(sessions.UnlockSecret.recovery), (CannotUnlock,),
            seeds.codes(code.RECOVERY)),
    Decoder("dpop proof", of_text(lambda token: jose.verify(token, jose.DPOP_PROOF)), (BadToken,),
            seeds.PROOFS),
    Decoder("claims of a proof", _proof, (InvalidProof,), seeds.PROOF_CLAIMS),
    Decoder("client assertion", of_text(verify_client), (InvalidClient,), seeds.ASSERTIONS),
    Decoder("claims of an assertion", _assertion, (InvalidClient,), seeds.ASSERTION_CLAIMS),
    Decoder("jwk", of_json(jose.parse_jwk), (Malformed,), seeds.JWKS),
    Decoder("jwk set", of_json(jose.parse_jwks), (Malformed,), seeds.KEY_SETS),
    Decoder("registration", of_json(_registered), (Malformed, BadRegistration),
            seeds.REGISTRATIONS),
    Decoder("terms", Terms.decode, (Malformed,), seeds.TERMS, Terms.encode),
    Decoder("members of terms", padded(Terms.decode), (Malformed,), seeds.TERMS_MEMBERS),
    Decoder("members of a statement", padded(statement.Statement.decode, b"\x00"),
            (Damaged, Malformed), seeds.STATEMENT_MEMBERS),
    Decoder("statement", statement.Statement.decode, (Damaged,), seeds.STATEMENTS,
            statement.Statement.encode),
    Decoder("owed note", Owed.decode, (Malformed,), seeds.OWED, Owed.encode),
    Decoder("value of a field", of_json(_value), (Malformed, kinds.BadValue), seeds.VALUES),
    Decoder("catalogue file", _catalogue, (fields.CatalogueError,), seeds.CATALOGUES),
    Decoder("date", of_text(edtf.parse), (edtf.BadDate,), seeds.DATES, _as_bytes(str)),
    Decoder("register answer", of_json(_register), (Malformed, BadAnswer), seeds.ANSWERS),
    Decoder("event", entry.decode_event, (MalformedEntry,), seeds.EVENTS, entry.encode_event),
    Decoder("chain", entry.decode_chain, (MalformedEntry,), seeds.CHAINS, entry.encode_chain),
    Decoder("refs", of_json(refs.decode_refs), (Malformed, MalformedEntry), seeds.REFS,
            lambda found: encoding.canonical_json(refs.encode_refs(found)), exact=False),
    Decoder("entry id", of_text(shapes.parse_entry_id), (MalformedEntry,), seeds.ENTRY_IDS,
            _as_bytes(shapes.entry_id_text)),
    Decoder("instant", of_text(shapes.parse_instant), (MalformedEntry,), seeds.INSTANTS,
            _as_bytes(shapes.instant_text)),
    Decoder("opening", _opening, (CannotOpen,), seeds.OPENINGS, _opened),
    Decoder("signed note", of_text(lambda signed: note.open_note(signed, [seeds.VERIFIER])),
            (BadNote,), seeds.NOTES),
    Decoder("cosigned note", of_text(lambda signed: cosignatures(signed, seeds.VERIFIERS)),
            (BadNote,), seeds.COSIGNED_NOTES),
    Decoder("verifier key", of_text(parse_verifier), (BadNote,),
            seeds.VKEYS, _as_bytes(lambda verifier: verifier.vkey)),
    Decoder("checkpoint", of_text(note.parse_checkpoint), (BadNote,), seeds.CHECKPOINTS,
            _as_bytes(note.encode_checkpoint)),
    Decoder("witness submission", Submission.parse, (NotWitnessed,), seeds.SUBMISSIONS,
            Submission.encode),
    Decoder("policy", parse_policy, (BadPolicy,), seeds.POLICIES),
    Decoder("tile path", of_text(parse_tile_path), (BadTile,), seeds.TILE_PATHS,
            _as_bytes(tile_path)),
    Decoder("entry bundle", decode_bundle, (BadTile,), seeds.BUNDLES, encode_bundle),
    Decoder("receipt", of_text(lambda held: check_receipt(held, [seeds.VERIFIER])), (BadReceipt,),
            seeds.RECEIPTS),
    Decoder("auditor", of_json(_auditor), (Malformed, BadRegistration), seeds.AUDITORS),
    Decoder("auditor's token", of_text(parse_audit_token), (InvalidToken,), seeds.tokens("aa1_"),
            lambda box: b"aa1_" + encoding.b64u(box.reveal()).encode()),
    Decoder("opening of an export", entries.decode_opening, (MalformedEntry,), seeds.OPENING_LINES,
            lambda found: entries.encode_opening(*found)),
    Decoder("closed entry of an export", entries.decode_closed, (MalformedEntry,),
            seeds.CLOSED_LINES, lambda found: entries.encode_closed(*found)),
    Decoder("manifest", exported.parse_manifest, (BadExport,), seeds.MANIFESTS),
    Decoder("zip", _zip, (BadExport,), seeds.ZIPS),
    Decoder("export", _export, (BadExport,), seeds.EXPORTS),
    Decoder("frontier", _frontier, (MalformedTile,), seeds.FRONTIERS,
            lambda found: found.size.to_bytes(2, "big") + found.encode()),
)  # fmt: skip
