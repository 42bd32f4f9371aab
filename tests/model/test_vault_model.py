"""The vault against a model of it: any story, on a real store with real files and real dumps.

Hypothesis plays citizens, agencies, an operator and the clock. Every answer must be the one that
the model gives, or exactly its refusal. After every step the owners read all that they put, and
nothing else. Each owner's log says what happened, in order, and no more. At the end come thieves
with every dump ever taken, the secrets that were ever handed out and the root key: they open what
the promise in SECURITY.md leaves them, and not one value more.
"""

import sys
from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.model.dumps import Dump, rows_in, take_dump
from tests.model.state import Line, Main, Name, No, Stated
from tests.model.thief import steal
from tests.model.vault_model import DAY_MS, Model
from tests.model.world import AGENCIES, FIELDS, USE, Template, new_device
from vault.errors import VaultError
from vault.offering import Choice

T = TypeVar("T")
R = TypeVar("R")
KEYSTORE_BACKUPS_KEPT_MS = 7 * DAY_MS
WAITS_SECONDS = (1, 60, 121, 301, 601, 3601, 86_401, 7 * 86_400)

which = st.sampled_from(range(720))  # of those there are; even, where integers() favours 0
some_fields = st.lists(st.sampled_from(FIELDS), min_size=1, unique=True).map(tuple)
choices = st.builds(
    Choice,
    agency=st.sampled_from(AGENCIES),
    use=st.just(USE),
    fields=some_fields,
    duration_seconds=st.sampled_from((60, 600, 86_400, 40 * 86_400)),
    reads_max=st.sampled_from((None, 1, 2)),
    follow=st.booleans(),
)


@dataclass(frozen=True)
class Taken:
    """A dump of both databases, with what the model had at that moment."""

    dump: Dump
    main: Main
    salts: frozenset[Name]
    at: int


