"""What every test may ask for."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, settings

from catalogue.fields import Catalogue, load_catalogue
from tests.builders import Store
from tests.patience import be_impatient, be_patient
from tests.postgresql import Databases

ROOT = Path(__file__).resolve().parents[1]

_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a machine may be
settings.register_profile("local", _patient)
settings.register_profile("ci", _patient, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def shared_path(name: str) -> Path:
    """The file or folder of that name among the shared test data; skips the test without it.

    The data lies in the folder KLUIS_SHARED names, by default `shared` beside the clone. May be
    called at the top of a test module, which is then skipped as a whole.
    """
    folder = Path(os.environ.get("KLUIS_SHARED") or ROOT.parent / "shared")
    path = folder / name
    if not path.exists():
        reason = f"no shared test data {name!r}: set KLUIS_SHARED to the folder that holds it"
        pytest.skip(reason, allow_module_level=True)
    return path


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """`shared("vectors/merkle_proofs.json")` is the path of that file, or the test is skipped."""
    return shared_path


@pytest.fixture(scope="session", autouse=True)
def catalogue_read_once() -> Iterator[None]:
    """Our own catalogue is one file that stays as it is; installations are opened in thousands."""
    own = load_catalogue()

    def load(*extra_files: Path) -> Catalogue:
        return load_catalogue(*extra_files) if extra_files else own

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vault.opening.load_catalogue", load)
        yield


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """Whoever waits in this process waits long: a busy machine is no silent one."""
    with pytest.MonkeyPatch.context() as patch:
        be_patient(patch)
        yield


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits gives up as soon as with users; it counts for what is opened after it."""
    be_impatient(monkeypatch)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Databases]:
    """A real PostgreSQL for this run, with databases for this worker."""
    with Databases.start() as databases:
        yield databases


class NewDatabases(Protocol):
    """`new_databases("api")`: empty databases of that name, as settings of an installation."""

    def __call__(self, name: str) -> dict[str, str]: ...


@pytest.fixture(
    scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
)
def new_databases(request: pytest.FixtureRequest) -> NewDatabases:
    """Databases for tests through a door, of each kind there is: SQLite needs no naming."""
    if request.param == "sqlite":
        return lambda name: {}
    databases: Databases = request.getfixturevalue("postgresql")
    return lambda name: databases.emptied(f"{name}_")


# What these show hangs on SQL that both databases are given as one text: on the second one they run
# with the slow tests. All else runs on both, always.
_ON_POSTGRESQL_SLOWLY = {
    "test_decisions.py",
    "test_examining.py",
    "test_faulty_database.py",
    "test_guard.py",
    "test_hidden_reads.py",
    "test_moved_rows.py",
    "test_officers.py",
    "test_own_log.py",
    "test_races.py",
    "test_read_decisions.py",
    "test_retention.py",
    "test_signers.py",
    "test_stolen.py",
    "test_tamper.py",
    "test_unlock_decisions.py",
    "test_verification.py",
    "test_verified_tables.py",
}


_SLOW_SECONDS_MAX = 400  # a quarter of it where nobody else is at work


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "postgresql" in item.name and item.path.name in _ON_POSTGRESQL_SLOWLY:
            item.add_marker(pytest.mark.slow)
        is_slow = item.get_closest_marker("slow") is not None
        if is_slow and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_SLOW_SECONDS_MAX))


@pytest.fixture(params=["sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Makes a fresh installation with an opened vault, on each kind of database there is.

    The one before it is closed: what is checked whole after each of many steps should stay small.
    """
    made: list[Store] = []

    def make() -> Store:
        for before in made:
            before.close()
        folder = tmp_path / str(len(made))
        folder.mkdir()
        if request.param == "sqlite":
            store = Store.make(folder)
        else:
            databases: Databases = request.getfixturevalue("postgresql")
            store = Store.make_on_tables(folder, databases.with_tables())
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    return new_store()
