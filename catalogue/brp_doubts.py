"""Which values the register is looking into, so that no reader takes them for certain."""

from collections.abc import Iterable, Iterator, Mapping

from catalogue.brp_answer import Part, part_of, parts_of

_NAME = ("voornamen", "adellijkeTitelPredicaat", "voorvoegsel", "geslachtsnaam")
_PLACE = ("verblijfplaats.type",)
_ADDRESS = tuple(
    f"verblijfplaats.verblijfadres.{part}"
    for part in (
        *("officieleStraatnaam", "korteStraatnaam", "aanduidingBijHuisnummer", "huisnummer"),
        *("huisletter", "huisnummertoevoeging", "postcode", "woonplaats", "locatiebeschrijving"),
        *("regel1", "regel2", "regel3", "land"),
    )
)
_RELATIVE_NAME = {
    relatives: (*(f"{relatives}.naam.{part}" for part in _NAME), f"{relatives}.burgerservicenummer")
    for relatives in ("partners", "kinderen", "ouders")
}
_PARTNERSHIP = ("partners.soortVerbintenis", "partners.ontbindingHuwelijkPartnerschap.datum")

# Field -> the parts of an answer it is made of. A part `a.b` is under investigation where the
# object `a` says so: `a.inOnderzoek.b` is true. docs/catalogue.md shows the same in words.
PARTS: Mapping[str, tuple[str, ...]] = {
    "identity.personal_administrative_number": ("burgerservicenummer",),
    "identity.full_name": (*(f"naam.{part}" for part in _NAME), "naam.volledigeNaam"),
    "identity.given_name": ("naam.voornamen",),
    "identity.initials": ("naam.voorletters", "naam.voornamen"),
    "identity.family_name": (
        *("naam.voorvoegsel", "naam.geslachtsnaam", "naam.aanduidingNaamgebruik"),
    ),
    "identity.family_name_birth": ("naam.voorvoegsel", "naam.geslachtsnaam"),
    "identity.sex": ("geslacht",),
    "identity.birth_date": ("geboorte.datum",),
    "identity.birth_place": ("geboorte.plaats",),
    "identity.birth_country": ("geboorte.land",),
    "identity.nationality": ("nationaliteiten.type", "nationaliteiten.nationaliteit"),
    "address.resident_address": (*_PLACE, *_ADDRESS),
    "address.resident_street": (*_PLACE, *_ADDRESS[:2]),
    "address.resident_house_number": (*_PLACE, *_ADDRESS[2:6]),
    "address.resident_postal_code": (*_PLACE, "verblijfplaats.verblijfadres.postcode"),
    "address.resident_city": (
        *(*_PLACE, "verblijfplaats.verblijfadres.woonplaats", "gemeenteVanInschrijving"),
    ),
    "address.resident_country": (*_PLACE, "verblijfplaats.verblijfadres.land"),
    "address.resident_since": (*_PLACE, "verblijfplaats.datumVan"),
    "address.kind": (*_PLACE, "verblijfplaats.functieAdres"),
    "household.partner_name": (*_RELATIVE_NAME["partners"], *_PARTNERSHIP),
    "household.children_names": _RELATIVE_NAME["kinderen"],
    "household.parents_names": _RELATIVE_NAME["ouders"],
}


def doubted(person: Part, fields: Iterable[str], *, named_after_partner: bool) -> frozenset[str]:
    """Those of the fields that a part in doubt went into.

    `named_after_partner`: the family name in use has the partner's in it.
    """
    parts = dict(PARTS)
    if named_after_partner:
        parts["identity.family_name"] += _RELATIVE_NAME["partners"]
    # The register found that the person does not live there, and does not know where.
    gone = part_of(person, "verblijfplaats").get("indicatieVastgesteldVerblijftNietOpAdres") is True
    return frozenset(
        field
        for field in fields
        if any(_is_doubted(person, part) for part in parts[field])
        or (gone and field.startswith("address."))
    )


def _is_doubted(person: Part, part: str) -> bool:
    *path, last = part.split(".")
    holders = _reach(person, path)
    return any(part_of(holder, "inOnderzoek").get(last) is True for holder in holders)


def _reach(holder: Part, path: list[str]) -> Iterator[Part]:
    """The objects at the end of a path; a list on the way stands for each of its objects."""
    if not path:
        yield holder
        return
    first, *rest = path
    below = holder.get(first)
    for each in parts_of(holder, first) if isinstance(below, list) else [part_of(holder, first)]:
        yield from _reach(each, rest)
