"""The one mapping of an answer of the Dutch population register to fields of the catalogue.

Reads what the API "BRP personen bevragen", version 2, answers (an object with `personen`, or one
person alone) and gives the values the register states about one person, by field. It serves the
citizen's own import and the register's deposit. What the register does not know has no value:
its standard values (a name `.`, place and country `0000`) are left out, partial dates become EDTF.

Values that the register marks as under investigation are named, so that no reader takes them for
certain. An answer of another shape is refused as a whole. No error repeats a value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from catalogue.brp_answer import (
    BadAnswer,
    Part,
    code_of,
    date_of,
    part_of,
    parts_of,
    text_of,
    words_of,
    wrong,
)
from catalogue.brp_codes import COUNTRIES, NATIONALITIES, country_of
from catalogue.brp_doubts import doubted
from catalogue.kinds import JsonValue
from catalogue.numbers import passes_eleven_test


@dataclass(frozen=True, slots=True)
class Imported:
    """What the register states about one person, and which of it the register is looking into."""

    values: Mapping[str, JsonValue]
    under_investigation: frozenset[str]


def person_from_answer(answer: object, bsn: str) -> Imported:
    """The values by field id of the person with this citizen service number (BSN).

    Raises `BadAnswer` with code `bad_bsn`, `not_a_register_answer`, `person_not_in_answer` or
    `person_not_unique`.
    """
    if not passes_eleven_test(bsn):
        raise BadAnswer("This is not a citizen service number.", "bad_bsn")
    person = _find(answer, bsn)
    found = {
        "identity.personal_administrative_number": bsn,
        **_identity(person),
        **_birth(person),
        "identity.nationality": _nationalities(person),
        **_residence(person),
        **_household(person),
    }
    values = {field: value for field, value in found.items() if value}
    named_after_partner = _name_usage(person) in ("P", "V", "N")
    doubts = doubted(person, values, named_after_partner=named_after_partner)
    return Imported(MappingProxyType(values), doubts)


def _find(answer: object, bsn: str) -> Part:
    if not isinstance(answer, dict):
        raise BadAnswer("An answer of the register is a JSON object.")
    if "personen" not in answer and "burgerservicenummer" not in answer:
        raise BadAnswer("This is not an answer of the register: there is no person in it.")
    people = parts_of(answer, "personen") if "personen" in answer else [answer]
    found = [person for person in people if person.get("burgerservicenummer") == bsn]
    if not found:
        raise BadAnswer("The answer holds nothing about this person.", "person_not_in_answer")
    if len(found) > 1:
        # Registers do give out a number twice. Choosing here would give one person another's data.
        raise BadAnswer("The answer holds this number more than once.", "person_not_unique")
    return found[0]


# Identity

_SEXES = {"M": "male", "V": "female", "O": "unknown"}


def _identity(person: Part) -> dict[str, JsonValue]:
    name = part_of(person, "naam")
    return {
        "identity.full_name": _known_name(text_of(name, "volledigeNaam")) or _full_name(name),
        "identity.given_name": text_of(name, "voornamen"),
        "identity.initials": text_of(name, "voorletters"),
        "identity.family_name": _name_in_use(person),
        "identity.family_name_birth": _family_name(name),
        "identity.sex": _SEXES.get(code_of(person, "geslacht")),
    }


def _family_name(name: Part) -> str:
    family_name = _known_name(text_of(name, "geslachtsnaam"))
    return _join(text_of(name, "voorvoegsel"), family_name) if family_name else ""


def _full_name(name: Part) -> str:
    """Predicate, first names, title, prefix and family name: the order of the register."""
    rank = part_of(name, "adellijkeTitelPredicaat")
    title = text_of(rank, "omschrijving")
    is_title = text_of(rank, "soort") == "titel"
    before, between = ("", title) if is_title else (title, "")
    names = _join(text_of(name, "voornamen"), between, _family_name(name))
    return _join(before, names) if names else ""


def _name_in_use(person: Part) -> str:
    """The family name that the person chose to be called by: own, partner's, or both."""
    own, partner = _family_name(part_of(person, "naam")), _partner_family_name(person)
    in_use = {"P": partner, "V": f"{partner}-{own}", "N": f"{own}-{partner}"}
    return in_use.get(_name_usage(person), own) if own and partner else own


def _name_usage(person: Part) -> str:
    return code_of(part_of(person, "naam"), "aanduidingNaamgebruik")


def _partner_family_name(person: Part) -> str:
    # A name may stay in use after the end; the register then gives the partner of the last one.
    partners = [*_current_partners(person), *parts_of(person, "partners")]
    return _family_name(part_of(partners[0], "naam")) if partners else ""


def _known_name(name: str) -> str:
    return "" if name == "." else name


