"""First run, and getting in again, on a real phone's browser: passkeys of every kind, key files,
the paper. What opens the vault leaves the browser once per step, and is kept nowhere.
"""

import re
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from urllib.parse import parse_qs, quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.authenticators import (
    HMAC_SECRET_ONLY,
    WITH_PRF,
    WITHOUT_PRF,
    authenticator,
)
from tests.browser.conftest import NewContext
from tests.browser.looking import axe
from tests.browser.watching import Watch
from tests.serving import Site
from vault import caller
from vault.sessions import UnlockSecret
from vault.unlocking import parse_session_token

WATCH_PRF = """(() => {
  const real = CredentialsContainer.prototype.get;
  window.prf = [];
  CredentialsContainer.prototype.get = async function (...given) {
    const found = await real.apply(this, given);
    const first = found?.getClientExtensionResults().prf?.results?.first;
    if (first) window.prf.push([...new Uint8Array(first)]);
    return found;
  };
})()"""
NO_PASSKEYS = "delete window.PublicKeyCredential"
STORED = """async () => ({
  local: Object.keys(localStorage), session: Object.keys(sessionStorage),
  databases: (await indexedDB.databases()).length,
  caches: (await Promise.all((await caches.keys()).map(async (name) =>
    (await (await caches.open(name)).keys()).map((one) => new URL(one.url).pathname)))).flat()
    .filter((path) => !path.startsWith('/static/') && path !== '/offline'),
  cookie: document.cookie,
})"""
NOTHING = {"local": [], "session": [], "databases": 0, "caches": [], "cookie": ""}


def posted(watch: Watch, path: str) -> list[dict[str, str]]:
    """The forms that were sent to a page."""
    return [
        {name: values[0] for name, values in parse_qs(request.post_data or "").items()}
        for request in watch.requests
        if request.method == "POST" and request.url.endswith(path)
    ]


def make_vault(page: Page, site: Site, label: str = "My phone") -> str:
    """First run with the page's authenticator; the recovery code from the sheet."""
    page.goto(site.url)
    page.get_by_role("link", name="Make a vault").click()
    page.get_by_label("A name for this key").fill(label)
    page.get_by_role("button", name="Make my passkey").click()
    code = " ".join(page.locator("[data-recovery-code]").inner_text().split())
    page.get_by_role("link", name="I have written it down").click()
    page.get_by_label("Recovery code").fill(code)
    page.get_by_role("button", name="Check it").click()
    expect(page.get_by_role("heading", name="My vault", exact=True)).to_be_visible()
    return code


def lock(page: Page, site: Site) -> None:
    page.goto(site.url + "/wallet/settings")
    page.get_by_role("button", name="Lock my vault").click()
    expect(page.get_by_role("heading", name="Your vault is locked")).to_be_visible()
    page.get_by_role("link", name="Open my vault").click()


