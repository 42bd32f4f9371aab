"""Partial dates: what passes reads back the same, and only days that exist pass."""

import calendar
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.edtf import BadDate, EndsBeforeItBegins, PartialDate, check_period, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1985-04-12", PartialDate(1985, 4, 12)),
        ("1985-04", PartialDate(1985, 4)),
        ("1985", PartialDate(1985)),
        ("XXXX", PartialDate()),
        ("2024-02-29", PartialDate(2024, 2, 29)),
        ("0001-01-01", PartialDate(1, 1, 1)),
        ("9999-12-31", PartialDate(9999, 12, 31)),
    ],
)
def test_a_date_says_what_is_known(text: str, expected: PartialDate) -> None:
    assert parse(text) == expected
    assert str(expected) == text


@given(st.dates())
def test_every_day_of_the_calendar_reads_back_the_same(day: date) -> None:
    assert parse(day.isoformat()) == PartialDate(day.year, day.month, day.day)
    assert str(parse(day.isoformat())) == day.isoformat()


@given(st.text(max_size=12) | st.from_regex(r"[0-9X]{4}(-[0-9X]{2}){0,2}", fullmatch=True))
def test_a_date_has_one_spelling(text: str) -> None:
    try:
        found = parse(text)
    except BadDate:
        return
    assert str(found) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "85",
        "198",
        "19850",
        "1985-4",
        "1985-04-1",
        "1985-4-12",
        "19850412",
        "12-04-1985",
        "1985/04/12",
        "1985-04-12T00:00",
        " 1985",
        "1985\n",
        "١٩٨٥",  # digits of another script
    ],
)
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(BadDate):
        parse(text)


@pytest.mark.parametrize(
    "text", ["1985-04-XX", "1985-XX", "198X", "XXXX-04", "1985~", "1985?", "1985/1986", "1985-21"]
)
def test_other_forms_of_edtf_are_refused(text: str) -> None:
    with pytest.raises(BadDate):
        parse(text)


@pytest.mark.parametrize("text", ["2023-02-29", "1900-02-29", "2024-04-31", "2024-12-32"])
def test_a_day_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(BadDate):
        parse(text)


@pytest.mark.parametrize("text", ["0000", "0000-01-01", "-0044", "+1985", "2024-00", "2024-13"])
def test_a_year_or_month_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(BadDate):
        parse(text)


def test_every_century_has_its_leap_days() -> None:
    for year in range(1, 10000, 99):
        passes = True
        try:
            parse(f"{year:04}-02-29")
        except BadDate:
            passes = False
        assert passes is calendar.isleap(year)


@pytest.mark.parametrize(
    "parts", [(None, 4, None), (None, None, 12), (1985, None, 12), (0, 1, 1), (True, 1, 1)]
)
def test_a_date_that_no_text_spells_can_not_be_made(
    parts: tuple[int | None, int | None, int | None],
) -> None:
    with pytest.raises(BadDate):
        PartialDate(*parts)


def test_the_error_does_not_repeat_the_date() -> None:
    with pytest.raises(BadDate) as refused:
        parse("1985-04-31")
    assert "31" not in str(refused.value)
    assert refused.value.code == "bad_date"


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (None, None),
        ("2026-03-14", None),
        (None, "2026"),
        ("2026-03-14", "2026-03-14"),
        ("2026-03-14", "2026-03"),
        ("2026", "2026-01"),
        ("2025-12-31", "2026"),
        ("XXXX", "0001"),
        ("9999", "XXXX"),
    ],
)
def test_a_time_that_may_be_whole_passes(first: str | None, last: str | None) -> None:
    check_period(first, last)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-03-14", "2026-03-13"),
        ("2026-03-14", "2026-02"),
        ("2026-03", "2025"),
        ("2027", "2026"),
    ],
)
def test_a_time_that_ends_before_it_begins_is_refused(first: str, last: str) -> None:
    with pytest.raises(EndsBeforeItBegins) as refused:
        check_period(first, last)
    assert refused.value.code == "ends_before_it_begins"


@pytest.mark.parametrize(("first", "last"), [("soon", None), (None, "2026-13"), ("2026", "2O27")])
def test_a_time_is_made_of_dates(first: str | None, last: str | None) -> None:
    with pytest.raises(BadDate):
        check_period(first, last)
