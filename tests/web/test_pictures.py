"""The auditor's pictures: the right figures, as text too, and nothing that a name can break."""

import re
from collections.abc import Callable
from datetime import timedelta, timezone
from typing import Any
from xml.etree import ElementTree

import pytest

from audit.entry import Actor, Event, new_entry_id
from web.pictures import (
    BARS_MAX,
    LINE_CHARACTERS_MAX,
    LINES_MAX,
    Picture,
    Row,
    reads_per_agency,
    reads_per_hour,
    reads_per_use,
    refusals_by_reason,
)

NOON_MS = 1_795_262_400_000  # 2026-11-21T12:00:00Z
HOUR_MS = 3_600_000
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "\"><script>alert(1)</script> & ']]> <!-- \u202e\u0000\ud800 -->"


def event(agency: str = "a", use: str = "u", hour: int = 12, **changes: Any) -> Event:
    at = NOON_MS + (hour - 12) * HOUR_MS
    made: dict[str, Any] = {
        "action": "data.read",
        "outcome": "permitted",
        "actor": Actor("agency", agency),
        "intended_use": use,
    }
    return Event(id=new_entry_id(at), at=at, **(made | changes))


def refused(reason: str, action: str = "data.read") -> Event:
    return event(action=action, outcome="denied", reason=reason)


def parsed(picture: Picture) -> ElementTree.Element:
    return ElementTree.fromstring(picture.svg)  # noqa: S314 - our own text, that is the test


def texts(picture: Picture, class_: str) -> list[str]:
    found = parsed(picture).iter(f"{SVG}text")
    return [each.text or "" for each in found if each.get("class") == class_]


def lengths(picture: Picture, side: str) -> list[float]:
    return [float(each.get(side, "")) for each in parsed(picture).iter(f"{SVG}rect")]


def of_use(_agency: str, use: str) -> str:
    return use


EVENTS = [
    *(event("town") for _ in range(4)),
    *(event("tax", "income") for _ in range(8)),
    event("town", "income", hour=7),
    event("tax", action="grant.redeem"),
    refused("expired"),
    refused("expired"),
    refused("wrong_code", "grant.redeem"),
    event(action="data.read", outcome="denied", actor=Actor("auditor", "x"), reason="ended"),
]


def test_reads_are_counted_per_agency_most_first() -> None:
    picture = reads_per_agency(EVENTS, str.upper, str)

    assert picture.rows == (Row("TAX", 8), Row("TOWN", 5))
    assert texts(picture, "picture-label") == ["TAX", "TOWN"]
    assert texts(picture, "picture-figure") == ["8", "5"]
    tax, town = lengths(picture, "width")
    assert town / tax == pytest.approx(5 / 8)


def test_reads_are_counted_per_use() -> None:
    assert reads_per_use(EVENTS, of_use, str).rows == (Row("income", 9), Row("u", 4))


def test_uses_of_two_agencies_with_one_id_are_two_purposes_where_they_differ() -> None:
    purposes = {("town", "p"): "park", ("tax", "p"): "pay", ("port", "p"): "park"}
    events = [event(agency, "p") for agency in ("town", "tax", "port", "port")]

    picture = reads_per_use(events, lambda agency, use: purposes[agency, use], str)

    assert picture.rows == (Row("park", 3), Row("pay", 1))


def test_refusals_of_agencies_are_counted_by_reason() -> None:
    picture = refusals_by_reason(EVENTS, str, str)
    assert picture.rows == (Row("expired", 2), Row("wrong_code", 1))


def test_every_hour_has_its_row_and_its_column() -> None:
    picture = reads_per_hour(EVENTS, str)

    assert len(picture.rows) == len(lengths(picture, "height")) == 24
    assert (picture.rows[7], picture.rows[12]) == (Row("07:00", 1), Row("12:00", 12))
    heights = lengths(picture, "height")
    assert heights[12] == max(heights)
    assert heights[7] / heights[12] == pytest.approx(1 / 12, abs=0.01)
    assert sum(height == 0 for height in heights) == 22
    assert texts(picture, "picture-figure") == ["12"]


def test_hours_are_those_of_the_zone() -> None:
    rows = reads_per_hour([event(hour=23)], str, timezone(timedelta(hours=1))).rows
    assert [row.label for row in rows if row.count] == ["00:00"]


def test_a_small_number_is_still_seen() -> None:
    events = [*(event("big") for _ in range(2000)), event("small")]
    assert min(lengths(reads_per_agency(events, str, str), "width")) >= 2


