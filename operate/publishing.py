"""Bringing published checkpoints to witnesses, and their signatures back (C2SP tlog-witness).

A server does this in a thread of its own, never while anything waits for it: a witness that does
not answer holds up nothing. Which witnesses suffice is said by a policy (`evidence/policy.py`); for
how long reads go on without them, by `unwitnessed_seconds_max`.
"""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from audit.errors import AuditError, BadNote
from audit.note import Verifier, parse_note
from evidence.cosignature import cosignatures
from evidence.errors import BadPolicy
from evidence.policy import Party, Policy, parse_policy
from evidence.proofs import consistency_proof
from evidence.witness import SIZE_TYPE, Submission, has_line_of, signed_by
from vault.database import Database
from vault.errors import NotReady, Unavailable
from vault.log import TileReader
from vault.logkeys import log_keys
from vault.steps import sql
from vault.vault import Vault

_logger = logging.getLogger(__name__)
ROUND_SECONDS = 5.0
_TIMEOUT_SECONDS = 5.0
_ANSWER_BYTES_MAX = 65_536
_PUBLISHED = sql(
    """SELECT log, size, note, published_at FROM audit_checkpoint
    ORDER BY log DESC, size DESC LIMIT :most"""
)
_ADD_LINE = sql(
    """UPDATE audit_checkpoint SET note = :new
    WHERE log = :log AND size = :size AND note = :old"""
)
_LOOKED_AT = 100  # published checkpoints, newest first


@dataclass(frozen=True, slots=True)
class Published:
    """A checkpoint as it was published, with the lines it has by now."""

    log: int
    size: int
    note: str
    published_at: int


def read_policy(path: Path) -> Policy:
    """The policy of a file. Raises `NotReady` in words for an operator."""
    try:
        return parse_policy(path.read_bytes())
    except OSError as error:
        raise NotReady(f"{path} can't be read: {error.strerror}.", "bad_policy") from None
    except BadPolicy as error:
        raise NotReady(f"{path}: {error}.", "bad_policy") from None


@contextmanager
def publishing(vault: Vault) -> Iterator[None]:
    """Keeps asking the witnesses while this is open; nothing where the settings name no policy."""
    path = vault.system.settings.witness_policy
    if not path:
        yield
        return
    publisher = Publisher(vault, read_policy(Path(path)))
    publisher.start()
    try:
        yield
    finally:
        publisher.close()


