"""`python -m tests.browser.screens`: pictures of every screen, into docs/screens/.

`python -m tests.browser.screens home desk-scan` makes those alone.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from cli.demo_place import RUN_BY
from tests.browser.chromium import DESK, PHONE, chromium, playwright_started
from tests.browser.past import live_a_day
from tests.browser.stage import Stage
from tests.browser.tour import SCREENS, Screen
from tests.serving import served

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screens"
LANGUAGE = "nl"
SIZES = {"phone": PHONE, "desktop": DESK}


def picture(browser: Browser, stage: Stage, screen: Screen, size: str, scheme: str) -> Path:
    """One picture of a whole page; its file is named for screen, size and scheme."""
    context = browser.new_context(
        viewport=SIZES[size],  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
        locale=LANGUAGE,
        timezone_id="Europe/Amsterdam",
        reduced_motion="reduce",
    )
    stage.speak(context, LANGUAGE)
    screen.enter(context, stage)
    page = context.new_page()
    screen.show(page, stage)
    file = FOLDER / f"{screen.name}-{size}-{scheme}.png"
    page.screenshot(path=file, full_page=size == "desktop", scale="css")
    context.close()
    return file


def shrink(files: list[Path]) -> None:
    """A third of the size, and nobody sees it. Without Debian's pngquant they stay as they are."""
    tool = shutil.which("pngquant")
    if tool is None:
        print("pngquant is not there: the pictures are three times as large as they could be")
        return
    subprocess.run([tool, "--force", "--ext", ".png", "--strip", "64", *files], check=True)


def main(names: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    chosen = [screen for screen in SCREENS if not names or screen.name in names]
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder), practice=True, **RUN_BY) as site,
        playwright_started() as playwright,
        chromium(playwright) as browser,
    ):
        live_a_day(site)
        stage = Stage.set(site)
        files = [
            picture(browser, stage.with_another_citizen(), screen, size, scheme)
            for screen in chosen
            for size in SIZES
            for scheme in ("light", "dark")
        ]
    shrink(files)
    print(f"{len(files)} pictures in {FOLDER}")


if __name__ == "__main__":
    main(sys.argv[1:])
