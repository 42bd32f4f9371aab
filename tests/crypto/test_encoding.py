"""What the encoders write, the decoders read; nothing else passes."""

import json
import unicodedata
from enum import IntEnum

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crypto.encoding import (
    INTEGER_MAX,
    b64u,
    canonical_json,
    pad,
    pae,
    parse_canonical,
    parse_json,
    u32,
    u64,
    unb64u,
    unpad,
    unpae,
)
from crypto.errors import Malformed

parts = st.lists(st.binary(max_size=40), max_size=6)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def test_integers_are_big_endian() -> None:
    assert u32(1) == b"\0\0\0\1"
    assert u64(2**40) == b"\0\0\1\0\0\0\0\0"


@given(parts)
def test_pae_reads_back_as_its_parts(blobs: list[bytes]) -> None:
    assert unpae(pae(*blobs)) == tuple(blobs)


@pytest.mark.parametrize("length", [0, 1, 255, 256, 257, 70_000])
def test_a_part_of_any_length_stands_in_a_pae_after_its_length(length: int) -> None:
    part = b"x" * length
    written = b"\0\0\0\1" + length.to_bytes(4, "big") + part
    assert pae(part) == pae("x" * length) == written
    assert unpae(written) == (part,)


@given(parts, parts)
@example([b"a", b"b"], [b"ab"])
@example([b"a", b""], [b"a"])
@example([], [b""])
def test_pae_of_different_parts_differs(left: list[bytes], right: list[bytes]) -> None:
    assert (pae(*left) == pae(*right)) == (left == right)


@given(parts, st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_pae_is_malformed_or_reads_as_other_parts(
    blobs: list[bytes], at: int, flip: int
) -> None:
    blob = bytearray(pae(*blobs))
    blob[at % len(blob)] ^= flip
    try:
        read = unpae(bytes(blob))
    except Malformed:
        return
    assert read != tuple(blobs)
    assert pae(*read) == bytes(blob)


@given(parts, st.binary(min_size=1, max_size=8))
def test_a_pae_with_bytes_after_it_is_malformed(blobs: list[bytes], more: bytes) -> None:
    with pytest.raises(Malformed):
        unpae(pae(*blobs) + more)


@given(parts, st.integers(0, 10_000))
def test_a_shortened_pae_is_malformed(blobs: list[bytes], at: int) -> None:
    blob = pae(*blobs)
    with pytest.raises(Malformed):
        unpae(blob[: at % len(blob)])


@given(texts)
def test_pae_takes_text_in_one_normal_form(text: str) -> None:
    assert pae(text) == pae(unicodedata.normalize("NFD", text))
    assert pae(text) == pae(unicodedata.normalize("NFC", text).encode())


def test_pae_takes_kinds_of_numbers_and_bytes_as_what_they_are() -> None:
    class Number(IntEnum):
        FIVE = 5

    class Blob(bytes):
        pass

    assert pae(Number.FIVE) == pae(5)
    assert pae(Blob(b"12345")) == pae(b"12345")


def test_pae_takes_integers_as_eight_bytes_and_no_bools() -> None:
    assert pae(5) == pae(b"\0\0\0\0\0\0\0\5")
    with pytest.raises(TypeError):
        pae(True)
    with pytest.raises(OverflowError):
        pae(-1)


@given(st.binary(max_size=100))
def test_base64url_reads_back(data: bytes) -> None:
    text = b64u(data)
    assert "=" not in text
    assert unb64u(text, len(data)) == data


@given(st.binary(min_size=1, max_size=20), st.data())
def test_base64url_has_one_spelling(data: bytes, drawn: st.DataObject) -> None:
    text = b64u(data)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = text[:-1] + drawn.draw(st.sampled_from(alphabet))
    try:
        assert (unb64u(other) == data) == (other == text)
    except Malformed:
        assert other != text


@pytest.mark.parametrize(
    "text", ["AA==", "AB", "A", "A+", "A/", "A A", "AA\n", " AA", "AAA=", "Zm9vYh", "ÄÄ", "٣٣"]
)
def test_base64url_refuses_other_spellings(text: str) -> None:
    with pytest.raises(Malformed):
        unb64u(text)


def test_base64url_holds_the_length_asked_for() -> None:
    with pytest.raises(Malformed):
        unb64u("AAAA", 4)


@given(json_values)
def test_canonical_json_encodes_again_to_the_same_bytes(value: object) -> None:
    raw = canonical_json(value)
    assert parse_canonical(raw) == value
    assert canonical_json(json.loads(raw)) == raw


@given(st.dictionaries(texts, st.none(), max_size=8))
@example({"\N{GRINNING FACE}": None, "\N{HEBREW LETTER DALET WITH DAGESH}": None})
def test_canonical_json_sorts_keys_by_utf_16(value: dict[str, None]) -> None:
    keys = [*json.loads(canonical_json(value))]
    assert keys == sorted(value, key=lambda key: key.encode("utf-16-be"))


def test_canonical_json_is_rfc_8785() -> None:
    # RFC 8785 §3.2.3, without its number
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert [*json.loads(canonical_json(value)).values()] == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]
    assert canonical_json('\u20ac$\u000f\nA\'B"\\\\"/') == (
        '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()
    )


