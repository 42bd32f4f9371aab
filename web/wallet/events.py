"""What happens to a vault while its owner looks on: a code is scanned, data is read, access ends.

Told from what the owner may see of the grants, so that a read that is hidden by law stays hidden.
A look makes no entry and does not keep the session alive.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from fastapi import APIRouter, Header, Request, Response

from consent.decision import ACTIVE, OFFERED
from crypto.encoding import b64u
from vault import caller
from vault.activities import Page
from vault.vault import Vault
from web import cookies
from web.citizen import IDLE_SECONDS, Owner
from web.pages import OpenedVault, words_for
from web.streams import News, StreamRoute, plain, stream
from web.wallet.shown import ShownGrant, grants_shown
from web.words import Words

router = APIRouter(route_class=StreamRoute, tags=["pages"], include_in_schema=False)

_ALARMS_LOOKED_AT = 10


@router.get("/wallet/events")
async def events(
    request: Request, owner: Owner, vault: OpenedVault, last_event_id: str = Header("")
) -> Response:
    """A stream of what is new from now on; after a break it says that there was something."""
    watch = Watch(request, vault, owner, last_event_id)
    return await stream(request, _session_of(request), watch.look, _idle_seconds(request, vault))


@router.get("/wallet/events/since")
def since(request: Request, owner: Owner, vault: OpenedVault, after: str = "") -> Response:
    """For browsers that get no stream through: how it stands, if that is not what they know."""
    pulse = vault.pulse(owner)
    news = [] if pulse == after else [_changed(pulse, grants_shown(request, vault, owner))]
    told = [
        {"id": one.id, "kind": one.kind, "data": {"kind": one.kind, **one.data}} for one in news
    ]
    return plain({"last": pulse, "events": told})


class Watch:
    """One stream's memory: the grants as they were last told. `known`: the browser's last pulse."""

    def __init__(self, request: Request, vault: Vault, owner: caller.Owner, known: str) -> None:
        self._request, self._vault, self._owner = request, vault, owner
        self._pulse = known
        self._grants: dict[str, ShownGrant] | None = None

    def look(self) -> Sequence[News]:
        """What is new; nothing is opened while the pulse stays the same."""
        pulse = self._vault.pulse(self._owner)
        if pulse == self._pulse and self._grants is not None:
            return ()
        before, missed = self._grants, bool(self._pulse) and pulse != self._pulse
        found = grants_shown(self._request, self._vault, self._owner)
        self._grants, self._pulse = {one.id: one for one in found}, pulse
        if before is None:
            return (_changed(pulse, found),) if missed else ()
        news = [
            News(kind, pulse, told)
            for one in reversed(found)
            for kind, told in _told(before.get(one.id), one, words_for(self._request))
        ]
        news += self._alarms(pulse, [one.data for one in news if one.kind == "withdrawn"])
        return news or (_changed(pulse, found),)

    def _alarms(self, pulse: str, ended: list[dict[str, Any]]) -> list[News]:
        """Of grants that ended before their reads were used up: did they end with an alarm?"""
        if not ended:
            return []
        which = Page("alarms", most=_ALARMS_LOOKED_AT)
        entries = self._vault.activity(self._owner, which).entries
        alarming = {b64u(e.event.grant) for e in entries if e.event.grant is not None}
        text = words_for(self._request).gettext(
            "Warning: somebody used a code of yours that was used before, or guessed at it. "
            "We stopped the access. Look at your activity."
        )
        return [
            News("alarm", pulse, {**one, "text": text}) for one in ended if one["grant"] in alarming
        ]


def _told(
    before: ShownGrant | None, now: ShownGrant, words: Words
) -> list[tuple[str, dict[str, Any]]]:
    """What happened to one grant between two looks, in the order in which it must have."""
    told: list[tuple[str, dict[str, Any]]] = []
    reads = now.reads_used - (before.reads_used if before else 0)
    was = before.stored_state if before else OFFERED

    def tell(kind: str, text: str) -> None:
        told.append((kind, _about(now) | {"text": text}))

    if before is None:
        tell("offer", words.gettext("You made a code for {agency}.").format(agency=now.agency))
    if was == OFFERED and (now.stored_state == ACTIVE or reads):
        tell("grant", words.gettext("{agency} has scanned your code.").format(agency=now.agency))
    if reads > 0:
        tell("read", words.gettext("{agency} reads your data now.").format(agency=now.agency))
    if was in {OFFERED, ACTIVE} and now.stored_state not in {OFFERED, ACTIVE}:
        over = words.gettext("{agency} cannot read any more.").format(agency=now.agency)
        tell("withdrawn", over)
    return told


def _about(one: ShownGrant) -> dict[str, Any]:
    return {"grant": one.id, "agency": one.agency, "state": one.state, "reads": one.reads_used}


def _changed(pulse: str, found: Sequence[ShownGrant]) -> News:
    """Something is new, or was while nobody listened: how every open grant stands."""
    return News("changed", pulse, {"grants": [_about(one) for one in found[:50]]})


def _session_of(request: Request) -> str:
    return sha256(request.cookies.get(cookies.SESSION, "").encode()).hexdigest()


def _idle_seconds(request: Request, vault: Vault) -> float:
    """How long this session is still held for somebody who is there."""
    token, mark = request.cookies[cookies.SESSION], request.cookies.get(cookies.SEEN, "")
    seen = cookies.seen_at(token, mark) or 0
    return IDLE_SECONDS - (vault.system.clock.now_ms() - seen) / 1000
