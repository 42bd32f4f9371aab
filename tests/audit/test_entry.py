"""Events and chains: one spelling each, closed lists, nothing unknown."""

import json
import re
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import (
    ACTIONS,
    ACTOR_KINDS,
    CLASSES,
    OUTCOMES,
    Actor,
    Chain,
    Event,
    Officer,
    check_pair,
    decode_chain,
    decode_event,
    encode_chain,
    encode_event,
    new_entry_id,
)
from audit.errors import MalformedEntry
from audit.reasons import REASONS
from audit.refs import check_refs
from audit.shapes import entry_id_text, instant_text, parse_entry_id, parse_instant
from crypto.encoding import INTEGER_MAX, canonical_json
from tests.audit.logbook import NOW, entry_id, fixed
from tests.audit.make_vectors import pairs

ID, DIGEST = fixed("an id", 16), fixed("a digest")
PUT = ((ID, fixed("value", 16), 1, DIGEST),)

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
ids = st.binary(min_size=16, max_size=16)
digests = st.binary(min_size=32, max_size=32)
instants = st.integers(0, 253_402_300_799_999)
names = st.lists(
    st.from_regex(r"[a-z][a-z0-9_-]{0,8}(\.[a-z0-9_-]{1,8}){0,3}", fullmatch=True),
    unique=True,
    max_size=5,
).map(tuple)
counts = st.integers(0, INTEGER_MAX)
events = st.builds(
    Event,
    id=instants.map(new_entry_id),
    at=instants,
    action=st.sampled_from(ACTIONS),
    outcome=st.sampled_from(OUTCOMES),
    actor=st.builds(Actor, st.sampled_from(ACTOR_KINDS), st.none() | texts),
    reason=st.none() | st.sampled_from(REASONS),
    officer=st.none() | st.builds(Officer, texts, texts),
    on_behalf_of=st.none() | texts,
    intended_use=st.none() | texts,
    legal_basis=st.none() | texts,
    grant=st.none() | ids,
    fields_requested=st.none() | names,
    fields_given=st.none() | names,
    fields_unknown=st.none() | counts,
    count=st.none() | counts,
)
value_refs = st.tuples(ids, ids, st.integers(1, INTEGER_MAX), digests)
all_refs = st.one_of(
    st.lists(ids, unique=True, max_size=4).map(tuple),
    st.lists(value_refs, unique=True, min_size=1, max_size=4).map(tuple),
    st.tuples(ids, digests),
    st.lists(digests, unique=True, min_size=1, max_size=4).map(tuple),
)


@st.composite
def chains(draw: st.DrawFn) -> Chain:
    seq, class_ = draw(st.integers(1, INTEGER_MAX)), draw(st.sampled_from(CLASSES))
    return Chain(
        draw(ids),
        class_,
        seq,
        None if seq == 1 else draw(st.binary(min_size=33, max_size=33)),
        draw(instants) if class_ == "deferred" else None,
        draw(st.booleans()),
        draw(st.none() | all_refs),
    )


def an_event() -> Event:
    return pairs()["read"][0]


def a_chain() -> Chain:
    return pairs()["read"][1]


def with_members(raw: bytes, **members: Any) -> bytes:
    """The same JSON with members put in (or out, when None stands for them)."""
    changed = json.loads(raw) | members
    return canonical_json({key: value for key, value in changed.items() if value is not ...})


@given(events)
def test_an_event_reads_back_as_it_was_written(event: Event) -> None:
    assert decode_event(encode_event(event)) == event


@given(chains())
def test_a_chain_reads_back_as_it_was_written(chain: Chain) -> None:
    assert decode_chain(encode_chain(chain)) == chain


@given(events)
def test_an_event_is_canonical_and_leaves_out_what_is_absent(event: Event) -> None:
    raw = encode_event(event)
    members = json.loads(raw)
    assert canonical_json(members) == raw
    assert None not in members.values()
    absent = {field.name for field in fields(event) if getattr(event, field.name) is None}
    assert members.keys() == {"v", *(field.name for field in fields(event))} - absent


