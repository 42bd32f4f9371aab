"""Values as people read them, on every page in the same words."""

from typing import Any

import pytest

from catalogue.fields import load_catalogue
from web.names import value_text
from web.words import words

CATALOGUE = load_catalogue()


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("identity.nationality", ["NL", "BE"], "Nederland en België"),
        ("identity.birth_country", "brp:6030", "brp:6030"),
        ("contact.language", "fr", "Frans"),
        ("identity.sex", "female", "Vrouw"),
        ("identity.birth_date", "1957-03", "maart 1957"),
        ("identity.birth_date", "XXXX", "niet bekend"),
        ("identity.birth_date", "in spring", "in spring"),
        ("no.such_field", 7, "7"),
    ],
)
def test_a_value_has_the_words_of_the_reader_s_language(
    field: str, value: Any, expected: str
) -> None:
    assert value_text(CATALOGUE, field, value, words("nl")) == expected
