"""The catalogue: complete as it ships, closed to change, open to additions; values are checked."""

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.fields import SENSITIVITIES, CatalogueError, load_catalogue
from catalogue.kinds import LANGUAGES, LIST_ITEMS_MAX, TYPES, BadValue, Field
from catalogue.numbers import passes_modulo_97
from crypto.encoding import canonical_json
from tests.builders import NOON_MS

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "catalogue.md").read_text("utf-8")
CATALOGUE = load_catalogue()
CANARY = "KANARIE-7QX"
LABELS = '{ nl = "Werk", fr = "Travail", de = "Arbeit", en = "Work" }'
FIELD = f"""
[[field]]
id = "work.job_title"
type = "text"
theme = "identity"
sensitivity = "ordinary"
value_bytes_max = 64
labels = {LABELS}
"""


def new_field(
    kind: str, value_bytes_max: int = 64, choices: tuple[str, ...] = (), **more: Any
) -> Field:
    return Field(
        id="work.thing",
        type=kind,
        theme="work",
        sensitivity="ordinary",
        value_bytes_max=value_bytes_max,
        labels=dict.fromkeys(LANGUAGES, "thing"),
        choices={name: dict.fromkeys(LANGUAGES, name) for name in choices},
        **more,
    )


# The catalogue as it ships


def test_the_catalogue_has_25_fields_under_six_themes() -> None:
    assert len(CATALOGUE) == 25
    assert [theme.id for theme, _ in CATALOGUE.by_theme()] == [
        *("identity", "birth", "nationality", "address", "household", "contact"),
    ]
    assert sum(len(fields) for _, fields in CATALOGUE.by_theme()) == 25


def test_every_label_and_choice_stands_in_every_language() -> None:
    labelled = [theme.labels for theme in CATALOGUE.themes]
    labelled += [each.labels for each in CATALOGUE.values()]
    labelled += [labels for each in CATALOGUE.values() for labels in each.choices.values()]
    assert all(tuple(labels) == LANGUAGES for labels in labelled)


def test_a_label_is_not_used_twice_in_a_language() -> None:
    for language in LANGUAGES:
        labels = [each.labels[language] for each in CATALOGUE.values()]
        assert len(set(labels)) == len(labels)


def test_a_field_that_has_the_name_of_a_pid_attribute_says_so() -> None:
    for field_id, each in CATALOGUE.items():
        assert each.pid in (None, field_id.rpartition(".")[2])


def test_a_field_is_found_by_its_id_and_can_not_be_changed() -> None:
    assert CATALOGUE["identity.birth_date"].type == "date"
    assert "identity.shoe_size" not in CATALOGUE
    with pytest.raises(TypeError):
        CATALOGUE["identity.birth_date"].labels["nl"] = "x"  # type: ignore[index]
    with pytest.raises(AttributeError):
        CATALOGUE["identity.birth_date"].type = "text"  # type: ignore[misc]


# The docs