def test_the_bytes_of_an_event_are_these() -> None:
    event = replace(an_event(), legal_basis=None, on_behalf_of=None, fields_requested=None)
    assert encode_event(event) == (
        b'{"action":"data.read","actor":{"id":"gemeente-voorbeeld","kind":"agency"},'
        b'"at":"2026-11-21T18:00:00.001Z",'
        b'"fields_given":["identity.birth_date","address.postal_code"],'
        b'"grant":"YwetVm0i6DlPOKI-LuSkpA","id":"01a1ff43-dd01-7673-a901-7d89bfa8eb6f",'
        b'"intended_use":"parkeervergunning","officer":{"id":"m.devries","stated_by":"agency"},'
        b'"outcome":"permitted","v":1}'
    )


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"note": "x"}, id="an unknown key"),
        pytest.param({"reason": None}, id="null for absent"),
        pytest.param({"v": 2}, id="another version"),
        pytest.param({"v": True}, id="true for one"),
        pytest.param({"v": ...}, id="no version"),
        pytest.param({"id": ...}, id="no id"),
        pytest.param({"id": "01A1FF43-DD01-7A1C-BD04-710A35890976"}, id="upper-case id"),
        pytest.param({"id": "01a1ff43-dd01-4a1c-bd04-710a35890976"}, id="version 4 id"),
        pytest.param({"id": "01a1ff43-dd01-7a1c-0d04-710a35890976"}, id="id of another variant"),
        pytest.param({"id": "01a1ff43dd017a1cbd04710a35890976"}, id="id without hyphens"),
        pytest.param({"id": "01a1ff43-dd01-7a1c-bd04-710a35890976\n"}, id="id and a line end"),
        pytest.param({"id": 7}, id="number for id"),
        pytest.param({"at": "2026-11-21T18:00:00Z"}, id="no milliseconds"),
        pytest.param({"at": "2026-11-21T18:00:00.000000Z"}, id="microseconds"),
        pytest.param({"at": "2026-11-21T18:00:00.000+00:00"}, id="offset for Z"),
        pytest.param({"at": "2026-11-21t18:00:00.000z"}, id="lower-case instant"),
        pytest.param({"at": "2026-02-30T18:00:00.000Z"}, id="no such day"),
        pytest.param({"at": "2026-11-21T18:00:60.000Z"}, id="leap second"),
        pytest.param({"at": "1969-12-31T23:59:59.999Z"}, id="before 1970"),
        pytest.param({"at": "\u0662026-11-21T18:00:00.000Z"}, id="digits of another script"),
        pytest.param({"at": 1795284000001}, id="number for instant"),
        pytest.param({"action": "data.write"}, id="unknown action"),
        pytest.param({"action": ...}, id="no action"),
        pytest.param({"action": ["data.read"]}, id="list of actions"),
        pytest.param({"outcome": "Permitted"}, id="unknown outcome"),
        pytest.param({"reason": "because"}, id="unknown reason"),
        pytest.param({"actor": {"kind": "stranger"}}, id="unknown kind of actor"),
        pytest.param({"actor": {"id": "x"}}, id="actor without kind"),
        pytest.param({"actor": {"kind": "owner", "name": "x"}}, id="unknown key of actor"),
        pytest.param({"actor": {"kind": "owner", "id": None}}, id="null id of actor"),
        pytest.param({"actor": "owner"}, id="actor without braces"),
        pytest.param({"actor": ...}, id="no actor"),
        pytest.param({"officer": {"id": "x"}}, id="officer that nobody states"),
        pytest.param({"officer": {}}, id="empty officer"),
        pytest.param({"officer": {"id": "", "stated_by": "x"}}, id="officer without name"),
        pytest.param({"officer": []}, id="list for officer"),
        pytest.param({"on_behalf_of": ""}, id="empty text"),
        pytest.param({"legal_basis": "x" * 2049}, id="text too long"),
        pytest.param({"grant": "0RX8sPSw3p0tHB7e4nOiMQ=="}, id="padded base64"),
        pytest.param({"grant": "0RX8sPSw3p0tHB7e4nOiMR"}, id="second spelling of base64"),
        pytest.param({"grant": "0RX8sPSw3p0tHB7e4nOi"}, id="grant too short"),
        pytest.param({"grant": 5}, id="number for grant"),
        pytest.param({"fields_given": ["a.b", "a.b"]}, id="a field twice"),
        pytest.param({"fields_given": "a.b"}, id="text for list"),
        pytest.param({"fields_given": {"a.b": 1}}, id="object for list"),
        pytest.param({"fields_given": [["a.b"]]}, id="list in list"),
        pytest.param({"fields_given": ["Some stranger's words"]}, id="no name of a field"),
        pytest.param({"fields_given": [f"a.f{i}" for i in range(513)]}, id="too many fields"),
        pytest.param({"count": -1}, id="negative count"),
        pytest.param({"count": True}, id="true for count"),
        pytest.param({"count": "1"}, id="text for count"),
    ],
)
def test_an_event_is_refused_with(members: dict[str, Any]) -> None:
    raw = with_members(encode_event(an_event()), **members)
    with pytest.raises(MalformedEntry):
        decode_event(raw)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b'{"action', b' {"action', id="space before"),
        pytest.param(b'"v":1}', b'"v":1}\n', id="line end after"),
        pytest.param(b'"v":1', b'"v": 1', id="space inside"),
        pytest.param(b'"v":1', b'"v":1.0', id="float"),
        pytest.param(b'"v":1', b'"v":1e0', id="exponent"),
        pytest.param(b'"v":1', b'"v":1,"v":1', id="duplicate key"),
        pytest.param(b'"outcome":"permitted","v":1', b'"v":1,"outcome":"permitted"', id="order"),
        pytest.param(b"permitted", b"permitte\\u0064", id="needless escape"),
        pytest.param("–".encode(), b"\\u2013", id="escape of a printable character"),
        pytest.param("–".encode(), b"\xff", id="no UTF-8"),
        pytest.param("–".encode(), b"\\ud800", id="lone surrogate"),
    ],
)
def test_an_event_has_one_spelling(old: bytes, new: bytes) -> None:
    raw = encode_event(an_event())
    assert raw.count(old) == 1
    with pytest.raises(MalformedEntry):
        decode_event(raw.replace(old, new))


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b'"x"', b"{}", b"1", b"[" * 100_000])
def test_what_is_no_object_of_ours_is_refused(raw: bytes) -> None:
    for decode in (decode_event, decode_chain):
        with pytest.raises(MalformedEntry):
            decode(raw)


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"v": 1}, id="an unknown key"),
        pytest.param({"class": "secret"}, id="unknown class"),
        pytest.param({"class": ...}, id="no class"),
        pytest.param({"class_": "open"}, id="the name it has in Python"),
        pytest.param({"subject": ...}, id="no subject"),
        pytest.param({"subject": "KLLDF2ifRKYXInWqj08m"}, id="subject too short"),
        pytest.param({"subject_seq": 0}, id="number zero"),
        pytest.param({"subject_seq": 1}, id="first entry with one before"),
        pytest.param({"subject_seq": True}, id="true for one"),
        pytest.param({"subject_seq": ...}, id="no number"),
        pytest.param({"subject_prev": ...}, id="second entry with none before"),
        pytest.param({"subject_prev": "AQ"}, id="leaf too short"),
        pytest.param({"visible_after": "2026-11-21T18:00:00.000Z"}, id="open, but later"),
        pytest.param({"class": "deferred"}, id="deferred, but until when"),
        pytest.param({"alarm": False}, id="false for absent"),
        pytest.param({"alarm": 1}, id="one for true"),
        pytest.param({"alarm": None}, id="null for absent"),
        pytest.param({"refs": None}, id="null for no refs"),
        pytest.param({"refs": "AQ"}, id="text for refs"),
        pytest.param({"refs": ["AQ"]}, id="ref too short"),
        pytest.param({"refs": [5]}, id="number for ref"),
        pytest.param({"refs": [[[], [], [], []]]}, id="lists for ref"),
        pytest.param({"refs": [["AQ", "AQ", 1]]}, id="three parts of four"),
        pytest.param({"refs": [{}]}, id="object for ref"),
    ],
)
def test_a_chain_is_refused_with(members: dict[str, Any]) -> None:
    raw = with_members(encode_chain(a_chain()), **members)
    with pytest.raises(MalformedEntry):
        decode_chain(raw)


