"""What flat import names and hashed lock files need to stay safe."""

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from tests.checks.hosts import HOST

ROOT = Path(__file__).resolve().parents[1]
SETTINGS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DISTRIBUTION = SETTINGS["project"]["name"]
PACKAGES = set(SETTINGS["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
LOCKS = ("requirements.lock", "requirements-dev.lock")


def test_no_other_distribution_claims_our_names() -> None:
    ours = {name.casefold() for name in PACKAGES | {"bench", "tests"}}
    claims = {
        name: set(distributions) - {DISTRIBUTION}
        for name, distributions in packages_distributions().items()
        if name.casefold() in ours
    }
    assert not any(claims.values()), claims


def test_packages_are_the_folders_that_can_be_imported() -> None:
    assert {file.parent.name for file in ROOT.glob("*/__init__.py")} == PACKAGES


def test_every_tool_looks_at_every_package() -> None:
    tools = SETTINGS["tool"]
    assert set(tools["importlinter"]["root_packages"]) == PACKAGES
    assert set(tools["mypy"]["files"]) == PACKAGES | {"bench", "tests"}
    first_party = tools["ruff"]["lint"]["isort"]["known-first-party"]
    assert set(first_party) == PACKAGES | {"bench", "tests"}
    sdist = tools["hatch"]["build"]["targets"]["sdist"]["include"]
    assert {name.removeprefix("/") for name in sdist} == PACKAGES


def test_tests_hold_no_package_of_their_own() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_the_distribution_cannot_be_uploaded() -> None:
    assert "Private :: Do Not Upload" in SETTINGS["project"]["classifiers"]


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_place(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert "://" not in text
    assert not HOST.search(text)


@pytest.mark.parametrize("name", LOCKS)
def test_lock_pins_and_hashes_every_line(name: str) -> None:
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


def test_locks_agree_and_hold_the_build_backend() -> None:
    runtime, dev = (pins(name) for name in LOCKS)
    assert runtime.items() <= dev.items()
    assert "hatchling" in runtime


def pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.MULTILINE))


def test_every_command_in_our_pages_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md"):
        if (ROOT / page).exists():
            text = (ROOT / page).read_text("utf-8")
            named = set(re.findall(r"(?:`|^ {4}|^\$ |^)make ([a-z]+)\b", text, re.MULTILINE))
            assert named, f"{page} names no command"
            assert named <= targets, f"{page}: {named - targets}"
