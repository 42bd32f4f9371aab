"""A registration that says everything, and a refusal of one that was changed."""

from collections.abc import Callable
from typing import Any

import pytest

from catalogue.errors import BadRegistration
from catalogue.kinds import LANGUAGES
from catalogue.registration import parse_registration
from catalogue.shapes import HIDDEN_DAYS_MAX
from crypto import jose

Document = dict[str, Any]

KEY = jose.public_jwk(jose.generate_key())
NO_DAYS = (0, -1, HIDDEN_DAYS_MAX + 1, 2**60, 1.5, "90", True, None)
KNOWN_FIELDS = frozenset({"identity.given_name", "identity.birth_date", "address.home"})


def texts(text: str) -> Document:
    return {language: f"{text} ({language})" for language in LANGUAGES}


def whole() -> Document:
    """A registration that says everything that can be said."""
    return {
        "id": "https://agency.example.be",
        "names": texts("Agency"),
        "contact": {
            "email": "privacy@agency.example.be",
            "phone": "+32 2 123 45 67",
            "url": "https://agency.example.be/contact",
        },
        "data_protection_authority": {
            "name": "Gegevensbeschermingsautoriteit",
            "country": "BE",
            "url": "https://www.gegevensbeschermingsautoriteit.be/",
            "email": "contact@apd-gba.be",
        },
        "jwks": {"keys": [KEY]},
        "officer_required": True,
        "intended_uses": [
            {
                "id": "move-house",
                "purpose": texts("Register a new address"),
                "legal_basis": {"kind": "consent"},
                "fields": [
                    {"id": "identity.given_name", "mandatory": True, "why": texts("Who")},
                    {"id": "address.home", "mandatory": False, "why": texts("From where")},
                ],
                "consequence": texts("You bring papers"),
                "retention": "P1Y",
                "privacy_policy": "https://agency.example.be/privacy?lang=nl#top",
            },
            {
                "id": "urn:example:fraud",
                "purpose": texts("Look into fraud"),
                "legal_basis": {"kind": "law", "reference": "Wet van 8 augustus 1983, art. 5"},
                "fields": [{"id": "identity.birth_date", "mandatory": True, "why": texts("Age")}],
                "consequence": texts("The law asks for it"),
                "retention": "P30D",
                "privacy_policy": "https://agency.example.be/privacy",
                "hidden_reads": {"legal_basis": "Wetboek, art. 126nd", "days_max": 90},
            },
        ],
    }


def refused_at(change: Callable[[Document], object], path: str) -> BadRegistration:
    document = whole()
    change(document)
    with pytest.raises(BadRegistration) as caught:
        parse_registration(document, KNOWN_FIELDS)
    assert caught.value.path == path
    assert caught.value.code == "bad_registration"
    assert "None" not in caught.value.why
    return caught.value


def put_at(document: Document, path: str, value: Any) -> None:
    """Sets what stands at a path like `intended_uses.0.id`; `...` removes it."""
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = document
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
