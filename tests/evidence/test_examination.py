"""An export that is whole passes by the key alone; what is changed in it is named, and where."""

from collections.abc import Callable

import pytest

from audit.note import Checkpoint, sign_checkpoint
from crypto.encoding import canonical_json, parse_json
from evidence.entries import decode_opening, encode_opening
from evidence.errors import BadExport
from evidence.export import (
    CHECKPOINT,
    CSV,
    FHIR,
    LDV,
    MANIFEST,
    OPENINGS,
    POLICY,
    SHREDDED,
)
from tests.audit.logbook import KEY, ORIGIN, OTHER_KEY, fixed
from tests.evidence.exports import (
    Book,
    check,
    event_of,
    found,
    make_book,
    members_of,
    reencoded,
    resealed,
    zipped,
)

SIZE = 600
BUNDLE = "tile/entries/001"


@pytest.fixture(scope="module")
def blob() -> bytes:
    book = make_book(SIZE)
    book.closed = dict.fromkeys(range(20, 23), "erased")
    return book.export()


@pytest.fixture
def members(blob: bytes) -> dict[str, bytes]:
    return members_of(blob)


def lines(raw: bytes) -> list[bytes]:
    return raw.splitlines(keepends=True)


def test_an_export_that_is_whole_passes_by_the_key_alone(blob: bytes) -> None:
    examined = check(blob)
    assert examined.findings == ()
    assert examined.size == SIZE + 1
    assert any("598 entries opened and matched, 3 closed" in one for one in examined.checked)


def test_the_same_log_gives_the_same_bytes() -> None:
    first, second = make_book(300), make_book(300)
    assert first.export() == second.export()


@pytest.mark.parametrize("size", [0, 1, 254, 255, 256, 257, 511, 512])
def test_exports_of_every_shape_of_tree_pass(size: int) -> None:
    assert check(make_book(size).export()).findings == ()


def test_an_export_continues_the_one_before() -> None:
    book = make_book(300)
    first = book.export()
    one = check(first)
    book.grow(event_of(number) for number in range(301, 400))
    second = book.export((one.size, one.root))
    examined = check(second, first)
    assert examined.findings == ()
    assert examined.checked[-1] == "compared with the export before, of 301 entries"


def test_another_history_than_the_export_before_is_named() -> None:
    first, other = make_book(300).export(), make_book(250)
    other.grow(event_of(number) for number in range(500, 600))
    examined = check(other.export(), first)
    (one,) = found(examined)
    assert one == "root: entries 250 to 300: the export before signs another root for 301 entries"


def test_a_log_that_was_cut_off_since_the_export_before_is_named() -> None:
    long, short = make_book(300).export(), make_book(100).export()
    (one,) = found(check(short, long))
    assert one == "cut: entry 101: the export before counts 301 entries, there are 101"


def test_a_manifest_that_names_another_export_before_is_named() -> None:
    book = make_book(20)
    first = book.export()
    second = book.export((7, fixed("root")))
    assert found(check(second, first)) == [
        "previous: the manifest names another one before than you gave"
    ]


# Somebody changes a member and nothing else: each is named.


def test_each_member_that_is_changed_dropped_cut_off_or_emptied_is_named() -> None:
    book = make_book(40, batch=15)
    book.closed = {20: "erased"}
    members = members_of(book.export())
    for name, raw in members.items():
        if name == MANIFEST:
            continue
        changed = {
            "flipped": bytes([*raw[:-1], raw[-1] ^ 1]),
            "cut": raw[:-1],
            "empty": b"",
            "longer": raw + b"x",
        }
        for how, instead in changed.items():
            named = found(check(zipped(members | {name: instead})))
            assert any(name in one for one in named), (name, how)
        dropped = {one: kept for one, kept in members.items() if one != name}
        assert f"member: {name} is not there" in found(check(zipped(dropped)))


def test_a_member_that_was_added_is_named(members: dict[str, bytes]) -> None:
    for extra in ("readme.txt", "tile/0/003", "tile/entries/003", "earlier/1/checkpoint"):
        named = found(check(zipped(members | {extra: b"x"})))
        assert f"member: {extra} does not belong to an export" in named


def test_two_members_that_changed_places_are_named(members: dict[str, bytes]) -> None:
    for one, other in ((BUNDLE, "tile/entries/000"), (CSV, LDV), ("tile/0/000", "tile/0/001")):
        swapped = members | {one: members[other], other: members[one]}
        named = found(check(zipped(swapped)))
        assert f"member: {one} is not what the manifest says" in named
        assert f"member: {other} is not what the manifest says" in named


# Somebody knows that the manifest must fit: the place is named all the same.


def forged(members: dict[str, bytes], name: str, change: Callable[[bytes], bytes]) -> list[str]:
    return found(check(resealed(members | {name: change(members[name])})))


