"""What is sent by the document is answered by the document: generated requests, one by one and as
stories, to a real server. No 5xx, no answer that openapi.yaml does not describe, no request that
fits it and can't be read, none that breaks it and is taken.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.generation.stateful.control import TransitionController

from tests.fuzz.taught import ENROLLING, SHARING, Link
from tests.fuzz.world import ONE_WAY, Case, Who, World, loaded_schema, opened_world

SCHEMA = loaded_schema()
SEEDED = settings(
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # explicit: every edge of the document, once
    suppress_health_check=list(HealthCheck),
)
SHORT = settings(SEEDED, max_examples=4)
LONG = settings(SEEDED, max_examples=40, phases=[Phase.generate])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with opened_world(tmp_path_factory.mktemp("world")) as world:
        yield world


def ask(world: World, case: Case, who: Who | None) -> None:
    options = world.options(case, who)
    response = case.call(**options)
    world.count(case, response.status_code)
    case.validate_response(response, transport_kwargs=options)


def ask_entitled(world: World, case: Case) -> None:
    one_way = case.operation.label in ONE_WAY
    ask(world, case, world.one_way() if one_way else world.entitled)


@SCHEMA.parametrize()
@SHORT
def test_a_stranger_is_answered_by_the_document(case: Case, world: World) -> None:
    ask(world, case, None)


@SCHEMA.parametrize()
@SHORT
def test_who_may_is_answered_by_the_document(case: Case, world: World) -> None:
    ask_entitled(world, case)


@pytest.mark.slow
@SCHEMA.parametrize()
@LONG
def test_a_stranger_is_answered_by_the_document_at_length(case: Case, world: World) -> None:
    ask(world, case, None)


@pytest.mark.slow
@SCHEMA.parametrize()
@LONG
def test_who_may_is_answered_by_the_document_at_length(case: Case, world: World) -> None:
    ask_entitled(world, case)


class Beginnings(TransitionController):
    """Another vault is made where nothing else is left to do."""

    is_stuck: Callable[[], bool]

    def allow_root_transition(self, _source: str, _bundles: object) -> bool:
        return self.is_stuck()


def stories(world: World, links: Iterable[Link]) -> type[Any]:
    """Stories along these links: each step has what the steps before it gave."""
    base = loaded_schema(links).as_state_machine()
    # A story begins with a vault, and not with a question about none.
    beginning = "RANDOM__POST_v1_vaults"
    others = dict.fromkeys(base.root_rules - {beginning})

    class Story(type("Beginning", (base,), others)):  # type: ignore[misc]
        def setup(self) -> None:
            self.who = Who()
            self.control = Beginnings(self._transitions, self._root_labels)
            self.control.is_stuck = self.is_stuck

        def is_stuck(self) -> bool:
            rules = self._rules_strategy
            rest = [rule for rule in rules.rules if rule.function.__name__ != beginning]
            return not any(map(rules.is_valid, rest))

        def before_call(self, case: Case) -> None:
            world.fill(case)

        def get_call_kwargs(self, case: Case) -> dict[str, Any]:
            return world.options(case, self.who)

        def after_call(self, response: schemathesis.Response, case: Case) -> None:
            super().after_call(response, case)
            world.count(case, response.status_code)
            if response.status_code in {200, 201}:
                self.learn(case.operation.label, response.json())

        def learn(self, operation: str, answer: dict[str, Any]) -> None:
            if operation in {"POST /v1/vaults", "POST /v1/sessions"}:
                self.who = Who(answer["session"]["token"], None)
            if operation == "POST /oauth/token":
                self.who.access = answer["access_token"]

    return Story


# What the stories have to come to: else nothing was tried.
REACHED = {
    "enrolling": {
        ("POST /v1/vaults", 201),
        ("POST /v1/vault/recovery", 204),
        ("POST /v1/sessions", 201),
        ("POST /v1/vault/methods", 201),
        ("GET /v1/values/{field}", 200),
        ("DELETE /v1/sessions/current", 204),
    },
    "sharing": {
        ("POST /v1/values", 201),
        ("POST /v1/offers", 201),
        ("POST /oauth/token", 200),
        ("POST /oauth/token", 400),
        ("GET /v1/data", 200),
        ("GET /v1/data", 401),
        ("GET /v1/me/activity", 200),
        ("DELETE /v1/grants/{grant}", 200),
    },
}


def tell(world: World, name: str, examples: int) -> None:
    world.seen.clear()
    links = {"enrolling": ENROLLING, "sharing": SHARING}[name]
    steps = settings(SEEDED, max_examples=examples, stateful_step_count=20)
    stories(world, links).run(settings=steps)
    assert set(world.seen) >= REACHED[name]


@pytest.mark.parametrize("name", REACHED)
def test_stories_are_answered_by_the_document(world: World, name: str) -> None:
    tell(world, name, 8)


@pytest.mark.slow
@pytest.mark.parametrize("name", REACHED)
def test_long_stories_are_answered_by_the_document(world: World, name: str) -> None:
    tell(world, name, 40)
