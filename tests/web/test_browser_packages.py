"""What browsers get of others: in exact versions, with hashes, from no named place."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from web import browser_packages
from web.vendor import FILES

WEB = Path(browser_packages.__file__).parent
WANTED: dict[str, Any] = json.loads((WEB / "package.json").read_text("utf-8"))
LOCK: dict[str, Any] = json.loads((WEB / "package-lock.json").read_text("utf-8"))


def test_every_package_has_one_version_and_its_hash() -> None:
    wanted = WANTED["dependencies"] | WANTED["devDependencies"]
    locked = {name.removeprefix("node_modules/"): each for name, each in LOCK["packages"].items()}
    own = locked.pop("")
    assert own["dependencies"] | own["devDependencies"] == wanted
    assert {name: locked[name]["version"] for name in wanted} == wanted
    for each in locked.values():
        assert each["integrity"].startswith("sha512-")
        assert "resolved" not in each
        assert not each.get("hasInstallScript")


def test_only_the_reader_of_codes_reaches_people() -> None:
    assert set(WANTED["dependencies"]) == {"zxing-wasm"}
    assert all("zxing-wasm" in path.parts for path in FILES.values())


@pytest.mark.parametrize("outcome", [1, OSError(), subprocess.TimeoutExpired("npm", 1)])
def test_without_a_registry_one_line_says_what_does_not_work(
    outcome: int | Exception, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def npm(*arguments: object, **options: object) -> int:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(browser_packages, "npm", npm)
    monkeypatch.setattr("sys.argv", ["browser_packages"])
    assert browser_packages.main() == 1
    assert capfd.readouterr().err.count("\n") == 1


def test_what_only_tests_use_is_left_out_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def npm(arguments: list[str], **options: object) -> int:
        asked.append(arguments)
        return 0

    monkeypatch.setattr(browser_packages, "npm", npm)
    assert browser_packages.install(tests=False)
    assert browser_packages.install(tests=True)
    assert ["--omit=dev" in each for each in asked] == [True, False]
