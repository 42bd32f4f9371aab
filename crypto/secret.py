"""`Secret`: key material that cannot slip into a log line, a pickle, a copy or a comparison.

Python can not promise that memory is wiped; this type promises only that nobody prints a key by
accident (SECURITY.md, Memory).
"""

from typing import Any, NoReturn

from crypto import primitives


class Secret:
    """Bytes that show themselves only when asked: `reveal()`."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    @classmethod
    def random(cls, length: int = 32) -> "Secret":
        """A fresh secret of `length` random bytes."""
        return cls(primitives.random_bytes(length))

    def reveal(self) -> bytes:
        """The bytes. The caller keeps them in a local variable and out of every message."""
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return primitives.constant_time_equal(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a secret is no dictionary key

    def __repr__(self) -> str:
        return "Secret(...)"

    def __format__(self, spec: str) -> NoReturn:
        raise TypeError("a Secret is not formatted")

    def _refuse(self, *_: Any) -> NoReturn:
        raise TypeError("a Secret is neither copied nor pickled")

    __reduce__ = __reduce_ex__ = __copy__ = __deepcopy__ = __getstate__ = _refuse
