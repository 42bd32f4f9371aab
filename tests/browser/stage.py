"""Fictional people on a real server, already signed in, for tests that look at pages."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext

from crypto import jose
from tests.builders import AgencyDesk, Citizen
from tests.serving import Site
from vault import caller
from web import cookies

AGENCY = Path(__file__).resolve().parents[2] / "cli" / "demo_agency.json"
VALUES: dict[str, Any] = {
    "identity.full_name": "Noortje van der Linden-Oosterhuis",
    "identity.given_name": "Noortje",
    "identity.family_name": "van der Linden-Oosterhuis",
    "identity.birth_date": "1957-03",
    "identity.birth_place": "Waterbeek",
    "address.resident_address": "Burgemeester Jan van Hasseltstraat 12 bis, 1234 AB Waterbeek",
    "address.resident_city": "Waterbeek",
    "contact.email_address": "noortje@example.org",
}
AUDITOR = "https://auditor.example"
PUBLIC_KEY = b"\xa5" + bytes(76)  # passed by the vault as it is; no passkey signs here


@dataclass
class Stage:
    """One citizen with some history, one agency with an officer, one auditor with an officer."""

    site: Site
    citizen: Citizen
    agency: AgencyDesk
    use: dict[str, Any]

    @classmethod
    def set(cls, site: Site) -> "Stage":
        store, key = site.store, jose.generate_key()
        document = json.loads(AGENCY.read_text("utf-8"))
        document["jwks"] = {"keys": [jose.public_jwk(key)]}
        store.vault.register_agency(caller.Operator(), document)
        auditor = {
            "id": AUDITOR,
            "names": {
                "nl": "Rekenkamer",
                "fr": "Cour des comptes",
                "de": "Rechnungshof",
                "en": "Court of Audit",
            },
            "jwks": {"keys": [jose.public_jwk(jose.generate_key())]},
        }
        store.vault.register_auditor(caller.Operator(), auditor)
        use = document["intended_uses"][0]
        agency = AgencyDesk(store.vault, document["id"], use["id"], key)
        stage = cls(site, store.citizen(VALUES), agency, use)
        stage.live_a_little()
        return stage

    def with_another_citizen(self) -> "Stage":
        """The same with a citizen to whom nothing but that happened."""
        stage = replace(self, citizen=self.site.store.citizen(VALUES))
        stage.live_a_little()
        return stage

    @property
    def mandatory(self) -> list[str]:
        return [field["id"] for field in self.use["fields"] if field["mandatory"]]

    def live_a_little(self) -> None:
        """A grant that was read twice and goes on, one that ended, and an alarm."""
        running = self.citizen.offer(self.agency, self.mandatory, reads_max=5)
        token = self.agency.redeem(running.code).token
        for _ in range(2):
            self._read(token, officer="l.peeters")
        over = self.citizen.offer(self.agency, self.mandatory)
        self.agency.redeem(over.code)
        self.site.store.vault.end_grant(self.citizen.owner, over.grant_id)
        stolen = self.citizen.offer(self.agency, self.mandatory)
        self._read(self.agency.redeem(stolen.code).token)
        try:
            self.agency.redeem(stolen.code)
        except Exception as error:  # noqa: BLE001 - refused, with an alarm: that is the point
            assert type(error).__name__ == "InvalidGrant"  # noqa: PT017

    def _read(self, token: str, **named: str) -> None:
        """In another thread: Playwright counts as an event loop of this one."""
        with ThreadPoolExecutor(1) as pool:
            pool.submit(self.agency.read, token, self.mandatory, **named).result()

    def let_in(self, context: BrowserContext) -> None:
        """The citizen's session, fresh, in a browser."""
        self.citizen.unlock()
        token, now_ms = self.citizen.token, self.site.store.clock.now_ms()
        self._give(context, cookies.SESSION, token)
        self._give(context, cookies.SEEN, cookies.seen_mark(token, now_ms))

    def let_in_officer(self, context: BrowserContext, *, auditor: bool = False) -> None:
        """A new officer's session in a browser."""
        vault, who, id_ = self.site.store.vault, caller.Stranger(), os.urandom(16)
        party = AUDITOR if auditor else self.agency.id
        name = f"officer-{id_.hex()[:8]}"
        code = vault.invite_officer(caller.Operator(), party, name, "Lotte Peeters", 3600)
        vault.enrol_officer(who, code, id_, PUBLIC_KEY)
        session = vault.start_officer_session(who, id_, vault.officer_challenge(who))
        self._give(context, cookies.OFFICER, session.token)

    def speak(self, context: BrowserContext, language: str) -> None:
        self._give(context, cookies.LANGUAGE, language)

    def _give(self, context: BrowserContext, name: str, value: str) -> None:
        url = self.site.url.replace("http:", "https:")  # or the browser refuses a secure cookie
        cookie: Any = {"name": name, "value": value, "url": url}
        context.add_cookies([cookie | {"secure": True, "httpOnly": True, "sameSite": "Strict"}])


@contextmanager
def later(site: Site, seconds: int) -> Iterator[None]:
    """The server's clock goes ahead."""
    clock = site.store.clock
    real = clock.now_ms
    clock.now_ms = lambda: real() + seconds * 1000  # type: ignore[method-assign]
    try:
        yield
    finally:
        clock.now_ms = real  # type: ignore[method-assign]
