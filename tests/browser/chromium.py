"""Debian's Chromium, driven by Playwright: as it is installed, with no browser downloaded."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tests.programs import missing, program

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

T = TypeVar("T")
FLAGS = (
    "--no-sandbox",  # tests may run as root, in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
TIMEOUT_MS = 15_000


@contextmanager
def playwright_started() -> Iterator["Playwright"]:
    """Playwright; the test is skipped without it, or fails where KLUIS_REQUIRE_ALL is 1.

    While it runs, this thread counts as inside an event loop: see `apart`.
    """
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        missing("no playwright: make test installs it")
    chromium_path()
    expect.set_options(timeout=TIMEOUT_MS)  # a busy machine shows it later
    with sync_playwright() as playwright:
        yield playwright


@contextmanager
def chromium(playwright: "Playwright", *flags: str) -> Iterator["Browser"]:
    """A browser of its own process, with further flags."""
    browser = playwright.chromium.launch(
        executable_path=chromium_path(), headless=True, args=[*FLAGS, *flags]
    )
    try:
        yield browser
    finally:
        browser.close()


def apart(work: Callable[[], T]) -> T:
    """Runs what needs an event loop of its own, such as `AgencyDesk.read`, in another thread."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(work).result()


def chromium_path() -> Path:
    return Path(program("chromium", "chromium"))
