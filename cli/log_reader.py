"""Reading a log from outside, as any C2SP client does: its key, checkpoint, tiles and witnesses."""

from collections.abc import Callable, Sequence

import httpx

from audit.errors import BadNote, BadProof
from audit.note import NOTE_BYTES_MAX, Verifier
from audit.tiles import WIDTH, NodeReader
from audit.tree import HASH_BYTES
from cli.client import Server
from cli.errors import CannotSay, Failed, WrongUse
from evidence.cosignature import parse_verifier
from evidence.proofs import consistency_proof
from evidence.tiles import Tile, tile_path
from operate.witnessing import place_of

ANSWER_BYTES_MAX = NOTE_BYTES_MAX  # a tile has less


def log_key(text: str) -> Verifier:
    """The public key of a log, as its operator's `kluis audit keys` shows it; else `WrongUse`."""
    try:
        return parse_verifier(text.strip())
    except BadNote as error:
        message = (
            f"This is no key of a log: {error.what}. kluis audit keys shows what one looks like."
        )
        raise WrongUse(message, "bad_key") from None


class LogReader:
    """A log, or a witness, at its public URL."""

    def __init__(self, url: str) -> None:
        self._server = Server(url)

    def checkpoint(self) -> str:
        """The note that the log publishes now."""
        return _text(self.get("checkpoint"))

    def witnessed(self, origin: str) -> str:
        """The note that a witness signed last for this log."""
        return _text(self._fetch(f"/{place_of(origin)}/checkpoint"))

    def get(self, path: str) -> bytes:
        """What lies at a path of C2SP tlog-tiles, and no more than may: `checkpoint`, or a tile.

        Raises `CannotSay` where it is not there, or nobody answers.
        """
        return self._fetch(f"/audit/{path}")

    def consistency(self, size: int) -> Callable[[int, int], Sequence[bytes]]:
        """Proofs out of the tiles of the tree that has `size` leaves now."""
        nodes = NodeReader(lambda level, n: self._tile(level, n, size))
        return lambda size1, size2: consistency_proof(size1, size2, nodes.read_node)

    def _tile(self, level: int, n: int, size: int) -> bytes:
        """The tile with as many hashes as it has in a tree of this size."""
        width = min(WIDTH, (size >> 8 * level) - n * WIDTH)
        if width <= 0:
            raise BadProof("there is no such tile")
        body = self.get(tile_path(Tile(level, n, width)))
        if len(body) != width * HASH_BYTES:
            raise BadProof("tile too short")
        return body

    def _fetch(self, path: str) -> bytes:
        try:
            answer = self._server.raw("GET", path)
        except Failed as silent:
            raise CannotSay(silent.code, silent.message) from None
        if answer.status_code != httpx.codes.OK:
            what = f"{self._server.url}{path} answers {answer.status_code}"
            raise CannotSay("no_log", f"{what}, where a log or witness was expected.")
        return answer.content[: ANSWER_BYTES_MAX + 1]


def _text(note: bytes) -> str:
    try:
        return note.decode()
    except UnicodeDecodeError:
        raise CannotSay("bad_note", "A note can't be believed: it is no text.") from None
