"""What an officer looks at: held in a cookie that no script reads, forgotten when done.

The cookie holds the access token, which works in no session but the one that redeemed it, and what
a page needs to show it again: the use, which of its fields, until when. A trace of the code stays
when the screen was cleared, so that a form that is sent again redeems nothing twice.
"""

import json
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from fastapi import Request, Response

from api.data import SUPERSEDED
from catalogue.registration import IntendedUse
from crypto.encoding import b64u, unb64u
from crypto.errors import Malformed
from vault.reading import Released
from vault.redeeming import Redeemed
from vault.vault import Vault
from web import cookies
from web.names import field_label, value_text
from web.pages import language_of, words_for


@dataclass(frozen=True, slots=True)
class Row:
    """One field of the use, shared or not. Nobody is blamed for what is not."""

    label: str
    mandatory: bool
    value: str | None = None
    source: str = ""
    stated_at: int = 0
    status: str = ""

    @property
    def is_superseded(self) -> bool:
        return self.status == SUPERSEDED


@dataclass(frozen=True, slots=True)
class Reading:
    """One citizen's grant on this screen. `token` is empty once it was cleared."""

    token: str
    code: str  # a hash of the code
    use: str = ""
    places: tuple[int, ...] = ()  # of the fields, in the use: shorter than their names
    not_after: int = 0

    @property
    def id(self) -> str:
        """Names the reading to the page without giving it away."""
        return trace(self.token)

    def fields(self, use: IntendedUse) -> tuple[str, ...]:
        return tuple(use.fields[place].id for place in self.places if 0 <= place < len(use.fields))


def trace(secret: str) -> str:
    return b64u(sha256(b"desk" + secret.encode()).digest()[:16])


def begun(redeemed: Redeemed, code: str, use: IntendedUse) -> Reading:
    """The reading that begins with a code."""
    order = [one.id for one in use.fields]
    places = tuple(order.index(name) for name in redeemed.fields if name in order)
    return Reading(redeemed.token, trace(code), use.id, places, redeemed.not_after)


def keep(response: Response, reading: Reading) -> None:
    held = [reading.token, reading.code, reading.use, reading.places, reading.not_after]
    cookies.set_cookie(response, cookies.READING, b64u(json.dumps(held).encode()))


def forget(response: Response, reading: Reading | None) -> None:
    """Takes the token out of the browser; what is left tells nothing and opens nothing."""
    if reading is None:
        cookies.drop_cookie(response, cookies.READING)
    else:
        keep(response, replace(reading, token="", use="", places=(), not_after=0))


def held(request: Request) -> Reading | None:
    """What this browser looks at, or looked at last."""
    try:
        found: Any = json.loads(unb64u(request.cookies.get(cookies.READING, "")))
        token, code, use, places, not_after = found
        return Reading(str(token), str(code), str(use), tuple(map(int, places)), int(not_after))
    except (Malformed, ValueError, TypeError, OverflowError, RecursionError):
        return None


def rows_of(
    request: Request, vault: Vault, use: IntendedUse, released: dict[str, Released]
) -> list[Row]:
    """Every field of the use, in its order, as shared or not."""
    language, words, catalogue = language_of(request), words_for(request), vault.system.catalogue
    rows = []
    for one in use.fields:
        row = Row(field_label(catalogue, one.id, language), one.mandatory)
        if (found := released.get(one.id)) is not None:
            statement = found.statement
            row = replace(
                row,
                value=value_text(catalogue, one.id, statement.value, words),
                source=statement.source,
                stated_at=statement.stated_at,
                status=statement.status if found.is_current else SUPERSEDED,
            )
        rows.append(row)
    return rows