@pytest.mark.parametrize("kind", [WITH_PRF, HMAC_SECRET_ONLY], ids=["prf", "hmac-secret"])
def test_a_passkey_opens_the_vault_and_its_output_stays_on_the_phone(
    site: Site, phone: Page, watch: Watch, kind: dict[str, bool]
) -> None:
    phone.add_init_script(WATCH_PRF)
    authenticator(phone, kind)
    phone.goto(site.url + "/wallet/start")
    phone.get_by_label("A name for this key").fill("My phone")
    with phone.expect_request(lambda one: one.method == "POST") as sent:
        phone.get_by_role("button", name="Make my passkey").click()
    assert sent.value.url == site.url + "/wallet/start"
    sheet = phone.locator("[data-recovery-code]")
    code, block = sheet.inner_text(), phone.locator("[data-block-code]").inner_text()
    assert re.fullmatch(r"([0-9A-Z]{5} ){5}[0-9A-Z]{5}", " ".join(code.split()))
    assert block.split()[0] == "BC"
    assert axe(phone) == []
    for _ in range(2):  # as often as one likes
        with phone.expect_popup() as tab, phone.context.expect_event("download") as paper:
            phone.get_by_role("button", name="Save as PDF").click()
        assert Path(paper.value.path()).read_bytes().startswith(b"%PDF-")
        assert tab.value != phone  # whatever came there, the codes are still here
        expect(phone.locator("[data-recovery-code]")).to_be_visible()
    phone.get_by_role("link", name="I have written it down").click()

    field, check = phone.get_by_label("Recovery code"), phone.get_by_role("button", name="Check it")
    watch.forgive("status of 400")
    field.fill(block)
    check.click()
    expect(phone.locator(".fault")).to_contain_text("This is the block code.")
    assert phone.evaluate("document.activeElement.matches('[data-focus]')")
    assert phone.title().startswith("Error:")
    phone.get_by_label("Recovery code").fill(code.lower().replace(" ", "-"))
    check.click()
    expect(phone.get_by_role("heading", name="My vault", exact=True)).to_be_visible()
    expect(phone.get_by_text("Add a second key")).to_be_visible()

    lock(phone, site)
    with phone.expect_request(lambda one: one.method == "POST") as opened:
        phone.get_by_role("button", name="Open with my passkey").click()
    expect(phone.get_by_role("heading", name="My vault", exact=True)).to_be_visible()
    made = posted(watch, "/wallet/start")[0]["device_secret"]
    assert posted(watch, "/wallet/unlock") == [
        {"csrf": parse_qs(opened.value.post_data or "")["csrf"][0], "next": "/wallet",
         "device_secret": made}
    ]  # fmt: skip
    assert site.store.vault.unlock(caller.Stranger(), UnlockSecret.device(made)).token

    phone.goto(site.url + "/wallet/unlock")
    outputs: list[list[int]] = phone.evaluate(
        "async () => (await import(document.querySelector('script[src*=passkey]').src)).get()"
        ".then(() => window.prf)"
    )
    assert outputs
    hidden = bytes(outputs[0])
    assert_never_left(watch, hidden)
    assert watch.sent().count(made) == 2  # when it was made, and when it opened
    assert phone.evaluate(STORED) == NOTHING


def assert_never_left(watch: Watch, output: bytes) -> None:
    sent = watch.sent()
    forms = [
        output.hex(), b64encode(output).decode().rstrip("="), quote(b64encode(output), safe=""),
        urlsafe_b64encode(output).decode().rstrip("="), ",".join(map(str, output)),
    ]  # fmt: skip
    assert [one for one in forms if one in sent] == []
    for word in ("clientExtensionResults", "clientDataJSON", '"results"', "authenticatorData"):
        assert word not in sent


def test_a_phone_that_can_not_open_a_vault_is_told_and_a_key_file_does(
    site: Site, phone: Page, watch: Watch, tmp_path: Path
) -> None:
    authenticator(phone, WITHOUT_PRF)
    phone.goto(site.url + "/wallet/start")
    phone.get_by_role("button", name="Make my passkey").click()
    said = phone.locator("[data-passkey-status]")
    expect(said).to_contain_text("it cannot open a vault")
    assert posted(watch, "/wallet/start") == []

    phone.get_by_role("link", name="Use a key file").click()
    make = phone.get_by_role("button", name="Make my vault")
    make.click()
    expect(said).to_have_text("Save the key file first.")
    with phone.expect_download() as saved:
        phone.get_by_role("button", name="Save the key file").click()
    file = tmp_path / saved.value.suggested_filename
    saved.value.save_as(file)
    text = file.read_text("utf-8")
    assert "Whoever has this file can open the vault." in text
    key = text.split("kluis-key-1:")[1].strip()
    make.click()
    expect(said).to_have_text("Choose your key file first.")
    wrong = tmp_path / "photo.txt"
    wrong.write_text("nothing in here")
    other = tmp_path / "other.txt"
    other.write_text("kluis-key-1:" + "A" * 43)
    chosen = phone.get_by_label("Choose the file that you just saved")
    for path, words in [(wrong, "no key in it"), (other, "another key file")]:
        chosen.set_input_files(path)
        make.click()
        expect(said).to_contain_text(words)
    assert posted(watch, "/wallet/start") == []
    chosen.set_input_files(file)
    make.click()
    code = phone.locator("[data-recovery-code]").inner_text()
    assert posted(watch, "/wallet/start")[0]["device_secret"] == key

    phone.goto(site.url + "/wallet/recovery")
    phone.get_by_label("Recovery code").fill(code)
    phone.get_by_role("button", name="Check it").click()
    lock(phone, site)
    phone.get_by_text("With my key file", exact=True).click()
    phone.get_by_label("Key file", exact=True).set_input_files(file)
    phone.get_by_role("button", name="Open with my key file").click()
    expect(phone.get_by_role("heading", name="My vault", exact=True)).to_be_visible()
    assert "Whoever" not in watch.sent()  # the file itself was sent nowhere
    forms = [one for one in watch.requests if one.method == "POST"]
    assert {one.headers["content-type"] for one in forms} == {"application/x-www-form-urlencoded"}
    assert phone.evaluate(STORED) == NOTHING


