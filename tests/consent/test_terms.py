"""The terms of a grant: one spelling, one length, and no other reading."""

import pytest

from consent.terms import Terms
from crypto.encoding import canonical_json, pad, unpad
from crypto.errors import Malformed

PLAIN = Terms("https://agency.example", "permit", ("a.b", "c.d"), reads_max=None, follow=False)
FULL = Terms("https://agency.example", "permit", ("a.b",), reads_max=5, follow=True, tx_code="0123")
BODY = {
    "agency": "https://agency.example",
    "use": "permit",
    "fields": ["a.b"],
    "limits": {"reads": 5},
    "follow": True,
    "tx_code": "0123",
}


def encoded(**changes: object) -> bytes:
    """Other terms; a member that is None is left out."""
    members = {**BODY, **changes}
    return pad(canonical_json({name: one for name, one in members.items() if one is not None}))


@pytest.mark.parametrize("terms", [PLAIN, FULL])
def test_terms_are_read_as_they_were_written(terms: Terms) -> None:
    assert Terms.decode(terms.encode()) == terms


def test_terms_are_written_as_the_format_says() -> None:
    assert FULL.encode() == encoded()
    assert unpad(PLAIN.encode()) == (
        b'{"agency":"https://agency.example","fields":["a.b","c.d"],"follow":false,'
        b'"limits":{},"use":"permit"}'
    )


def test_the_length_says_nothing_of_short_terms() -> None:
    assert len(PLAIN.encode()) == len(FULL.encode()) == 256


@pytest.mark.parametrize("member", [name for name in BODY if name != "tx_code"])
def test_terms_without_a_member_are_refused(member: str) -> None:
    with pytest.raises(Malformed, match="malformed terms"):
        Terms.decode(encoded(**{member: None}))


@pytest.mark.parametrize(
    "blob",
    [
        encoded(reads=5),
        encoded(limits={"readc": 5}),
        encoded(limits={"reads": 5, "more": 1}),
        encoded(limits=[]),
        encoded(fields="ab"),
        encoded(fields=7),
        pad(b"[]"),
        pad(b"7"),
    ],
)
def test_terms_with_another_member_or_shape_are_refused(blob: bytes) -> None:
    with pytest.raises(Malformed, match="malformed terms"):
        Terms.decode(blob)


def test_the_spoken_code_does_not_show() -> None:
    assert "0123" not in repr(FULL)
