"""The public register: who may ask, for what, on which ground (docs/agency.md, 1 Register)."""

import json
from typing import Any, Literal, Self

from fastapi import APIRouter

from api.bodies import StrictRoute
from api.credentials import OpenedVault
from api.described import documented
from api.shapes import Answer
from catalogue import registration
from vault.registry import Registrant, Snapshot

router = APIRouter(route_class=StrictRoute, tags=["agencies"])

State = Literal["active", "revoked"]
Texts = dict[str, str]


class HiddenReads(Answer):
    """The right to read without the citizen seeing it for so many days at most."""

    legal_basis: str
    days_max: int

    @classmethod
    def of(cls, use: registration.IntendedUse | None) -> Self | None:
        right = None if use is None else use.hidden_reads
        return (
            None if right is None else cls(legal_basis=right.legal_basis, days_max=right.days_max)
        )


class IntendedUse(Answer):
    """As registered. A use is never edited: it is revoked, and stays to be looked up."""

    id: str
    state: State
    purpose: Texts
    legal_basis: dict[str, str]
    fields: list[dict[str, Any]]
    consequence: Texts
    retention: str
    privacy_policy: str
    hidden_reads: HiddenReads | None = None


class Agency(Answer):
    """As registered."""

    id: str
    state: State
    names: Texts
    contact: dict[str, str]
    data_protection_authority: dict[str, str]
    jwks: dict[str, Any]
    officer_required: bool
    intended_uses: list[IntendedUse]


class Auditor(Answer):
    """Who may read the whole log, and no value; as registered."""

    id: str
    state: State
    names: Texts
    jwks: dict[str, Any]


class Register(Answer):
    agencies: list[Agency]
    auditors: list[Auditor]


@router.get("/v1/agencies", response_model_exclude_none=True, responses=documented(500))
def agencies(vault: OpenedVault) -> Register:
    """Every agency, intended use and auditor that is or was registered"""
    found = vault.registry()
    return Register(
        agencies=[_agency(found, row) for row in found.rows if row.kind == "agency"],
        auditors=[Auditor(**_document(row)) for row in found.rows if row.kind == "auditor"],
    )


def _agency(registry: Snapshot, row: Registrant) -> Agency:
    uses = [use for use in registry.rows if use.kind == "use" and use.parent == row.id]
    return Agency(**_document(row), intended_uses=[IntendedUse(**_document(use)) for use in uses])


def _document(row: Registrant) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(row.document)  # canonical JSON, under the root key's mac
    document.pop("agency_id", None)
    return {**document, "state": row.state}
