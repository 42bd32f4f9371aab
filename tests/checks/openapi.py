"""openapi.yaml says what the application does: no more, no less.

`python tests/checks/openapi.py` compares the two and shows where they part;
`python tests/checks/openapi.py --write` writes the file again from the application.
"""

import difflib
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from api.openapi import document

FILE = Path(__file__).resolve().parents[2] / "openapi.yaml"
DIFF_LINES_MAX = 60


def as_yaml(content: Mapping[str, object]) -> str:
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=100)


def main(arguments: list[str]) -> int:
    wanted = document()
    if arguments == ["--write"]:
        FILE.write_text(as_yaml(wanted), "utf-8")
        print(f"{FILE.name}: written")
        return 0
    found = yaml.safe_load(FILE.read_text("utf-8")) if FILE.exists() else {}
    if found == wanted:
        print(f"{FILE.name}: as the application")
        return 0
    lines = difflib.unified_diff(
        as_yaml(found).splitlines(),
        as_yaml(wanted).splitlines(),
        FILE.name,
        "application",
        n=2,
        lineterm="",
    )
    print("\n".join(list(lines)[:DIFF_LINES_MAX]))
    print(f"{FILE.name} differs from the application: run this script with --write and look at it")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
