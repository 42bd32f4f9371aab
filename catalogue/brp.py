"""The one mapping of an answer of the Dutch population register to fields of the catalogue.

Reads what the API "BRP personen bevragen", version 2, answers (an object with `personen`, or one
person alone) and gives the values the register states about one person, by field. It serves the
citizen's own import and the register's deposit. What the register does not know has no value:
its standard values (a name `.`, place and country `0000`) are left out, partial dates become EDTF.

Values that the register marks as under investigation are named, so that no reader takes them for
certain. An answer of another shape is refused as a whole. No error repeats a value.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from catalogue.edtf import BadDate, PartialDate
from catalogue.errors import BadInput
from catalogue.fields import JsonValue
from catalogue.numbers import passes_eleven_test

_Object = dict[str, Any]


class BadAnswer(BadInput):
    """What was given is not an answer of the register about this person."""

    code = "not_a_register_answer"


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
    return Imported(MappingProxyType(values), _under_investigation(person, values))


def _find(answer: object, bsn: str) -> _Object:
    if not isinstance(answer, dict):
        raise BadAnswer("An answer of the register is a JSON object.")
    if "personen" not in answer and "burgerservicenummer" not in answer:
        raise BadAnswer("This is not an answer of the register: there is no person in it.")
    people = _objects(answer, "personen") if "personen" in answer else [answer]
    found = [person for person in people if person.get("burgerservicenummer") == bsn]
    if not found:
        raise BadAnswer("The answer holds nothing about this person.", "person_not_in_answer")
    if len(found) > 1:
        # Registers do give out a number twice. Choosing here would give one person another's data.
        raise BadAnswer("The answer holds this number more than once.", "person_not_unique")
    return found[0]


# Identity

_SEXES = {"M": "male", "V": "female", "O": "unknown"}


def _identity(person: _Object) -> dict[str, JsonValue]:
    name = _object(person, "naam")
    return {
        "identity.full_name": _known_name(_text(name, "volledigeNaam")) or _full_name(name),
        "identity.given_name": _text(name, "voornamen"),
        "identity.initials": _text(name, "voorletters"),
        "identity.family_name": _name_in_use(person),
        "identity.family_name_birth": _family_name(name),
        "identity.sex": _SEXES.get(_code(person, "geslacht")),
    }


def _family_name(name: _Object) -> str:
    family_name = _known_name(_text(name, "geslachtsnaam"))
    return _join(_text(name, "voorvoegsel"), family_name) if family_name else ""


def _full_name(name: _Object) -> str:
    """Predicate, first names, title, prefix and family name: the order of the register."""
    rank = _object(name, "adellijkeTitelPredicaat")
    title = _text(rank, "omschrijving")
    is_title = _text(rank, "soort") == "titel"
    before, between = ("", title) if is_title else (title, "")
    names = _join(_text(name, "voornamen"), between, _family_name(name))
    return _join(before, names) if names else ""


def _name_in_use(person: _Object) -> str:
    """The family name that the person chose to be called by: own, partner's, or both."""
    own, partner = _family_name(_object(person, "naam")), _partner_family_name(person)
    in_use = {"P": partner, "V": f"{partner}-{own}", "N": f"{own}-{partner}"}
    return in_use.get(_name_usage(person), own) if own and partner else own


def _name_usage(person: _Object) -> str:
    return _code(_object(person, "naam"), "aanduidingNaamgebruik")


def _partner_family_name(person: _Object) -> str:
    # A name may stay in use after the end; the register then gives the partner of the last one.
    partners = [*_current_partners(person), *_objects(person, "partners")]
    return _family_name(_object(partners[0], "naam")) if partners else ""


def _known_name(name: str) -> str:
    return "" if name == "." else name


# Birth and nationality

_STATUS_NATIONALITIES = {
    "BehandeldAlsNederlander": "brp:0002",
    "Staatloos": "brp:0499",
    "VastgesteldNietNederlander": "brp:0500",
    "NationaliteitOnbekend": "",
}


def _birth(person: _Object) -> dict[str, JsonValue]:
    birth = _object(person, "geboorte")
    return {
        "identity.birth_date": _date(birth, "datum"),
        # A municipality comes with its name, a place abroad is a name alone.
        "identity.birth_place": _description(birth, "plaats"),
        "identity.birth_country": _country(_code(birth, "land"), _COUNTRIES),
    }