FEWER = replace(pairs()["read"][0], fields_given=())
NO_UNICODE = replace(FEWER, on_behalf_of="\ud800")
UNLOCK = replace(FEWER, action="vault.unlock")
EVENT, CHAIN = encode_event(pairs()["read"][0]), encode_chain(pairs()["read"][1])


@pytest.mark.parametrize(
    ("make", "what"),
    [
        pytest.param(lambda: Chain(ID, "open", 1, bytes(33)), "subject_prev", id="one too many"),
        pytest.param(lambda: Chain(ID, "open", 2), "subject_prev", id="one too few"),
        pytest.param(
            lambda: Chain(ID, "open", 1, visible_after=NOW), "visible_after", id="open, but later"
        ),
        pytest.param(lambda: Chain(ID, "deferred", 1), "visible_after", id="until when"),
        pytest.param(lambda: decode_event(b"[]"), "json", id="no object"),
        pytest.param(lambda: decode_event(b"{"), "json", id="no JSON"),
        pytest.param(lambda: encode_event(NO_UNICODE), "json", id="half a character"),
        pytest.param(lambda: decode_event(b"{}"), "version", id="no version"),
        pytest.param(lambda: decode_event(with_members(EVENT, v=2)), "version", id="version 2"),
        pytest.param(lambda: decode_event(with_members(EVENT, grant=5)), "grant", id="no bytes"),
        pytest.param(
            lambda: decode_event(with_members(EVENT, officer={"id": "", "stated_by": "x"})),
            "officer id",
            id="no name",
        ),
        pytest.param(lambda: decode_event(EVENT + b" "), "event", id="space after an event"),
        pytest.param(lambda: decode_chain(CHAIN + b" "), "chain", id="space after a chain"),
        pytest.param(lambda: decode_chain(with_members(CHAIN, refs=5)), "refs", id="no refs"),
        pytest.param(lambda: decode_chain(with_members(CHAIN, refs=[5])), "refs", id="no ref"),
        pytest.param(lambda: check_refs("data.read", PUT), "refs", id="refs of another action"),
        pytest.param(lambda: check_pair(UNLOCK, pairs()["read"][1]), "refs", id="of none"),
        pytest.param(lambda: check_pair(FEWER, pairs()["read"][1]), "refs", id="one too many refs"),
        pytest.param(lambda: new_entry_id(-1), "at", id="before 1970"),
        pytest.param(lambda: parse_entry_id("x"), "id", id="no UUID"),
        pytest.param(lambda: parse_entry_id(str(UUID(int=0))), "id", id="no UUIDv7"),
    ],
)
def test_a_refusal_names_the_member_or_what_it_is(make: Callable[[], object], what: str) -> None:
    with pytest.raises(MalformedEntry) as refused:
        make()
    assert refused.value.what == what


