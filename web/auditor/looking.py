"""An auditor's officer before the log, by the same calls as the API: every look is an entry first.

The access token stays with the browser, in a cookie that no script reads. It works for minutes and
in the session that got it alone; a page gets another where it is over.
"""

from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Response

from evidence.entries import Entry
from operate.examining import ALWAYS_MS, EVERYWHERE, Examined, Window, examine, look
from vault import caller
from vault.errors import InvalidToken
from vault.officers import OfficerSession
from vault.vault import Vault
from web import cookies, officers
from web.officers import Officer, OfficerRoute
from web.pages import OpenedVault
from web.slots import Slots

__all__ = ["ALWAYS_MS", "EVERYWHERE", "Examined", "Examiner", "Looking", "Window"]
T = TypeVar("T")
LOOKS = Slots(2)  # at thousands of entries; apart from what citizens have checked


@dataclass
class Examiner:
    """One officer of an auditor, signed in. `token` is the one to go on with."""

    vault: Vault
    by: caller.Officer
    session: OfficerSession
    token: str = ""

    @property
    def party(self) -> str:
        return self.session.officer.party

    def look(self, window: Window) -> list[Entry]:
        """The entries of a window, once the log says so; raises as `Vault.record_look` does."""
        return self._with_token(lambda holder: look(self.vault, holder, window))

    def examine(self, action: str) -> Examined:
        """All of the log, `log.read` or `log.export`."""
        return self._with_token(lambda holder: examine(self.vault, holder, action))

    def slot(self) -> AbstractContextManager[None]:
        """A place to go through many entries in. Raises `Busy`, before anything is recorded."""
        officer = self.session.officer
        return LOOKS.held_by((officer.party, officer.id))

    def _with_token(self, act: Callable[[caller.TokenHolder], T]) -> T:
        if self.token:
            with suppress(InvalidToken):
                return act(self.vault.holder_of(self.by, self.token))
        self.token = self.vault.issue_audit_token(self.vault.auditor_of(self.by))
        return act(self.vault.holder_of(self.by, self.token))


def _examiner(request: Request, vault: OpenedVault, officer: Officer) -> Examiner:
    session = officers.look(request, vault, officer)
    mark, _, token = request.cookies.get(cookies.READING, "").partition(".")
    found = Examiner(vault, officer, session, token if mark == _mark(session) else "")
    request.state.examiner = found
    return found


Looking = Annotated[Examiner, Depends(_examiner)]


class AuditorRoute(OfficerRoute):
    """A page for officers of an auditor; the token goes back into the browser."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            response = await handle(request)
            found: Examiner | None = getattr(request.state, "examiner", None)
            if found is not None and found.token:
                held = f"{_mark(found.session)}.{found.token}"
                cookies.set_cookie(response, cookies.READING, held)
            return response

        return answer


def _mark(session: OfficerSession) -> str:
    """Which session got a token: one of another session would be refused, as a theft."""
    return sha256(session.id.encode()).hexdigest()[:32]
