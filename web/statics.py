"""Styles, modules and pictures: served under a name that changes with their content."""

import mimetypes
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from web import vendor

FOLDER = Path(__file__).with_name("static")
_YEAR = "public, max-age=31536000, immutable"
SCRIPT = "text/javascript; charset=utf-8"
_TYPES = {
    ".js": SCRIPT,
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".wasm": "application/wasm",
}
_POLICY = "default-src 'none'; frame-ancestors 'none'"
_SCANNER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"

router = APIRouter(tags=["pages"], include_in_schema=False)


@dataclass(frozen=True)
class Statics:
    """The files that pages are made of. `theme`: a deployment's own style sheet, loaded last.

    Files of others (`web/vendor.py`) may be missing.
    """

    theme: Path | None = None

    @cached_property
    def files(self) -> dict[str, bytes]:
        """Every file by the path below `/static/<version>/`."""
        own = {
            path.relative_to(FOLDER).as_posix(): path.read_bytes()
            for path in sorted(FOLDER.rglob("*"))
            if path.suffix in _TYPES
        }
        for name, path in vendor.FILES.items():
            if path.is_file():
                own[f"vendor/{name}"] = path.read_bytes()
        own["css/theme.css"] = self.theme.read_bytes() if self.theme else b""
        return own

    @cached_property
    def version(self) -> str:
        """Of all files together: modules import each other by relative paths."""
        digest = sha256()
        for name, content in sorted(self.files.items()):
            digest.update(f"{name} {len(content)} ".encode() + content)
        return digest.hexdigest()[:16]

    def url(self, name: str) -> str:
        if name not in self.files:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"


@router.get("/static/{version}/{name:path}")
async def static(request: Request, version: str, name: str) -> Response:
    """One file, kept by the browser for good."""
    statics: Statics = request.app.state.pages.statics
    content = statics.files.get(name)
    if content is None or version != statics.version:
        raise HTTPException(404)
    media_type = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0]
    headers = {"Cache-Control": _YEAR, "Content-Security-Policy": _POLICY}
    return Response(content, media_type=media_type, headers=headers)


@router.get("/scan-worker.js")
async def scan_worker(request: Request) -> Response:
    """The reader of QR codes: it alone runs WebAssembly, and no page does."""
    statics: Statics = request.app.state.pages.statics
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": _SCANNER_POLICY}
    return Response(statics.files["js/scan-worker.js"], media_type=_TYPES[".js"], headers=headers)
