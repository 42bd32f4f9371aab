"""What a citizen states, from a form: a value of the field's type, or in words what is expected."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from babel import Locale

from catalogue import edtf
from catalogue.errors import CatalogueFault
from catalogue.kinds import Field, JsonValue
from vault.fields import NewValue
from web.forms import Form
from web.papers.words import N_
from web.wallet.phones import Offered, offered, with_country

FROM, UNTIL = "valid_from", "valid_until"
MEANT, OTHER = "meant", "other"  # which of the phone numbers that were offered, or none of them
_MORE_LINES = 2  # empty ones, for more countries
_DAY = re.compile(r"(?:(?:(\d{1,2})[-/. ])?(\d{1,2})[-/. ])?(\d{4})", re.ASCII)
_FIGURES = re.compile(r"[0-9-/. ]*[0-9]{4}[0-9-/. ]*")
_LANGUAGE = re.compile(r"[a-z]{2}")
_COUNTRY = re.compile(r"[A-Z]{2}")

# What is wrong, by the catalogue's code, and what to do about it.
FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "empty": N_("Fill something in."),
        "too_long": N_("This is too long. Make it shorter."),
        "too_many": N_("These are too many lines. Leave some out."),
        "too_large": N_("This number is too large."),
        "bad_characters": N_("One of these characters can't be kept. Type it again by hand."),
        "bad_date": N_("This is no date that exists. Write it like 14-3-1957, 3-1957 or 1957."),
        "unread_date": N_(
            "We cannot read this date. Write it in figures, like 14-3-1957, 3-1957 or 1957."
        ),
        "bad_code": N_("Use letters and figures only. Spaces, dots and hyphens may stand between."),
        "bad_country": N_("Choose a country from the list."),
        "bad_language": N_("Choose a language from the list."),
        "bad_email": N_("Write an e-mail address like name@example.org."),
        "bad_phone": N_("Begin with + and the country, like +31 6 12345678."),
        "which_phone": N_("The country is missing. Choose the number that you mean."),
        "bad_check_digits": N_(
            "One of these figures is not right, or two changed places. Look at your identity card."
            " Of another country? Then the two letters of that country go first: DE 12345678901."
        ),
        "bad_number_length": N_(
            "This is one figure too few or too many. A citizen service number (BSN) has nine, a"
            " Belgian national number eleven. Of another country? Then the two letters of that"
            " country go first: DE 12345678901."
        ),
        "date_to_come": N_("This day is still to come. Look at the year once more."),
        "date_too_long_ago": N_("This is more than 130 years ago. Look at the year once more."),
        "ends_before_it_begins": N_("This is before the day it is valid from. Look at both."),
        "unknown_choice": N_("Choose one of these."),
        "wrong_type": N_("Fill in a whole number, in figures."),
    }
)
OTHERWISE = N_("This can't be kept like this. Look at the help above it.")


def fault_text(code: str) -> str:
    """What to say about a fault, in English for gettext."""
    return FAULTS.get(code, OTHERWISE)


def stated(field: Field, form: Form, now_ms: int) -> tuple[NewValue | None, dict[str, str]]:
    """What the form states, or the codes of what is wrong, by the name of the part of the form."""
    faults: dict[str, str] = {}
    value: JsonValue = None
    dates: dict[str, str | None] = {}
    try:
        value = field.check(_typed(field, form), now_ms)
    except CatalogueFault as fault:
        faults |= _value_fault(field, form, fault)
    for name in (FROM, UNTIL):
        try:
            dates[name] = typed_date(one_of(form, name)) or None
            edtf.check_period(None if FROM in faults else dates[FROM], dates.get(UNTIL))
        except CatalogueFault as fault:
            faults[name] = _told(fault, one_of(form, name))
    return (None if faults else NewValue(field.id, value, "stated", **dates)), faults


def phones_offered(field: Field, form: Form) -> list[Offered]:
    """The numbers with their country that a number without it may be."""
    return offered(one_of(form, "value")) if field.type == "phone" else []


def _value_fault(field: Field, form: Form, fault: CatalogueFault) -> dict[str, str]:
    if phones_offered(field, form) and one_of(form, MEANT) != OTHER:
        return {MEANT: "which_phone"}
    return {"value": _told(fault, one_of(form, "value"))}


def typed(field: Field, form: Form) -> dict[str, str | list[str]]:
    """What was typed, as it was, so that nothing is lost."""
    parts: dict[str, str | list[str]] = {n: one_of(form, n) for n in (FROM, UNTIL)}
    lists = field.type == "country_list"
    parts["value"] = list(form.texts("value")) if lists else one_of(form, "value")
    return parts


def prefilled(field: Field, value: JsonValue) -> str | list[str]:
    """A value as the form shows it."""
    if field.type == "country_list":
        return [str(one) for one in value] if isinstance(value, list) else []
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return written_date(str(value)) if field.type == "date" else str(value)


def typed_date(text: str) -> str:
    """A date as people write it, day first, in EDTF; what is none stays as it is."""
    found = _DAY.fullmatch(text.strip())
    if not found:
        return text.strip().upper()
    day, month, year = found.groups()
    return "-".join([year, *(f"{int(part):02}" for part in (month, day) if part)])


def written_date(text: str) -> str:
    """An EDTF date with the day first, as `typed_date` takes it."""
    return "-".join(reversed(text.split("-")))


def options(field: Field, language: str, held: list[str]) -> list[tuple[str, str]]:
    """What a list of countries or languages offers; `held`: what stands there already."""
    locale = Locale(language)
    names: Mapping[str, str]
    if field.type == "language":
        names = {code: name for code, name in locale.languages.items() if _LANGUAGE.fullmatch(code)}
    else:
        names = {code: name for code, name in locale.territories.items() if is_country(code)}
    found = sorted(((code, name) for code, name in names.items()), key=lambda one: one[1])
    return [*((one, one) for one in held if one and one not in names), *found]


def is_country(code: str) -> bool:
    """Whether it is a country's: CLDR also has codes for regions and for none."""
    return bool(_COUNTRY.fullmatch(code)) and code not in {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}


def lines_of_countries(value: str | list[str]) -> list[str]:
    return [*([value] if isinstance(value, str) else value), *[""] * _MORE_LINES]


def one_of(form: Form, name: str) -> str:
    """All that a form has under a name: what it means is told by whoever checks it."""
    return "".join(form.texts(name)).strip()


def _told(fault: CatalogueFault, text: str) -> str:
    """The code of a fault; that of a date tells one that does not exist from one in other words."""
    if fault.code == "bad_date" and not _FIGURES.fullmatch(text):
        return "unread_date"
    return fault.code


def _typed(field: Field, form: Form) -> object:
    if field.type == "country_list":
        return [one for one in form.texts("value") if one]
    text = one_of(form, "value")
    if field.type == "text_list":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if field.type == "integer":
        is_number = re.fullmatch(r"-?[0-9]{1,16}", text)
        return int(text) if is_number else text
    if field.type == "phone":
        meant = one_of(form, MEANT)
        return meant if meant in {one.number for one in offered(text)} else with_country(text)
    return typed_date(text) if field.type == "date" and text else text
