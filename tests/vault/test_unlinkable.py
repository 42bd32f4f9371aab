"""Two agencies that lay what they got side by side find nothing to join a citizen by.

Nothing but the values themselves, the names of fields, and what the protocol or the registration
says in the same words to everyone.
"""

import asyncio
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass

import pytest

from api.receipts import receipt
from audit.entry import decode_event, encode_event
from crypto.encoding import unb64u, unpae
from crypto.errors import Malformed
from evidence.receipt import check_receipt
from tests.builders import PERSON, AgencyDesk, Citizen, Store
from tests.vault.full_story import SHARED, secret_bytes
from tests.vault.rows import row_of, rows_of
from tests.vault.tables import grants, vaults
from vault.caller import TokenHolder
from vault.logkeys import log_keys
from vault.reading import parse_access_token
from vault.vault import Vault

WORDS = {
    # the protocol, the same for everyone
    "1", "v", "id", "at", "action", "outcome", "actor", "kind", "agency", "grant",
    "fields_requested", "fields_given", "intended_use", "legal_basis",
    "grant.redeem", "data.read", "permitted", "stated", "self", "consent",
    # field names, and what the citizen said
    *SHARED, *(PERSON[name] for name in SHARED),
    # numbers that many share
    "True", "False", "0",
}  # fmt: skip
HEX = re.compile(r"([0-9a-f]{2}){16,}")
BYTES_OF_CHANCE = 6  # so many equal bytes in a row are no coincidence any more


@dataclass
class Got:
    """What one agency holds of one citizen under one grant."""

    parts: set[str]
    raw: list[bytes]  # of ids and secrets


def pieces(value: object) -> Iterator[str]:
    """Every string and number in a result, its keys included."""
    if is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            yield from pieces(getattr(value, one.name))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from pieces(key)
            yield from pieces(inner)
    elif isinstance(value, list | tuple | set):
        for inner in value:
            yield from pieces(inner)
    elif value is not None:
        yield value.hex() if isinstance(value, bytes) else str(value)


def share(citizen: Citizen, agency: AgencyDesk, *, seconds: int = 61) -> Got:
    """Redeems and reads; the agency sees tokens, terms, values and its entries' events."""
    store_clock = agency.vault.system.clock
    store_clock.advance(seconds=seconds)  # type: ignore[attr-defined]
    offer = citizen.unlock().offer(agency, SHARED, duration_seconds=3600 + seconds)
    vault = agency.vault
    redeemed, first = vault.redeem(agency.caller(), offer.code, None)
    holder = TokenHolder(parse_access_token(redeemed.token), agency.proof(), None)
    released, second = asyncio.run(vault.read(holder, SHARED, asyncio.to_thread))
    receipts = [proved(vault, receipt(placed)) for placed in (first, second)]
    events = [
        entry.event
        for entry in citizen.vault.activity(citizen.owner).entries
        if entry.event.grant == offer.grant_id and entry.event.actor.kind == "agency"
    ]
    assert [event.action for event in events] == ["data.read", "grant.redeem"]
    encoded = [encode_event(event) for event in events]
    assert [decode_event(raw) for raw in encoded] == events
    assert {raw for one in receipts for raw in one[:1]} == set(encoded), "receipts say no more"
    parts = {*pieces(redeemed), *pieces(released), *pieces([json.loads(raw) for raw in encoded])}
    parts |= {*pieces([rest for _, *rest in receipts])}
    secrets = [secret_bytes(offer.code), secret_bytes(redeemed.token)]
    return Got(parts, [*secrets, *filter(None, map(id_bytes, parts))])


def proved(vault: Vault, text: str) -> tuple[bytes, bytes, bytes, bytes, int]:
    """What a receipt says of its entry: event, nonce, digest, leaf, index. What else stands in it
    is the log's own and the same for everyone: other leaves, nodes and a note.
    """
    held = check_receipt(text, log_keys(vault.system.settings).verifiers)
    extra = text.split("\n")[1].removeprefix("extra ")
    n1, event, h2 = unpae(b64decode(extra))
    return event, n1, h2, held.leaf_data, held.index


def id_bytes(part: str) -> bytes | None:
    """The bytes behind text that is long enough to be an id and is no word."""
    if part in WORDS or "://" in part:
        return None
    plain = part.replace("-", "")
    try:
        raw = bytes.fromhex(plain) if HEX.fullmatch(plain) else unb64u(part)
    except Malformed:
        return None
    return raw if len(raw) >= 16 else None


def joined(one: Got, other: Got, *, words: set[str]) -> set[str]:
    """What both got, beside the words that everyone gets."""
    return (one.parts & other.parts) - words


def common_bytes(one: Got, other: Got) -> set[bytes]:
    """Runs of bytes that the ids and secrets of both have."""
    length = BYTES_OF_CHANCE
    runs = {raw[i : i + length] for raw in one.raw for i in range(len(raw) - length + 1)}
    return {run for run in runs if any(run in raw for raw in other.raw)}


@pytest.fixture
def citizen(store: Store) -> Citizen:
    return store.citizen()


@pytest.fixture
def agencies(store: Store) -> tuple[AgencyDesk, AgencyDesk]:
    chosen = dict.fromkeys(SHARED, False)
    one = store.agency("https://one.example", chosen, use="use-of-one")
    other = store.agency("https://other.example", chosen, use="other-use")
    other.thumbprint = "another-thumbprint"
    return one, other


def test_two_agencies_find_nothing_to_join_a_citizen_by(
    citizen: Citizen, agencies: tuple[AgencyDesk, AgencyDesk], store: Store
) -> None:
    words = WORDS | {str(store.clock.now_ms())}  # `stated_at`, of which the door shows the day
    one, other = (share(citizen, agency) for agency in agencies)

    assert joined(one, other, words=words) == set()
    assert len(one.raw) == len(other.raw) >= 12
    assert common_bytes(one, other) == set()


def test_one_agency_finds_nothing_to_join_two_grants_by(
    citizen: Citizen, agencies: tuple[AgencyDesk, AgencyDesk], store: Store
) -> None:
    agency, _ = agencies
    words = WORDS | {str(store.clock.now_ms()), agency.id, agency.use}
    first, second = share(citizen, agency), share(citizen, agency, seconds=67)

    assert joined(first, second, words=words) == set()
    assert common_bytes(first, second) == set()


def test_nothing_that_an_agency_gets_names_the_vault(
    citizen: Citizen, agencies: tuple[AgencyDesk, AgencyDesk], store: Store
) -> None:
    got = share(citizen, agencies[0])

    row = row_of(store, vaults, vault_id=citizen.vault_id)
    for secret in (row["vault_id"], row["subject"], row["public_key"][:16], row["mac"]):
        assert not any(secret in raw for raw in got.raw)
        assert not any(secret.hex() in part for part in got.parts)


def test_the_comparison_would_see_an_id_that_both_got(citizen: Citizen) -> None:
    id_ = citizen.vault_id
    one, other = (Got({id_.hex(), "v"}, [n * 9 + id_ + n]) for n in (b"\0", b"\1"))

    assert joined(one, other, words=WORDS) == {id_.hex()}
    assert len(common_bytes(one, other)) == len(id_) - BYTES_OF_CHANCE + 1


def test_the_key_of_an_agency_is_stored_differently_in_each_grant(
    citizen: Citizen, agencies: tuple[AgencyDesk, AgencyDesk], store: Store
) -> None:
    share(citizen, agencies[0])
    share(citizen, agencies[0], seconds=67)

    found = [row["key_hash"] for row in rows_of(store, grants)]
    assert len(set(found)) == len(found) == 2