class VaultMachine(RuleBasedStateMachine):
    template: ClassVar[Template]
    vaults_max = 2
    dumps_max = 3
    erasures_left = 1
    restores_left = 2
    rotations_left = 1

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp(prefix="kluis-model-"))
        self.world = self.template.world(self.folder / "store")
        self.model = Model(self.world.store.clock.ms)
        self.taken: list[Taken] = []
        self.serial = count(1)

    @initialize()
    def begin(self) -> None:
        """A citizen who shares already, and a first dump: a thief has something to start from."""
        self.create()
        self.put(0, FIELDS)
        self.share(0, Choice(AGENCIES[0], USE, FIELDS[:2], 600, follow=True))
        self.share(0, Choice(AGENCIES[1], USE, FIELDS[1:], 86_400, reads_max=2))
        photographed = self.make_offer(0, Choice(AGENCIES[1], USE, FIELDS[:1], 86_400))
        self.add_device(0)
        self.unlock(0)
        self.back_up()
        assert photographed is not None
        self.redeem_by(photographed, AGENCIES[1])

    # The citizen.

    @precondition(lambda self: len(self.live_vaults()) < self.vaults_max)
    @rule()
    def create(self) -> None:
        _, device, recovery, session = self.model.create()
        secret = new_device()
        made = self.world.create(secret)
        self.world.secrets |= {
            ("method", device): secret,
            ("method", recovery): made.recovery_code,
            ("session", session): made.session.token,
        }

    @rule(n=which)
    def unlock(self, n: int) -> None:
        self.unlock_with(self.some("method", n))

    @rule(n=which)
    def log_out(self, n: int) -> None:
        session = self.some("session", n)
        self.both(
            lambda: self.model.log_out(session),
            lambda: self.world.vault.log_out(self.world.owner(session)),
        )

    @rule(n=which)
    def add_device(self, n: int) -> None:
        by, secret = self.some("method", n), new_device()
        device, _ = self.both(
            lambda: self.model.add_device(by), lambda: self.world.add_device(by, secret)
        )
        if device is not None:
            self.world.secrets["method", device] = secret

    @rule(n=which, m=which)
    def remove_method(self, n: int, m: int) -> None:
        session = self.session(n)
        vault, found = self.model.main.sessions[session].vault, self.model.main.methods.items()
        mine = [method for method, (its, _) in found if its == vault]
        method = mine[m % len(mine)] if m % 5 else self.any("method", m)
        self.both(
            lambda: self.model.remove_method(session, method),
            lambda: self.world.remove_method(session, method),
        )

    @rule(n=which, fields=some_fields)
    def put(self, n: int, fields: tuple[str, ...]) -> None:
        session, values = self.session(n), {}
        for name in fields:
            values[name] = f"Canaria-{next(self.serial)}"
        self.both(lambda: self.model.put(session, values), lambda: self.world.put(session, values))

    @rule(n=which)
    def look(self, n: int) -> None:
        session = self.session(n)
        groups, lines = self.both(
            lambda: self.model.look(session), lambda: self.world.look(session)
        )
        assert groups is not None
        assert lines is not None
        check_log(groups, lines)

    @precondition(lambda self: self.erasures_left > 0)
    @rule(n=which)
    def erase(self, n: int) -> None:
        self.erasures_left -= 1
        session = self.session(n)
        self.both(
            lambda: self.model.erase(session),
            lambda: self.world.vault.erase(self.world.owner(session)),
        )

    # The citizen shares, and takes back.

    @rule(n=which, choice=choices)
    def offer(self, n: int, choice: Choice) -> None:
        self.make_offer(n, choice)

    @rule(n=which, choice=choices)
    def share(self, n: int, choice: Choice) -> None:
        """At a counter: an offer that is redeemed at once."""
        grant = self.make_offer(n, choice)
        if grant is not None:
            self.redeem_by(grant, choice.agency)

    def make_offer(self, n: int, choice: Choice) -> int | None:
        session = self.session(n)
        grant, made = self.both(
            lambda: self.model.offer(session, choice),
            lambda: self.world.vault.offer(self.world.owner(session), choice),
        )
        if grant is not None and made is not None:
            self.world.secrets["code", grant] = made.code
            self.world.grants[grant] = made.grant_id
        return grant

    @rule(n=which, g=which)
    def end(self, n: int, g: int) -> None:
        session, grant = self.session(n), self.some("token", g)
        self.both(lambda: self.model.end(session, grant), lambda: self.world.end(session, grant))

    @rule(g=which)
    def end_while_the_log_is_stuck(self, g: int) -> None:
        """The answer is 202: nothing opens any more, and the entry follows."""
        grants = self.model.main.grants
        going = [g for g, one in grants.items() if (one.secret, g) in self.model.salts]
        going = [g for g in going if grants[g].vault in self.live_vaults()]
        if going:
            grant = going[g % len(going)]
            session = self.session_of(grants[grant].vault)
            self.model.end(session, grant)
            self.world.end_unrecorded(session, grant)
            self.sweep()

    # The agencies.

    @rule(g=which, other=st.sampled_from((False, False, False, True)))
    def redeem(self, g: int, other: bool) -> None:
        """Any code that was ever shown; mostly by the agency it is for."""
        grant = self.some("code", g)
        meant = self.agency_of(grant)
        self.redeem_by(grant, next(a for a in AGENCIES if a != meant) if other else meant)

    def redeem_by(self, grant: int, agency: str) -> None:
        fields, answer = self.both(
            lambda: self.model.redeem(grant, agency), lambda: self.world.redeem(grant, agency)
        )
        if answer is not None:
            self.world.secrets["token", grant] = answer[0]
            assert answer[1] == fields

    @rule(g=which, n=which, key=st.sampled_from(("right", "right", "right", "wrong", "again")))
    def read(self, g: int, n: int, key: str) -> None:
        """What was granted to any token that was ever given out; `again`: with a used proof."""
        grant = self.some("token", g)
        known = self.model.main.grants.get(grant)
        held = tuple(known.held if known else ()) or FIELDS
        self.read_these(grant, held[: 1 + n % len(held)], key)

    @rule(g=which, fields=some_fields)
    def read_anything(self, g: int, fields: tuple[str, ...]) -> None:
        self.read_these(self.some("token", g), fields, "right")

    def read_these(self, grant: int, fields: tuple[str, ...], key: str) -> None:
        agency = self.agency_of(grant)
        proof = {"jti": f"proof-of-the-model-{next(self.serial)}"}
        if key == "wrong":
            proof["thumbprint"] = "thumbprint-of-a-thief"
        expected, answer = self.both(
            lambda: self.model.read(grant, fields, right_key=key != "wrong"),
            lambda: self.world.read(grant, agency, fields, **proof),
        )
        assert expected == answer
        if key == "again" and answer and self.model.main.grants[grant].state == "active":
            self.both(
                lambda: self.model.replay(grant, fields),
                lambda: self.world.read(grant, agency, fields, **proof),
            )

    # Time and the operator.

    @rule(seconds=st.sampled_from(WAITS_SECONDS))
    def wait(self, seconds: int) -> None:
        self.world.store.clock.advance(seconds=seconds)
        self.model.now = self.world.store.clock.ms

    @rule()
    def sweep(self) -> None:
        self.model.sweep()
        self.world.vault.sweep()

    @rule()
    def restart(self) -> None:
        self.world.restart()

    @precondition(lambda self: len(self.taken) < self.dumps_max)
    @rule()
    def back_up(self) -> None:
        self.taken.append(self.take())

    @precondition(lambda self: self.taken and self.restores_left > 0)
    @rule(n=which, new_log=st.booleans())
    def restore(self, n: int, new_log: bool) -> None:
        """Main alone is set back, beside the keystore as it is."""
        self.restores_left -= 1
        taken = self.taken[n % len(self.taken)]
        self.model.main = deepcopy(taken.main)
        self.world.restore(taken.dump, new_log=new_log)

    @precondition(lambda self: self.rotations_left > 0)
    @rule()
    def rotate_root(self) -> None:
        """Nobody notices: nothing in the model changes."""
        self.rotations_left -= 1
        self.world.rotate_root()

    # What holds at every moment, and at the end.

    @invariant()
    def owners_read_all_that_they_put(self) -> None:
        for vault in self.live_vaults():
            session = self.live_session(vault)
            if session is not None:
                history = self.model.history(session)
                expected = {name: texts[-1] for name, texts in history.items()}
                assert self.world.values(session) == expected

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # else the story broke off
                self.agencies_read_twice_more()
                self.owners_look_back()
                self.thieves_come()
        finally:
            self.world.store.close()
            rmtree(self.folder)

    def agencies_read_twice_more(self) -> None:
        for serial, grant in list(self.model.main.grants.items()) * 2:
            if ("token", serial) in self.world.secrets and grant.fields:
                self.read_these(serial, tuple(grant.held) or grant.fields, "right")

    def owners_look_back(self) -> None:
        for vault in self.live_vaults():
            session = self.session_of(vault)
            check_log(self.model.look(session), self.world.look(session))
            for name, texts in self.model.history(session).items():
                assert self.world.history(session, name) == texts

    def thieves_come(self) -> None:
        # What was ended opens nothing from the answer on, what is over once it was swept.
        assert self.loot(self.model.dead, [self.take()]) == set()
        self.sweep()
        now, salts, dead = self.take(), set(self.model.salts), self.model.dead
        young = [t for t in self.taken if now.at - t.at < KEYSTORE_BACKUPS_KEPT_MS]
        everything = set(self.world.secrets)
        handed = {name for name in everything if name[0] in {"code", "token"}}

        assert self.model.opens(dead, salts, self.mains(now)) == set()
        assert self.loot(dead, [now]) == set()
        # Neither does holding everything but a secret, even all old keystores.
        assert self.loot(set(), [*self.taken, now]) == set()
        # Codes and tokens open what they were given, and a live vault's secrets that vault.
        assert self.loot(handed, [now]) == self.model.opens(handed, salts, self.mains(now))
        assert self.loot(everything, [now]) == self.model.opens(everything, salts, self.mains(now))
        # Young backups of the keystore still hold what ended since: no more than that.
        if young:
            old_salts = salts.union(*(taken.salts for taken in young))
            expected = self.model.opens(dead, old_salts, self.mains(now))
            assert self.loot(dead, [*young, now]) == expected

    def loot(self, names: Collection[Name], keystores: Sequence["Taken"]) -> set[Stated]:
        return steal(
            [rows_in(taken.dump.main) for taken in (*self.taken, *keystores[-1:])],
            [rows_in(taken.dump.keystore) for taken in keystores],
            self.world.roots(),
            self.world.secret_bytes(sorted(names)),
        )

    # How the rules choose and compare.

    def both(self, expected: Callable[[], T], real: Callable[[], R]) -> tuple[T | None, R | None]:
        """What model and vault answer; both refuse with one code, or neither does."""
        try:
            wanted, code = expected(), "ok"
        except No as no:
            wanted, code = None, no.code
        try:
            answer, got = real(), "ok"
        except VaultError as refused:
            answer, got = None, refused.code
        assert got == code
        return wanted, answer

    def any(self, kind: str, n: int) -> int:
        """The serial of any secret of that kind that was ever handed out."""
        found = [serial for name, serial in self.world.secrets if name == kind]
        return found[n % len(found)]

    def some(self, kind: str, n: int) -> int:
        """The same, but mostly one that still has its salt."""
        found = [one for name, one in self.world.secrets if name == kind]
        live = [one for one in found if (kind, one) in self.model.salts]
        return live[n // 4 % len(live)] if live and n % 4 else self.any(kind, n)

    def agency_of(self, grant: int) -> str:
        """Whom it was for; a restored vault may not know it any more."""
        known = self.model.main.grants.get(grant)
        return known.agency if known else AGENCIES[0]

    def live_vaults(self) -> list[int]:
        return [v for v in self.model.main.vaults if ("vault", v) in self.model.salts]

    def session(self, n: int) -> int:
        """A live session of some citizen, who makes a vault where there is none."""
        if not self.live_vaults():
            self.create()
        live = self.live_vaults()
        return self.session_of(live[n % len(live)])

    def session_of(self, vault: int) -> int:
        session = self.live_session(vault)
        if session is not None:
            return session
        mine = [m for m, (v, _) in self.model.main.methods.items() if v == vault]
        started = self.unlock_with(next(m for m in mine if ("method", m) in self.model.salts))
        assert started is not None
        return started

    def live_session(self, vault: int) -> int | None:
        """The newest session that is not over."""
        now, sessions = self.model.now, self.model.main.sessions.items()
        mine = [s for s, one in sessions if one.vault == vault and one.covers(now)]
        return max((s for s in mine if ("session", s) in self.model.salts), default=None)

    def unlock_with(self, method: int) -> int | None:
        session, started = self.both(
            lambda: self.model.unlock(method), lambda: self.world.unlock(method)
        )
        if session is not None and started is not None:
            self.world.secrets["session", session] = started.token
        return session

    def take(self) -> Taken:
        folder = self.folder / f"dump-{next(self.serial)}"
        dump = take_dump(self.world.store, folder)
        return Taken(dump, deepcopy(self.model.main), frozenset(self.model.salts), self.model.now)

    def mains(self, now: Taken) -> list[Main]:
        return [taken.main for taken in (*self.taken, now)]


def check_log(groups: Sequence[Sequence[Line]], lines: Sequence[Line]) -> None:
    """The log says exactly what the model says, in order; within a group in any order."""
    expected = [line for group in groups for line in sorted(group)]
    rest = iter(lines)
    found = [line for group in groups for line in sorted(islice(rest, len(group)))]
    assert [*found, *rest] == expected


@pytest.fixture(scope="module", autouse=True)
def template(tmp_path_factory: pytest.TempPathFactory) -> None:
    VaultMachine.template = Template.make(tmp_path_factory.mktemp("template"))


def play(machine: type[VaultMachine], stories: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=stories,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(600)  # a story that fails is told again until it is short
def test_any_story_goes_as_the_model_says() -> None:
    play(VaultMachine, stories=10, steps=40)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_any_long_story_goes_as_the_model_says() -> None:
    class LongStory(VaultMachine):
        vaults_max = 3
        dumps_max = 4
        erasures_left = 2
        restores_left = 4

    play(LongStory, stories=25, steps=60)