class Publisher:
    """Brings each published checkpoint to each witness that has a URL, again until it signs."""

    def __init__(self, vault: Vault, policy: Policy) -> None:
        self._system = vault.system
        self._policy = policy
        self._held: dict[str, int] = {}  # the size that a witness signed last, as far as known
        self._told: dict[str, str] = {}
        self._stop = threading.Event()
        self._client = httpx.Client(timeout=_TIMEOUT_SECONDS, follow_redirects=False)
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def start(self) -> None:
        """Looks once, so that what was witnessed is known before the first read, then goes on."""
        self._look()
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * _TIMEOUT_SECONDS)
        self._client.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.round()
            self._stop.wait(ROUND_SECONDS)

    def round(self) -> None:
        """Asks every witness whose signature the newest published checkpoint lacks."""
        try:
            for witness in self._policy.witnesses:
                for newest in self._published(1):  # read again: it has the others' lines by now
                    if not self._stop.is_set() and not has_line_of(newest.note, witness.key):
                        self._ask(witness, newest)
            self._look()
        except Unavailable:
            self._tell("database", "the database does not answer")
        except Exception as fault:  # noqa: BLE001 - the next round tries again
            _logger.warning("publishing failed: %s", type(fault).__name__)

    def _look(self) -> None:
        """Since when the witnesses have been missing: kept where reads look (`System`)."""
        since: int | None = None
        for one in self._published(_LOOKED_AT):
            if self._policy.is_met_by(self._signers(one.note)):
                break
            since = one.published_at
        self._system.witnesses.missing_since_ms = since

    def _signers(self, note: str) -> set[str]:
        """Which witnesses have signed it, by their names in the policy. What lies in the database
        is not believed: a line that somebody wrote there does not keep reads going.
        """
        witnesses = self._policy.witnesses
        try:
            lines = cosignatures(note, [*self._log_keys(note), *(one.key for one in witnesses)])
        except BadNote:
            return set()
        signed = {line.verifier for line in lines}
        return {one.name for one in witnesses if one.key in signed}

    def _published(self, most: int) -> list[Published]:
        with self._system.main.read() as connection:
            return [Published(*row) for row in connection.execute(_PUBLISHED, {"most": most})]

    def _ask(self, witness: Party, newest: Published) -> None:
        if witness.url is None:
            return
        try:
            lines = self._submit(witness.url, witness, newest)
            signed = _with_line(newest.note, lines, witness.key, self._log_keys(newest.note))
        except (httpx.HTTPError, _NoAnswer, AuditError) as fault:
            self._tell(witness.name, str(fault) or type(fault).__name__)
            return
        self._held[witness.name] = newest.size
        self._told.pop(witness.name, None)
        _add_line(self._system.main, newest, signed)

    def _submit(self, url: str, witness: Party, newest: Published) -> str:
        """The witness's lines. Where it signed another size last, it says so and is asked again."""
        old = self._held.get(witness.name, 0)
        for _ in range(2):
            answer = self._post(url, Submission(old, self._proof(newest, old), newest.note))
            if answer.status_code != httpx.codes.CONFLICT:
                break
            old = _size_in(answer, newest.size)
        if answer.status_code != httpx.codes.OK:
            self._held.pop(witness.name, None)
            raise _NoAnswer(f"it answered {answer.status_code}")
        return answer.text

    def _log_keys(self, note: str) -> list[Verifier]:
        return log_keys(self._system.settings).named(parse_note(note)[0].origin).verifiers

    def _post(self, url: str, submission: Submission) -> httpx.Response:
        where = f"{url.rstrip('/')}/add-checkpoint"
        with self._client.stream("POST", where, content=submission.encode()) as answer:
            body = b""
            for part in answer.iter_bytes():
                body += part
                if len(body) > _ANSWER_BYTES_MAX:
                    raise _NoAnswer("its answer is too long")
        return httpx.Response(answer.status_code, headers=answer.headers, content=body)

    def _proof(self, newest: Published, old: int) -> tuple[bytes, ...]:
        with self._system.main.read() as connection:
            read_node = TileReader(connection, newest.log).nodes().read_node
            return tuple(consistency_proof(old, newest.size, read_node))

    def _tell(self, name: str, what: str) -> None:
        """Once, and again when it is something else: a witness may be away for days."""
        if self._told.get(name) != what:
            self._told[name] = what
            _logger.warning("witness %s: %s", name, what)


class _NoAnswer(Exception):
    """A witness did not sign, or said something that is not of the protocol."""


def _size_in(answer: httpx.Response, most: int) -> int:
    text = answer.text.removesuffix("\n")
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if kind != SIZE_TYPE or not (text.isascii() and text.isdigit()) or len(text) > 19:
        raise _NoAnswer("it answered 409 without a size")
    if int(text) > most:
        raise _NoAnswer(f"it has signed {text} entries, and there are {most}: a second history?")
    return int(text)


def _with_line(note: str, answer: str, witness: Verifier, log: Iterable[Verifier]) -> str:
    """The note and the witness's own line, which holds; raises `BadNote`."""
    whole = signed_by(note + answer, [witness])
    whole = note + whole.rpartition("\n\n")[2]
    if [one.verifier for one in cosignatures(whole, [*log, witness])] != [witness]:
        raise BadNote("the witness did not sign with its key")
    return whole


def _add_line(main: Database, one: Published, signed: str) -> None:
    """Unless another process added one meanwhile: then the next round does."""
    with main.write() as connection:
        connection.execute(
            _ADD_LINE, {"new": signed, "old": one.note, "log": one.log, "size": one.size}
        )
