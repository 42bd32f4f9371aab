"""Codes survive being read aloud and typed; a slip is found before anything is looked up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.code import GRANT, RECOVERY, CodeKind, decode_code, encode_code, group_code
from crypto.errors import Malformed
from crypto.secret import Secret

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
KINDS = pytest.mark.parametrize("kind", [RECOVERY, GRANT], ids=["RC", "VG1"])
SECRET = Secret(bytes(range(16)))
CODE = encode_code(RECOVERY, SECRET)

recovery_bytes = st.binary(min_size=16, max_size=16)
grant_bytes = st.binary(min_size=20, max_size=20)


def _sample(kind: CodeKind) -> str:
    return encode_code(kind, Secret(bytes(range(kind.secret_bytes))))


@given(recovery_bytes)
def test_a_recovery_code_reads_back(data: bytes) -> None:
    code = encode_code(RECOVERY, Secret(data))
    assert len(code) == 30
    assert set(code) <= set(ALPHABET)
    assert decode_code(RECOVERY, code).reveal() == data


@given(grant_bytes)
def test_a_grant_code_reads_back(data: bytes) -> None:
    code = encode_code(GRANT, Secret(data))
    assert code.startswith("VG1")
    assert len(code) == 3 + 34
    assert decode_code(GRANT, code).reveal() == data


@KINDS
def test_what_a_person_may_type_instead(kind: CodeKind) -> None:
    code = _sample(kind)
    shown = group_code(kind, code)
    for typed in (
        code.lower(),
        shown,
        shown.replace("-", " "),
        f"  {shown} ",
        code.replace("0", "O").replace("1", "I"),
        code.replace("0", "o").replace("1", "l"),
    ):
        assert decode_code(kind, typed) == decode_code(kind, code)


def test_codes_are_shown_in_groups() -> None:
    assert group_code(RECOVERY, CODE) == "-".join(CODE[i : i + 5] for i in range(0, 30, 5))
    grant = _sample(GRANT)
    assert group_code(GRANT, grant) == " ".join(
        ["VG1", *(grant[i : i + 4] for i in range(3, 37, 4))]
    )


def test_every_single_typo_of_a_recovery_code_is_found() -> None:
    for at, right in enumerate(CODE):
        for wrong in set(ALPHABET) - {right}:
            with pytest.raises(Malformed):
                decode_code(RECOVERY, CODE[:at] + wrong + CODE[at + 1 :])


def test_every_swap_of_neighbours_in_a_recovery_code_is_found() -> None:
    for at in range(29):
        swapped = CODE[:at] + CODE[at + 1] + CODE[at] + CODE[at + 2 :]
        if swapped != CODE:
            with pytest.raises(Malformed):
                decode_code(RECOVERY, swapped)


@given(recovery_bytes, st.integers(0, 29), st.integers(1, 31))
def test_a_typo_of_any_recovery_code_is_found(data: bytes, at: int, step: int) -> None:
    code = encode_code(RECOVERY, Secret(data))
    wrong = ALPHABET[(ALPHABET.index(code[at]) + step) % 32]
    with pytest.raises(Malformed):
        decode_code(RECOVERY, code[:at] + wrong + code[at + 1 :])


@KINDS
def test_other_texts_are_malformed(kind: CodeKind) -> None:
    code = _sample(kind)
    for text in (
        "",
        code[:-1],
        code + "0",
        code[:-1] + "U",
        code[:-1] + "\N{FULLWIDTH DIGIT ZERO}",
        code[:-1] + "\N{ARABIC-INDIC DIGIT ZERO}",
        code.replace("0", "_"),
        code.replace("1", "\N{LATIN SMALL LETTER DOTLESS I}"),  # its upper case is I
        code + "\n",
        "-" * 1000,
        code + " " * 1000,
    ):
        with pytest.raises(Malformed):
            decode_code(kind, text)


def test_a_grant_code_needs_its_prefix() -> None:
    code = _sample(GRANT)
    for text in (code[3:], "VG2" + code[3:], "RC" + code[3:]):
        with pytest.raises(Malformed):
            decode_code(GRANT, text)


def test_the_checksum_depends_on_the_kind() -> None:
    other = CodeKind("XX", secret_bytes=16, check_bits=22, group=5, shows_prefix=False)
    with pytest.raises(Malformed):
        decode_code(RECOVERY, encode_code(other, SECRET))


@KINDS
def test_a_secret_of_another_length_has_no_code(kind: CodeKind) -> None:
    for length in (0, kind.secret_bytes - 1, kind.secret_bytes + 1):
        with pytest.raises(Malformed):
            encode_code(kind, Secret(bytes(length)))


def test_a_refused_code_is_not_in_the_error() -> None:
    with pytest.raises(Malformed) as caught:
        decode_code(RECOVERY, CODE[:-1] + "U")
    assert CODE[:10] not in str(caught.value)
