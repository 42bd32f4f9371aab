"""Places in the log, as addresses name them."""

import pytest

from api.places import place_of, place_text


@pytest.mark.parametrize("place", [(1, 0), (1, 830), (10**9 - 1, 10**18 - 1)])
def test_a_place_is_read_as_it_is_written(place: tuple[int, int]) -> None:
    assert place_of(place_text(place)) == place


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.", ".1", "0.1", "01.1", "1.2.3", "-1.2", "1.-2", "1.2\n", " 1.2", "1.²",
     "\u0661.\u0662", "1" * 10 + ".1", "1." + "1" * 19],
)  # fmt: skip
def test_what_is_no_place_names_none(text: str) -> None:
    assert place_of(text) is None
