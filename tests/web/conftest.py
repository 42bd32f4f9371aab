"""A server for the tests of one module, and who comes to it: a citizen, with and without forms."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.stage import Stage
from tests.builders import Citizen, Store
from tests.serving import Site, served
from tests.web.browsing import Browser
from tests.web.visiting import Visitor


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A fresh installation. What pages ask of PostgreSQL is what the API asks of it."""
    made = Store.make(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Each test makes its own people on it."""
    with served(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="module")
def stage(site: Site) -> Stage:
    """The people of one module, who have some history."""
    return Stage.set(site)


@pytest.fixture
def citizen(site: Site) -> Citizen:
    return site.store.citizen()


@pytest.fixture
def visitor(site: Site, citizen: Citizen) -> Visitor:
    """The citizen, in her vault."""
    return Visitor(site, citizen)


@pytest.fixture
def browser(site: Site) -> Iterator[Browser]:
    """With nothing in it."""
    browser = Browser(site)
    with browser.http:
        yield browser


another = browser
