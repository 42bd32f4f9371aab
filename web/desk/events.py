"""Whether what an officer looks at may still be looked at: asked once a second, and no read."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from vault.errors import InvalidToken, NotFound
from vault.vault import Vault
from web.desk.showing import Reading, held
from web.officers import Officer
from web.pages import OpenedVault
from web.streams import News, StreamRoute, plain, stream

router = APIRouter(route_class=StreamRoute, tags=["pages"], include_in_schema=False)


@router.get("/desk/events")
async def events(request: Request, officer: Officer, vault: OpenedVault, of: str = "") -> Response:
    """Says `closed`, once, when the citizen took it back, it ended, or its time is over."""
    session = await run_in_threadpool(vault.officer_session, officer)
    watch = Watch(vault, officer, _reading(request, of))
    # By the session's id: its token is another one after each page.
    return await stream(request, session.id, watch.look)


@router.get("/desk/stands")
def stands(request: Request, officer: Officer, vault: OpenedVault, of: str = "") -> Response:
    """The same question, once: 200 with whether it stands, 401 without a session."""
    vault.officer_session(officer)  # whoever is signed out hears that first
    return plain({"open": is_open(vault, officer, _reading(request, of))})


class Watch:
    """One stream's memory: whether it said already that it is over."""

    def __init__(self, vault: Vault, officer: Officer, reading: Reading) -> None:
        self._vault, self._officer, self._reading = vault, officer, reading
        self._over = False

    def look(self) -> Sequence[News] | None:
        if self._over:
            return None
        if is_open(self._vault, self._officer, self._reading):
            return ()
        self._over = True
        expired = self._vault.system.clock.now_ms() >= self._reading.not_after
        return (News("closed", self._reading.id, {"why": "expired" if expired else "ended"}),)


def is_open(vault: Vault, officer: Officer, reading: Reading) -> bool:
    """Whether the grant stands. Raises `SessionEnded`; it renews no session."""
    try:
        return vault.stands(vault.holder_of(officer, reading.token)) is not None
    except InvalidToken:
        return False


def _reading(request: Request, of: str) -> Reading:
    """What the page that asks shows; not what another page of this browser opened since."""
    reading = held(request)
    if reading is None or not reading.token or reading.id != of:
        raise NotFound("This is not open here any more.")
    return reading