def test_an_officer_needs_a_name_and_someone_who_states_it() -> None:
    for broken in (("", "agency"), ("m.devries", ""), (None, "agency"), ("m.devries", None)):
        with pytest.raises(MalformedEntry):
            Officer(*broken)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"id": bytes(16)}, "id"),
        ({"id": "01a1ff43"}, "id"),
        ({"at": -1}, "at"),
        ({"at": 1.5}, "at"),
        ({"at": 253_402_300_800_000}, "at"),
        ({"actor": "owner"}, "actor"),
        ({"officer": "x"}, "officer"),
        ({"fields_given": ["a.b"]}, "fields_given"),
        ({"fields_unknown": INTEGER_MAX + 1}, "fields_unknown"),
        ({"grant": b"short"}, "grant"),
    ],
)
def test_no_event_exists_that_could_not_be_written(change: dict[str, Any], what: str) -> None:
    with pytest.raises(MalformedEntry, match=f"malformed entry: {what}$"):
        replace(an_event(), **change)


def test_an_error_names_the_member_and_never_what_stood_there() -> None:
    with pytest.raises(MalformedEntry) as caught:
        replace(an_event(), fields_requested=("canary words!",))
    assert "canary" not in repr(caught.value) + str(caught.value)
    assert caught.value.code == "malformed_entry"


FORMS: dict[str, tuple[Any, ...]] = {
    "data.read": (ID, fixed("another", 16)),
    "value.put": PUT,
    "value.deposit": PUT,
    "offer.create": (ID, DIGEST),
    "grant.redeem": (ID, DIGEST),
    "grant.rekey": (ID, DIGEST),
    "grant.end": (ID, DIGEST),
    "registry.add": (DIGEST, fixed("another")),
    "registry.revoke": (DIGEST,),
    "log.continue": (DIGEST, fixed("another")),
    "key.rotate": (DIGEST, fixed("another")),
}
OF_DIGESTS = ("registry.", "log.continue", "key.rotate")


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_has_refs_of_its_own_form_and_of_no_other(action: str) -> None:
    check_refs(action, None)
    for form in {FORMS[name] for name in FORMS}:
        if form == FORMS.get(action) or (action.startswith(OF_DIGESTS) and form[0] == DIGEST):
            check_refs(action, form)
        else:
            with pytest.raises(MalformedEntry):
                check_refs(action, form)


