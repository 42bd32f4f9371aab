"""Trust policies: who has to sign, and every way in which a file can fail to say it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.note import LatticeKey
from crypto.secret import Secret
from evidence.cosignature import CosignatureKey, LatticeVerifier
from evidence.errors import BadPolicy
from evidence.policy import NONE, POLICY_BYTES_MAX, Policy, parse_policy
from tests.audit.logbook import KEY, ORIGIN

_COSIGNERS = [CosignatureKey(f"w{at}.example", Secret(bytes([at]) * 32)) for at in range(1, 7)]
KEYS = [one.verifier.vkey for one in _COSIGNERS]
LATTICE = LatticeVerifier.of(LatticeKey("pq.example", Secret(b"\x09" * 32))).vkey
TWO_LEVELS = f"""
# who signs
log {KEY.verifier.vkey}   https://kluis.example
witness X1 {KEYS[0]} https://x1.example
\twitness X2\t{KEYS[1]}
witness X3 {KEYS[2]}
group X 2 X1 X2 X3

witness Y1 {KEYS[3]}
witness Y2 {LATTICE}
group Y any Y1 Y2
group both all X Y
quorum both
"""


def policy(text: str) -> Policy:
    return parse_policy(text.encode())


def test_a_policy_is_read_with_its_keys_and_urls() -> None:
    read = policy(TWO_LEVELS)
    assert [(one.name, one.url) for one in read.logs] == [(ORIGIN, "https://kluis.example")]
    assert [one.name for one in read.witnesses] == ["X1", "X2", "X3", "Y1", "Y2"]
    assert [one.url for one in read.witnesses[:2]] == ["https://x1.example", None]
    assert read.witnesses[4].key.vkey == LATTICE


@pytest.mark.parametrize(
    ("cosigned", "enough"),
    [
        ("X1 X2 Y1", True),
        ("X1 X2 X3 Y1 Y2", True),
        ("X2 X3 Y2", True),
        ("X1 Y1", False),
        ("X1 X2 X3", False),
        ("Y1 Y2", False),
        ("", False),
        ("X Y both", False),  # names of groups sign nothing
    ],
)
def test_a_quorum_of_groups_of_groups(cosigned: str, enough: bool) -> None:
    assert policy(TWO_LEVELS).is_met_by(set(cosigned.split())) is enough


def test_one_witness_may_be_the_quorum_and_none_needs_nobody() -> None:
    one = policy(f"witness a {KEYS[0]}\nquorum a\n")
    assert (one.is_met_by({"a"}), one.is_met_by({"b"}), one.is_met_by(())) == (True, False, False)
    assert policy("quorum none").is_met_by(())
    assert policy("quorum none").quorum == NONE


W = f"witness a {KEYS[0]}\nwitness b {KEYS[1]}\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        (W, 2),
        (W + "quorum c", 3),
        (W + "quorum a\nquorum a", 4),
        (W + "quorum", 3),
        (W + "quorum a b", 3),
        ("quorum a\n" + W, 1),
        (W + "group g any a\ngroup h any a\nquorum h", 4),  # a would count twice
        (W + "group g any a a\nquorum g", 3),
        (W + "group g any g\nquorum g", 3),
        (W + "group g any none\nquorum g", 3),
        (W + "group none any a\nquorum none", 3),
        (W + "group a any b\nquorum a", 3),
        (W + "group g any\nquorum g", 3),
        (W + "group g 0 a b\nquorum g", 3),
        (W + "group g 3 a b\nquorum g", 3),
        (W + "group g 02 a b\nquorum g", 3),
        (W + "group g ² a b\nquorum g", 3),
        (W + "group g -1 a b\nquorum g", 3),
        (W + f"witness c {KEYS[0]}\nquorum a", 3),  # the same key under another name
        (W + f"witness a {KEYS[2]}\nquorum a", 3),
        (W + f"witness none {KEYS[2]}\nquorum a", 3),
        (f"log {KEY.verifier.vkey}\nlog {KEY.verifier.vkey}\nquorum none", 2),
        (f"log {KEY.verifier.vkey} a b\nquorum none", 1),
        ("log\nquorum none", 1),
        ("log kluis.example/audit+00000000+AQ==\nquorum none", 1),
        ("witness a\nquorum none", 1),
        (f"witness a {KEY.verifier.vkey}\nquorum a", 1),  # the log itself is no witness
        (f"log {KEYS[0]}\nquorum none", 1),
        ("Quorum none", 1),
        ("quorum none\r\n", 1),
        ("quorum none\n\x00", 1),
    ],
)
def test_what_says_nothing_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(BadPolicy) as refused:
        policy(text)
    assert refused.value.word == f"line {line}"


def test_a_file_that_is_too_long_is_not_read() -> None:
    with pytest.raises(BadPolicy):
        parse_policy(b"#" * (POLICY_BYTES_MAX + 1))


def test_names_need_not_be_text() -> None:
    """Octets of 0x80 and above are opaque (tlog-policy, Character set)."""
    raw = b"witness \xff " + KEYS[0].encode() + b"\nquorum \xff\n"
    assert parse_policy(raw).is_met_by({"\udcff"})


@given(st.binary(max_size=300))
def test_any_bytes_are_a_policy_or_are_refused(raw: bytes) -> None:
    with suppress(BadPolicy):
        assert parse_policy(raw).quorum == NONE  # no witness: there is no key in so few bytes
