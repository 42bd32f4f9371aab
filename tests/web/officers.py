"""An officer's browser, without JavaScript; and what the log says of who looked."""

import secrets
from dataclasses import dataclass, field

import httpx

from audit.entry import Event
from operate.examining import Window, read
from tests.browser.stage import Stage
from tests.serving import Site
from vault import caller
from web import cookies


@dataclass
class Officer:
    """One officer's browser, without JavaScript."""

    url: str
    held: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, **options: object) -> httpx.Response:
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.held.items()),
            "Accept-Language": "en",
        }
        answer = httpx.request(method, self.url + path, headers=headers, timeout=60, **options)  # type: ignore[arg-type]
        for given in answer.headers.get_list("set-cookie"):
            name, _, value = given.partition(";")[0].partition("=")
            self.held[name] = value.strip('"')
        return answer

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", path)

    def post(self, path: str, **fields: str) -> httpx.Response:
        token = cookies.csrf_token(self.held[cookies.FORM])
        return self.ask("POST", path, data={"csrf": token, **fields})


def browser_of(stage: Stage, party: str, officer: str = "") -> Officer:
    vault, who, id_ = stage.site.store.vault, caller.Stranger(), secrets.token_bytes(16)
    name = officer or f"o.{id_.hex()[:8]}"
    code = vault.invite_officer(caller.Operator(), party, name, "Lotte Peeters", 3600)
    vault.enrol_officer(who, code, id_, b"\xa5" + bytes(76))
    session = vault.start_officer_session(who, id_, vault.officer_challenge(who))
    held = {cookies.OFFICER: session.token, cookies.FORM: secrets.token_hex(16)}
    return Officer(stage.site.url, held)


def log(site: Site) -> list[Event]:
    found = read(site.store.vault.system, Window(most=10_000))
    return [one.bodies[0] for one in found if one.bodies]


def looks(site: Site) -> list[Event]:
    return [one for one in log(site) if one.actor.kind == "auditor" and one.action[:3] == "log"]
