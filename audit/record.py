"""Values that say of each member what it may hold and how it stands in JSON (audit/shapes.py).

A record exists only if all its shapes hold. `MalformedEntry` names the member, never what stood
there.
"""

from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, ClassVar, TypeVar

from audit.errors import MalformedEntry
from audit.shapes import Shape
from crypto.errors import Malformed

R = TypeVar("R", bound="Record")


@dataclass(frozen=True, slots=True)
class Record:
    """A frozen dataclass with members of the form `name: Annotated[type, shape]`.

    A member that has its default is left out of the JSON. What is called like a word of Python
    ends in `_` here, and not there.
    """

    called: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for name, key, shape, default in self._members():
            value = getattr(self, name)
            if value is not default and not shape.holds(value):
                raise MalformedEntry(self.called + key)

    def members(self) -> dict[str, Any]:
        """The members as they stand in JSON."""
        return {
            key: shape.write(value)
            for name, key, shape, default in self._members()
            if (value := getattr(self, name)) is not default
        }

    @classmethod
    def of(cls: type[R], found: Any) -> R:
        """The record of its JSON. What is unknown is passed over: compare what it encodes to."""
        if not isinstance(found, dict):
            raise MalformedEntry("json")
        read = {}
        for name, key, shape, default in cls._members():
            value = found.get(key)
            if value is not None or default is MISSING:
                try:
                    read[name] = shape.read(value)
                except (Malformed, TypeError):
                    raise MalformedEntry(cls.called + key) from None
        return cls(**read)

    @classmethod
    @cache
    def _members(cls) -> tuple[tuple[str, str, Shape, object], ...]:
        """Of each member its name here and in JSON, its shape and its default."""
        return tuple(
            (one.name, one.name.rstrip("_"), _shape_in(one.type), one.default)
            for one in fields(cls)
        )


def _shape_in(annotated: Any) -> Shape:
    shape: Shape = annotated.__metadata__[0]
    return shape


def record(kind: type[R]) -> Shape:
    return Shape(lambda value: type(value) is kind, kind.members, kind.of)