# Birth and nationality

_STATUS_NATIONALITIES = {
    "BehandeldAlsNederlander": "brp:0002",
    "Staatloos": "brp:0499",
    "VastgesteldNietNederlander": "brp:0500",
    "NationaliteitOnbekend": "",
}


def _birth(person: Part) -> dict[str, JsonValue]:
    birth = part_of(person, "geboorte")
    return {
        "identity.birth_date": date_of(birth, "datum"),
        # A municipality comes with its name, a place abroad is a name alone.
        "identity.birth_place": words_of(birth, "plaats"),
        "identity.birth_country": country_of(code_of(birth, "land"), COUNTRIES),
    }


def _nationalities(person: Part) -> list[JsonValue]:
    found: list[JsonValue] = []
    for nationality in parts_of(person, "nationaliteiten"):
        kind = text_of(nationality, "type")
        if kind == "Nationaliteit":
            country = country_of(code_of(nationality, "nationaliteit"), NATIONALITIES)
        elif kind in _STATUS_NATIONALITIES:
            country = _STATUS_NATIONALITIES[kind]
        else:
            raise wrong("nationaliteiten.type")
        if country and country not in found:
            found.append(country)
    return found


# Residence

_KINDS = {"W": "home", "B": "letters"}
_BESIDE = {"by": "bij", "to": "tegenover"}


def _residence(person: Part) -> dict[str, JsonValue]:
    residence = part_of(person, "verblijfplaats")
    if not residence:
        return {}
    kind, address = text_of(residence, "type"), part_of(residence, "verblijfadres")
    match kind:
        case "Adres":
            where = _dutch_address(person, address)
        case "Locatie":
            where = _location(person, address)
        case "VerblijfplaatsBuitenland":
            where = _foreign_address(address)
        case "VerblijfplaatsOnbekend":
            return {}
        case _:
            raise wrong("verblijfplaats.type")
    return {
        **where,
        "address.resident_since": date_of(residence, "datumVan"),
        "address.kind": _KINDS.get(code_of(residence, "functieAdres")),
    }


def _dutch_address(person: Part, address: Part) -> dict[str, JsonValue]:
    street = text_of(address, "officieleStraatnaam") or text_of(address, "korteStraatnaam")
    number = _house_number(address)
    postal_code, city = text_of(address, "postcode"), _city(person, address)
    lines = (_join(street, number), _join(postal_code, city))
    return {
        "address.resident_address": ", ".join(filter(None, lines)),
        "address.resident_street": street,
        "address.resident_house_number": number,
        "address.resident_postal_code": postal_code,
        "address.resident_city": city,
        "address.resident_country": "NL",
    }


def _house_number(address: Part) -> str:
    number = address.get("huisnummer")
    if number is None:
        return ""
    if type(number) is not int:
        raise wrong("huisnummer")
    beside = code_of(address, "aanduidingBijHuisnummer")
    addition = text_of(address, "huisnummertoevoeging").removeprefix("-")
    whole = f"{number}{text_of(address, 'huisletter')}" + (f"-{addition}" if addition else "")
    return _join(_BESIDE.get(beside, beside), whole)


def _location(person: Part, address: Part) -> dict[str, JsonValue]:
    city = _city(person, address)
    lines = (text_of(address, "locatiebeschrijving"), city)
    return {
        "address.resident_address": ", ".join(filter(None, lines)),
        "address.resident_city": city,
        "address.resident_country": "NL",
    }


def _city(person: Part, address: Part) -> str:
    """The place; where the register holds none, the municipality, as on its own envelopes."""
    return text_of(address, "woonplaats") or words_of(person, "gemeenteVanInschrijving")


def _foreign_address(address: Part) -> dict[str, JsonValue]:
    lines = [text_of(address, line) for line in ("regel1", "regel2", "regel3")]
    return {
        "address.resident_address": ", ".join(filter(None, lines)),
        "address.resident_country": country_of(code_of(address, "land"), COUNTRIES),
    }


# Household


def _household(person: Part) -> dict[str, JsonValue]:
    partners = _current_partners(person)
    return {
        "household.partner_name": _full_name(part_of(partners[0], "naam")) if partners else "",
        "household.children_names": _full_names(person, "kinderen"),
        "household.parents_names": _full_names(person, "ouders"),
    }


def _current_partners(person: Part) -> list[Part]:
    partners = parts_of(person, "partners")
    return [each for each in partners if "ontbindingHuwelijkPartnerschap" not in each]


def _full_names(person: Part, relatives: str) -> list[JsonValue]:
    names = (_full_name(part_of(each, "naam")) for each in parts_of(person, relatives))
    return [name for name in names if name]


def _join(*words: str) -> str:
    return " ".join(filter(None, words))