def _nationalities(person: _Object) -> list[JsonValue]:
    found: list[JsonValue] = []
    for nationality in _objects(person, "nationaliteiten"):
        kind = _text(nationality, "type")
        if kind == "Nationaliteit":
            country = _country(_code(nationality, "nationaliteit"), _NATIONALITIES)
        elif kind in _STATUS_NATIONALITIES:
            country = _STATUS_NATIONALITIES[kind]
        else:
            raise _wrong("nationaliteiten.type")
        if country and country not in found:
            found.append(country)
    return found


def _country(code: str, table: Mapping[str, str]) -> str:
    """Two letters where there is a code of ISO 3166, else `brp:` and the register's own code."""
    if code in ("", "0000"):
        return ""
    if not re.fullmatch(r"[0-9]{4}", code):
        raise _wrong("code")
    return table.get(code, f"brp:{code}")


# Residence

_KINDS = {"W": "home", "B": "letters"}
_BESIDE = {"by": "bij", "to": "tegenover"}


def _residence(person: _Object) -> dict[str, JsonValue]:
    residence = _object(person, "verblijfplaats")
    if not residence:
        return {}
    kind, address = _text(residence, "type"), _object(residence, "verblijfadres")
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
            raise _wrong("verblijfplaats.type")
    return {
        **where,
        "address.resident_since": _date(residence, "datumVan"),
        "address.kind": _KINDS.get(_code(residence, "functieAdres")),
    }


def _dutch_address(person: _Object, address: _Object) -> dict[str, JsonValue]:
    street = _text(address, "officieleStraatnaam") or _text(address, "korteStraatnaam")
    number = _house_number(address)
    postal_code, city = _text(address, "postcode"), _city(person, address)
    lines = (_join(street, number), _join(postal_code, city))
    return {
        "address.resident_address": ", ".join(filter(None, lines)),
        "address.resident_street": street,
        "address.resident_house_number": number,
        "address.resident_postal_code": postal_code,
        "address.resident_city": city,
        "address.resident_country": "NL",
    }


def _house_number(address: _Object) -> str:
    number = address.get("huisnummer")
    if number is None:
        return ""
    if type(number) is not int:
        raise _wrong("huisnummer")
    beside = _code(address, "aanduidingBijHuisnummer")
    addition = _text(address, "huisnummertoevoeging").removeprefix("-")
    whole = f"{number}{_text(address, 'huisletter')}" + (f"-{addition}" if addition else "")
    return _join(_BESIDE.get(beside, beside), whole)


def _location(person: _Object, address: _Object) -> dict[str, JsonValue]:
    city = _city(person, address)
    lines = (_text(address, "locatiebeschrijving"), city)
    return {
        "address.resident_address": ", ".join(filter(None, lines)),
        "address.resident_city": city,
        "address.resident_country": "NL",
    }


def _city(person: _Object, address: _Object) -> str:
    """The place; where the register holds none, the municipality, as on its own envelopes."""
    return _text(address, "woonplaats") or _description(person, "gemeenteVanInschrijving")


def _foreign_address(address: _Object) -> dict[str, JsonValue]:
    lines = [_text(address, line) for line in ("regel1", "regel2", "regel3")]
    return {
        "address.resident_address": ", ".join(filter(None, lines)),
        "address.resident_country": _country(_code(address, "land"), _COUNTRIES),
    }


# Household


def _household(person: _Object) -> dict[str, JsonValue]:
    partners = _current_partners(person)
    return {
        "household.partner_name": _full_name(_object(partners[0], "naam")) if partners else "",
        "household.children_names": _full_names(person, "kinderen"),
        "household.parents_names": _full_names(person, "ouders"),
    }


def _current_partners(person: _Object) -> list[_Object]:
    partners = _objects(person, "partners")
    return [each for each in partners if "ontbindingHuwelijkPartnerschap" not in each]


def _full_names(person: _Object, relatives: str) -> list[JsonValue]:
    names = (_full_name(_object(each, "naam")) for each in _objects(person, relatives))
    return [name for name in names if name]


