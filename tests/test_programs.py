"""What a test needs and is not there: it says so and skips, or fails where all is required."""

import pytest

from tests.programs import needs, program


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


@pytest.mark.parametrize(
    ("there", "required", "skips"), [(0, "0", True), (0, "1", False), (1, "0", False)]
)
def test_what_is_needed_and_missing_skips_unless_all_is_required(
    monkeypatch: pytest.MonkeyPatch, there: int, required: str, skips: bool
) -> None:
    monkeypatch.setenv("KLUIS_REQUIRE_ALL", required)
    assert needs(there, "no such thing").args == (skips,)
