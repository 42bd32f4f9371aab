"""The published log for anyone: checkpoint and tiles (docs/audit.md, 5 Tree and tiles).

C2SP tlog-tiles with the prefix `/audit`. Nothing is shown beyond what is published, on a fixed
clock: so neither sizes nor times tell strangers more than once a minute that something happened.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import PlainTextResponse

from api.bodies import StrictRoute
from api.credentials import Address, CountedByAddress, OpenedVault
from api.described import documented
from audit.note import parse_checkpoint
from evidence.errors import BadTile
from evidence.tiles import Tile, encode_bundle, parse_tile_path
from vault.errors import NotFound

PREFIX = "/audit/"
_SHORT = {"Cache-Control": "public, max-age=5"}
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


class TileResponse(Response):
    media_type = "application/octet-stream"


def _counted(limits: CountedByAddress, address: Address) -> None:
    limits.count_tile(address)


router = APIRouter(route_class=StrictRoute, tags=["audit"], dependencies=[Depends(_counted)])


@router.get(
    "/audit/checkpoint", response_class=PlainTextResponse, responses=documented(404, 429, 500)
)
def checkpoint(vault: OpenedVault) -> PlainTextResponse:
    """The newest published checkpoint, as a signed note"""
    note = vault.checkpoint()
    if note is None:
        raise NotFound("No checkpoint was published yet.", "no_checkpoint")
    return PlainTextResponse(note, headers=_SHORT)


@router.get(
    "/audit/tile/{tile:path}", response_class=TileResponse, responses=documented(404, 429, 500)
)
def tile(
    request: Request,
    vault: OpenedVault,
    tile: Annotated[str, Path(description="`<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`")],
) -> TileResponse:
    """Hashes of the tree, or leaves, as C2SP tlog-tiles has them"""
    asked = _asked(f"{PREFIX}tile/{tile}", request.scope["raw_path"])
    note = vault.checkpoint()
    size = 0 if note is None else parse_checkpoint(note.partition("\n\n")[0] + "\n").size
    if not asked.is_within(size):
        raise NotFound("The published log has no such tile.", "no_tile")
    row = vault.tile(asked.level, asked.n)[: asked.width]
    content = encode_bundle(row) if asked.level is None else b"".join(row)
    return TileResponse(content, headers=_FOR_EVER)


def _asked(path: str, raw_path: bytes) -> Tile:
    """The tile of a path, which has no second spelling by escapes."""
    try:
        found = parse_tile_path(path.removeprefix(PREFIX))
    except BadTile:
        raise NotFound("This is no path of a tile.", "no_tile") from None
    if raw_path != path.encode():
        raise NotFound("This is no path of a tile.", "no_tile")
    return found