# What the register is looking into

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
_PARTS: Mapping[str, tuple[str, ...]] = {
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
FIELDS = frozenset(_PARTS)


def _under_investigation(person: _Object, values: Mapping[str, JsonValue]) -> frozenset[str]:
    parts = dict(_PARTS)
    if _name_usage(person) in ("P", "V", "N"):
        parts["identity.family_name"] += _RELATIVE_NAME["partners"]
    # The register found that the person does not live there, and does not know where.
    gone = _object(person, "verblijfplaats").get("indicatieVastgesteldVerblijftNietOpAdres") is True
    return frozenset(
        field
        for field in values
        if any(_is_doubted(person, part) for part in parts[field])
        or (gone and field.startswith("address."))
    )


def _is_doubted(person: _Object, part: str) -> bool:
    *path, last = part.split(".")
    holders = _reach(person, path)
    return any(_object(holder, "inOnderzoek").get(last) is True for holder in holders)


def _reach(holder: _Object, path: list[str]) -> Iterator[_Object]:
    """The objects at the end of a path; a list on the way stands for each of its objects."""
    if not path:
        yield holder
        return
    first, *rest = path
    below = holder.get(first)
    for each in _objects(holder, first) if isinstance(below, list) else [_object(holder, first)]:
        yield from _reach(each, rest)


# Reading an object of the answer: a part that is absent is empty, one of another shape is refused


def _object(holder: _Object, key: str) -> _Object:
    value = holder.get(key, {})
    if not isinstance(value, dict):
        raise _wrong(key)
    return value


def _objects(holder: _Object, key: str) -> list[_Object]:
    value = holder.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise _wrong(key)
    return value


def _text(holder: _Object, key: str) -> str:
    value = holder.get(key, "")
    if not isinstance(value, str):
        raise _wrong(key)
    return value.strip()


def _code(holder: _Object, key: str) -> str:
    return _text(_object(holder, key), "code")


def _description(holder: _Object, key: str) -> str:
    return "" if _code(holder, key) == "0000" else _text(_object(holder, key), "omschrijving")


def _date(holder: _Object, key: str) -> str:
    date = _object(holder, key)
    if not date:
        return ""
    try:
        match date:
            case {"type": "Datum", "datum": str(day)} if len(day) == 10:
                return str(PartialDate.parse(day))
            case {"type": "JaarMaandDatum", "jaar": int(year), "maand": int(month)}:
                return str(PartialDate(year, month))
            case {"type": "JaarDatum", "jaar": int(year)}:
                return str(PartialDate(year))
            case {"type": "DatumOnbekend"}:
                return str(PartialDate())
    except BadDate:
        pass
    raise _wrong(key)


def _join(*words: str) -> str:
    return " ".join(filter(None, words))


def _wrong(part: str) -> BadAnswer:
    return BadAnswer(f"This is not an answer of the register: {part!r} has another shape.")


# The register's codes of countries (table 34) and nationalities (table 32) and the ISO 3166-1 code
# of each; AN, DD, SU and YU are withdrawn (ISO 3166-3) and stand for countries people were born in.


def _table(codes: str) -> Mapping[str, str]:
    return MappingProxyType({code[:4]: code[4:] for code in codes.split()})


_COUNTRIES = _table("""
    5001CA 5002FR 5003CH 5005MW 5006CU 5007SR 5008TN 5009AT 5010BE 5011BW 5012IR 5013NZ 5014ZA
    5015DK 5017HU 5018SA 5019LR 5020ET 5021CL 5022MA 5023TG 5024GH 5025LA 5026AO 5027PH 5028ZM
    5029ML 5030CI 5032MC 5033CO 5034AL 5035CM 5037SG 5038PY 5039SE 5040CY 5042BN 5043IQ 5044MU
    5045VA 5047MM 5048YE 5049SI 5051HR 5052TW 5053RU 5054AM 5057BH 5058BT 5060KM 5061FK 5062GF
    5065GL 5066GP 5069MQ 5070MZ 5071PN 5072GW 5073RE 5074PM 5076TO 5077WF 5084YT 5092VC 5093SJ
    5095AW 5096BF 5097AZ 5098BY 5099KZ 5100MK 5101TL 5103RS 5104ME 5106BQ 5107CW 5108BQ 5109BQ
    5110SX 5111SS 5112PS 5113MK
    6000MD 6001BI 6002FI 6003GR 6004GT 6005NG 6006LY 6007IE 6008BR 6009RW 6010VE 6011IS 6012LI
    6013SO 6014US 6015BO 6016AU 6017JM 6018LU 6019TD 6020MR 6021KG 6022CN 6023AF 6024ID 6025GY
    6027NO 6028SM 6029DE 6030NL 6031KH 6032FJ 6033BS 6034IL 6035NP 6036KR 6037ES 6038UA 6039GB
    6040NE 6041HT 6042JO 6043TR 6044TT 6045YU 6047DZ 6048GA 6049KP 6050UZ 6051SL 6054PF 6055GI
    6057TJ 6059ST 6063TM 6064GE 6065BA 6066CZ 6067SK 6069CD
    7001UG 7002KE 7003MT 7004BB 7005AD 7006MX 7007CR 7008GM 7009SY 7011AN 7014EG 7015AR 7016LS
    7017HN 7018NI 7020PK 7021SN 7024BG 7026MY 7027DO 7028PL 7030VG 7031TZ 7032SV 7033LK 7034SD
    7035JP 7037PA 7038UY 7039EC 7040GN 7041MV 7042TH 7043LB 7044IT 7045KW 7046IN 7047RO 7049PE
    7050PT 7051OM 7052MN 7053WS 7054AE 7057NR 7064LV 7065EE 7066LT 7084BD 7085DD 7088VI 7092KY
    7096IO 7097CK 7098TK 7099NC
    8001GU 8002AS 8008GD 8009MP 8012CX 8013CC 8014FO 8015MS 8016NF 8017BZ 8019TC 8020PR 8021PG
    8022SB 8023BJ 8024VN 8025CV 8026SC 8027KI 8028TV 8029LC 8030DM 8031ZW 8035IM 8036AI 8037KN
    8044PW 8045AG 8046SH 8047UM 8048GS 8049BL 8050MF 8051GG 8052JE 8053AX
    9003ER 9008CG 9010MG 9023NA 9037QA 9038SZ 9043GQ 9048BM 9049SU 9056MH 9086CF 9087DJ 9089DE
    9090VU 9091NU 9093EH 9094FM
""")
_NATIONALITIES = _table("""
    0001NL 0027SK 0028CZ 0029BA 0030GE 0031TM 0032TJ 0033UZ 0034UA 0035KG 0036MD 0037KZ 0038BY
    0039AZ 0040AM 0041RU 0042SI 0043HR 0044LV 0045EE 0046LT 0047MH 0048MM 0049NA 0050AL 0051AD
    0052BE 0053BG 0054DK 0055DE 0056FI 0057FR 0058YE 0059GR 0060GB 0061HU 0062IE 0063IS 0064IT
    0066LI 0067LU 0068MT 0069MC 0070NO 0071AT 0072PL 0073PT 0074RO 0076SM 0077ES 0079VA 0080SE
    0081CH 0084ER 0086MK 0088MK
    0100DZ 0101AO 0104BI 0105BW 0106BF 0108CF 0109KM 0110CG 0111BJ 0112EG 0113GQ 0114ET 0115DJ
    0116GA 0117GM 0118GH 0119GN 0120CI 0121CV 0122CM 0123KE 0125LS 0126LR 0127LY 0128MG 0129MW
    0130ML 0131MA 0132MR 0133MU 0134MZ 0135SZ 0136NE 0137NG 0138UG 0139GW 0140ZA 0142ZW 0143RW
    0144ST 0145SN 0147SL 0148SD 0149SO 0151TZ 0152TG 0154TD 0155TN 0156ZM 0157SS
    0200BS 0202BZ 0204CA 0205CR 0206CU 0207DO 0208SV 0211GT 0212HT 0213HN 0214JM 0216MX 0218NI
    0219PA 0222TT 0223US 0250AR 0251BB 0252BO 0253BR 0254CL 0255CO 0256EC 0259GY 0261PY 0262PE
    0263SR 0264UY 0265VE 0267GD 0268KN
    0300AF 0301BH 0302BT 0304BN 0305KH 0306LK 0307CN 0308CY 0309PH 0310TW 0312IN 0313ID 0314IQ
    0315IR 0316IL 0317JP 0319JO 0320KW 0321LA 0322LB 0324MV 0325MY 0326MN 0327OM 0328NP 0329KP
    0331PK 0333QA 0334SA 0335SG 0336SY 0337TH 0338AE 0339TR 0341KR 0342VN 0345BD
    0400AU 0401PG 0402NZ 0405WS 0421AG 0424VU 0425FJ 0430TO 0431NR 0432PW 0442SB 0443FM 0444SC
    0445KI 0446TV 0447LC 0448DM 0449VC 0451CD 0452TL 0454RS 0455ME
""")
