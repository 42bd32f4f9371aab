"""What a phone camera opens from a code that is meant for a counter.

One page without script. The code is in the fragment, which a browser sends to nobody.
"""

import base64
import hashlib
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.described import documented

router = APIRouter(tags=["pages"])

_PAGE = Path(__file__).with_name("landing.html").read_text(encoding="utf-8")
_STYLE = _PAGE.partition("<style>")[2].partition("</style>")[0]
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@router.get("/s", response_class=HTMLResponse, responses=documented(500))
@router.get("/S", name="landing_of_qr_code", response_class=HTMLResponse, responses=documented(500))
async def landing() -> HTMLResponse:
    """What to do with a code that was scanned with a camera"""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})
