"""Officers: the people who use the pages of an agency or auditor, by a passkey, named in the log.

Written down in docs/format.md, 12 Officers. Invitations, challenges and sessions are stored
nowhere: each is a box under a key of the installation's own, with its end in it. The WebAuthn
ceremony is verified at the door, which hands in what it verified; what a session may do is decided
here, by the registry as it is at each use. A session that was closed is burnt, as proofs are.
"""

from dataclasses import dataclass, field
from typing import Any

from audit.entry import Actor
from audit.entry import Officer as Named
from catalogue.errors import BadRegistration
from catalogue.registration import Invited, Officer, invited_from_document, officer_from_document
from consent.credentials import Client, Proof
from crypto.box import box, kdf, open_box
from crypto.encoding import b64u, canonical_json, pae, parse_canonical, unb64u
from crypto.errors import CannotOpen, Malformed
from crypto.primitives import random_bytes, sha256
from vault import caller
from vault.agencies import adding
from vault.auditing import parse_audit_token
from vault.errors import BadInput, Conflict, NotFound, Refused, Replayed, SessionEnded
from vault.reading import parse_access_token
from vault.recording import burn, draft, is_burnt
from vault.registry import Snapshot
from vault.sequencer import Item
from vault.steps import Step
from vault.system import System

INVITATION_PREFIX, SESSION_PREFIX = "oi1_", "os1_"
CHALLENGE_SECONDS = 300
_INVITATION, _CHALLENGE, _SESSION = "officer-invitation", "officer-challenge", "officer-session"
_ENROLMENT = "officer-enrolment"


@dataclass(frozen=True, slots=True)
class OfficerSession:
    """Who works in a session, and until when (Unix milliseconds): at most, and without a new look.

    `token` is the one to go on with: it was renewed at this look.
    """

    officer: Officer
    started: int
    ends: int
    idle_ends: int
    id: str = field(repr=False)
    token: str = field(repr=False)


def invite_officer(
    system: System, party: str, officer: str, name: str, lives_seconds: int, now_ms: int
) -> str:
    """A code with which one person becomes this officer of a registered agency or auditor, once.

    Raises `BadInput` for an id or name that can't be, `NotFound`, and `Conflict` where the party
    is both, or had an officer of this id: none is named twice in the log.
    """
    registry = system.registry.current()
    roles = [role for role, found in registry.parties.items() if party in found]
    if not roles:
        raise NotFound("No such agency or auditor is registered.")
    if len(roles) > 1:
        raise Conflict("This id is of an agency and of an auditor: its officers would be both.")
    document = {"id": officer, "name": name, "party": party, "role": roles[0]}
    try:
        invited = invited_from_document(document)
    except BadRegistration as error:
        raise BadInput(f"{error.message}.", "bad_officer") from None
    _check_new(registry, invited)
    held = [invited.document, now_ms + lives_seconds * 1000]
    return INVITATION_PREFIX + b64u(_box(system, _INVITATION, held))


def read_invitation(system: System, code: str, now_ms: int) -> Invited:
    """Whom a code makes an officer; raises `Refused` where it makes nobody one (any more)."""
    try:
        document, ends = _open(system, _INVITATION, INVITATION_PREFIX, code)
    except CannotOpen:
        raise _not_invited() from None
    invited, registry = invited_from_document(document), system.registry.current()
    if now_ms >= ends or invited.party not in registry.parties[invited.role]:
        raise _not_invited()
    _check_new(registry, invited)
    return invited


def enrol_officer(
    system: System, code: str, credential_id: bytes, public_key: bytes, now_ms: int
) -> Officer:
    """Registers the passkey of an invited officer, an entry. Raises as `read_invitation` does,
    `BadInput`, and `Conflict` for a passkey that is another officer's.
    """

    def prepare() -> tuple[Item, Officer]:
        registry, invited = system.registry.current(), read_invitation(system, code, now_ms)
        if credential_id in registry.officers:
            raise Conflict("This passkey is registered already.", "passkey_in_use")
        passkey = {"credential_id": b64u(credential_id), "public_key": b64u(public_key)}
        try:
            officer = officer_from_document(invited.document | passkey)
        except BadRegistration as error:
            raise BadInput(f"{error.message}.", "bad_officer") from None
        actor, named = Actor(officer.role, officer.party), Named(officer.id, officer.role)
        event = draft(now_ms, "registry.add", actor, officer=named, count=1)
        return adding(system, registry, [system.registry.row_of(officer)], event), officer

    return system.record(prepare)[1]


def enrolment(system: System, code: str, browser: str, now_ms: int) -> bytes:
    """What an invited officer's new passkey signs: for five minutes, this invitation and browser.

    It is used up with the invitation.
    """
    ends = now_ms + CHALLENGE_SECONDS * 1000
    return _box(system, _ENROLMENT, [b64u(random_bytes(16)), _bound(code, browser), ends])


def check_enrolment(system: System, code: str, browser: str, signed: bytes, now_ms: int) -> None:
    """Raises `Refused`, which tells a challenge that is over from one that is not ours for this."""
    try:
        _, bound, ends = _open(system, _ENROLMENT, "", b64u(signed))
    except CannotOpen:
        bound, ends = "", 0
    if bound != _bound(code, browser):
        raise Refused("This passkey was not made for this page. Try again.", "bad_challenge")
    if now_ms >= ends:
        raise Refused("This took too long. Open the invitation again.", "challenge_over")


def _bound(code: str, browser: str) -> str:
    return b64u(sha256(pae(code, browser)))


