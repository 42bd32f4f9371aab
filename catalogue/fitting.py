"""Which values of a whole answer their fields take, so that one slip in it keeps no other out.

The one judgement of every import: what a page shows and what a command does come from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from catalogue.kinds import BadValue, Field, JsonValue


@dataclass(frozen=True, slots=True)
class Fitting:
    """The values as they are kept, and of each that is left out the code that says why."""

    values: Mapping[str, JsonValue]
    left_out: Mapping[str, str]


def fitting(
    catalogue: Mapping[str, Field], values: Mapping[str, JsonValue], now_ms: int
) -> Fitting:
    """Each value, by field id, is in one of the two."""
    kept: dict[str, JsonValue] = {}
    left_out: dict[str, str] = {}
    for name, value in values.items():
        try:
            kept[name] = catalogue[name].check(value, now_ms)
        except BadValue as fault:
            left_out[name] = fault.code
    return Fitting(MappingProxyType(kept), MappingProxyType(left_out))
