"""Programs that some tests run and nobody has to have."""

import os
import shutil
from typing import NoReturn

import pytest


def program(name: str, package: str) -> str:
    """The path of a program; else the test is skipped, or fails where KLUIS_REQUIRE_ALL is 1."""
    return shutil.which(name) or missing(f"no program {name!r}: apt install {package}")


def missing(what: str) -> NoReturn:
    if _all_is_required():
        pytest.fail(what)
    pytest.skip(what)


def needs(there: object, what: str) -> pytest.MarkDecorator:
    """Marks tests that are skipped where something is not there; where all is required they run,
    and fail.
    """
    return pytest.mark.skipif(not there and not _all_is_required(), reason=what)


def _all_is_required() -> bool:
    return os.environ.get("KLUIS_REQUIRE_ALL") == "1"