def test_many_bars_end_in_the_others_and_the_table_has_all() -> None:
    events = [event(f"agency-{number:02}") for number in range(BARS_MAX + 5)]
    picture = reads_per_agency(events, str, str)

    assert len(picture.rows) == BARS_MAX + 5
    labels, figures = (texts(picture, f"picture-{kind}") for kind in ("label", "figure"))
    assert len(labels) == BARS_MAX
    assert (labels[-1], figures[-1]) == ("6 others together", "6")
    assert sum(map(int, figures)) == BARS_MAX + 5


ALL: list[Callable[[list[Event], Callable[[str], str]], Picture]] = [
    lambda events, name: reads_per_agency(events, name, str),
    lambda events, name: reads_per_use(events, lambda _, use: name(use), str),
    lambda events, name: reads_per_hour(events, str),
    lambda events, name: refusals_by_reason(events, name, str),
]


@pytest.mark.parametrize("draw", ALL)
def test_each_is_named_and_described_for_who_cannot_see_it(draw: Any) -> None:
    picture = draw(EVENTS, str)
    root = parsed(picture)
    named = {each.get("id"): each.text for each in root.iter() if each.get("id")}

    assert root.get("role") == "img"
    ids = (root.get("aria-labelledby") or "").split()
    assert [named[id_] for id_ in ids] == [picture.title, picture.description]
    total = sum(row.count for row in picture.rows)
    assert picture.description.startswith(f"In all: {total}. Most: ")


@pytest.mark.parametrize("draw", ALL)
def test_nothing_to_show_is_said(draw: Any) -> None:
    picture = draw([], str)
    assert picture.description == "There is nothing to show for this choice."
    assert parsed(picture).tag == f"{SVG}svg"


@pytest.mark.parametrize("draw", ALL)
def test_it_fits_a_small_screen_and_the_content_security_policy(draw: Any) -> None:
    picture = draw(EVENTS * 20, lambda name: name * 30)
    root = parsed(picture)
    _, _, width, height = map(float, (root.get("viewBox") or "").split())

    assert width == 320
    for each in root.iter():
        assert not {"style", "href"} & set(each.attrib)
        assert not [name for name in each.attrib if name.startswith("on")]
        right = float(each.get("x", 0)) + float(each.get("width", "0").rstrip("%"))
        assert each is root or 0 <= right <= width
        assert 0 <= float(each.get("y", 0)) <= height
        if each.tag == f"{SVG}text":
            assert int(each.get("font-size", 0)) >= 12
    assert max(map(len, texts(picture, "picture-label"))) <= LINE_CHARACTERS_MAX


def test_a_long_name_takes_two_lines_and_covers_no_bar() -> None:
    long = "Een parkeervergunning voor bewoners geven"
    picture = reads_per_use(EVENTS, lambda _, use: {"income": long, "u": "kort"}[use], str)

    labels = texts(picture, "picture-label")
    assert labels == ["Een parkeervergunning voor bewoners", "geven", "kort"]
    drawn = [each for each in parsed(picture) if each.tag.removeprefix(SVG) in {"text", "rect"}]
    tops = [float(each.get("y", 0)) for each in drawn if each.get("class") != "picture-figure"]
    assert tops == sorted(tops), "label, label, bar, label, bar"
    assert len(set(tops)) == 5


def test_a_name_that_no_two_lines_hold_is_cut_and_whole_in_the_table() -> None:
    picture = reads_per_agency([event()], lambda _: "naam " * 40, str)

    labels = texts(picture, "picture-label")
    assert len(labels) == LINES_MAX
    assert labels[-1].endswith("…")
    assert picture.rows == (Row("naam " * 40, 1),)


def test_the_table_says_what_each_row_is() -> None:
    assert [draw(EVENTS, str).counted for draw in ALL] == ["Agency", "Purpose", "Hour", "Reason"]


@pytest.mark.parametrize("draw", ALL)
def test_a_hostile_name_stays_text(draw: Any) -> None:
    picture = draw(EVENTS, lambda name: HOSTILE)

    assert {each.tag.removeprefix(SVG) for each in parsed(picture).iter()} <= {
        "svg", "title", "desc", "text", "rect", "line",
    }  # fmt: skip
    assert not re.search("[\u202e\u0000\ud800]", picture.svg)
    assert "<script" not in picture.svg


def test_ids_of_the_four_differ() -> None:
    ids = [id_ for draw in ALL for id_ in re.findall(r'\bid="([^"]+)"', draw(EVENTS, str).svg)]
    assert len(ids) == len(set(ids)) == 8


def test_a_name_in_french_keeps_its_spaces() -> None:
    picture = reads_per_agency([event()], lambda _: "Qui\u202f?", str)
    assert texts(picture, "picture-label") == ["Qui\u202f?"]
