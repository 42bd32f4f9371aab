"""`refs` of a chain (docs/audit.md, 2 Entries): the rows an entry speaks of.

The tables are compared with them.

    data.read                    value_id (16) per field given
    value.put, value.deposit     (handle (16), value_id (16), seq, c (32)) per field of the put
    offer.create, grant.*        g (16), SHA-256(row mac) (32)
    registry.*                   SHA-256(row mac) (32) per row of the registration
    log.continue                 SHA-256(checkpoint) (32) of the last one known of the log before,
                                 and of the one that this database holds, where that is another
    key.rotate                   SHA-256(row mac) (32), old and new by turns, of registry rows

Nothing else has refs. In JSON bytes are base64url; in Python they are bytes in tuples.
"""

from typing import Any

from audit.errors import MalformedEntry
from audit.shapes import DIGEST, ID, Shape, integer
from crypto.encoding import INTEGER_MAX, b64u, unb64u
from crypto.errors import Malformed

ValueRef = tuple[bytes, bytes, int, bytes]
Refs = tuple[bytes, ...] | tuple[ValueRef, ...]

REFS_MAX = 512
_VALUE_REF = (ID, ID, integer(1, INTEGER_MAX), DIGEST)  # handle, value_id, seq, c


def encode_refs(refs: Refs) -> list[Any]:
    """The refs as they stand in JSON."""
    return [_encode_ref(ref) for ref in refs]


def decode_refs(value: object) -> Any:
    """The refs of their JSON. Raises `MalformedEntry` for what no ref looks like."""
    if not isinstance(value, list):
        raise MalformedEntry("refs")
    return tuple(_decode_ref(item) for item in value)


def check_refs(action: str, refs: Refs | None) -> None:
    """The refs, where there are any, are of the form that this action has."""
    if refs is None:
        return
    if action == "data.read":
        fits = _are_ids(refs)
    elif action in {"value.put", "value.deposit"}:
        fits = _are_value_refs(refs)
    elif action == "offer.create" or action.startswith("grant."):
        fits = _are_row(refs)
    else:
        fits = action.startswith(("registry.", "log.continue", "key.rotate")) and _are_digests(refs)
    if not fits:
        raise MalformedEntry("refs")


def _are_ids(refs: tuple[object, ...]) -> bool:
    return all(ID.holds(ref) for ref in refs) and _distinct(refs)


def _are_value_refs(refs: tuple[object, ...]) -> bool:
    return bool(refs) and all(_is_value_ref(ref) for ref in refs) and _distinct(refs)


def _are_row(refs: tuple[object, ...]) -> bool:
    return len(refs) == 2 and ID.holds(refs[0]) and DIGEST.holds(refs[1])


def _are_digests(refs: tuple[object, ...]) -> bool:
    return bool(refs) and all(DIGEST.holds(ref) for ref in refs) and _distinct(refs)


def _distinct(refs: tuple[object, ...]) -> bool:
    return len(refs) <= REFS_MAX and len(set(refs)) == len(refs)


def _is_value_ref(ref: object) -> bool:
    return (
        isinstance(ref, tuple)
        and len(ref) == len(_VALUE_REF)
        and all(shape.holds(part) for shape, part in zip(_VALUE_REF, ref, strict=True))
    )


def _have_a_form(refs: object) -> bool:
    """Some action has refs of this form: what can be said without knowing the action."""
    forms = (_are_ids, _are_value_refs, _are_row, _are_digests)
    return isinstance(refs, tuple) and any(holds(refs) for holds in forms)


def _encode_ref(ref: bytes | ValueRef) -> Any:
    if isinstance(ref, bytes):
        return b64u(ref)
    return [shape.write(part) for shape, part in zip(_VALUE_REF, ref, strict=True)]


def _decode_ref(item: Any) -> Any:
    try:
        if not isinstance(item, list):
            return unb64u(item)
        return tuple(shape.read(part) for shape, part in zip(_VALUE_REF, item, strict=True))
    except (Malformed, TypeError, ValueError):
        raise MalformedEntry("refs") from None


REFS = Shape(_have_a_form, encode_refs, decode_refs)
