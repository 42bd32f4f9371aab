"""What a test needs and is not there: it says so and skips, or fails where all is required."""

import pytest

from tests.programs import program


def test_a_missing_program_skips_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KLUIS_REQUIRE_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt install its-package"):
        program("no-such-program", "its-package")


def test_a_missing_program_fails_where_all_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLUIS_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        program("no-such-program", "its-package")


def test_a_program_that_is_there_is_found() -> None:
    assert program("sh", "dash").endswith("/sh")
