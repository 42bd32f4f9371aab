"""No file of the project names a package registry or an archive on some host.

A lock file that names a host sends everyone who installs to that host, and breaks behind a mirror.
The hashes already say which file is meant. The names are put together from pieces here, so that
this file passes its own check.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

HOSTS = tuple(
    ".".join(pieces)
    for pieces in (
        ("pypi", "org"),
        ("pypi", "python", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("snapshot", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
        ("rubygems", "org"),
        ("anaconda", "org"),
    )
)
HOST = re.compile("|".join(map(re.escape, HOSTS)), re.IGNORECASE)
ARCHIVE = re.compile(r"[a-z+]+://\S+\.(?:whl|tar\.gz|tar\.bz2|tgz|zip|deb|crate)\b", re.IGNORECASE)
LOCAL = re.compile("file:" + "///", re.IGNORECASE)

RULES = ((HOST, "a registry host"), (ARCHIVE, "a resolved URL"), (LOCAL, "a folder of one machine"))


def findings_in(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, what is wrong with it)."""
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern, what in RULES:
            if match := pattern.search(line):
                yield number, f"{what}: {match[0]}"


def project_files() -> list[str]:
    """Tracked files, and new ones that are not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file())


def main() -> int:
    names = project_files()
    findings = [
        f"{name}:{line}: {what}"
        for name in names
        for line, what in findings_in((ROOT / name).read_text("utf-8", errors="replace"))
    ]
    print("\n".join([*findings, f"hosts: {len(names)} files, {len(findings)} findings"]))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
