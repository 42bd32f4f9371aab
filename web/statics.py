"""Styles, modules and pictures: served under a name that changes with their content."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from vault.errors import NotReady
from vault.settings import Settings
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
_PARTS = "buttons forms messages cards pieces tables code above room doors"
SHEETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"main": ("elements", "frame", "room"), "parts": tuple(_PARTS.split())}
)
"""Style sheets that lie in pieces, each in the order of its rules. They are fetched whole."""

router = APIRouter(tags=["pages"], include_in_schema=False)


@dataclass(frozen=True)
class Statics:
    """The files that pages are made of. `theme`: a deployment's own style sheet, loaded last.

    Files of others (`web/vendor.py`) may be missing.
    """

    theme: bytes | None = None

    @cached_property
    def files(self) -> dict[str, bytes]:
        """Every file by the path below `/static/<version>/`."""
        own = {
            path.relative_to(FOLDER).as_posix(): path.read_bytes()
            for path in sorted(FOLDER.rglob("*"))
            if path.suffix in _TYPES
        }
        for sheet, pieces in SHEETS.items():
            parts = [own.pop(f"css/{sheet}/{piece}.css") for piece in pieces]
            own[f"css/{sheet}.css"] = b"\n".join(parts)
        for name, path in vendor.FILES.items():
            if path.is_file():
                own[f"vendor/{name}"] = path.read_bytes()
        own["css/theme.css"] = self.theme or b""
        return own

    @cached_property
    def packed(self) -> dict[str, bytes]:
        """The files that are smaller with gzip. Pages are never packed: beside what a person typed,
        the length of a packed page tells of its secrets (BREACH).
        """
        tried = {name: gzip.compress(one, mtime=0) for name, one in self.files.items()}
        return {name: one for name, one in tried.items() if len(one) < len(self.files[name])}

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


def theme_of(settings: Settings) -> bytes | None:
    """A deployment's own style sheet; raises `NotReady` where it can't be read."""
    if not settings.theme:
        return None
    try:
        return Path(settings.theme).read_bytes()
    except OSError as error:
        raise NotReady(f"The theme {settings.theme} can't be read: {error.strerror}.") from None


@router.get("/static/{version}/{name:path}")
async def static(request: Request, version: str, name: str) -> Response:
    """One file, kept by the browser for good."""
    statics: Statics = request.app.state.pages.statics
    if name not in statics.files or version != statics.version:
        raise HTTPException(404)
    headers = {
        "Cache-Control": _YEAR,
        "Content-Security-Policy": _POLICY,
        "Vary": "Accept-Encoding",
    }
    content = statics.files[name]
    if name in statics.packed and _takes_gzip(request):
        content, headers["Content-Encoding"] = statics.packed[name], "gzip"
    return Response(content, media_type=_TYPES[Path(name).suffix], headers=headers)


def _takes_gzip(request: Request) -> bool:
    """RFC 9110 §12.5.3, in the form that browsers send."""
    offered = request.headers.get("accept-encoding", "").split(",")
    return any(one.strip().lower() in {"gzip", "gzip;q=1.0", "gzip;q=1"} for one in offered)
