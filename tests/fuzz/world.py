"""A real server for generated requests, and the right credentials for each of them."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import requests
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import IgnoredAuth, RejectedPositiveData, UndefinedContentType

from api.problems import AUDIT_PATH
from api.sessions import DEVICE_SECRET
from tests.api.conftest import (
    FIELDS,
    TOKEN_PATH,
    Agency,
    Auditor,
    Citizen,
    Seen,
    Server,
    device_secret,
    furnish,
    make_citizen,
    register,
    register_auditor,
    running,
)
from tests.fuzz.taught import FRESH_ASSERTION, Link, taught_document

UNLIMITED = 10**9
URL_BYTES_MAX = 65_000  # above it the server refuses in plain text, before the application
ONE_WAY = {"DELETE /v1/vault", "DELETE /v1/sessions/current"}
ENROLLING = {"/v1/vaults", "/v1/vault/methods"}
Case = schemathesis.Case[Any]


@dataclass
class Who:
    """What the requests of one story come with: a session, and an agency's access token."""

    session: str | None = None
    access: str | None = None


@dataclass
class World:
    """One server, an agency, and a citizen who shared with it and stays through all tests."""

    server: Server
    http: httpx.Client
    wire: requests.Session
    agency: Agency
    auditor: Auditor
    citizen: Citizen
    access: str
    seen: Counter[tuple[str, int]] = field(default_factory=Counter)

    @property
    def entitled(self) -> Who:
        return Who(self.citizen.token, self.access)

    def one_way(self) -> Who:
        """A session that may end."""
        return Who(make_citizen(self.http).token)

    def credentials(self, case: Case, who: Who) -> dict[str, str]:
        """The headers that this operation asks for, made for this one request."""
        (schemes,) = case.operation.definition.raw.get("security", [{}])
        headers = {}
        if "session" in schemes and who.session is not None:
            headers["Authorization"] = f"Bearer {who.session}"
        if "access_token" in schemes and who.access is not None:
            path = case.operation.path
            holder, token = self.agency, who.access
            if path.startswith(AUDIT_PATH):
                holder, token = self.auditor, self.auditor.audit_token()
            headers["Authorization"] = f"DPoP {token}"
            headers["DPoP"] = holder.proof("GET", path, token)
        elif "dpop_proof" in schemes:
            headers["DPoP"] = self.agency.proof("POST", TOKEN_PATH)
        return headers

    def options(self, case: Case, who: Who | None) -> dict[str, Any]:
        """How a case is sent."""
        headers = {} if who is None else self.credentials(case, who)
        return {"base_url": self.server.url, "session": self.wire, "headers": headers}

    def fill(self, case: Case) -> None:
        """Puts in what can be used only once: so it is made late, and never comes again."""
        if not isinstance(case.body, dict):
            return
        if case.body.get("client_assertion") == FRESH_ASSERTION:
            case.body = {**case.body, "client_assertion": self.agency.assertion()}
        if case.operation.path in ENROLLING and is_device_secret(case.body.get("device_secret")):
            case.body = {**case.body, "device_secret": device_secret()}

    def count(self, case: Case, status: int) -> None:
        self.seen[case.operation.label, status] += 1


def loaded_schema(links: Iterable[Link] = ()) -> schemathesis.BaseSchema:
    """openapi.yaml, taught and linked; `_is_a_fault` reads what the library's checks find."""
    config = SchemathesisConfig()
    schema = schemathesis.openapi.from_dict(taught_document(links), config=config)
    schema.config.phases.stateful.inference.algorithms = []  # our links say more than guesses
    refusals = schema.config.checks.negative_data_rejection.expected_statuses
    schema.config.checks.negative_data_rejection.expected_statuses = [*refusals, "413"]
    schema.hooks.register_hook_with_name(_is_a_fault, "filter_failure")
    return schema


def _is_a_fault(
    _context: object, failure: Failure, case: Case, response: schemathesis.Response
) -> bool:
    """Which findings of the library's checks are findings here."""
    if isinstance(failure, RejectedPositiveData):
        return _is_a_fault_of_form(case, response.json())
    if isinstance(failure, UndefinedContentType):
        return len(response.request.url or "") <= URL_BYTES_MAX
    # Without a proof the token endpoint answers 400 invalid_dpop_proof, as RFC 9449 §5 has it.
    at_token = case.operation.path == TOKEN_PATH
    return not (isinstance(failure, IgnoredAuth) and at_token and "got `400" in failure.message)


def _is_a_fault_of_form(case: Case, answer: dict[str, Any]) -> bool:
    """What fits the document is never refused as unreadable. It may be refused for what it means:
    a field that the catalogue does not have, a value that this field does not take.
    """
    if answer.get("code") == "invalid_json":
        return not _holds_fractions(case.body)
    return "faults" in answer or answer.get("code") == "unsupported_media_type"


def _holds_fractions(body: object) -> bool:
    """JSON Schema takes 60.0 for an integer; we take one spelling of a number."""
    if isinstance(body, dict | list):
        return any(map(_holds_fractions, body.values() if isinstance(body, dict) else body))
    return isinstance(body, float)


@contextmanager
def opened_world(folder: Path) -> Iterator[World]:
    """A server with an agency and a citizen, until the block ends."""
    generator = running(
        folder,
        Seen(),
        registrations_per_hour=UNLIMITED,
        unlock_failures_per_hour=UNLIMITED,
        refusals_per_minute=UNLIMITED,
        offers_per_day=UNLIMITED,
        owner_acts_per_hour=UNLIMITED,
    )
    server = next(generator)
    try:
        with server.client() as http, requests.Session() as wire:
            agency = register(server, Agency(http, server.url))
            auditor = register_auditor(server, Auditor(http, server.url))
            citizen = furnish(make_citizen(http))
            code = citizen.offer(fields=list(FIELDS), follow=True)["code"]
            yield World(server, http, wire, agency, auditor, citizen, agency.token(code))
    finally:
        next(generator, None)


def is_device_secret(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(DEVICE_SECRET, value) is not None