def rows(heading: str) -> list[list[str]]:
    table = DOCS.split(heading, 1)[1].split("\n|---", 1)[1].split("\n\n", 1)[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_the_docs_show_the_fields_as_they_are() -> None:
    expected = [
        [
            *(each.id, each.type, each.theme, each.sensitivity, str(each.value_bytes_max)),
            *(each.pid or "", each.labels["en"]),
        ]
        for each in CATALOGUE.values()
    ]
    assert rows("## The 25 fields") == expected


def test_the_docs_show_where_the_register_s_values_go() -> None:
    expected = [[each.id, each.brp] for each in CATALOGUE.values() if each.brp]
    assert rows("## From the Dutch population register") == expected


def test_the_docs_explain_every_type_and_sensitivity() -> None:
    assert tuple(row[0] for row in rows("## Types")) == TYPES
    assert tuple(row[0] for row in rows("## Sensitivity")) == SENSITIVITIES


def test_the_example_of_the_docs_loads(tmp_path: Path) -> None:
    example = DOCS.split("```toml\n", 1)[1].split("```", 1)[0]
    added = tmp_path / "work.toml"
    added.write_text(example, "utf-8")
    catalogue = load_catalogue(added)
    assert set(catalogue) - set(CATALOGUE) == {"work.contract_hours", "work.contract_kind"}
    assert catalogue.themes[-1].id == "work"
    assert catalogue["work.contract_kind"].check("temporary", NOON_MS) == "temporary"


# A deployment's own files


def test_a_field_is_added_after_ours(tmp_path: Path) -> None:
    added = tmp_path / "own.toml"
    added.write_text(FIELD, "utf-8")
    assert [*load_catalogue(added)] == [*CATALOGUE, "work.job_title"]


def test_files_add_to_each_other(tmp_path: Path) -> None:
    themes, fields = tmp_path / "themes.toml", tmp_path / "fields.toml"
    themes.write_text(f'[[theme]]\nid = "work"\nlabels = {LABELS}\n', "utf-8")
    fields.write_text(FIELD.replace('"identity"', '"work"'), "utf-8")
    assert load_catalogue(themes, fields)["work.job_title"].theme == "work"


def wrong(old: str, new: str) -> str:
    assert old in FIELD
    return FIELD.replace(old, new)


FAULTS = {
    "not_toml": [("[[field", "")],
    "bad_table": [("field = 3", ""), ("theme = [1]", "")],
    "missing_key": [
        (wrong("value_bytes_max = 64\n", ""), "work.job_title"),
        ('[[theme]]\nid = "work"\n', "theme work"),
        ("[[field]]", "field number 1"),
    ],
    "unknown_key": [(FIELD + "lables = 3\n", "work.job_title"), ("[fields]", "'fields'")],
    "bad_text": [(wrong('"text"', "3"), "work.job_title"), (wrong('"work.job_title"', "3"), "1")],
    "bad_id": [
        (wrong("work.job_title", bad_id), "")
        for bad_id in (
            *("job", "Work.title", "work.jobTitle", "work.job-title", "work..title", "a.b.c.d"),
            *(".title", "work.", "work.title_", "work._title", "1.title", f"work.{'x' * 60}"),
        )
    ]
    + [(f'[[theme]]\nid = "My work"\nlabels = {LABELS}', "My work")],
    "duplicate_id": [
        (FIELD + FIELD, "work.job_title"),
        (wrong("work.job_title", "identity.birth_date"), "identity.birth_date"),
        (f'[[theme]]\nid = "birth"\nlabels = {LABELS}', "theme birth"),
    ],
    "unknown_type": [(wrong('"text"', '"float"'), "work.job_title")],
    "unknown_theme": [(wrong('"identity"', '"work"'), "work.job_title")],
    "unknown_sensitivity": [(wrong('"ordinary"', '"secret"'), "work.job_title")],
    "bad_size": [(wrong("= 64", f"= {size}"), "") for size in ("0", "65537", "true", "6.4", "'6'")],
    "bad_labels": [
        (wrong(LABELS, "3"), "work.job_title"),
        (wrong('"Travail"', '" "'), "'fr'"),
        (wrong('"Travail"', "3"), "'fr'"),
        (wrong("Travail", "T" * 121), "'fr'"),
    ],
    "missing_language": [(wrong(' fr = "Travail",', ""), "'fr'")],
    "unknown_language": [(wrong(" fr =", ' es = "Trabajo", fr ='), "'es'")],
    "bad_choices": [
        (wrong('"text"', '"choice"'), "work.job_title"),
        (FIELD + f"[field.choices]\nfull = {LABELS}", "work.job_title"),
        (wrong('"text"', '"choice"\nchoices = {}'), "work.job_title"),
        (wrong('"text"', '"choice"\nchoices = 3'), "work.job_title"),
        (wrong('"text"', f'"choice"\nchoices = {{ Full = {LABELS} }}'), "work.job_title"),
    ],
    "bad_numbers": [
        (wrong('"text"', f'"code"\nnumbers = {named}'), "bsn")
        for named in ("[]", '["ssn"]', "[3]", '"bsn"')
    ]
    + [(FIELD + 'numbers = ["bsn"]', "of a code")],
    "bad_lifetime": [
        (wrong('"text"', '"date"\nlifetime = 1'), "true or false"),
        (FIELD + "lifetime = true", "a date's"),
    ],
}


@pytest.mark.parametrize(
    ("code", "text", "named"),
    [(code, *fault) for code, faults in FAULTS.items() for fault in faults],
)
def test_a_file_with_a_fault_is_refused(tmp_path: Path, code: str, text: str, named: str) -> None:
    added = tmp_path / "own.toml"
    added.write_text(text, "utf-8")
    with pytest.raises(CatalogueError) as refused:
        load_catalogue(added)
    assert refused.value.code == code
    assert str(added) in str(refused.value)
    assert named in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError) as refused:
        load_catalogue(tmp_path / "none.toml")
    assert refused.value.code == "unreadable"


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    added = tmp_path / "own.toml"
    added.write_text("#" * 1_048_577, "utf-8")
    with pytest.raises(CatalogueError) as refused:
        load_catalogue(added)
    assert refused.value.code == "too_large"


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    added = tmp_path / "own.toml"
    added.write_bytes(b"\xff")
    with pytest.raises(CatalogueError) as refused:
        load_catalogue(added)
    assert refused.value.code == "not_toml"


