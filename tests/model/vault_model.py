"""What a vault must do, in plain dicts: no cryptography, no SQL, nothing at the same time.

Every method changes the dicts and returns what the vault must answer, or raises `No` with the code
of the refusal. `main` is what a backup takes along and a restore sets back. `salts` is what the
keystore holds, one for each secret that was handed out, and is never set back: `dead` are the
secrets that the promise says open nothing ever again.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tests.model.state import (
    SESSION_MS,
    Grant,
    Line,
    Main,
    Name,
    No,
    Salt,
    Session,
    Stated,
    Vault,
)
from vault.offering import Choice

DAY_MS = 86_400_000
FRESH_MS = 300_000
LONG_MS = 30 * DAY_MS
OFFER_MS = 120_000
LOOK_AGAIN_MS = 300_000
OFFERS_PER_DAY = 20


@dataclass
class Model:
    now: int
    main: Main = field(default_factory=Main)
    salts: dict[Name, Salt] = field(default_factory=dict)
    dead: set[Name] = field(default_factory=set)
    _serial: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    # The citizen.

    def create(self) -> tuple[int, int, int, int]:
        """A vault with a device, a recovery code that was typed back, and a session."""
        vault, device, recovery, session = (next(self._serial) for _ in range(4))
        self.main.vaults[vault] = Vault()
        self.main.methods |= {device: (vault, "device"), recovery: (vault, "recovery")}
        for name in (("vault", vault), ("method", device), ("method", recovery)):
            self.salts[name] = Salt(vault)
        self._start(vault, session)
        self._log(vault, Line("vault.create"), Line("method.add"))
        return vault, device, recovery, session

    def unlock(self, method: int) -> int:
        vault, session = self._by_method(method), next(self._serial)
        self._start(vault, session)
        self._log(vault, Line("vault.unlock"))
        return session

    def log_out(self, session: int) -> None:
        self._open(session)
        self._end_sessions([session])

    def add_device(self, by: int) -> int:
        vault, device = self._by_method(by), next(self._serial)
        self.main.methods[device] = vault, "device"
        self.salts["method", device] = Salt(vault)
        self._log(vault, Line("method.add"))
        return device

    def remove_method(self, session: int, method: int) -> None:
        vault = self._open(session)
        self._check_fresh(session)
        left = {m: kind for m, (v, kind) in self.main.methods.items() if v == vault}
        if left.pop(method, None) is None:
            raise No("not_found")
        if len(left) < 2 or "recovery" not in left.values():
            raise No("last_method")
        self._log(vault, Line("method.remove"))
        sessions = [s for s, one in self.main.sessions.items() if one.vault == vault]
        self._end_sessions(s for s in sessions if s != session)
        del self.main.methods[method]
        self._kill(("method", method))

    def erase(self, session: int) -> None:
        vault, main = self._open(session), self.main
        self._check_fresh(session)
        self._kill(*(name for name, salt in self.salts.items() if salt.vault == vault))
        del main.vaults[vault]
        main.methods = {m: one for m, one in main.methods.items() if one[0] != vault}
        main.sessions = {s: one for s, one in main.sessions.items() if one.vault != vault}
        main.grants = {g: one for g, one in main.grants.items() if one.vault != vault}

    def put(self, session: int, values: Mapping[str, str]) -> None:
        vault = self._open(session)
        for name, text in values.items():
            self.main.vaults[vault].values.setdefault(name, []).append(text)
        for grant in self.main.grants.values():
            if grant.vault == vault and grant.follow and grant.covers(self.now):
                grant.held |= {name: values[name] for name in grant.fields if name in values}
        self._log(vault, Line("value.put", given=tuple(values)))

    def history(self, session: int) -> dict[str, list[str]]:
        """Every version of every field, oldest first."""
        return self.main.vaults[self._open(session)].values

    def look(self, session: int) -> list[list[Line]]:
        """The log as its owner reads it; that she looked is an entry, now and then."""
        vault, one = self._open(session), self.main.sessions[session]
        if self.now - one.looked > LOOK_AGAIN_MS:
            self._log(vault, Line("log.read"))
            one.looked = self.now
        return self.main.vaults[vault].log

    # The owner shares, and takes back.

    def offer(self, session: int, choice: Choice) -> int:
        vault, now, fields = self._open(session), self.now, choice.fields
        earlier = [grant for grant in self.main.grants.values() if grant.vault == vault]
        is_new = all(not one.redeemed for one in earlier if one.agency == choice.agency)
        lives_ms = choice.duration_seconds * 1000
        if (is_new or lives_ms > LONG_MS) and self._is_stale(session):
            self._refuse_offer(vault, fields, "unlock_too_old")
        if sum(one.created > now - DAY_MS for one in earlier) >= OFFERS_PER_DAY:
            self._refuse_offer(vault, fields, "too_many_offers")
        serial, offer_ends = next(self._serial), now + min(OFFER_MS, lives_ms)
        current = {name: texts[-1] for name, texts in self.main.vaults[vault].values.items()}
        self.main.grants[serial] = Grant(
            vault=vault,
            agency=choice.agency,
            fields=fields,
            reads_max=choice.reads_max,
            follow=choice.follow,
            created=now,
            offer_ends=offer_ends,
            ends=now + lives_ms,
            held={name: current[name] for name in fields if name in current},
        )
        self.salts["code", serial] = Salt(vault, offer_ends)
        self._log(vault, Line("offer.create", grant=serial, requested=fields, given=fields))
        return serial

    def end(self, session: int, serial: int) -> None:
        vault, grant = self._open(session), self.main.grants.get(serial)
        if grant is None or grant.vault != vault:
            raise No("not_found")
        if grant.state != "ended":
            self._end(serial, "revoked", "owner")

    # The agency.

    def redeem(self, serial: int, agency: str) -> tuple[str, ...]:
        """The fields that the token gives."""
        grant = self.main.grants.get(serial)
        if grant is None or ("vault", grant.vault) not in self.salts:
            raise No("invalid_grant")
        denied = Line("grant.redeem", "denied", actor=agency, grant=serial)
        if agency != grant.agency:
            self._refuse(denied, "wrong_agency", "invalid_grant")
        if grant.state == "active":
            lost = grant.reads == 0 and self.now < grant.offer_ends
            self._end(serial, "answer_lost" if lost else "second_use", agency, alarm=True)
            raise No("invalid_grant")
        asked = Line("grant.redeem", "denied", actor=agency, grant=serial, requested=grant.fields)
        if grant.state == "ended":
            self._refuse(asked, "ended", "invalid_grant")
        if self.now >= grant.offer_ends:
            self._refuse(asked, "offer_expired", "invalid_grant")
        if ("code", serial) not in self.salts:
            self._refuse(asked, "ended", "invalid_grant")
        grant.state, grant.redeemed = "active", True
        self._kill(("code", serial))
        self.salts["token", serial] = Salt(grant.vault, grant.ends)
        given = tuple(name for name in grant.fields if name in grant.held)
        line = Line("grant.redeem", "permitted", "", agency, serial, grant.fields, given)
        self._log(grant.vault, line)
        return given

    def read(
        self, serial: int, fields: tuple[str, ...], *, right_key: bool = True
    ) -> dict[str, tuple[str, bool]]:
        """By field the text, and whether it is the current one."""
        grant = self.main.grants.get(serial)
        if grant is None or not grant.redeemed or ("vault", grant.vault) not in self.salts:
            raise No("invalid_token")
        line = Line("data.read", "denied", "", grant.agency, serial, fields)
        if not right_key:
            self._refuse(line, "wrong_key", "invalid_token")
        if grant.state != "active":
            self._refuse(line, "ended", "invalid_token")
        if self.now >= grant.ends:
            self._refuse(line, "expired", "invalid_token")
        if not set(fields) <= grant.held.keys():
            self._refuse(line, "not_granted", "unauthorized_field")
        if ("token", serial) not in self.salts:
            self._refuse(line, "ended", "invalid_token")
        grant.reads += 1
        line = Line("data.read", "permitted", "", grant.agency, serial, fields, fields)
        self._log(grant.vault, line)
        stated = self.main.vaults[grant.vault].values
        found = {name: grant.held[name] for name in fields}
        answer = {name: (text, text == stated[name][-1]) for name, text in found.items()}
        if grant.reads == grant.reads_max:
            self._end(serial, "used_up", "system")
        return answer

    def replay(self, serial: int, fields: tuple[str, ...]) -> None:
        """A read whose proof was used before, by a grant that would give it."""
        grant = self.main.grants[serial]
        line = Line("data.read", "denied", "", grant.agency, serial, fields)
        self._refuse(line, "replayed", "replayed")

    # Time, and thieves.

    def sweep(self) -> None:
        """What is over ends, with an entry, and its salts go."""
        gone = [n for n, salt in self.salts.items() if salt.until and salt.until <= self.now]
        self._kill(*gone)
        groups: dict[int, list[Line]] = {}
        for serial, grant in self.main.grants.items():
            if grant.state != "ended" and not grant.covers(self.now):
                reason = "offer_expired" if grant.state == "offered" else "expired"
                line = Line("grant.end", reason=reason, actor="system", grant=serial)
                groups.setdefault(grant.vault, []).append(line)
                self._close(serial)
        for vault, lines in groups.items():
            self.main.vaults[vault].log.append(lines)
        sessions = self.main.sessions.items()
        self._end_sessions(s for s, one in sessions if not one.covers(self.now))

    def opens(self, secrets: Iterable[Name], salts: set[Name], mains: list[Main]) -> set[Stated]:
        """What these secrets open for one who holds these salts, these dumps and the root key."""
        usable = {name for name in secrets if name in salts}
        entered = {v for main in mains for m, (v, _) in main.methods.items()
                   if ("method", m) in usable}  # fmt: skip
        entered |= {one.vault for main in mains for s, one in main.sessions.items()
                    if ("session", s) in usable}  # fmt: skip
        found: set[Stated] = set()
        for main in mains:
            for vault in entered & main.vaults.keys():
                for name, texts in main.vaults[vault].values.items():
                    found |= {(name, text) for text in texts}
            for serial, grant in main.grants.items():
                if (grant.secret, serial) in usable:
                    found |= set(grant.held.items())
        return found

    # What they share.

    def _open(self, session: int) -> int:
        """The vault behind a session."""
        one = self.main.sessions.get(session)
        if one is None or not one.covers(self.now):
            raise No("session_ended")
        if not {("session", session), ("vault", one.vault)} <= self.salts.keys():
            raise No("session_ended")
        return one.vault

    def _by_method(self, method: int) -> int:
        vault, _ = self.main.methods.get(method, (0, ""))
        if not {("method", method), ("vault", vault)} <= self.salts.keys():
            raise No("cannot_unlock")
        return vault

    def _is_stale(self, session: int) -> bool:
        return self.now - self.main.sessions[session].unlocked > FRESH_MS  # in whole seconds

    def _check_fresh(self, session: int) -> None:
        if self._is_stale(session):
            raise No("unlock_too_old")

    def _start(self, vault: int, session: int) -> None:
        self.main.sessions[session] = Session(vault, self.now)
        self.salts["session", session] = Salt(vault, self.now + SESSION_MS)

    def _end_sessions(self, sessions: Iterable[int]) -> None:
        for session in list(sessions):
            del self.main.sessions[session]
            self._kill(("session", session))

    def _end(self, serial: int, reason: str, actor: str, *, alarm: bool = False) -> None:
        line = Line("grant.end", reason=reason, actor=actor, grant=serial, alarm=alarm)
        self._log(self.main.grants[serial].vault, line)
        self._close(serial)

    def _close(self, serial: int) -> None:
        grant = self.main.grants[serial]
        grant.state, grant.held = "ended", {}
        self._kill(("code", serial), ("token", serial))

    def _refuse_offer(self, vault: int, fields: tuple[str, ...], reason: str) -> None:
        self._log(vault, Line("offer.create", "denied", reason, requested=fields))
        raise No(reason)

    def _refuse(self, line: Line, reason: str, code: str) -> None:
        self._log(self.main.grants[line.grant].vault, replace(line, reason=reason))
        raise No(code)

    def _kill(self, *names: Name) -> None:
        for name in names:
            self.salts.pop(name, None)
            self.dead.add(name)

    def _log(self, vault: int, *lines: Line) -> None:
        self.main.vaults[vault].log += [[line] for line in lines]
