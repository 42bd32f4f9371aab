"""Reading a log from outside, as any C2SP client does: its checkpoint, its tiles, its witnesses."""

from collections.abc import Callable, Sequence

import httpx

from audit.errors import BadProof
from audit.tiles import WIDTH, NodeReader
from audit.tree import HASH_BYTES, consistency_proof
from cli.client import Server
from cli.errors import Failed
from evidence.tiles import Tile, tile_path
from operate.witnessing import place_of


class LogReader:
    """A log, or a witness, at its public URL."""

    def __init__(self, url: str) -> None:
        self._server = Server(url)

    def checkpoint(self) -> str:
        """The note that the log publishes now."""
        return self._get("/audit/checkpoint").text

    def witnessed(self, origin: str) -> str:
        """The note that a witness signed last for this log."""
        return self._get(f"/{place_of(origin)}/checkpoint").text

    def consistency(self, size: int) -> Callable[[int, int], Sequence[bytes]]:
        """Proofs out of the tiles of the tree that has `size` leaves now."""
        nodes = NodeReader(lambda level, n: self._tile(level, n, size))
        return lambda size1, size2: consistency_proof(size1, size2, nodes.read_node)

    def _tile(self, level: int, n: int, size: int) -> bytes:
        """The tile with as many hashes as it has in a tree of this size."""
        width = min(WIDTH, (size >> 8 * level) - n * WIDTH)
        if width <= 0:
            raise BadProof("there is no such tile")
        body = self._get(f"/audit/{tile_path(Tile(level, n, width))}").content
        if len(body) != width * HASH_BYTES:
            raise BadProof("tile too short")
        return body

    def _get(self, path: str) -> httpx.Response:
        answer = self._server.raw("GET", path)
        if answer.status_code != httpx.codes.OK:
            what = f"{self._server.url}{path} answered {answer.status_code}"
            raise Failed("no_answer", f"{what}, where a log or witness was expected.")
        return answer
