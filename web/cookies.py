"""The cookies of the pages, and what ties a form to the browser that was given it.

All are `__Host-`: sent over https alone (and to localhost), to this host alone, and no page of
another site can set them. None but the language outlives the browser's session.
"""

import hmac
import secrets
from hashlib import sha256
from typing import Literal

from fastapi import Request, Response

SESSION = "__Host-kluis"  # the citizen's session token
SEEN = "__Host-kluis-seen"  # when the citizen last did something
KEY = "__Host-kluis-key"  # the id of the key that opened the session: which device this is
OFFICER = "__Host-kluis-officer"  # an officer's session
READING = "__Host-kluis-reading"  # the access token of what an officer looks at
FORM = "__Host-kluis-form"  # what forms are tied to
LANGUAGE = "__Host-kluis-language"
_YEAR_SECONDS = 365 * 86_400


def set_cookie(response: Response, name: str, value: str, seconds: int | None = None) -> None:
    """No script reads it, and no other site sends it.

    But `FORM`: a link on another site brings it, or its answer would put another in its place, and
    the forms of all open pages would count as forged. No form of another site brings it.
    """
    site: Literal["lax", "strict"] = "lax" if name == FORM else "strict"
    response.set_cookie(
        name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite=site
    )


def drop_cookie(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="strict")


def keep_language(response: Response, language: str) -> None:
    set_cookie(response, LANGUAGE, language, _YEAR_SECONDS)


def fresh_form_secret() -> str:
    return secrets.token_urlsafe(32)


def csrf_token(form_secret: str) -> str:
    """What a form carries, and only a page of ours can have read."""
    return hmac.new(form_secret.encode(), b"csrf", sha256).hexdigest()


def is_csrf_token(request: Request, shown: str) -> bool:
    """Whether a form's token belongs to the browser that sends it."""
    held = request.cookies.get(FORM)
    return held is not None and is_same(csrf_token(held), shown)


def is_same(one: str, other: str) -> bool:
    """In constant time, and of any text: `compare_digest` itself fails for what is not ASCII."""
    return hmac.compare_digest(one.encode(), other.encode())


def seen_mark(session_token: str, at_ms: int) -> str:
    """An instant that only a holder of the session can have written."""
    mac = hmac.new(session_token.encode(), f"seen {at_ms}".encode(), sha256).hexdigest()
    return f"{at_ms}.{mac}"


def seen_at(session_token: str, mark: str) -> int | None:
    """The instant of a `seen_mark`; None for one that was made otherwise."""
    text, _, _ = mark.partition(".")
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    return int(text) if is_same(seen_mark(session_token, int(text)), mark) else None
