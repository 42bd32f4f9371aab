"""Everything a vault can go through, once, with a list of the secrets that were handed out."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from crypto.code import GRANT, RECOVERY, decode_code
from crypto.encoding import b64u, unb64u
from tests.builders import PERSON, AgencyDesk, Citizen, Store
from tests.vault.rows import Rows, keystore_rows, main_rows, salts_of
from vault import caller
from vault.errors import InvalidGrant
from vault.sessions import UnlockSecret
from vault.unlocking import method_id

SHARED = ("identity.given_name", "identity.family_name")
OTHER = ("identity.birth_date",)
LATER = {"identity.family_name": "Canaria-Married"}
ERASED = {"identity.given_name": "Canaria-Erased", "identity.family_name": "Canaria-Forgotten"}
PLAIN = (*PERSON.values(), *LATER.values(), *ERASED.values())


@dataclass
class Story:
    """What is left of it. `live` and `ended` hold secrets as they were handed out, by name."""

    store: Store
    citizen: Citizen
    agency: AgencyDesk
    other: AgencyDesk
    erased: Citizen
    live: dict[str, str] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    main_before: Rows = field(default_factory=dict)  # before anything ended
    keystore_before: Rows = field(default_factory=dict)
    salts_gone: dict[str, bytes] = field(default_factory=dict)  # by whose they were

    def live_bytes(self) -> list[bytes]:
        return [secret_bytes(text) for text in self.live.values()]

    def ended_bytes(self) -> list[bytes]:
        return [secret_bytes(text) for text in self.ended.values()]

    def secrets(self) -> Iterator[tuple[str, str]]:
        yield from self.live.items()
        yield from self.ended.items()


def secret_bytes(text: str) -> bytes:
    """The bytes of a token, a code or a device secret."""
    if text.startswith(GRANT.prefix):
        return decode_code(GRANT, text).reveal()
    if "-" in text and len(text) == 35:
        return decode_code(RECOVERY, text).reveal()
    for prefix in ("va1_", "ks1_"):  # a device secret may have an underscore anywhere
        text = text.removeprefix(prefix)
    return unb64u(text, None)


def play(store: Store) -> Story:
    """One citizen shares, changes, unlocks again and takes back; another erases her vault."""
    citizen, erased = store.citizen(), store.citizen(ERASED)
    agency = store.agency()
    other = store.agency("https://other.example", dict.fromkeys(OTHER, True), use="other-use")
    story = Story(store, citizen, agency, other, erased)
    _share(story)
    _go_on(story)
    story.main_before, story.keystore_before = main_rows(store), keystore_rows(store)
    _end(story)
    return story


def _share(story: Story) -> None:
    """One grant that will last, one that will be ended, and one whose code is used twice."""
    citizen, agency = story.citizen, story.agency
    for name, place in (("live", story.live), ("ended", story.ended), ("twice", story.ended)):
        salts = set(salts_of(story.store).items())
        offer = citizen.offer(agency, SHARED, follow=name == "live", with_tx_code=name == "live")
        ((_, salt),) = set(salts_of(story.store).items()) - salts
        redeemed = agency.redeem(offer.code, offer.tx_code)
        story.salts_gone[f"the {name} grant's code"] = salt
        story.ended[f"the {name} grant's code"] = offer.code
        place[f"the {name} grant's token"] = redeemed.token
        agency.read(redeemed.token, SHARED)
    citizen.put(LATER)
    agency.read(story.live["the live grant's token"], SHARED)
    erased = story.erased
    code = erased.offer(agency, SHARED[:1]).code
    story.ended["the erased vault's code"] = code
    story.ended["the erased vault's token"] = agency.redeem(code).token
    story.ended["the erased vault's device"] = erased.device_secret
    story.ended["the erased vault's recovery code"] = erased.recovery_code
    story.ended["the erased vault's session"] = erased.token


def _go_on(story: Story) -> None:
    """A second device, a second session, and a code that nobody has redeemed yet."""
    citizen = story.citizen
    story.ended["the session that logs out"] = citizen.token
    citizen.unlock()
    story.live["the session"] = citizen.token
    story.live["the device"] = citizen.device_secret
    story.live["the recovery code"] = citizen.recovery_code
    second = b64u(os.urandom(32))
    story.ended["the removed device"] = second
    unlock, new = UnlockSecret.device(citizen.device_secret), UnlockSecret.device(second)
    citizen.vault.add_method(caller.Stranger(), unlock, new)
    story.live["the offer"] = citizen.offer(story.other, OTHER).code


def _end(story: Story) -> None:
    """Everything in `ended` ends, and its salts are noted before they go."""
    store, citizen = story.store, story.citizen
    before = salts_of(store)
    with pytest.raises(InvalidGrant):
        story.agency.redeem(story.ended["the twice grant's code"])
    ending = [g for g in citizen.vault.grants(citizen.owner) if not g.terms.follow]
    citizen.vault.end_grant(citizen.owner, next(g for g in ending if g.state == "active").grant_id)
    leaving = Citizen(store.vault, "", "", story.ended["the session that logs out"], b"")
    store.vault.log_out(leaving.owner)
    removed = method_id(UnlockSecret.device(story.ended["the removed device"]).secret)
    citizen.vault.remove_method(citizen.owner, removed)
    store.vault.erase(story.erased.owner)
    citizen.vault.activity(citizen.owner)
    gone = before.items() - salts_of(store).items()
    story.salts_gone |= {f"{kind} {id_.hex()[:6]}, phase {n}": s for (kind, id_, n), s in gone}
