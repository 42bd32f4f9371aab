"""What an invited officer's new passkey signs: made here, for one browser and one invitation, now.

Nothing of it is stored (decisions 0049, 0053). It is a random number and its end under a mac, by a
key of the installation that every process of it has. It is used up with its invitation.
"""

import hmac
import json
import secrets
from hashlib import sha256

from fastapi import Request

from crypto.encoding import b64u, unb64u
from crypto.errors import Malformed
from vault.errors import Refused
from vault.officers import CHALLENGE_SECONDS
from vault.vault import Vault
from web import cookies

_PURPOSE = b"officer-enrolment-challenge/1"
_NONCE_BYTES, _MAC_BYTES = 16, 32


def make(vault: Vault, request: Request, invitation: str) -> str:
    """In base64url; good for five minutes, in the browser whose form brought the invitation."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    ends = vault.system.clock.now_ms() + CHALLENGE_SECONDS * 1000
    held = nonce + ends.to_bytes(8, "big")
    return b64u(held + _mac(vault, request, invitation, held))


def check(vault: Vault, request: Request, invitation: str, shown: str) -> bytes:
    """The challenge that a form shows, if we made it for this; raises `Refused`, which tells one
    that is over from one that is not ours.
    """
    try:
        challenge = unb64u(shown)
    except Malformed:
        raise _not_ours() from None
    held, mac = challenge[:-_MAC_BYTES], challenge[-_MAC_BYTES:]
    if not hmac.compare_digest(_mac(vault, request, invitation, held), mac):
        raise _not_ours()
    if vault.system.clock.now_ms() >= int.from_bytes(held[_NONCE_BYTES:], "big"):
        raise Refused("This took too long. Open the invitation again.", "challenge_over")
    return challenge


def _mac(vault: Vault, request: Request, invitation: str, held: bytes) -> bytes:
    """Of everything that it is for. The key is this purpose's own."""
    key = hmac.digest(vault.system.system_key.key.reveal(), _PURPOSE, sha256)
    bound = [request.cookies.get(cookies.FORM, ""), invitation, held.hex()]
    return hmac.digest(key, json.dumps(bound).encode(), sha256)


def _not_ours() -> Refused:
    return Refused("This passkey was not made for this page. Try again.", "bad_challenge")
