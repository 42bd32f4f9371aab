"""The officer before the browser: signed in by a passkey, for the agency or auditor that invited.

The WebAuthn ceremonies (Level 3, §7.1 and §7.2) are verified here, with user verification and for
our own origin; what a session may do is the vault's to say.
"""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import parse_authentication_credential_json

from catalogue.registration import Invited
from crypto.encoding import unb64u
from crypto.errors import Malformed
from vault import caller
from vault.errors import Refused, SessionEnded
from vault.officers import OfficerSession
from vault.registry import Snapshot
from vault.vault import Vault
from web import cookies
from web.names import agency_name, auditor_name
from web.pages import PageRoute, see


async def _signed_in(request: Request) -> caller.Officer:
    """The officer behind the cookie. Whether the session stands is found out at the first use."""
    return caller.Officer(request.cookies.get(cookies.OFFICER, ""))


ROLES = {"desk": "agency", "auditor": "auditor"}  # whose officers see which area

Officer = Annotated[caller.Officer, Depends(_signed_in)]


class OfficerRoute(PageRoute):
    """A page for officers; without a session it leads to where one signs in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            response = await handle(request)
            session: OfficerSession | None = getattr(request.state, "officer_session", None)
            if session is not None:
                cookies.set_cookie(response, cookies.OFFICER, session.token)
            return response

        return answer

    def explain(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, SessionEnded):
            return super().explain(request, error)
        area = request.url.path.split("/", 2)[1]
        held = cookies.OFFICER in request.cookies
        told = held or request.method != "GET"  # what was sent came to nothing
        answer = see(f"/{area}/sign-in" + ("?ended=1" if told else ""))
        # From another site no cookie comes: then none is dropped.
        return sign_out(answer) if held else answer


def look(request: Request, vault: Vault, officer: caller.Officer) -> OfficerSession:
    """The session, renewed by this look: whoever sees a page is there. Raises `SessionEnded`, and
    `Refused` for an officer of the other kind: a desk is no auditor's, the log no agency's.
    """
    session = vault.officer_session(officer)
    if session.officer.role != ROLES[request.url.path.split("/", 2)[1]]:
        raise Refused("This page is for officers of another kind.", "wrong_role")
    request.state.officer_session = session
    return session


def party_name(registry: Snapshot, person: Invited, language: str) -> str:
    """The organisation for which somebody is, or becomes, an officer."""
    name = agency_name if person.role == "agency" else auditor_name
    return name(registry, person.party, language)


def sign_out(response: Response) -> Response:
    """Takes the session, and what it looked at, out of the browser."""
    cookies.drop_cookie(response, cookies.OFFICER)
    cookies.drop_cookie(response, cookies.READING)
    return response


def verified_passkey(vault: Vault, credential: str, challenge: bytes) -> tuple[bytes, bytes]:
    """Credential id and public key of a new passkey that signed this; raises `Refused`."""
    with _as_a_bad_passkey():
        found = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            require_user_verification=True,
            expected_rp_id=_host(vault),
            expected_origin=vault.system.settings.url,
        )
    return found.credential_id, found.credential_public_key


def start_session(
    vault: Vault, stranger: caller.Stranger, credential: str, challenge: str
) -> OfficerSession:
    """A session for who signed our challenge with a registered passkey; raises `Refused`."""
    with _as_a_bad_passkey():
        parsed = parse_authentication_credential_json(credential)
    signed, officer = bytes_of(challenge), vault.registry().officers.get(parsed.raw_id)
    if officer is None:
        raise _bad_passkey()
    with _as_a_bad_passkey():
        verify_authentication_response(
            credential=parsed,
            expected_challenge=signed,
            credential_public_key=officer.public_key,
            credential_current_sign_count=0,  # passkeys that are synchronised count nothing
            require_user_verification=True,
            expected_rp_id=_host(vault),
            expected_origin=vault.system.settings.url,
        )
    return vault.start_officer_session(stranger, parsed.raw_id, signed)


@contextmanager
def _as_a_bad_passkey() -> Iterator[None]:
    """For the library alone, which looks at no type of what a browser sent before it uses it."""
    try:
        yield
    except Exception:  # noqa: BLE001 - whatever it stumbles over is no passkey
        raise _bad_passkey() from None


def bytes_of(text: str) -> bytes:
    """What a form sent in base64url; raises `Refused`."""
    try:
        return unb64u(text)
    except Malformed:
        raise _bad_passkey() from None


def _host(vault: Vault) -> str:
    """The relying party's id: the host of the public URL."""
    return urlsplit(vault.system.settings.url).hostname or ""


def _bad_passkey() -> Refused:
    return Refused("This passkey was not accepted. Try again.", "bad_passkey")
