"""Ids and values as people read them: names from the registry, labels from the catalogue."""

from collections.abc import Iterable
from typing import Any

from catalogue.fields import Catalogue
from catalogue.registration import Agency, IntendedUse, agency_from_document
from crypto.encoding import parse_canonical
from vault.registry import Snapshot
from web.papers.tongue import Tongue
from web.words import Words


def agency_name(registry: Snapshot, agency: str, language: str) -> str:
    """The name of an agency, also of one that was revoked; its id where there never was one."""
    found = _document(registry, "agency", agency, "")
    return str(found["names"][language]) if found else agency


def auditor_name(registry: Snapshot, auditor: str, language: str) -> str:
    """The name of a registered auditor; its id where there is none now."""
    found = registry.auditors.get(auditor)
    return auditor if found is None else found.names[language]


def agency_of(registry: Snapshot, agency: str) -> Agency | None:
    """An agency as it registered itself, also one that was revoked; None where there never was."""
    found = _document(registry, "agency", agency, "")
    return agency_from_document(found) if found else None


def purpose_of(registry: Snapshot, agency: str, use: str, language: str) -> str:
    """What a use is for; its id where there never was one."""
    found = _document(registry, "use", use, agency)
    return str(found["purpose"][language]) if found else use


def field_label(catalogue: Catalogue, field: str, language: str) -> str:
    return catalogue[field].labels[language] if field in catalogue else field


def value_text(catalogue: Catalogue, field: str, value: Any, words: Words) -> str:
    """A value as a person reads it; as it is where the catalogue knows no such field."""
    kind = catalogue.get(field)
    return str(value) if kind is None else Tongue(words.language, words.gettext).value(kind, value)


def by_name(registry: Snapshot, agencies: Iterable[str], language: str) -> list[tuple[str, str]]:
    """Ids and names of agencies, as a person looks for them."""
    found = [(one, agency_name(registry, one, language)) for one in agencies]
    return sorted(found, key=lambda one: one[1].casefold())


def uses_of(registry: Snapshot, agency: str) -> list[IntendedUse]:
    """What a registered agency may ask for now."""
    return [use for (party, _), use in registry.uses.items() if party == agency]


def agencies_of(registry: Snapshot) -> list[Agency]:
    """The registered agencies that may ask for something now."""
    return [one for id_, one in registry.agencies.items() if uses_of(registry, id_)]


def _document(registry: Snapshot, kind: str, id_: str, parent: str) -> dict[str, Any] | None:
    for row in registry.rows:
        if (row.kind, row.id, row.parent) == (kind, id_, parent):
            document: dict[str, Any] = parse_canonical(row.document)
            return document
    return None
