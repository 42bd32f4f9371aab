"""A citizen's own log, checked on the citizen's computer: `kluis wallet activity --verify`.

Pages are fetched and read here; what they prove is judged by `evidence/own.py` alone. Nothing of an
answer is believed but bytes that a leaf commits to and notes that the log's key signed.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from audit.errors import AuditError
from audit.leaf import Opening
from audit.note import Checkpoint, encode_checkpoint, parse_checkpoint
from audit.shapes import Place
from cli.citizen import Citizen
from cli.errors import Failed, WrongUse
from cli.log_reader import log_key
from crypto.encoding import b64u, unb64u
from crypto.errors import Malformed
from evidence.cosignature import parse_verifier
from evidence.own import Last, Memory, OwnCheck, OwnEntry, OwnReport
from evidence.ownlogs import OwnLog

_PAGE_ENTRIES = 200
_HASHES_MAX = 64  # a path in a tree of less than 2^63 leaves
_NUMBER_MAX = 2**62


def check(citizen: Citizen, vkeys: Iterable[str]) -> OwnReport:
    """Walks through all pages and checks them; remembers what was found whole.

    Without keys those of the last time. Raises `Failed` where the answers can't be read.
    """
    kept = citizen.state.checked or {}
    given = [log_key(vkey) for vkey in vkeys]
    try:
        keys = given or [parse_verifier(vkey) for vkey in kept.get("keys", [])]
        memory = memory_of(kept["memory"]) if kept.get("memory") else None
    except (AttributeError, AuditError, KeyError, TypeError, Malformed):
        raise Failed("damaged_profile", f"{citizen.profile.path} is damaged.") from None
    if not keys:
        raise WrongUse(
            "Say by which key the log is checked: --key. You get it from whoever runs the vault "
            "(kluis audit keys), best by another way than from the vault; the profile remembers it."
        )
    report = walk(citizen.activity, OwnCheck(keys, memory))
    if report.memory is not None:
        remembered = {"keys": [key.vkey for key in keys], "memory": written(report.memory)}
        citizen.remember_check(remembered)
    return report


def walk(page: Callable[[Mapping[str, str]], Mapping[str, Any]], own: OwnCheck) -> OwnReport:
    """Asks for one page after another, each to go on from the one before."""
    before: Place | None = None
    while True:
        query = {"limit": str(_PAGE_ENTRIES)}
        if before is not None:
            query["before"] = f"{before[0]}.{before[1]}"
        if own.since is not None:
            query |= {"since_log": str(own.since[0]), "since_size": str(own.since[1])}
        try:
            logs, entries, after = page_of(page(query))
        except Malformed as error:
            raise Failed("not_a_vault", f"The answer can't be checked: {error}.") from None
        own.add(logs, entries)
        if after is None:
            return own.finish()
        if before is not None and after >= before:
            raise Failed("not_a_vault", "The answer can't be checked: its pages don't end.")
        before = after


def page_of(answer: Mapping[str, Any]) -> tuple[list[OwnLog], list[OwnEntry], Place | None]:
    """Logs, entries and the place of the next page; raises `Malformed` for what is none of it."""
    try:
        logs = [_log(one) for one in _list(answer["logs"])]
        entries = [_entry(one) for one in _list(answer["entries"])]
        after = answer.get("next")
        if after is None:
            return logs, entries, None
        log, _, index = str(after).partition(".")
        return logs, entries, (int(log), int(index))
    except (AttributeError, AuditError, KeyError, TypeError, ValueError):
        raise Malformed("page") from None


def _log(found: Mapping[str, Any]) -> OwnLog:
    note = found["checkpoint"]
    if not isinstance(note, str):
        raise Malformed("checkpoint")
    begins, consistency = found.get("begins"), found.get("consistency")
    return OwnLog(
        number=_number(found["log"]),
        note=note,
        begins=None if begins is None else _opening(begins),
        path=_hashes(found.get("proof") or []),
        consistency=None if consistency is None else _hashes(consistency),
    )


def _entry(found: Mapping[str, Any]) -> OwnEntry:
    return OwnEntry(
        log=_number(found["log"]),
        index=_number(found["index"]),
        opening=_opening(found["opening"]),
        path=_hashes(found["proof"]),
    )


def _opening(found: Mapping[str, Any]) -> Opening:
    return Opening(*(unb64u(found[name]) for name in ("n1", "event", "n2", "chain")))


def _hashes(found: object) -> tuple[bytes, ...]:
    nodes = _list(found)
    if len(nodes) > _HASHES_MAX:
        raise Malformed("proof")
    return tuple(unb64u(node, 32) for node in nodes)


def _list(found: object) -> list[Any]:
    if not isinstance(found, list):
        raise Malformed("list")
    return found


def _number(found: object) -> int:
    if type(found) is not int or not 0 <= found < _NUMBER_MAX:
        raise Malformed("number")
    return found


def written(memory: Memory) -> dict[str, Any]:
    """A memory as a profile holds it."""
    return {
        "log": memory.log,
        "checkpoint": encode_checkpoint(memory.checkpoint),
        "subject": None if memory.subject is None else b64u(memory.subject),
        "last": {
            class_: [one.seq, b64u(one.leaf_data), one.log, one.index]
            for class_, one in memory.last.items()
        },
    }


def memory_of(found: Mapping[str, Any]) -> Memory:
    """The memory of what `written` wrote; raises `Malformed`."""
    try:
        subject = found["subject"]
        return Memory(
            log=_number(found["log"]),
            checkpoint=_checkpoint(found["checkpoint"]),
            subject=None if subject is None else unb64u(subject, 16),
            last={str(class_): _last(*one) for class_, one in found["last"].items()},
        )
    except (AttributeError, AuditError, KeyError, TypeError, ValueError):
        raise Malformed("memory") from None


def _checkpoint(found: object) -> Checkpoint:
    if not isinstance(found, str):
        raise Malformed("checkpoint")
    return parse_checkpoint(found)


def _last(seq: object, leaf_data: str, log: object, index: object) -> Last:
    return Last(_number(seq), unb64u(leaf_data, 33), _number(log), _number(index))
