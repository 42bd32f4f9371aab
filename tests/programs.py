"""Programs that some tests run and nobody has to have."""

import os
import shutil
from typing import NoReturn

import pytest


def program(name: str, package: str) -> str:
    """The path of a program; else the test is skipped, or fails where KLUIS_REQUIRE_ALL is 1."""
    return shutil.which(name) or missing(f"no program {name!r}: apt install {package}")


def missing(what: str) -> NoReturn:
    if os.environ.get("KLUIS_REQUIRE_ALL") == "1":
        pytest.fail(what)
    pytest.skip(what)