def challenge(system: System, now_ms: int) -> bytes:
    """What a passkey signs to sign in: good for five minutes, once, in every process."""
    return _box(system, _CHALLENGE, [b64u(random_bytes(16)), now_ms + CHALLENGE_SECONDS * 1000])


def start_session(
    system: System, credential_id: bytes, signed: bytes, now_ms: int
) -> OfficerSession:
    """A session of the officer whose passkey signed this challenge, as the door has verified.

    Raises `Refused` for a passkey of nobody who may act, and `Replayed`.
    """
    try:
        once, ends = _open(system, _CHALLENGE, "", b64u(signed))
    except CannotOpen:
        raise _unknown_passkey() from None
    officer = system.registry.current().officers.get(credential_id)
    if officer is None or now_ms >= ends:
        raise _unknown_passkey()
    if not _burn(system, burn(system.system_key, _CHALLENGE, once, ends, "replayed")):
        raise Replayed("replayed")
    return _renewed(system, officer, b64u(random_bytes(16)), now_ms, now_ms)


def open_session(system: System, by: caller.Officer, now_ms: int) -> OfficerSession:
    """The session behind a token, as of this moment; raises `SessionEnded`."""
    try:
        id_, credential, *who, started, seen = _open(system, _SESSION, SESSION_PREFIX, by.token)
    except CannotOpen:
        raise _ended() from None
    officer = system.registry.current().officers.get(unb64u(credential))
    if officer is None or [officer.party, officer.id] != who:  # a passkey may go to another officer
        raise _ended()
    before = _renewed(system, officer, id_, started, seen)
    with system.main.read() as connection:
        closed = is_burnt(connection, _closing(system, id_, before.ends))
    if closed or now_ms >= before.idle_ends:
        raise _ended()
    return _renewed(system, officer, id_, started, now_ms)


def end_session(system: System, by: caller.Officer, now_ms: int) -> None:
    """Signs out: neither this token nor an older one of the same session opens it again."""
    session = open_session(system, by, now_ms)
    _burn(system, _closing(system, session.id, session.ends))


def agency_of(system: System, by: caller.Officer, now_ms: int) -> caller.Agency:
    """The agency for which an officer works: to redeem with. Raises `SessionEnded`, `Refused`."""
    return caller.Agency(*_proved(open_session(system, by, now_ms), "agency", now_ms))


def auditor_of(system: System, by: caller.Officer, now_ms: int) -> caller.Auditor:
    """The same for an auditor: to get an access token for the log."""
    return caller.Auditor(*_proved(open_session(system, by, now_ms), "auditor", now_ms))


def holder_of(
    system: System, by: caller.Officer, access_token: str, now_ms: int
) -> caller.TokenHolder:
    """The holder of an access token, an agency's or auditor's: it works only in the session that
    got it. Raises `SessionEnded`, and `InvalidToken` for what is no token of the officer's kind.
    """
    session = open_session(system, by, now_ms)
    officer = session.officer
    parse = parse_access_token if officer.role == "agency" else parse_audit_token
    _, proof = _proved(session, officer.role, now_ms)
    return caller.TokenHolder(parse(access_token), proof, officer.id)


def _proved(session: OfficerSession, role: str, now_ms: int) -> tuple[Client, Proof]:
    """What a verified assertion and proof would have given: each with a name that is used once."""
    if session.officer.role != role:
        raise Refused(f"This officer does not work for an {role}.", "wrong_role")
    jti, other = (b64u(random_bytes(16)) for _ in range(2))
    thumbprint = b64u(sha256(b"desk" + session.id.encode()))
    client = Client(session.officer.party, jti, now_ms)
    return client, Proof(thumbprint, other, now_ms, None, session.officer.id)


def _renewed(
    system: System, officer: Officer, id_: str, started: int, now_ms: int
) -> OfficerSession:
    settings, credential = system.settings, b64u(officer.credential_id)
    held = [id_, credential, officer.party, officer.id, started, now_ms]
    ends = started + settings.officer_session_seconds * 1000
    idle_ends = min(ends, now_ms + settings.officer_idle_seconds * 1000)
    token = SESSION_PREFIX + b64u(_box(system, _SESSION, held))
    return OfficerSession(officer, started, ends, idle_ends, id_, token)


def _closing(system: System, id_: str, ends: int) -> Step:
    return burn(system.system_key, _SESSION, id_, ends, "replayed")


def _burn(system: System, step: Step) -> bool:
    with system.main.write() as connection:
        return bool(connection.execute(step.statement, step.values).rowcount)


def _check_new(registry: Snapshot, invited: Invited) -> None:
    if any(
        (r.kind, r.id, r.parent) == ("officer", invited.id, invited.party) for r in registry.rows
    ):
        raise Conflict("There is, or was, an officer of this id.", "already_registered")


def _box(system: System, what: str, held: list[Any]) -> bytes:
    return box(kdf(system.system_key.key, what), pae(what), canonical_json(held))


def _open(system: System, what: str, prefix: str, text: str) -> Any:
    try:
        if text.startswith(prefix):
            raw = unb64u(text.removeprefix(prefix))
            return parse_canonical(open_box(kdf(system.system_key.key, what), pae(what), raw))
    except Malformed:
        pass
    raise CannotOpen


def _not_invited() -> Refused:
    return Refused("This invitation is not valid, or not any more.", "invitation_invalid")


def _unknown_passkey() -> Refused:
    return Refused("This passkey is not registered here, or not any more.", "unknown_passkey")


def _ended() -> SessionEnded:
    return SessionEnded("This session has ended. Sign in again.")
