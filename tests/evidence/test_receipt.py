"""Receipts: they hold without the log, and for nothing that was changed in them."""

import base64
import hashlib
import hmac

import pytest

from audit.entry import decode_event, encode_event
from audit.leaf import chain_digest
from audit.note import LogKey
from crypto.encoding import pae
from crypto.secret import Secret
from evidence.errors import BadReceipt
from evidence.receipt import RECEIPT_BYTES_MAX, WORDS, check_receipt
from tests.audit.logbook import KEY, OTHER_KEY, fixed, make_event, make_log

SIZE, INDEX = 300, 257
LOG = make_log(SIZE)
KNOWN = [KEY.verifier]


TEXT = LOG.receipt(INDEX)
TITLE, EXTRA, NUMBER, *PATH = TEXT.partition("\n\n")[0].split("\n")
NOTE = TEXT.partition("\n\n")[2]


def with_lines(*lines: str, note: str = NOTE) -> str:
    return "\n".join(lines) + "\n\n" + note


def word(text: str) -> str:
    with pytest.raises(BadReceipt) as caught:
        check_receipt(text, KNOWN)
    assert caught.value.word in WORDS
    return caught.value.word


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 300])
def test_each_entry_of_a_log_has_a_receipt_that_holds(size: int) -> None:
    log = make_log(size)
    for index in {0, size // 2, size - 1}:
        receipt = check_receipt(log.receipt(index), KNOWN)
        assert receipt.event == decode_event(log.openings[index].event)
        assert (receipt.index, receipt.checkpoint.size) == (index, size)
        assert receipt.leaf_data == log.leaves[index].data
        assert receipt.leaf_hash == log.leaves[index].hash


def test_a_receipt_holds_when_checked_by_hand() -> None:
    blob = base64.b64decode(EXTRA.removeprefix("extra "))
    at, parts = 4, []
    while at < len(blob):
        length = int.from_bytes(blob[at : at + 4], "big")
        parts.append(blob[at + 4 : at + 4 + length])
        at += 4 + length
    n1, event, h2 = parts
    h1 = hmac.digest(n1, b"event\n" + event, "sha256")
    leaf = b"\x01" + hashlib.sha256(b"kluis-audit/v1\n" + h1 + h2).digest()
    node, index, last = hashlib.sha256(b"\x00" + leaf).digest(), INDEX, SIZE - 1
    for line in PATH:  # RFC 9162, 2.1.3.2
        sibling = base64.b64decode(line)
        if index & 1 or index == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        index, last = index >> 1, last >> 1
    assert base64.b64encode(node).decode() == NOTE.split("\n")[2]
    assert TITLE == "c2sp.org/tlog-proof@v1"
    assert f"index {INDEX}" == NUMBER


def test_a_receipt_with_any_character_changed_is_refused() -> None:
    for at in range(0, len(TEXT), 7):
        for other in {"0", "A", "\n", " ", "é"} - {TEXT[at]}:
            word(TEXT[:at] + other + TEXT[at + 1 :])


def test_a_receipt_needs_a_key_of_the_log_that_it_names() -> None:
    elsewhere = LogKey("other.example/audit", Secret(fixed("elsewhere")))
    for verifiers in ([], [OTHER_KEY.verifier], [elsewhere.verifier]):
        with pytest.raises(BadReceipt) as caught:
            check_receipt(TEXT, verifiers)
        assert caught.value.word == "note"


def test_another_event_of_the_same_log_does_not_fit() -> None:
    opening = LOG.openings[INDEX]
    other = encode_event(make_event(INDEX + 1))
    h2 = chain_digest(opening.n2, opening.chain)
    extra = base64.b64encode(pae(opening.n1, other, h2)).decode()
    assert word(with_lines(TITLE, f"extra {extra}", NUMBER, *PATH)) == "proof"


def test_the_wrong_index_path_or_checkpoint_does_not_fit() -> None:
    other = make_log(SIZE + 1)
    assert word(with_lines(TITLE, EXTRA, f"index {INDEX - 1}", *PATH)) == "proof"
    assert word(with_lines(TITLE, EXTRA, f"index {2**63 - 1}", *PATH)) == "proof"
    assert word(with_lines(TITLE, EXTRA, NUMBER, *PATH[:-1])) == "proof"
    assert word(with_lines(TITLE, EXTRA, NUMBER, *PATH, PATH[0])) == "proof"
    assert word(with_lines(TITLE, EXTRA, NUMBER, *PATH[::-1])) == "proof"
    assert word(with_lines(TITLE, EXTRA, NUMBER, *PATH, note=other.head_note)) == "proof"


def test_an_event_in_a_second_spelling_is_refused_though_the_log_holds_it() -> None:
    log = make_log(0)
    opening = LOG.openings[0]
    spaced = type(opening)(
        opening.n1, opening.event.replace(b":", b": ", 1), opening.n2, opening.chain
    )
    log.add([spaced])
    assert word(log.receipt(0)) == "event"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("\n\n", id="only an empty line"),
        pytest.param(NOTE, id="a note alone"),
        pytest.param(TEXT.partition("\n\n")[0], id="no note"),
        pytest.param(with_lines(TITLE, NUMBER, *PATH), id="no extra"),
        pytest.param(with_lines(TITLE, NUMBER, EXTRA, *PATH), id="extra after index"),
        pytest.param(with_lines(TITLE, EXTRA, EXTRA, NUMBER, *PATH), id="two extras"),
        pytest.param(with_lines(TITLE.replace("1", "2"), EXTRA, NUMBER, *PATH), id="version 2"),
        pytest.param("\ufeff" + TEXT, id="byte order mark"),
        pytest.param(TEXT.replace("\n", "\r\n"), id="carriage returns"),
        pytest.param(with_lines(TITLE, EXTRA, "index 0257", *PATH), id="leading zero"),
        pytest.param(with_lines(TITLE, EXTRA, "index -1", *PATH), id="negative index"),
        pytest.param(with_lines(TITLE, EXTRA, "index 2_57", *PATH), id="underscore"),
        pytest.param(with_lines(TITLE, EXTRA, "index \u0665", *PATH), id="digit of another script"),
        pytest.param(with_lines(TITLE, EXTRA, f"index {2**63}", *PATH), id="index too large"),
        pytest.param(with_lines(TITLE, EXTRA, f"index {'9' * 5000}", *PATH), id="many digits"),
        pytest.param(with_lines(TITLE, EXTRA, NUMBER, *PATH * 20), id="path too long"),
        pytest.param(with_lines(TITLE, EXTRA, NUMBER, PATH[0][:-4], *PATH[1:]), id="short hash"),
        pytest.param(with_lines(TITLE, EXTRA, NUMBER, PATH[0] + " ", *PATH[1:]), id="space"),
        pytest.param(with_lines(TITLE, EXTRA + "=", NUMBER, *PATH), id="padding"),
        pytest.param(with_lines(TITLE, "extra ", NUMBER, *PATH), id="empty extra"),
        pytest.param(with_lines(TITLE, "extra é", NUMBER, *PATH), id="extra not ascii"),
        pytest.param(with_lines(TITLE, "extra AAAAAg==", NUMBER, *PATH), id="extra of no parts"),
        pytest.param("\ud800" + TEXT, id="half a character"),
        pytest.param(TEXT + "x" * RECEIPT_BYTES_MAX, id="too long"),
    ],
)
def test_a_receipt_is_refused_with(text: str) -> None:
    assert word(text) == "form"


@pytest.mark.parametrize("lengths", [(31, 32), (33, 32), (32, 31), (32, 33), (0, 32)])
def test_nonce_and_digest_have_one_length(lengths: tuple[int, int]) -> None:
    """HMAC pads a short key with zeros: two nonces would open one leaf."""
    event = LOG.openings[INDEX].event
    extra = base64.b64encode(pae(fixed("n", lengths[0]), event, fixed("h", lengths[1]))).decode()
    assert word(with_lines(TITLE, f"extra {extra}", NUMBER, *PATH)) == "form"


def test_a_note_with_a_failing_signature_of_a_known_key_is_refused() -> None:
    name, blob = NOTE.rstrip("\n").split(" ")[1:]
    bad = base64.b64encode(base64.b64decode(blob)[:4] + bytes(64)).decode()
    assert word(TEXT + f"— {name} {bad}\n") == "note"