def test_somebody_who_stops_or_has_no_passkeys_is_told_what_did_not_happen(
    site: Site, new_context: NewContext, watch: Watch
) -> None:
    stops = new_context().new_page()
    authenticator(stops, {**WITH_PRF, "isUserVerified": False})
    stops.goto(site.url + "/wallet/start")
    stops.get_by_role("button", name="Make my passkey").click()
    expect(stops.locator("[data-passkey-status]")).to_contain_text("Nothing was changed here.")

    old = new_context().new_page()
    old.add_init_script(NO_PASSKEYS)
    old.goto(site.url + "/wallet/start")
    old.get_by_role("button", name="Make my passkey").click()
    expect(old.locator("[data-passkey-status]")).to_contain_text("does not know passkeys")
    old.goto(site.url + "/wallet/unlock")
    old.get_by_role("button", name="Open with my passkey").click()
    expect(old.locator("[data-passkey-status]").first).to_contain_text("your recovery code")
    assert [one for one in watch.requests if one.method == "POST"] == []


def test_another_devices_passkey_leads_to_the_paper_and_changes_nothing(
    site: Site, phone: Page, watch: Watch
) -> None:
    watch.forgive("status of 403")
    first = authenticator(phone)
    code = make_vault(phone, site)
    owner = site.store.vault.unlock(caller.Stranger(), UnlockSecret.recovery(code))
    before = methods(site, owner.token)
    lock(phone, site)
    first.remove()
    authenticator(phone)
    phone.goto(site.url + "/wallet/start")
    phone.route("**/wallet/start", lambda route: route.fulfill(status=204))
    phone.get_by_role("button", name="Make my passkey").click()
    expect(phone.locator("[data-passkey-status]")).to_have_attribute("data-state", "sending")
    phone.unroute("**/wallet/start")

    phone.goto(site.url + "/wallet/unlock")
    phone.get_by_role("button", name="Open with my passkey").click()
    expect(phone.get_by_text("This key opens no vault here")).to_be_visible()
    expect(phone.get_by_text("Nothing was opened and nothing was changed.")).to_be_visible()
    assert axe(phone) == []
    phone.get_by_label("Recovery code").fill(code)
    phone.get_by_role("button", name="Open with my recovery code").click()
    expect(phone.get_by_role("heading", name="My vault", exact=True)).to_be_visible()
    assert methods(site, owner.token) == before


def methods(site: Site, token: str) -> list[object]:
    return list(site.store.vault.overview(caller.Owner(parse_session_token(token))).methods)


def test_the_paper_opens_the_vault_without_javascript(site: Site, new_context: NewContext) -> None:
    citizen = site.store.citizen()
    page = new_context(java_script_enabled=False).new_page()
    page.goto(site.url + "/wallet/unlock")
    page.get_by_text("With my recovery code", exact=True).click()
    page.get_by_label("Recovery code").fill(citizen.recovery_code)
    page.get_by_role("button", name="Open with my recovery code").click()
    expect(page.get_by_role("heading", name="My vault", exact=True)).to_be_visible()
    page.goto(site.url + "/wallet/settings")
    page.get_by_role("button", name="Lock my vault").click()
    expect(page.get_by_role("heading", name="Your vault is locked")).to_be_visible()
