"""What a page has to stand: axe's rules, a walk by keyboard, a narrow window, large text."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.programs import missing

AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NARROW = {"width": 320, "height": 640}
OF_COLOURS = ["color-contrast", "link-in-text-block"]
_RUN_AXE = """async (runOnly) => {
  const found = await axe.run(document, {runOnly});
  return found.violations;
}"""


def axe(page: Page, *, colours_alone: bool = False) -> list[str]:
    """What axe finds wrong, a line each: `assert axe(page) == []`. The page's policy stays on.

    `colours_alone` for a page that passed in light: dark is other colours and nothing else
    (tests/web/test_look.py).
    """
    if not page.evaluate("() => 'axe' in window"):
        if not AXE.is_file():
            missing("no axe-core: make test installs it where npm can be reached")
        page.evaluate(AXE.read_text("utf-8"))
    every = {"type": "tag", "values": RULES}
    some = {"type": "rule", "values": OF_COLOURS}
    found: list[dict[str, Any]] = page.evaluate(_RUN_AXE, some if colours_alone else every)
    return [
        f"{page.url}: {rule['id']}: {rule['help']}: {node['html'][:160]} [{_summary(node)}]"
        for rule in found
        for node in rule["nodes"]
    ]


def _summary(node: dict[str, Any]) -> str:
    return " ".join(str(node.get("failureSummary", "")).split())[:300]


def overflowing(page: Page) -> list[str]:
    """What sticks out to the right of a window 320 pixels wide; the window is then set back."""
    before = page.viewport_size
    page.set_viewport_size({"width": NARROW["width"], "height": NARROW["height"]})
    try:
        return _sticking_out(page)
    finally:
        if before is not None:
            page.set_viewport_size(before)


def overflowing_with_large_text(page: Page) -> list[str]:
    """What sticks out of the window as it is when text is twice as large."""
    page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
    try:
        return _sticking_out(page)
    finally:
        page.evaluate("() => { document.documentElement.style.fontSize = ''; }")


def _sticking_out(page: Page) -> list[str]:
    """Nothing, if the page can't be scrolled sideways. What scrolls inside itself may be wide."""
    found: list[str] = page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          const wide = [...document.body.querySelectorAll('*')]
            .filter((one) => one.getBoundingClientRect().right > width + 0.5)
            .map((one) => one.outerHTML.slice(0, 120));
          return wide.length ? wide : ['the page is ' + document.documentElement.scrollWidth];
        }"""
    )
    return [f"{page.url}: {one}" for one in found]