@pytest.mark.parametrize(
    "value",
    [1.0, 1.5, float("nan"), 2**53, -(2**53), "\ud800", {"\udfff": 1}, {1: 2}, b"x", {1, 2}],
)
def test_canonical_json_refuses_what_has_no_one_spelling(value: object) -> None:
    with pytest.raises(Malformed):
        canonical_json(value)


def test_canonical_json_refuses_endless_nesting() -> None:
    nested: list[object] = []
    nested.append(nested)
    with pytest.raises(Malformed):
        canonical_json(nested)


@pytest.mark.parametrize(
    "raw",
    [
        "1.0",
        "1e3",
        "NaN",
        "Infinity",
        "-Infinity",
        '{"a":1,"a":1}',
        '{"o":{"a":1,"\\u0061":2}}',
        str(2**53),
        str(-(2**53)),
        "9" * 5000,
        "[" * 100_000,
        "{'a':1}",
        '{"a":1,}',
        '"\t"',
        "١٢",
        "\ufeff1",
        "",
        "1 2",
        b"\xff",
        b'"\xed\xa0\x80"',
    ],
)
def test_strict_json_refuses(raw: bytes | str) -> None:
    with pytest.raises(Malformed):
        parse_json(raw)


def test_strict_json_reads_the_largest_integers() -> None:
    assert parse_json(f"[{INTEGER_MAX},{-INTEGER_MAX}]") == [INTEGER_MAX, -INTEGER_MAX]
    assert canonical_json([INTEGER_MAX, -INTEGER_MAX]) == f"[{INTEGER_MAX},{-INTEGER_MAX}]".encode()


@pytest.mark.parametrize("text", ['"\\ud800"', '{"\\udfff":1}', '["a\\ud83d"]'])
def test_an_escape_that_spells_half_a_character_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_json(text)
    assert parse_json('"\\ud83d\\ude00"') == "\U0001f600"


@pytest.mark.parametrize("raw", [b'{"b":1,"a":2}', b'{"a": 1}', b" 1", b'"\\u0061"', b"-0"])
def test_canonical_parsing_refuses_other_spellings(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse_canonical(raw)


@given(st.binary(max_size=2000))
@example(b"\x80")
@example(b"\x80\x00\x00")
@example(b"\x00" * 255)
@example(b"\x00" * 256)
def test_padding_comes_off_again(plain: bytes) -> None:
    assert unpad(pad(plain)) == plain


@pytest.mark.parametrize(
    ("plain_bytes", "padded_bytes"),
    [
        (0, 256),
        (255, 256),
        (256, 1024),
        (1023, 1024),
        (1024, 4096),
        (4096, 16384),
        (16384, 65536),
        (65535, 65536),
        (65536, 131072),
        (131071, 131072),
        (131072, 196608),
    ],
)
def test_padding_reaches_the_next_bucket(plain_bytes: int, padded_bytes: int) -> None:
    padded = pad(b"\x01" * plain_bytes)
    assert len(padded) == padded_bytes
    assert unpad(padded) == b"\x01" * plain_bytes


@given(st.binary(max_size=300), st.data())
def test_changed_padding_is_malformed_or_other_text(plain: bytes, drawn: st.DataObject) -> None:
    padded = bytearray(pad(plain))
    padded[drawn.draw(st.integers(0, len(padded) - 1))] ^= drawn.draw(st.integers(1, 255))
    try:
        read = unpad(bytes(padded))
    except Malformed:
        return
    assert read != plain
    assert pad(read) == bytes(padded)


@pytest.mark.parametrize(
    "padded",
    [
        b"",
        bytes(256),
        b"\x80".ljust(255, b"\0"),
        b"\x80".ljust(1024, b"\0"),
        b"\x01\x80\x02".ljust(256, b"\0"),
        b"\x01" * 256,
    ],
)
def test_bad_padding_is_malformed(padded: bytes) -> None:
    with pytest.raises(Malformed):
        unpad(padded)
