"""What two databases must be before an installation is made on them."""

from pathlib import Path

import pytest
from psycopg import connect

from operate.pair import check_apart
from operate.setup import Places, initialise
from tests.builders import URL
from tests.postgresql import Databases, run_on
from vault.database import Database
from vault.errors import NotReady
from vault.vault import Vault


def refused(folder: Path, **databases: str) -> str:
    """The code of the refusal to make an installation; nothing was made."""
    with pytest.raises(NotReady) as error:
        initialise(Places.beside(folder / "kluis"), URL, **databases)
    assert list(folder.iterdir()) == []
    return error.value.code


def tables(url: str) -> list[tuple[str]]:
    with connect(url) as connection:
        statement = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        return connection.execute(statement).fetchall()


@pytest.fixture
def empty(postgresql: Databases) -> dict[str, str]:
    return postgresql.emptied()


def test_an_installation_is_made_on_two_empty_databases(
    empty: dict[str, str], tmp_path: Path
) -> None:
    settings = initialise(Places.beside(tmp_path / "kluis"), URL, **empty)
    Vault.open(settings).close()
    assert not (settings.data / "db").exists()
    assert not (settings.keys / "keystore").exists()


def test_one_named_database_is_not_enough(empty: dict[str, str], tmp_path: Path) -> None:
    for name, url in empty.items():
        assert refused(tmp_path, **{name: url}) == "one_database_named"


def test_one_database_is_refused_whatever_it_is_called(
    empty: dict[str, str], tmp_path: Path
) -> None:
    main = empty["database_url"]
    assert refused(tmp_path, database_url=main, keystore_url=main) == "one_database"
    other_name = main + "&application_name=other"
    assert refused(tmp_path, database_url=main, keystore_url=other_name) == "one_database"
    assert tables(main) == []


def test_two_databases_or_files_are_apart_and_one_is_not(
    empty: dict[str, str], tmp_path: Path
) -> None:
    urls = [*empty.values(), f"sqlite:///{tmp_path / 'a'}", f"sqlite:///{tmp_path / 'b'}"]
    for left in urls:
        for right in urls:
            main, keystore = Database(left), Database(right)
            if left == right:
                with pytest.raises(NotReady, match="are one database"):
                    check_apart(main, keystore)
            else:
                check_apart(main, keystore)
            main.close()
            keystore.close()


@pytest.mark.parametrize("which", ["database_url", "keystore_url"])
def test_what_others_keep_in_a_database_is_not_touched(
    empty: dict[str, str], tmp_path: Path, which: str
) -> None:
    run_on(empty[which], "CREATE TABLE theirs (id int)")
    assert refused(tmp_path, **empty) == "database_not_empty"
    assert tables(empty[which]) == [("theirs",)]
    others = [url for name, url in empty.items() if name != which]
    assert [tables(url) for url in others] == [[]]


def test_a_second_installation_does_not_fit_on_the_databases_of_the_first(
    empty: dict[str, str], tmp_path: Path
) -> None:
    initialise(Places.beside(tmp_path / "first" / "kluis"), URL, **empty)
    (tmp_path / "second").mkdir()
    assert refused(tmp_path / "second", **empty) == "database_not_empty"


def test_a_database_that_does_not_answer_leaves_nothing_behind(
    empty: dict[str, str], tmp_path: Path
) -> None:
    nowhere = "postgresql://kluis:CANARY@127.0.0.1:1/nowhere"
    for name in empty:
        assert refused(tmp_path, **{**empty, name: nowhere}) == "database_unreachable"