def test_the_docs_name_every_fault_of_a_file() -> None:
    named = DOCS.split("these codes:", 1)[1].split("\n\n", 1)[0]
    assert set(re.findall(r"`(\w+)`", named)) == {*FAULTS, "unreadable", "too_large"}


# Values

GOOD: list[tuple[str, Any, Any]] = [
    ("text", "Zoë", "Zoë"),
    ("text", "  ruimte  eromheen ", "ruimte  eromheen"),
    ("text", "Zoe\u0308", "Zoë"),
    ("text", "<b>&'\"", "<b>&'\""),
    ("text", "עברית", "עברית"),
    ("text_list", ["Anna", " Bo "], ["Anna", "Bo"]),
    ("code", "999942037", "999942037"),
    ("code", "SW1A 1AA", "SW1A 1AA"),
    ("choice", "blue", "blue"),
    ("integer", 0, 0),
    ("integer", -(2**53 - 1), -(2**53 - 1)),
    ("date", "2024-02-29", "2024-02-29"),
    ("date", "XXXX", "XXXX"),
    ("country", "NL", "NL"),
    ("country", "brp:0499", "brp:0499"),
    ("country_list", ["NL", "BE"], ["NL", "BE"]),
    ("language", "nl", "nl"),
    ("language", "fr-BE", "fr-BE"),
    ("email", "jan.de+vries@post.example.nl", "jan.de+vries@post.example.nl"),
    ("email", "zoë@exämple.org", "zoë@exämple.org"),
    ("phone", "+31612345678", "+31612345678"),
    ("phone", "+31 (6) 12-34.56 78", "+31612345678"),
    ("phone", "+31 (0)6 12345678", "+31612345678"),
    ("phone", "+390612345678", "+390612345678"),
]


@pytest.mark.parametrize(("kind", "value", "kept"), GOOD)
def test_a_good_value_is_kept_in_its_one_form(kind: str, value: Any, kept: Any) -> None:
    field = new_field(kind, choices=("red", "blue"))
    assert field.check(value, NOON_MS) == kept
    assert field.check(kept, NOON_MS) == kept


def test_every_type_has_a_good_and_a_bad_example() -> None:
    assert {kind for kind, _, _ in GOOD} == {kind for _, kind, _ in BAD} == set(TYPES)