def test_a_changed_leaf_is_named_by_its_index(members: dict[str, bytes]) -> None:
    def change(raw: bytes) -> bytes:
        at = 35 * 44 + 30  # of the bundle's 44th entry
        return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]

    named = forged(members, BUNDLE, change)
    assert named[0] == "opening: entry 300: it opens another leaf than the one that is there"
    assert "tile: entry 300: tile 0/1 differs at hash 44" in named


def test_a_dropped_bundle_or_tile_is_named(members: dict[str, bytes]) -> None:
    bundle = {name: raw for name, raw in members.items() if name != BUNDLE}
    assert f"member: {BUNDLE} is not there" in found(check(resealed(bundle)))
    tile = {name: raw for name, raw in members.items() if name != "tile/1/000.p/2"}
    named = found(check(resealed(tile)))
    assert "tile: entries 0 to 600: tile 1/0 is missing" in named


def test_a_changed_tile_is_named(members: dict[str, bytes]) -> None:
    named = forged(members, "tile/0/000", lambda raw: raw[:32] + fixed("x") + raw[64:])
    assert named == ["tile: entry 1: tile 0/0 differs at hash 1"]


def test_a_changed_opening_is_named(members: dict[str, bytes]) -> None:
    def change(raw: bytes) -> bytes:
        all_lines = lines(raw)
        index, opening = decode_opening(all_lines[51])
        all_lines[51] = encode_opening(index, reencoded(opening, officer=None))
        return b"".join(all_lines)

    named = forged(members, OPENINGS, change)
    assert "opening: entry 54: it opens another leaf than the one that is there" in named


def test_openings_that_are_dropped_doubled_or_moved_are_named(members: dict[str, bytes]) -> None:
    def drop(raw: bytes) -> bytes:
        return b"".join(line for at, line in enumerate(lines(raw)) if at != 10)

    named = forged(members, OPENINGS, drop)
    assert "closed: entry 10: it is neither open nor said to be closed" in named
    assert "rendering: entry 11: entries.csv says something else" in named, "each line moves up"

    def double(raw: bytes) -> bytes:
        return b"".join(line * (2 if at == 10 else 1) for at, line in enumerate(lines(raw)))

    assert "opening: entry 10: it stands twice or out of order" in forged(members, OPENINGS, double)

    def swap(raw: bytes) -> bytes:
        all_lines = lines(raw)
        all_lines[10], all_lines[11] = all_lines[11], all_lines[10]
        return b"".join(all_lines)

    named = forged(members, OPENINGS, swap)
    assert "opening: entry 10: it stands twice or out of order" in named


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (OPENINGS, b"{}\n"),
        (OPENINGS, b"nonsense\n"),
        (SHREDDED, b'{"index":-1,"reason":"erased"}\n'),
        (SHREDDED, b'{"index":7,"reason":"bored"}\n'),
        (SHREDDED, b'{"index":99999,"reason":"erased"}\n'),
        (SHREDDED, b'{"index":7,"reason":"erased"}\n'),
    ],
)
def test_a_line_that_says_nothing_or_too_much_is_named(
    members: dict[str, bytes], name: str, line: bytes
) -> None:
    named = forged(members, name, lambda raw: raw + line)
    places = {"member: ", "closed: entry 99999: ", "closed: entry 7: "}
    assert any(one.startswith(tuple(places)) for one in named), named


def test_an_opening_hidden_as_erased_is_named_where_its_number_is_missed(
    members: dict[str, bytes],
) -> None:
    manifest = parse_json(members[MANIFEST])
    manifest["logs"][0]["opened"] -= 1
    manifest["logs"][0]["closed"]["erased"] += 1
    kept = [line for line in lines(members[OPENINGS]) if decode_opening(line)[0] != 100]
    shredded = members[SHREDDED] + b'{"index":100,"reason":"erased"}\n'
    hidden = members | {
        OPENINGS: b"".join(kept),
        SHREDDED: shredded,
        MANIFEST: canonical_json(manifest),
    }
    named = found(check(resealed(hidden)))
    # The renderings still tell of it; without them, only that it is said to be erased.
    assert any(one.startswith("rendering: entry 101: entries.csv") for one in named)


def test_entries_closed_without_an_erasure_are_named(members: dict[str, bytes]) -> None:
    for why in ("missing", "damaged"):
        book = make_book(30)
        book.closed = {7: why}
        named = found(check(book.export()))
        assert named == [f"closed: entry 7: its opening is {why}: no time does that"]


def test_entries_called_erased_where_nothing_was_are_named() -> None:
    book = make_book(8)  # the ninth is the first erasure
    book.closed = {3: "erased"}
    assert found(check(book.export())) == ["closed: 1 entries are called erased, and no vault was"]


