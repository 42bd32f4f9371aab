"""openapi.yaml for a generator: the same promises, with words that mean something here, and links.

Random text never is a field of the catalogue or a registered agency. So each place that takes one
may be any of those known words, or whatever the document says: both together are what it says. The
links tell which answer leads to which request; what changes by the request (a session, an access
token, a proof, an assertion) is not written here: `tests.fuzz.world` adds it.
"""

import copy
from collections.abc import Iterable
from typing import Any

from api.openapi import document
from tests.api.conftest import (
    AGENCY,
    BIRTH_DATE,
    FIELDS,
    JWT_BEARER,
    NAMES,
    PRE_AUTHORIZED_CODE,
    USE,
)

OTHER_FIELDS = ("address.resident_country", "contact.email", "identity.nationality")
FRESH_ASSERTION = "a fresh client assertion"

Schema = dict[str, Any]


def taught_document(chosen: Iterable["Link"]) -> dict[str, Any]:
    """The document of the application, taught and linked."""
    taught = copy.deepcopy(document())
    _teach(taught)
    for source, status, target, parameters, body in chosen:
        links = _operation(taught, source)["responses"][status].setdefault("links", {})
        link: dict[str, Any] = {"operationId": target, "parameters": parameters}
        if body is not None:
            link["requestBody"] = body
            link["x-schemathesis"] = {"merge_body": False}
        links[f"{target}-{len(links)}"] = link
    return taught


def _teach(taught: dict[str, Any]) -> None:
    schemas = taught["components"]["schemas"]
    stated, offer = schemas["Stated"]["properties"], schemas["NewOffer"]["properties"]
    _know(stated, "field", (*FIELDS, *OTHER_FIELDS))
    _know(stated, "value", ("Ada", "1975-12-10", "NL", ["0001", "NL"], "ada@example.nl"))
    _know(stated, "status", ("stated", "under_investigation"))
    _know(offer, "agency", (AGENCY,))
    _know(offer, "use", (USE,))
    _know(offer["fields"], "items", FIELDS)
    _know(offer, "duration_seconds", (1, 60, 3600))
    _know(_parameter(taught, "values_history", "field"), "schema", (*FIELDS, *OTHER_FIELDS))
    wanted = (*FIELDS, ",".join(NAMES), ",".join(FIELDS), f"{BIRTH_DATE},{OTHER_FIELDS[0]}")
    _know(_parameter(taught, "data_read", "fields"), "schema", wanted)


def _know(holder: dict[str, Any], name: str, words: Iterable[object]) -> None:
    holder[name] = {"anyOf": [{"enum": list(words)}, holder[name]]}


def _operation(taught: dict[str, Any], operation_id: str) -> dict[str, Any]:
    for operations in taught["paths"].values():
        for operation in operations.values():
            if operation["operationId"] == operation_id:
                found: dict[str, Any] = operation
                return found
    raise LookupError(operation_id)


def _parameter(taught: dict[str, Any], operation_id: str, name: str) -> dict[str, Any]:
    parameters = _operation(taught, operation_id)["parameters"]
    found: dict[str, Any] = next(one for one in parameters if one["name"] == name)
    return found


_VALUES = {
    "values": [
        {"field": NAMES[0], "value": "Ada"},
        {"field": NAMES[1], "value": "Lovelace"},
        {"field": BIRTH_DATE, "value": "1975-12-10"},
    ]
}
_OFFER = {"agency": AGENCY, "use": USE, "fields": list(FIELDS), "duration_seconds": 3600}
_FORM = {
    "grant_type": PRE_AUTHORIZED_CODE,
    "pre-authorized_code": "$response.body#/code",
    "client_assertion_type": JWT_BEARER,
    "client_assertion": FRESH_ASSERTION,
}

# From the answer of one operation to the request of another: parameters and body.
Link = tuple[str, str, str, Schema, Schema | None]
ENROLLING: list[Link] = [
    ("vault_create", "201", "vault_confirm_recovery", {}, {
        "recovery_code": "$response.body#/recovery_code",
    }),
    ("vault_create", "201", "sessions_unlock", {}, {
        "device_secret": "$request.body#/device_secret",
    }),
    ("vault_create", "201", "sessions_unlock", {}, {
        "recovery_code": "$response.body#/recovery_code",
    }),
    ("vault_create", "201", "methods_add", {}, {
        "unlock": {"device_secret": "$request.body#/device_secret"},
    }),
    ("vault_confirm_recovery", "204", "values_put", {}, _VALUES),
    ("vault_confirm_recovery", "204", "vault_overview", {}, None),
    ("values_put", "201", "values_history", {"field": "$response.body#/fields/0"}, None),
    ("values_put", "201", "values_current", {}, None),
    ("methods_add", "201", "vault_overview", {}, None),
    ("vault_overview", "200", "methods_remove", {"method": "$response.body#/methods/0/id"}, None),
    ("vault_overview", "200", "sessions_log_out", {}, None),
    ("methods_remove", "204", "vault_erase", {}, None),
]  # fmt: skip
SHARING: list[Link] = [
    ("vault_create", "201", "vault_confirm_recovery", {}, {
        "recovery_code": "$response.body#/recovery_code",
    }),
    ("vault_confirm_recovery", "204", "values_put", {}, _VALUES),
    ("values_put", "201", "offers_offer", {}, {**_OFFER, "reads": 2, "follow": True}),
    ("offers_offer", "201", "offers_offer", {}, {**_OFFER, "replaces": "$response.body#/grant"}),
    ("offers_offer", "201", "oauth_token", {}, _FORM),
    ("oauth_token", "200", "grants_grants", {}, None),
    ("oauth_token", "200", "data_read", {"fields": ",".join(NAMES)}, None),
    ("oauth_token", "200", "oauth_token", {}, {
        **_FORM, "pre-authorized_code": "$request.body#/pre-authorized_code",
    }),
    ("data_read", "200", "data_read", {"fields": ",".join(FIELDS)}, None),
    ("data_read", "200", "activity_activity", {}, None),
    ("oauth_token", "400", "activity_activity", {}, None),
    ("activity_activity", "200", "activity_acknowledge", {
        "entry": "$response.body#/entries/0/id",
    }, None),
    ("grants_grants", "200", "grants_end", {"grant": "$response.body#/grants/0/grant"}, None),
    ("grants_end", "200", "data_read", {"fields": NAMES[0]}, None),
    ("grants_end", "200", "vault_erase", {}, None),
]  # fmt: skip
