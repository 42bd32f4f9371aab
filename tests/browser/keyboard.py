"""A walk through a page by the Tab key alone, as somebody without a mouse goes."""

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

STOPS_MAX = 150
_LOOK = """() => {
  const here = document.activeElement;
  if (!here || here === document.body || here === document.documentElement) return null;
  const seen = window.kluisWalk ??= new Map();
  if (!seen.has(here)) seen.set(here, seen.size);
  const box = here.getBoundingClientRect();
  const style = getComputedStyle(here);
  const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  const inset = Math.min(3, box.width / 2, box.height / 2);
  const points = [
    [box.left + box.width / 2, box.top + box.height / 2],
    [box.left + inset, box.top + inset], [box.right - inset, box.top + inset],
    [box.left + inset, box.bottom - inset], [box.right - inset, box.bottom - inset],
  ];
  const reached = ([x, y]) => {
    const top = document.elementFromPoint(x, y);
    const label = top && top.closest('label');
    return top && (here.contains(top) || top.contains(here) || label?.control === here);
  };
  return {
    number: seen.get(here),
    name: here.getAttribute('aria-label') || here.labels?.[0]?.innerText
      || here.innerText || here.getAttribute('name') || '',
    kind: here.tagName.toLowerCase(),
    html: here.outerHTML.slice(0, 120),
    marked: here.matches(':focus-visible') && (outlined || style.boxShadow !== 'none'),
    covered: !points.some(reached),
  };
}"""


@dataclass(frozen=True)
class Stop:
    """Where Tab stopped: the name that is read out, and the kind of element."""

    name: str
    kind: str


def walk(page: Page, stops_max: int = STOPS_MAX) -> list[Stop]:
    """Every stop from the top of the page, once. Fails where the focus can't be seen or is covered,
    and where Tab does not come out again.
    """
    page.evaluate("() => { window.kluisWalk = new Map(); document.activeElement?.blur(); }")
    stops: list[Stop] = []
    faults: list[str] = []
    for _ in range(stops_max):
        page.keyboard.press("Tab")
        here: dict[str, Any] | None = page.evaluate(_LOOK)
        if here is None or here["number"] < len(stops):
            break
        stops.append(Stop(" ".join(here["name"].split()), here["kind"]))
        faults += [f"the focus can't be seen: {here['html']}"] if not here["marked"] else []
        faults += [f"the focus is covered: {here['html']}"] if here["covered"] else []
    else:
        faults.append(f"Tab does not come out after {stops_max} stops")
    assert faults == [], f"{page.url}: {faults}"
    return stops


def go_to(page: Page, name: str, stops_max: int = STOPS_MAX) -> None:
    """Goes by Tab to the element of that name, on from where the focus is."""
    seen: list[str] = []
    for _ in range(stops_max):
        page.keyboard.press("Tab")
        here: dict[str, Any] | None = page.evaluate(_LOOK)
        seen.append(" ".join(here["name"].split()) if here else "")
        if name in seen[-1]:
            return
    raise AssertionError(f"{page.url}: no {name!r} among {seen}")
