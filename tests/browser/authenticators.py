"""Virtual passkeys: with PRF, with an older kind of it, and without.

One belongs to one page; a page without its own waits for ever. The page has to be on
`http://localhost:PORT`, not on 127.0.0.1. Its PRF secret can't be moved to another page.
"""

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import CDPSession, Page

WITH_PRF = {"hasPrf": True}
"""Answers with PRF at once, when a passkey is made and when it is used: phones of today."""
HMAC_SECRET_ONLY = {"hasHmacSecret": True}
"""Says at the making that it has PRF, and gives results only when used: older keys."""
WITHOUT_PRF: dict[str, bool] = {}
"""A passkey that signs in and unlocks nothing."""


@dataclass(frozen=True)
class Authenticator:
    """A phone's or a security key's passkeys, for one page."""

    session: CDPSession
    id: str

    def credentials(self) -> list[dict[str, Any]]:
        found = self._ask("getCredentials")["credentials"]
        assert isinstance(found, list)
        return found

    def touch_nothing(self) -> None:
        """From now on the person doesn't answer: what is asked stays open until it is aborted."""
        self._ask("setAutomaticPresenceSimulation", enabled=False)

    def touch_again(self) -> None:
        self._ask("setAutomaticPresenceSimulation", enabled=True)

    def forget(self) -> None:
        """The passkeys are gone from the device."""
        self._ask("clearCredentials")

    def remove(self) -> None:
        self._ask("removeVirtualAuthenticator")

    def _ask(self, what: str, **parameters: Any) -> dict[str, Any]:
        body = {"authenticatorId": self.id, **parameters}
        answer: dict[str, Any] = self.session.send(f"WebAuthn.{what}", body)
        return answer


def authenticator(page: Page, kind: dict[str, bool] = WITH_PRF) -> Authenticator:
    """Gives a page an authenticator that verifies its user and keeps passkeys."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable", {"enableUI": False})
    options = {
        "protocol": "ctap2",
        "ctap2Version": "ctap2_1",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
        **kind,
    }
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return Authenticator(session, made["authenticatorId"])