@pytest.mark.parametrize("name", [CSV, LDV, FHIR])
def test_a_rendering_that_says_something_else_is_named(
    members: dict[str, bytes], name: str
) -> None:
    changed = forged(members, name, lambda raw: raw.replace(b"not_granted", b"expired", 1))
    assert changed == [f"rendering: entry 1: {name} says something else"]
    cut = forged(members, name, lambda raw: b"".join(lines(raw)[:-1]))
    assert cut == [f"rendering: entry 600: {name} says something else"]
    more = forged(members, name, lambda raw: raw + lines(raw)[-1])
    assert more == [f"rendering: {name} has more lines than there are entries"]


def test_a_checkpoint_of_another_key_root_or_log_is_named(members: dict[str, bytes]) -> None:
    root = bytes.fromhex(parse_json(members[MANIFEST])["logs"][0]["root"])
    other = sign_checkpoint(OTHER_KEY, Checkpoint(ORIGIN, SIZE + 1, root)).encode()
    assert "note: the head's note: no signature by a known key" in forged(
        members, CHECKPOINT, lambda _: other
    )
    wrong = sign_checkpoint(KEY, Checkpoint(ORIGIN, SIZE + 1, fixed("root"))).encode()
    named = forged(members, CHECKPOINT, lambda _: wrong)
    assert any("the head's note signs another root" in one for one in named)
    longer = sign_checkpoint(KEY, Checkpoint(ORIGIN, SIZE + 9, root)).encode()
    named = forged(members, CHECKPOINT, lambda _: longer)
    assert any("the head's note counts 609 entries, there are 601" in one for one in named)


def test_an_earlier_checkpoint_that_the_log_does_not_give_is_named(
    members: dict[str, bytes],
) -> None:
    wrong = sign_checkpoint(KEY, Checkpoint(ORIGIN, 300, fixed("root"))).encode()
    named = forged(members, "checkpoints/300", lambda _: wrong)
    assert named == ["root: entries 200 to 299: checkpoints/300 signs another root for 300 entries"]


def test_a_policy_with_another_key_is_named(members: dict[str, bytes]) -> None:
    key, other = (one.verifier.vkey.encode() for one in (KEY, OTHER_KEY))
    named = forged(members, POLICY, lambda raw: raw.replace(key, other))
    assert named == [f"member: {POLICY} names no key of a log that you gave"]
    named = forged(members, POLICY, lambda _: b"quorum none\n")
    assert named == [f"member: {POLICY} does not name these logs"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda m: m["logs"][0].update(size=600), "manifest: its size or root"),
        (lambda m: m["logs"][0].update(root="0" * 64), "manifest: its size or root"),
        (lambda m: m["logs"][0].update(opened=1), "manifest: it counts other opened entries"),
        (lambda m: m["logs"][0]["closed"].update(erased=4), "manifest: it counts other closed"),
        (lambda m: m.update(recorded_at_index=5), "manifest: entry 5: the manifest says that"),
    ],
)
def test_a_manifest_that_says_something_else_is_named(
    members: dict[str, bytes], change: Callable[[dict[str, object]], None], what: str
) -> None:
    manifest = parse_json(members[MANIFEST])
    change(manifest)
    named = found(check(resealed(members | {MANIFEST: canonical_json(manifest)})))
    assert any(one.startswith(what) for one in named), named


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(v=2),
        lambda m: m.update(scope="some"),
        lambda m: m.update(more=1),
        lambda m: m.pop("logs"),
        lambda m: m.update(logs=[]),
        lambda m: m.update(logs=m["logs"] * 2),
        lambda m: m["logs"][0].update(folder="../x/"),
        lambda m: m["logs"][0].update(folder="earlier/1/"),
        lambda m: m["logs"][0].update(size=2**52),
        lambda m: m["logs"][0].update(size=-1),
        lambda m: m["logs"][0].update(size=True),
        lambda m: m["logs"][0].update(root="xyz"),
        lambda m: m["logs"][0].update(closed={}),
        lambda m: m["logs"][0].update(extra=1),
        lambda m: m.update(members=[]),
        lambda m: m.update(members={"checkpoint": [1]}),
        lambda m: m.update(recorded_at_index="0"),
        lambda m: m.update(previous={"size": 1}),
    ],
)
def test_a_manifest_of_another_form_is_refused(
    members: dict[str, bytes], change: Callable[[dict[str, object]], None]
) -> None:
    manifest = parse_json(members[MANIFEST])
    change(manifest)
    with pytest.raises(BadExport):
        check(zipped(members | {MANIFEST: canonical_json(manifest) + b"\n"}))


def test_without_the_right_key_nothing_passes(blob: bytes) -> None:
    named = found(check(blob, keys=[OTHER_KEY.verifier]))
    assert "note: the head's note: no signature by a known key" in named


def test_a_forger_with_the_log_key_can_not_change_what_an_older_export_holds() -> None:
    honest = make_book(100)
    kept = honest.export()
    liar = Book()
    liar.grow(event_of(number) for number in range(50))
    liar.grow(event_of(number) for number in range(200, 300))
    assert check(liar.export()).findings == ()  # alone it is sound
    assert found(check(liar.export(), kept))[0].startswith("root: entries 50 to 100: the export")