BAD: list[tuple[str, str, Any]] = [
    *(("wrong_type", kind, 1.5) for kind in TYPES),
    *(("wrong_type", kind, None) for kind in TYPES),
    *(("wrong_type", kind, {}) for kind in TYPES),
    *(("wrong_type", kind, "7") for kind in ("integer", "text_list", "country_list")),
    *(("wrong_type", kind, 7) for kind in TYPES if kind != "integer"),
    ("wrong_type", "integer", True),
    ("wrong_type", "text", b"bytes"),
    ("wrong_type", "text_list", ["Anna", 7]),
    ("wrong_type", "text_list", ("Anna",)),
    ("empty", "text", ""),
    ("empty", "text", " \u00a0 "),
    ("empty", "text", "\ufeff"),
    ("empty", "text_list", ["\u200b \u2060"]),
    ("empty", "text_list", []),
    ("empty", "text_list", ["Anna", ""]),
    ("too_long", "text", "é" * 32),
    ("too_long", "text", "a" * 63),
    ("too_long", "text", " " * 10**6),
    ("too_long", "text_list", ["a" * 20] * 3),
    ("too_large", "integer", 2**53),
    ("too_large", "integer", -(2**53)),
    ("too_many", "text_list", ["a"] * (LIST_ITEMS_MAX + 1)),
    ("too_many", "country_list", ["NL"] * (LIST_ITEMS_MAX + 1)),
    ("bad_characters", "text", "one\ntwo"),
    ("bad_characters", "text", "nul\x00byte"),
    ("bad_characters", "text", "line\u2028end"),
    ("bad_characters", "text", "turned \u202e round"),
    ("bad_characters", "text", "half \ud800 a pair"),
    ("bad_characters", "email", "a@b.nl\r\nBcc: c@d.nl"),
    ("bad_date", "date", "2023-02-29"),
    ("bad_date", "date", "29-02-2024"),
    ("bad_code", "code", "-1"),
    ("bad_code", "code", "a_b"),
    ("bad_code", "code", "١٢٣"),
    ("bad_country", "country", "nl"),
    ("bad_country", "country", "NLD"),
    ("bad_country", "country", "brp:1"),
    ("bad_country", "country_list", ["NL", "Belgium"]),
    ("bad_language", "language", "Nederlands"),
    ("bad_language", "language", "NL"),
    ("bad_email", "email", "jan"),
    ("bad_email", "email", "jan@localhost"),
    ("bad_email", "email", "jan@example..nl"),
    ("bad_email", "email", "jan@de@example.nl"),
    ("bad_email", "email", "Jan <jan@example.nl>"),
    ("bad_phone", "phone", "0612345678"),
    ("bad_phone", "phone", "+0612345678"),
    ("bad_phone", "phone", "+31"),
    ("bad_phone", "phone", "+31 06 12345678"),
    ("bad_phone", "phone", "+32 0470 12 34 56"),
    ("bad_phone", "phone", "+3161234567890123"),
    ("unknown_choice", "choice", "green"),
]


@pytest.mark.parametrize(("code", "kind", "value"), BAD)
def test_a_bad_value_is_refused_with_its_code(code: str, kind: str, value: Any) -> None:
    with pytest.raises(BadValue) as refused:
        new_field(kind, choices=("red", "blue")).check(value, NOON_MS)
    assert refused.value.code == code
    assert refused.value.field == "work.thing"
    assert refused.value.why in str(refused.value)


NUMBERED: list[tuple[str, str]] = [
    ("999942037", "999942037"),
    ("9999.42.037", "999942037"),
    ("9999 42 037", "999942037"),
    ("85073003328", "85073003328"),
    ("85.07.30-033.28", "85073003328"),
    ("00.01.25-567.77", "00012556777"),  # born in 2000
    ("85473003317", "85473003317"),  # a bis number
    ("L 01 X 00 T 47", "L 01 X 00 T 47"),  # another country's
    ("1234567", "1234567"),
    ("1893120105732", "1893120105732"),
    ("DE 12 345 678 901", "DE 12 345 678 901"),  # as many digits as one of ours
    ("de123456789", "de123456789"),
    ("QQ123456C", "QQ123456C"),
    ("NL 9999.42.037", "999942037"),
    ("be-85.07.30-033.28", "85073003328"),
]
MISNUMBERED = [
    *(("bad_check_digits", wrong) for wrong in ("999942038", "9999.42.073", "000000000")),
    *(("bad_check_digits", wrong) for wrong in ("85073003329", "85.07.30-033.82", "00000000097")),
    *(("bad_number_length", "9" * length) for length in (8, 10, 12)),
    *(("bad_check_digits", wrong) for wrong in ("NL 999942038", "BE 85073003329")),
    *(("bad_number_length", wrong) for wrong in ("NL 85073003328", "BE 999942037", "nl 1")),
]


@pytest.mark.parametrize(("value", "kept"), NUMBERED)
def test_a_national_number_is_kept_in_digits_and_others_as_they_are(value: str, kept: str) -> None:
    field = new_field("code", numbers=("bsn", "rijksregisternummer"))
    assert field.check(value, NOON_MS) == kept
    assert field.check(kept, NOON_MS) == kept


@pytest.mark.parametrize(("code", "value"), MISNUMBERED)
def test_a_national_number_with_a_slip_in_it_is_refused(code: str, value: str) -> None:
    field = new_field("code", numbers=("bsn", "rijksregisternummer"))
    with pytest.raises(BadValue) as refused:
        field.check(value, NOON_MS)
    assert refused.value.code == code
    assert value not in f"{refused.value} {refused.value.args}"
    assert new_field("code").check(value, NOON_MS) == value  # where the catalogue names no number


