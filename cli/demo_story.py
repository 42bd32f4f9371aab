"""The story of `kluis demo`: each step says what happens and why, and looks whether it did."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

from cli.citizen import Choice, Citizen
from cli.counter import Counter
from cli.demo_place import OwnServer
from cli.desk import show_data
from cli.errors import CliError, Failed, Refused
from cli.files import write_new
from cli.installation import opened
from cli.options import document
from cli.output import Output, when
from cli.wallet_access import show_offer
from cli.wallet_activity import show_activity
from operate.verification import verify_data
from vault import caller
from web import qr

_AGENCY = Path(__file__).with_name("demo_agency.json")
_WALLET, _DESK = "noortje", "counter"
_FIELDS = 3
_HOUR_SECONDS = 3600


@dataclass
class Story:
    """The story as it goes: what was made so far, and what the steps found."""

    out: Output
    folder: Path
    values: list[dict[str, Any]]
    port: int = 0
    result: dict[str, Any] = field(default_factory=lambda: {"steps": []})

    @property
    def stays(self) -> bool:
        """A person is looking, so the server and the folder are kept until Ctrl-C."""
        return self.out.is_terminal and not self.out.as_json

    @contextmanager
    def told(self) -> Iterator["Story"]:
        """Tells every step; the server runs until the end of the block."""
        with self._step("An operator makes an installation and starts the server", _WHY_START):
            server = OwnServer(self.folder, self.port)
        with server.running():
            self.url, self.settings = server.settings.url, server.settings
            self.result["url"] = self.url
            self.out.say(f"   The server listens at {self.url}.")
            self._vault()
            self._share()
            self._withdraw()
            self._lost_answer()
            self._check()
            yield self

    def say_what_to_try(self) -> None:
        """For people who want more, while the server still runs."""
        say = self.out.say
        say()
        say("The story is over, and the server still runs. In another terminal, try:", "bold")
        me = f"KLUIS_HOME={quote(str(self.folder / 'home'))} KLUIS_PROFILE={_WALLET} {_command()}"
        say(f"   {me} wallet show")
        say(f"   {me} wallet activity")
        say(f"   {_command()} audit verify --data {quote(str(self.settings.data))}")
        say("In a browser, with the recovery code that stands above:")
        say(f"   {self.url}/wallet/unlock   the citizen's wallet")
        say(f"   With clerks, an auditor and more people to play: {_command()} demo --practice")
        say(f"The QR codes are in {self.folder}. Ctrl-C ends it and removes everything.")

    def _vault(self) -> None:
        with self._step("A citizen makes a vault", _WHY_VAULT):
            self.citizen = Citizen(_WALLET, self.url)
            made = self.citizen.create()
            self.out.say(f"   Recovery code: {made['recovery_code']}", style="bold")
        with self._step("The citizen types the recovery code back", _WHY_CONFIRM):
            self.citizen.confirm(made["recovery_code"])
            self.out.say(f"   Typed: {made['recovery_code']}. It is right.")
        with self._step("The citizen's record goes in", _WHY_RECORD):
            self.citizen.put(self.values)
            held = self.citizen.values()["values"]
            self.out.say(f"   {len(held)} fields, each encrypted under a key of its own.")

    def _share(self) -> None:
        with self._step("An agency is registered", _WHY_AGENCY):
            registration = document(_AGENCY)
            self.counter = Counter(_DESK, self.url)
            registration["jwks"] = self.counter.make_key()
            with opened(self.settings.data, self.out) as vault:
                self.counter.act_for(vault.register_agency(caller.Operator(), registration))
            use, fields = self._choose(registration["intended_uses"])
            self.out.say(f"   {registration['names']['en']}: “{use['purpose']['en']}”.")
        self.choice = Choice(registration["id"], use["id"], fields, _HOUR_SECONDS, reads=5)
        with self._step(f"The citizen offers exactly {_FIELDS} fields", _WHY_OFFER):
            for each in use["fields"]:
                if each["id"] in fields:
                    need = "needed" if each["mandatory"] else "chosen"
                    self.out.say(f"   {need}  {each['id']}: {each['why']['en']}")
            self.offered = self._offer("code")
        with self._step("The agency redeems the code", _WHY_REDEEM):
            self.counter.redeem(self.offered["code"])
            self.out.say(f"   Access until {when(self.counter.state.ends or '')}.")
        with self._step(f"The agency reads the {_FIELDS} fields", _WHY_READ):
            given = self.counter.read(fields)
            self._expect(set(given["data"]) == set(fields), "Other fields were given than shared.")
            mine = {one["field"]: one["value"] for one in self.values}
            for name, one in given["data"].items():
                self._expect(one["value"] == mine[name], f"{name} is not what was put in.")
            show_data(self.out, given)
            self.result["read"] = given["data"]

    def _withdraw(self) -> None:
        with self._step("The citizen takes the access back", _WHY_REVOKE):
            self.citizen.revoke(self.offered["grant"])
            self.out.say("   Ended.")
        with self._step("The agency's next read is refused", _WHY_REFUSED):
            self._refused("invalid_token", lambda: self.counter.read(self.choice.fields))

    def _lost_answer(self) -> None:
        with self._step("A second offer, redeemed", _WHY_SECOND):
            second = self._offer("code-2")
            self.counter.redeem(second["code"])
            self.out.say("   Redeemed, and nothing read yet.")
        with self._step("The same code once more: refused, and its access ends", _WHY_LOST):
            self._refused("invalid_grant", lambda: self.counter.redeem(second["code"]))
            self._refused("invalid_token", lambda: self.counter.read(self.choice.fields))
        with self._step("The citizen sees all of it, and the alarm", _WHY_ALARM):
            found = self.citizen.activity()
            show_activity(self.out, found, profile=_WALLET)
            alarms = [one for one in found["entries"] if one.get("alarm")]
            self._expect(
                [one.get("reason") for one in alarms] == ["answer_lost"],
                "The citizen was not alarmed, once, that an answer got lost.",
            )
            self._expect(not found["damaged"], "The citizen's log is damaged.")
            self.result["alarm"] = alarms[0]["reason"]

    def _check(self) -> None:
        with self._step("The operator checks the whole log", _WHY_CHECK):
            found = verify_data(self.settings)
            for line in found.checked:
                self.out.say(f"   checked: {line}")
            self._expect(not found.findings, "; ".join(map(str, found.findings)))
            self.out.say(f"   {found.size} entries, whole.", style="green")
            self.result |= {"entries": found.size, "whole": True}

    def _choose(self, uses: list[dict[str, Any]]) -> tuple[dict[str, Any], list[str]]:
        """A use that this person can answer, and three of its fields: all it needs among them."""
        held = {one["field"] for one in self.values}
        for use in uses:
            needed = [each["id"] for each in use["fields"] if each["mandatory"]]
            others = [each["id"] for each in use["fields"] if not each["mandatory"]]
            able = [*needed, *(each for each in others if each in held)]
            if len(needed) <= _FIELDS <= len(able) and held.issuperset(needed):
                return use, able[:_FIELDS]
        raise Failed("record_too_small", "This record holds too little to share three fields of.")

    def _offer(self, name: str) -> Mapping[str, Any]:
        made = self.citizen.offer(self.choice)
        show_offer(self.out, made, _WALLET)
        for kind, picture in (("svg", qr.svg), ("png", qr.png)):
            write_new(self.folder / f"{name}.{kind}", picture(made["qr"]), private=True)
        if self.stays:
            self.out.say(f"   Also as pictures: {self.folder / name}.svg and .png")
        return made

    def _refused(self, code: str, act: Callable[[], object]) -> None:
        """What has to be refused, and with this code."""
        try:
            act()
        except Refused as refused:
            if refused.code != code:
                raise
            self.out.say(f"   Refused (HTTP {refused.status_code}, {code}): {refused.message}")
            self.result.setdefault("refused", []).append(code)
            return
        raise Failed("not_refused", "This had to be refused, and was not.")

    def _expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise Failed("not_as_told", otherwise)

    @contextmanager
    def _step(self, title: str, why: str) -> Iterator[None]:
        """One numbered step. Whatever goes wrong in it ends the story and names it."""
        number = len(self.result["steps"]) + 1
        self.out.say()
        self.out.say(f"{number}. {title}", style="bold cyan")
        self.out.say(f"   {why}")
        try:
            yield
        except Exception as error:
            message = error.message if isinstance(error, CliError) else _words(error)
            text = f"Step {number}, “{title}”, failed: {message}"
            raise Failed("demo_failed", text) from error
        self.result["steps"].append(title)


def _command() -> str:
    """This command, as it can be typed in any folder."""
    here = Path(sys.executable).with_name("kluis")
    return quote(str(here)) if here.exists() else "kluis"


def _words(error: Exception) -> str:
    return f"{error} ({type(error).__name__})"


_WHY_START = (
    "Keys, data and the log's anchor lie apart: whoever steals the data alone can read nothing."
)
_WHY_VAULT = "The wallet makes a secret for this device. The server keeps no copy that opens it."
_WHY_CONFIRM = (
    "It opens the vault when the device is lost. Nothing can be shared before it is typed back."
)
_WHY_RECORD = "As the citizen's own statement, with what the register is still looking into."
_WHY_AGENCY = "An agency says beforehand what it wants to know, and why. It can't ask for more."
_WHY_OFFER = "One agency, one purpose, one hour, five reads. The code works once, for two minutes."
_WHY_REDEEM = "It signs in with its registered key. The code is dead from here on, copied or not."
_WHY_READ = "The log gets its entry first; only then do values leave."
_WHY_REVOKE = "The keys of this access are destroyed, not only marked."
_WHY_REFUSED = "What was read before stays with the agency; it gets nothing new."
_WHY_SECOND = "Now a mishap: the agency redeems a code, and the answer gets lost on the way."
_WHY_LOST = "A code used twice may be a stolen one. So the access from its first use ends, too."
_WHY_ALARM = (
    "Every offer, read and refusal is there, with who and why. No value is ever in the log."
)
_WHY_CHECK = "Every entry is computed again and compared with the tables and with the anchor."
