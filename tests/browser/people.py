"""What people do on the pages, step by step, for journeys: a citizen on a phone, an officer at a
desk. Each begins where a person begins, and ends where the next step can begin.
"""

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import BrowserContext, Page

from crypto import jose
from crypto.code import GRANT, encode_code
from crypto.secret import Secret
from tests.browser.authenticators import Authenticator, authenticator
from tests.browser.stage import AGENCY, VALUES
from tests.builders import AgencyDesk, whole_log
from tests.serving import Site
from vault import caller
from vault.activities import Entry
from vault.fields import NewValue
from vault.unlocking import parse_session_token
from web import cookies

PARKING = "parking-permit"
NO_CODE = encode_code(GRANT, Secret(bytes(range(3, 23))))  # a right code, of nothing


def make_agency(site: Site, id_: str | None = None, name: str | None = None) -> AgencyDesk:
    """Registers the agency of the demo, or another one that asks for the same."""
    key = jose.generate_key()
    document = json.loads(AGENCY.read_text("utf-8"))
    document["jwks"] = {"keys": [jose.public_jwk(key)]}
    document["id"] = id_ or document["id"]
    if name is not None:
        document["names"] = dict.fromkeys(document["names"], name)
    vault = site.store.vault
    if document["id"] not in vault.registry().agencies:
        vault.register_agency(caller.Operator(), document)
    return AgencyDesk(vault, document["id"], PARKING, key)


def make_citizen(page: Page, site: Site, values: Mapping[str, Any] | None = None) -> Authenticator:
    """Makes a vault with a passkey, types the recovery code back, and ends at home."""
    key = authenticator(page)
    page.goto(f"{site.url}/wallet/start")
    page.locator("form[data-passkey] button[type=submit]").click()
    code = page.locator("[data-recovery-code]").inner_text()
    page.goto(f"{site.url}/wallet/recovery")
    page.locator("[name=recovery_code]").fill(code)
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url(f"{site.url}/wallet")
    put(page, site, VALUES if values is None else values)
    return key


def owner_of(context: BrowserContext) -> caller.Owner:
    """Whose vault a browser has open."""
    held = {one["name"]: one["value"] for one in context.cookies()}
    return caller.Owner(parse_session_token(held[cookies.SESSION]))


def put(page: Page, site: Site, values: Mapping[str, Any]) -> None:
    """Data gets into the vault of this browser."""
    new = [NewValue(name, value) for name, value in values.items()]
    site.store.vault.put(owner_of(page.context), new)


def log_of(page: Page, site: Site) -> list[Entry]:
    """Every entry that the citizen of this browser may see, oldest first."""
    return whole_log(site.store.vault, owner_of(page.context))


def invite(site: Site, party: str, name: str = "Lotte Peeters") -> str:
    """An invitation, as the administrator of an agency hands it on."""
    id_ = f"l.peeters-{os.urandom(4).hex()}"
    return site.store.vault.invite_officer(caller.Operator(), party, id_, name, 3600)


def make_officer(page: Page, site: Site, party: str, name: str = "Lotte Peeters") -> Authenticator:
    """Opens an invitation, makes a passkey, signs in, and ends where a code is taken."""
    key = authenticator(page)
    page.goto(f"{site.url}/desk/enrol#{invite(site, party, name)}")
    page.locator("form[data-officer=create] button[type=submit]").click()
    page.locator("main a[href='/desk/sign-in']").click()
    page.locator("form[data-officer=get] button[type=submit]").click()
    page.wait_for_url(f"{site.url}/desk")
    return key


def choose(page: Page, site: Site, agency: AgencyDesk, **chosen: object) -> None:
    """Goes to where all of a choice is looked at once more. `reads=5`, `tx_code=1`, `seconds=60`"""
    query = urlencode({"agency": agency.id, "use": agency.use, **chosen}, doseq=True)
    page.goto(f"{site.url}/wallet/share/review?{query}")


def share(page: Page, site: Site, agency: AgencyDesk, **chosen: object) -> str:
    """Makes a code and shows it; returns what a clerk would type."""
    choose(page, site, agency, **chosen)
    page.locator("form[action='/wallet/share'] button").click()
    return code_on(page)


def code_on(page: Page) -> str:
    """The typed code that a phone shows."""
    page.locator("[data-offer]").wait_for()
    return "".join(page.locator("#code").inner_text().split())


def take(page: Page, code: str, digits: str = "") -> None:
    """Types a code at the desk and goes on."""
    page.locator("[name=code]").fill(code)
    if digits:
        page.locator("[name=tx_code]").fill(digits)
    page.locator("form[data-redeem] button[type=submit]").click()
