"""Whoever found a hole is told whom to tell (RFC 9116)."""

from collections.abc import Callable

import httpx

from audit.shapes import parse_instant
from tests.api.conftest import Server
from vault.settings import DAY_SECONDS

PATH = "/.well-known/security.txt"
CONTACT = "mailto:security@waterbeek.example"


def test_the_file_says_whom_to_tell_and_until_when(serve: Callable[..., Server]) -> None:
    server = serve(security_contact=CONTACT)
    with server.client() as http:
        answer = http.get(PATH)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"  # §3
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert fields["Contact"] == CONTACT
    assert fields["Canonical"] == server.url + PATH
    left_ms = parse_instant(fields["Expires"]) - server.vault.system.clock.now_ms()
    assert 29 < left_ms / (DAY_SECONDS * 1000) <= 30  # §2.5.5: less than a year


def test_where_nobody_is_named_there_is_no_file(http: httpx.Client) -> None:
    answer = http.get(PATH)
    assert (answer.status_code, answer.json()["code"]) == (404, "no_security_contact")
