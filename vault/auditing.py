"""Who may look at the whole log: an auditor by a token, the operator; each look is an entry first.

There is no value in the log. Tokens are not stored: they are boxed under the installation's own key
(docs/audit.md, 13 Auditors), good for minutes, for one proof key, and while the auditor is
registered. What is looked at is read in `operate/examining.py`, once its entry is committed.
"""

from dataclasses import replace

from audit.entry import Actor, Officer
from crypto.box import box, kdf, open_box
from crypto.encoding import b64u, canonical_json, pae, parse_canonical, unb64u
from crypto.errors import CannotOpen, Malformed
from crypto.secret import Secret
from vault import caller
from vault.errors import InvalidToken, Replayed
from vault.recording import OPERATOR, burn_assertion, burn_proof, draft, registry_is
from vault.sequencer import Item
from vault.system import System

TOKEN_PREFIX = "aa1_"  # noqa: S105 - a prefix, not a token
TOKEN_SECONDS = 600
_PLACE = pae("auditor-token")


def parse_audit_token(token: str) -> Secret:
    """The box in an auditor's access token; raises `InvalidToken`."""
    try:
        if token.startswith(TOKEN_PREFIX):
            return Secret(unb64u(token.removeprefix(TOKEN_PREFIX)))
    except Malformed:
        pass
    raise InvalidToken


def issue_token(system: System, auditor: caller.Auditor, now_ms: int) -> str:
    """An access token for a registered auditor's proof key; raises `Replayed`. It is no entry."""
    client, proof, key = auditor.client, auditor.proof, system.system_key
    with system.main.write() as connection:
        for burn in (burn_assertion(key, client), burn_proof(key, proof)):
            if not connection.execute(burn.statement, burn.values).rowcount:
                raise Replayed(burn.reason)
    held = [client.agency_id, proof.thumbprint, now_ms + TOKEN_SECONDS * 1000]
    return TOKEN_PREFIX + b64u(box(_token_key(system), _PLACE, canonical_json(held)))


def record_look(
    system: System, by: caller.TokenHolder | caller.Operator, action: str, count: int, now_ms: int
) -> int:
    """Commits the entry of a look at `count` entries; returns its index in the newest log.

    Raises `InvalidToken` for who may not look, `Replayed` and `TooMany`.
    """

    def prepare() -> tuple[Item, str]:
        if isinstance(by, caller.Operator):
            return Item(draft(now_ms, action, OPERATOR, count=count), system.system_key), ""
        who, key, version = _auditor(system, by.token, now_ms)
        officer = None if by.officer is None else Officer(by.officer, "auditor")
        event = draft(now_ms, action, Actor("auditor", who), count=count, officer=officer)
        if key != by.proof.thumbprint:
            if not system.limits.admits("stranger_refusals_per_hour", who, now_ms):
                raise InvalidToken
            event = replace(event, outcome="denied", reason="wrong_key")
        rights = (burn_proof(system.system_key, by.proof),)
        return Item(event, system.system_key, (registry_is(version),), rights), who

    recorded, who = system.record(prepare)
    if not recorded.permitted:
        system.limits.admits("refusals_per_minute", who, now_ms)
        raise InvalidToken() if recorded.event.reason == "wrong_key" else Replayed("replayed")
    return recorded.index


def _auditor(system: System, token: Secret, now_ms: int) -> tuple[str, str, int]:
    """Whose token it is, the thumbprint it is bound to, the registry's version that says so."""
    registry = system.registry.current()
    try:
        who, key, ends = parse_canonical(open_box(_token_key(system), _PLACE, token.reveal()))
    except CannotOpen:
        raise InvalidToken from None
    if now_ms >= ends or who not in registry.auditors:
        raise InvalidToken
    system.limits.check("refusals_per_minute", who, now_ms)
    return who, key, registry.version


def _token_key(system: System) -> Secret:
    return kdf(system.system_key.key, "auditor-token")