@pytest.mark.parametrize(
    ("action", "refs"),
    [
        ("data.read", (ID, ID)),
        ("value.put", ()),
        ("value.put", PUT + PUT),
        ("value.put", ((ID, ID, 0, DIGEST),)),
        ("value.put", ((ID, ID, True, DIGEST),)),
        ("value.put", ((ID, ID, 1, ID),)),
        ("offer.create", (ID,)),
        ("offer.create", (ID, DIGEST, DIGEST)),
        ("registry.add", ()),
        ("registry.add", (DIGEST, DIGEST)),
        ("data.read", tuple(fixed(f"{i}", 16) for i in range(513))),
    ],
)
def test_refs_that_are_empty_repeated_or_short_are_refused(action: str, refs: Any) -> None:
    with pytest.raises(MalformedEntry):
        check_refs(action, refs)


def test_a_read_has_one_value_per_field_given() -> None:
    event, chain = pairs()["read"]
    assert event.fields_given
    check_pair(event, chain)
    with pytest.raises(MalformedEntry):
        check_pair(replace(event, fields_given=event.fields_given[:1]), chain)
    with pytest.raises(MalformedEntry):
        check_pair(replace(event, action="vault.unlock"), chain)


@pytest.mark.parametrize("action", ["value.put", "value.deposit"])
def test_a_put_has_one_row_per_field_given(action: str) -> None:
    event, chain = pairs()["put"]
    assert event.fields_given
    check_pair(replace(event, action=action), chain)
    with pytest.raises(MalformedEntry):
        check_pair(replace(event, action=action, fields_given=(*event.fields_given, "a.b")), chain)


def test_there_may_be_as_many_refs_and_fields_as_may_be() -> None:
    check_refs("data.read", tuple(fixed(f"{i}", 16) for i in range(512)))
    event, _ = pairs()["read"]
    names = tuple(f"a.f{i}" for i in range(512))
    assert replace(event, fields_requested=names).fields_requested == names
    with pytest.raises(MalformedEntry):
        replace(event, fields_requested=(*names, "a.g"))


@given(instants)
def test_an_entry_id_is_a_uuid_of_version_7_that_begins_with_the_time(now_ms: int) -> None:
    entry = new_entry_id(now_ms)
    assert len(entry) == 16
    assert int.from_bytes(entry[:6], "big") == now_ms
    assert entry[6] >> 4 == 7
    assert entry[8] >> 6 == 0b10
    assert parse_entry_id(entry_id_text(entry)) == entry


def test_the_rest_of_an_entry_id_is_random() -> None:
    made = [int.from_bytes(new_entry_id(NOW)) for _ in range(200)]
    bits = {tuple(one >> bit & 1 for one in made) for bit in range(128)}
    ever_the_same = {(0,) * 200, (1,) * 200}
    assert len(bits - ever_the_same) == 74  # each bit but time, version and variant, on its own


def test_the_example_of_rfc_9562_reads_and_writes() -> None:
    text = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    entry = parse_entry_id(text)
    assert entry_id_text(entry) == text
    assert int.from_bytes(entry[:6], "big") == parse_instant("2022-02-22T19:22:22.000Z")


@given(instants)
def test_an_instant_reads_back_as_it_was_written(at_ms: int) -> None:
    text = instant_text(at_ms)
    assert re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z", text)
    assert parse_instant(text) == at_ms


@pytest.mark.parametrize(
    "text",
    [
        "now",
        "2026-11-21",
        "2026-11-21T18:00:00Z",
        "2026-11-21T18:00:00.000+00:00",
        "2026-02-30T18:00:00.000Z",
        "1969-12-31T23:59:59.999Z",
        1795284000001,
        None,
    ],
)
def test_an_instant_has_one_spelling(text: object) -> None:
    with pytest.raises(MalformedEntry) as refused:
        parse_instant(text)
    assert refused.value.what == "instant"


def test_no_reason_stands_twice() -> None:
    assert len(set(REASONS)) == len(REASONS)
    assert all(re.fullmatch(r"[a-z_]+", reason) for reason in REASONS)


def test_entry_ids_of_the_tests_are_valid() -> None:
    assert parse_entry_id(entry_id_text(entry_id(5))) == entry_id(5)
