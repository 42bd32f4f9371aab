"""What a phone camera opens from a code that is meant for a counter.

One page without script, that loads nothing; in practice it says so. The code is in the fragment,
which a browser sends to nobody, nor to the page that a link here leads to.
"""

import base64
import hashlib
import re
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.described import documented

router = APIRouter(tags=["pages"])

_PAGE = Path(__file__).with_name("landing.html").read_text(encoding="utf-8")
_PLAIN = re.sub(r"<!--practice-->.*?<!--/practice-->\n", "", _PAGE)
_STYLE = _PAGE.partition("<style>")[2].partition("</style>")[0]
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@router.get("/s", response_class=HTMLResponse, responses=documented(500))
@router.get("/S", name="landing_of_qr_code", response_class=HTMLResponse, responses=documented(500))
async def landing(request: Request) -> HTMLResponse:
    """What to do with a code that was scanned with a camera"""
    page = _PAGE if getattr(request.app.state, "practice", False) else _PLAIN
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})
