"""Every screen once: where it is, and how one gets there. Tests and pictures walk along it."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import BrowserContext, Page

from tests.browser.stage import Stage
from vault import caller

RECORD = (Path(__file__).resolve().parents[2] / "cli/fictional_person.json").read_text("utf-8")
Steps = Callable[[Page, Stage], None]


def _stay(_page: Page, _stage: Stage) -> None:
    """The page itself is the screen."""


@dataclass(frozen=True)
class Screen:
    """One screen. `who`: nobody, citizen, officer or auditor. `steps` lead on from its page.

    `complains`: what the browser says of it on purpose, such as of a form that is not right yet.
    """

    name: str
    path: str
    who: str = "citizen"
    steps: Steps = _stay
    complains: str = ""

    def show(self, page: Page, stage: Stage) -> None:
        page.goto(stage.site.url + self.path.format(agency=stage.agency.id, use=stage.agency.use))
        self.steps(page, stage)

    def enter(self, context: BrowserContext, stage: Stage) -> None:
        """Whoever looks at this screen is let in."""
        if self.who == "citizen":
            stage.let_in(context)
        elif self.who != "nobody":
            stage.let_in_officer(context, auditor=self.who == "auditor")


def _go(page: Page, click: str, to: str, **typed: str) -> None:
    """Types into the fields of these names, and clicks; then the other is there to be seen."""
    for name, text in typed.items():
        page.locator(f"[name={name}]").fill(text)
    page.locator(click).first.click()
    page.locator(to).first.wait_for()


def _by(click: str, to: str, **typed: str) -> Steps:
    """The same for everybody."""
    return lambda page, _stage: _go(page, click, to, **typed)


_SEND = "main form button[type=submit]"
_REDEEM = "form[data-redeem] button[type=submit]"
_code = _by("main form button", "[data-offer]")
_open_alarm = _by(".entries .alarm a[href*='/wallet/activity/']", "a[href*='/wallet/report']")
_link = _by(_SEND, "a[data-fetch]")
_first_key = _by("a[href*='keys/remove']", "form[action='/wallet/settings/keys/remove']")
_taken_back = _by("form[action='/wallet/access/end'] button", ".notice.success")
_no_whole_code = _by(_REDEEM, ".notice.danger", code="HTTPS://ELSEWHERE.EXAMPLE/S#VG1")
_which_phone = _by(_SEND, "[name=meant]", value="0470 12 34 56")
_slip = _by(_SEND, ".fault", block_code="BC 00000-11111-22222-33333-44444-55555")
_first_entry = _by("tbody th a", "dl.summary")


def _result(page: Page, stage: Stage) -> None:
    stage.citizen.unlock()
    made = stage.citizen.offer(stage.agency, stage.mandatory)
    _go(page, _REDEEM, "form[action='/desk/done']", code=made.code)


def _withdrawn(page: Page, stage: Stage) -> None:
    stage.citizen.unlock()
    made = stage.citizen.offer(stage.agency, stage.mandatory, reads_max=5)
    _go(page, _REDEEM, "[data-values]", code=made.code)
    stage.site.store.vault.end_grant(stage.citizen.owner, made.grant_id)
    page.locator("[data-over=ended]").wait_for()


def _report_alarm(page: Page, stage: Stage) -> None:
    _open_alarm(page, stage)
    _go(page, "a[href*='/wallet/report']", "input[name=reason]")
    page.locator("input[name=reason]").first.check()
    _go(page, _SEND, "textarea")


def _preview(page: Page, _stage: Stage) -> None:
    found = json.loads(RECORD)
    bsn = (found.get("personen") or [found])[0]["burgerservicenummer"]
    _go(page, _SEND, "[name=fields]", answer=RECORD, bsn=bsn)


def _sheet(page: Page, stage: Stage) -> None:
    page.locator("[name=proof][value=code]").check()
    code = stage.citizen.recovery_code
    _go(page, "#make button", "[data-recovery-code]", recovery_code=code)


def _done(page: Page, stage: Stage) -> None:
    _code(page, stage)
    code = "".join(page.locator("#code").inner_text().split())
    stage.agency.redeem(code)
    page.locator("[data-live-log]").wait_for(state="attached")


def _invited(page: Page, stage: Stage) -> None:
    invitation = stage.site.store.vault.invite_officer(
        caller.Operator(), stage.agency.id, f"o.{os.urandom(4).hex()}", "Lotte Peeters", 3600
    )
    to = "form[data-officer=create]"
    _go(page, "form[data-invitation] button", to, invitation=invitation)


_CHOICE = "?agency={agency}&use={use}"
SCREENS = (
    Screen("welcome", "/", "nobody"),
    Screen("start", "/wallet/start", "nobody"),
    Screen("unlock", "/wallet/unlock", "nobody"),
    Screen("locked", "/wallet/locked", "nobody"),
    Screen("help", "/help", "nobody"),
    Screen("offline", "/offline", "nobody"),
    Screen("home", "/wallet"),
    Screen("recovery", "/wallet/recovery"),
    Screen("data", "/wallet/data"),
    Screen("field", "/wallet/data/identity.full_name"),
    Screen("field-add", "/wallet/data/add"),
    Screen("field-edit", "/wallet/data/identity.birth_date/edit"),
    Screen(
        "field-phone",
        "/wallet/data/contact.mobile_phone_number/edit",
        steps=_which_phone,
        complains="status of 400",
    ),
    Screen("import", "/wallet/import"),
    Screen("import-preview", "/wallet/import", steps=_preview),
    Screen("export", "/wallet/export"),
    Screen("export-link", "/wallet/export", steps=_link),
    Screen("activity", "/wallet/activity"),
    Screen("activity-check", "/wallet/activity/check"),
    Screen("entry", "/wallet/activity", steps=_open_alarm),
    Screen("report", "/wallet/activity", steps=_report_alarm),
    Screen("share", "/wallet/share"),
    Screen("choose", "/wallet/share/choose" + _CHOICE),
    Screen("review", "/wallet/share/review" + _CHOICE),
    Screen("access", "/wallet/access"),
    Screen("code", "/wallet/share/review" + _CHOICE, steps=_code),
    Screen("desk-sign-in", "/desk/sign-in", "nobody"),
    Screen("desk-enrol", "/desk/enrol", "nobody"),
    Screen("desk-scan", "/desk", "officer"),
    Screen("desk-result", "/desk", "officer", _result),
    Screen("start-with-file", "/wallet/start?key=file", "nobody"),
    Screen("unlock-again", "/wallet/unlock?next=/wallet/settings&again=1", "nobody"),
    Screen("lost", "/lost", "nobody"),
    Screen("lost-slip", "/lost", "nobody", _slip),
    Screen("erased", "/wallet/erased", "nobody"),
    Screen("settings", "/wallet/settings"),
    Screen("key-add", "/wallet/settings/keys/add"),
    Screen("key-add-file", "/wallet/settings/keys/add?key=file"),
    Screen("key-remove", "/wallet/settings", steps=_first_key),
    Screen("sheet-new", "/wallet/settings/sheet"),
    Screen("sheet", "/wallet/settings/sheet", steps=_sheet),
    Screen("erase", "/wallet/settings/erase"),
    Screen("done", "/wallet/share/review" + _CHOICE, steps=_done),
    Screen("taken-back", "/wallet/access", steps=_taken_back),
    Screen("desk-invited", "/desk/enrol", "nobody", _invited),
    Screen("desk-scanner", "/desk/scanner", "officer"),
    Screen("desk-no-code", "/desk", "officer", _no_whole_code),
    Screen("desk-withdrawn", "/desk", "officer", _withdrawn),
    Screen("auditor", "/auditor", "auditor"),
    Screen("auditor-search", "/auditor/entries", "auditor"),
    Screen("auditor-entries", "/auditor/entries?show=1", "auditor"),
    Screen("auditor-entry", "/auditor/entries?show=1&action=data.read", "auditor", _first_entry),
    Screen("auditor-pictures", "/auditor/pictures?show=1", "auditor"),
    Screen("auditor-check", "/auditor/check?now=1", "auditor"),
    Screen("auditor-export", "/auditor/export", "auditor"),
)
