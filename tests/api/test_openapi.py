"""The document is valid, is the file, and promises no more than the application does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.openapi.models import OpenAPI

from api.openapi import document
from catalogue.fields import load_catalogue
from tests.api.conftest import Citizen, Seen

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = document()
OPERATIONS = [
    (path, method, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
NAMES = [f"{method} {path}" for path, method, _ in OPERATIONS]


def values_of(node: object, key: str) -> Iterator[Any]:
    if isinstance(node, dict):
        for name, inner in node.items():
            if name == key:
                yield inner
            yield from values_of(inner, key)
    elif isinstance(node, list):
        for inner in node:
            yield from values_of(inner, key)


def test_the_file_is_the_document() -> None:
    assert yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8")) == DOCUMENT
    assert document() == DOCUMENT


def test_the_document_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    OpenAPI.model_validate(DOCUMENT)


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    schemas = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert set(values_of(DOCUMENT, "$ref")) == schemas
    schemes = set(DOCUMENT["components"]["securitySchemes"])
    used = {
        name
        for _, _, operation in OPERATIONS
        for needed in operation.get("security", [])
        for name in needed
    }
    assert used == schemes == {"session", "access_token", "dpop_proof"}


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=NAMES)
def test_every_refusal_has_the_form_of_a_problem(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    assert operation["summary"]
    assert "500" in operation["responses"]
    assert "422" not in operation["responses"]
    for status, response in operation["responses"].items():
        assert response["description"]
        if status < "400" or (path, status) == ("/readyz", "503"):
            continue
        ((media_type, content),) = response["content"].items()
        name = "OAuthError" if media_type == "application/json" else "Problem"
        assert name == "Problem" or path == "/oauth/token"
        assert content["schema"] == {"$ref": f"#/components/schemas/{name}"}


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=NAMES)
def test_what_is_asked_for_is_closed_and_bounded(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    content = operation.get("requestBody", {}).get("content", {})
    for schema in values_of(content.get("application/json", {}), "$ref"):
        found = DOCUMENT["components"]["schemas"][schema.rpartition("/")[2]]
        assert found["additionalProperties"] is False
        for name, member in found["properties"].items():
            for kind in member.get("anyOf", [member]):
                if kind.get("type") == "string":
                    assert kind.keys() & {"maxLength", "pattern", "const"}, name
                if kind.get("type") == "array":
                    assert "maxItems" in kind, name


def test_examples_are_right_and_hold_no_secret(stranger: Citizen) -> None:
    examples = list(values_of(DOCUMENT, "example"))
    assert examples
    assert not [word for word in ("va1_", "ks1_", "VG1", "eyJ") if word in json.dumps(examples)]
    stated = DOCUMENT["components"]["schemas"]["StatedTogether"]["example"]
    assert stranger.post("/v1/values", stated).status_code == 201
    offer = DOCUMENT["components"]["schemas"]["NewOffer"]["example"]
    assert stranger.post("/v1/offers", offer).status_code == 403  # of an agency that is not here
    catalogue = load_catalogue()
    assert all(name in catalogue for name in offer["fields"])


def test_an_answer_that_is_not_documented_is_noticed() -> None:
    def undocumented(*seen: Any) -> bool:
        return bool(Seen({seen}).undocumented())

    assert not undocumented("GET", "/v1/vault", 200, "application/json")
    assert not undocumented("DELETE", "/v1/vault/methods/x", 204, "")
    assert undocumented("GET", "/v1/vault", 418, "application/json")
    assert undocumented("GET", "/v1/vault", 401, "application/json")
    assert undocumented("GET", "/v1/other", 200, "application/json")
    assert undocumented("PUT", "/v1/vault", 200, "application/json")