@pytest.mark.parametrize("number", ["85073003328", "51010150162"])
def test_one_wrong_digit_of_a_national_register_number_is_found(number: str) -> None:
    for at in range(11):
        for digit in "0123456789":
            typed = number[:at] + digit + number[at + 1 :]
            assert passes_modulo_97(typed) is (typed == number)


HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("date", "code"),
    [
        ("2026-11-21", None),
        ("2026-11", None),
        ("2026", None),
        ("XXXX", None),
        ("1896", None),
        ("2026-11-22", "date_to_come"),
        ("2026-12", "date_to_come"),
        ("2027", "date_to_come"),
        ("9999-12-31", "date_to_come"),
        ("1895-12-31", "date_too_long_ago"),
        ("0957-03-14", "date_too_long_ago"),
    ],
)
def test_a_day_of_a_life_is_neither_to_come_nor_too_long_ago(date: str, code: str | None) -> None:
    field = new_field("date", lifetime=True)
    if code is None:
        assert field.check(date, NOON_MS) == date
        return
    with pytest.raises(BadValue) as refused:
        field.check(date, NOON_MS)
    assert refused.value.code == code
    assert new_field("date").check(date, NOON_MS) == date


def test_today_is_the_day_of_the_netherlands_and_belgium() -> None:
    field, tomorrow = new_field("date", lifetime=True), "2026-11-22"
    with pytest.raises(BadValue):
        field.check(tomorrow, NOON_MS + 10 * HOUR_MS - 1)
    assert field.check(tomorrow, NOON_MS + 10 * HOUR_MS) == tomorrow


def test_the_catalogue_names_which_numbers_and_days_are_looked_at() -> None:
    numbered = {name: each.numbers for name, each in CATALOGUE.items() if each.numbers}
    kinds = ("bsn", "rijksregisternummer")
    assert numbered == {"identity.personal_administrative_number": kinds}
    lived = [name for name, each in CATALOGUE.items() if each.lifetime]
    assert lived == ["identity.birth_date", "address.resident_since"]


def test_the_docs_name_every_code_of_a_bad_value() -> None:
    table = DOCS.split("## When a value is refused", 1)[1].split("\n## ", 1)[0]
    first_cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    named = {code for cell in first_cells for code in re.findall(r"`(\w+)`", cell)}
    days = {"date_to_come", "date_too_long_ago"}
    assert named == {code for code, _, _ in BAD} | {code for code, _ in MISNUMBERED} | days


@pytest.mark.parametrize("code", sorted({code for code, _, _ in BAD} - {"empty", "too_large"}))
def test_a_refusal_never_repeats_the_value(code: str) -> None:
    for kind in (kind for bad_code, kind, _ in BAD if bad_code == code):
        value: object = {
            "wrong_type": {CANARY: CANARY},
            "too_long": [CANARY * 99] if kind == "text_list" else CANARY * 99,
            "too_many": [CANARY] * (LIST_ITEMS_MAX + 1),
            "bad_characters": f"{CANARY}\n{CANARY}",
        }.get(code, [CANARY + "_"] if kind == "country_list" else CANARY + "_")
        with pytest.raises(BadValue) as refused:
            new_field(kind).check(value, NOON_MS)
        error = refused.value
        assert error.code == code
        assert CANARY not in f"{error} {error!r} {error.why} {error.args}"
        assert error.__cause__ is None


@pytest.mark.parametrize("kind", TYPES)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists
    )
)
def test_what_passes_is_json_in_its_final_form(kind: str, value: object) -> None:
    field = new_field(kind)
    try:
        kept = field.check(value, NOON_MS)
    except BadValue:
        return
    assert field.check(kept, NOON_MS) == kept
    assert len(canonical_json(kept)) <= field.value_bytes_max
    assert unicodedata.is_normalized("NFC", json.dumps(kept, ensure_ascii=False))


def test_the_size_that_fits_exactly_passes() -> None:
    assert new_field("text").check("a" * 62, NOON_MS) == "a" * 62
    # Four characters may become one: the early refusal leaves room for all of them.
    omega = "\u03c9\u0313\u0342\u0345"
    assert new_field("text", 5).check(omega, NOON_MS) == unicodedata.normalize("NFC", omega)
