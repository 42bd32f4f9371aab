"""`kluis demo --practice`: wallet, desk and auditor to learn on, with people who do not exist.

Nobody's passkey is known beforehand, so each citizen has a recovery code, and each officer a link
that makes a passkey. What happened before goes through the doors that people use.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.citizen import Choice, Citizen
from cli.counter import Counter
from cli.demo_place import OwnServer
from cli.errors import Refused
from cli.officer import INVITATION_SECONDS_MAX, link_for
from cli.options import document
from cli.output import Output
from cli.wallet_import import brp_record
from vault import caller
from vault.vault import Vault

_HERE = Path(__file__).parent
_CAST = _HERE / "demo_cast.json"
_HOUR_SECONDS = 3600
Body = dict[str, Any]


@dataclass
class Practice:
    """A running server with its people; `told` is what somebody needs to begin."""

    out: Output
    vault: Vault
    url: str
    cast: Body = field(default_factory=lambda: document(_CAST))
    counters: dict[str, Counter] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def of(cls, out: Output, folder: Path, port: int) -> Iterator[None]:
        """Serves until the end of the block, and says how to enter."""
        server = OwnServer(folder, port)
        with server.running():
            with out.working("Making the people"):
                practice = cls(out, server.vault, server.settings.url)
                told = practice.set_up()
            out.answer(told)
            practice.tell(told)
            yield

    def set_up(self) -> Body:
        """Makes everybody, and lets some things happen."""
        parties = [self._agency(_HERE / name) for name in self.cast["agencies"]]
        self.vault.register_auditor(
            caller.Operator(), {**self.cast["auditor"], "jwks": Counter("auditor").make_key()}
        )
        parties.append(self.cast["auditor"])
        names = {one["id"]: one["names"]["en"] for one in parties}
        return {
            "url": self.url,
            "wallet": f"{self.url}/wallet/unlock",
            "desk": f"{self.url}/desk/sign-in",
            "auditor": f"{self.url}/auditor/sign-in",
            "citizens": [self._citizen(one) for one in self.cast["citizens"]],
            "officers": [self._officer(one, names) for one in self.cast["officers"]],
        }

    def _agency(self, file: Path) -> Body:
        registration = document(file)
        counter = self.counters[registration["id"]] = Counter(f"agency-{file.stem}", self.url)
        registration["jwks"] = counter.make_key()
        counter.act_for(self.vault.register_agency(caller.Operator(), registration))
        return registration

    def _citizen(self, one: Mapping[str, Any]) -> Body:
        """A vault, its data, and what was read of it before."""
        citizen = Citizen(one["profile"], self.url)
        code = citizen.create()["recovery_code"]
        citizen.confirm(code)
        citizen.put(_values(one))
        for past in one["past"]:
            self._happened(citizen, past)
        citizen.lock()
        return {"name": one["name"], "life": one["life"], "recovery_code": code}

    def _happened(self, citizen: Citizen, past: Mapping[str, Any]) -> None:
        """Shared and read; then maybe taken back, after which the agency is refused."""
        counter, fields = self.counters[past["agency"]], past["fields"]
        made = citizen.offer(Choice(past["agency"], past["use"], fields, _HOUR_SECONDS, reads=9))
        counter.redeem(made["code"])
        for _ in range(past["reads"]):
            counter.read(fields, past["officer"])
        if past.get("withdrawn"):
            citizen.revoke(made["grant"])
            _refused(counter, fields, past["officer"])

    def _officer(self, one: Mapping[str, str], parties: Mapping[str, str]) -> Body:
        party, id_, name = one["party"], one["id"], one["name"]
        link, role = link_for(self.vault, party, id_, name, INVITATION_SECONDS_MAX)
        return {"name": name, "of": parties[party], "role": role, "link": link}

    def tell(self, told: Body) -> None:
        """Who is there, how to be them, and what to try first."""
        say = self.out.say
        say(
            f"Practice runs at {self.url}. Nobody in it exists. Ctrl-C ends and removes it.", "bold"
        )
        say()
        say("Citizens. Open the wallet with a recovery code:", "bold")
        say(f"   {told['wallet']}")
        for one in told["citizens"]:
            say(f"   {one['recovery_code']}  {one['name']}: {one['life']}")
        say()
        say("Officers. Each link makes a passkey on this device, once:", "bold")
        for one in told["officers"]:
            say(f"   {one['name']}, {one['of']} ({one['role']})")
            say(f"   {one['link']}")
        say(f"   Afterwards: {told['desk']} or {told['auditor']}")
        say()
        say("Try this first", "bold")
        for number, step in enumerate(self.cast["exercise"], start=1):
            say(f"   {number}. {step}")


def _values(one: Mapping[str, Any]) -> list[Body]:
    """From a register's answer where there is one, and what the citizen says besides."""
    stated = [{"field": name, "value": value} for name, value in one["values"].items()]
    if "record" not in one:
        return stated
    return [*brp_record(_HERE / one["record"], one["bsn"]).values, *stated]


def _refused(counter: Counter, fields: Sequence[str], officer: str) -> None:
    try:
        counter.read(fields, officer)
    except Refused:
        return
    raise AssertionError("what was taken back was read")
