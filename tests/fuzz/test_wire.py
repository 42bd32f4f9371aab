"""Whatever bytes come: a documented refusal, or no answer to what is no HTTP. Never a 5xx, and the
server is there for the next one.

Bodies that no JSON or form library would write, headers that are missing, twice or odd, methods and
paths that are not there, requests that stop in the middle.
"""

import json
import re
import socket
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.openapi import document
from tests.api.conftest import DATA_PATH, FIELDS, TOKEN_PATH, Seen
from tests.api.test_strictness import BODIES, places
from tests.fuzz.nasty import FORMS, HEADERS, HEADS, NASTY
from tests.fuzz.world import World, opened_world

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
DOCUMENT = document()
PATHS: dict[str, set[str]] = {
    path: {method.upper() for method in operations}
    for path, operations in DOCUMENT["paths"].items()
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY")
SEEDED = settings(
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
SHORT = settings(SEEDED, max_examples=40)
LONG = settings(SEEDED, max_examples=800)
ANSWER_SECONDS_MAX = 60


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with opened_world(tmp_path_factory.mktemp("wire")) as world:
        yield world


Answer = tuple[int, dict[str, str], bytes]


def send(world: World, raw: bytes, method: str = "GET", *, ends: bool = False) -> Answer | None:
    """The answer to these bytes; None where the server closed without one. `ends`: no more come."""
    host, _, port = world.server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), ANSWER_SECONDS_MAX) as connection:
        try:
            connection.sendall(raw)
            if ends:
                connection.shutdown(socket.SHUT_WR)
            answer = HTTPResponse(connection, method=method)
            answer.begin()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, headers, answer.read()
        except (HTTPException, ConnectionError):
            return None


def request(
    method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes | None = None
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1".encode(), *(b": ".join(header) for header in headers)]
    if not any(name == b"Host" for name, _ in headers):
        lines.append(b"Host: kluis.example")
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"Connection: close", b"", body or b""])


def check(world: World, method: str, path: str, answer: Answer | None) -> int:
    """The answer is one that the document has for this method and path."""
    assert answer is not None
    status, headers, body = answer
    assert status < 500, body
    media_type = headers.get("content-type", "").partition(";")[0]
    bare = path.partition("?")[0]
    assert not Seen({(method, bare, status, media_type)}).undocumented()
    if status >= 400 and method != "HEAD":
        check_refusal(bare, media_type, status, json.loads(body))
    return status


def check_refusal(path: str, media_type: str, status: int, refusal: dict[str, Any]) -> None:
    if media_type == JSON:
        assert path == TOKEN_PATH
        assert re.fullmatch(r"[a-z_]+", refusal["error"])
        assert refusal.keys() == {"error", "error_description"}
        return
    assert media_type == "application/problem+json"
    assert re.fullmatch(r"[a-z_]+", refusal["code"])
    assert refusal["type"] == f"urn:burgerkluis:problem:{refusal['code']}"
    assert refusal["status"] == status
    assert refusal.keys() <= {"type", "title", "status", "detail", "code", "faults"}


def path_of(pattern: str) -> str:
    return re.sub(r"\{\w+\}", "AAAA", pattern)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    """A route with a body in which one value is written as no JSON library would."""
    path = draw(st.sampled_from(sorted(BODIES)))
    at = draw(st.sampled_from(list(places(BODIES[path]))))
    nasty = draw(st.sampled_from(NASTY))
    mark = '"the mark of the place"'
    whole = json.dumps(put(BODIES[path], at, json.loads(mark))).encode()
    return path, whole.replace(mark.encode(), nasty)


def put(body: Any, at: tuple[Any, ...], value: Any) -> Any:
    if not at:
        return value
    copied = body.copy()
    copied[at[0]] = put(copied[at[0]], at[1:], value)
    return copied


def owner(world: World) -> list[tuple[bytes, bytes]]:
    return [(b"Authorization", f"Bearer {world.citizen.token}".encode())]


def post(world: World, path: str, media_type: str, body: bytes) -> int:
    headers = [*owner(world), (b"Content-Type", media_type.encode())]
    return check(world, "POST", path, send(world, request("POST", path, headers, body)))


@SHORT
@given(sent=bodies())
def test_a_body_that_no_library_writes_is_refused_by_the_document(
    world: World, sent: tuple[str, bytes]
) -> None:
    post(world, sent[0], JSON, sent[1])


@pytest.mark.parametrize("nasty", NASTY)
def test_every_nasty_value_is_refused_by_the_document(world: World, nasty: bytes) -> None:
    stated = b'{"values":[{"field":"identity.given_name","value":' + nasty + b"}]}"
    for body in (stated, nasty):
        assert post(world, "/v1/values", JSON, body) == 400


@pytest.mark.parametrize("form", FORMS)
def test_every_odd_form_is_refused_by_the_document(world: World, form: bytes) -> None:
    headers = [(b"Content-Type", FORM.encode())]
    proof = (b"DPoP", world.agency.proof("POST", TOKEN_PATH).encode())
    for sent in (headers, [*headers, proof]):
        answer = send(world, request("POST", TOKEN_PATH, sent, form))
        assert check(world, "POST", TOKEN_PATH, answer) == 400


ODD_HEADERS = st.lists(st.sampled_from(HEADERS), max_size=4)
ROUTES = sorted((method, path) for path, methods in PATHS.items() for method in methods)


@st.composite
def odd_requests(draw: st.DrawFn) -> tuple[str, str, list[tuple[bytes, bytes]], bytes | None]:
    method, pattern = draw(st.sampled_from(ROUTES))
    body = draw(st.none() | st.sampled_from(NASTY) | st.binary(max_size=64))
    query = draw(st.sampled_from(["", "?", "?a=b&a=c", "?fields=x", "?fields=%00", "?fields=%ff"]))
    return method, path_of(pattern) + query, draw(ODD_HEADERS), body


def answered(world: World, sent: tuple[str, str, list[tuple[bytes, bytes]], bytes | None]) -> None:
    method, path, headers, body = sent
    # A body that the server has to wait for, and one that only looks like it, is another test's.
    check(world, method, path, send(world, request(method, path, headers, body), method))


@SHORT
@given(sent=odd_requests())
def test_odd_headers_are_answered_by_the_document(world: World, sent: Any) -> None:
    answered(world, sent)


@pytest.mark.slow
@LONG
@given(sent=odd_requests())
def test_many_odd_headers_are_answered_by_the_document(world: World, sent: Any) -> None:
    answered(world, sent)


@pytest.mark.slow
@LONG
@given(sent=bodies())
def test_many_bodies_that_no_library_writes_are_refused_by_the_document(
    world: World, sent: tuple[str, bytes]
) -> None:
    post(world, sent[0], JSON, sent[1])


@pytest.mark.parametrize(
    ("name", "status"), [("Authorization", 401), ("DPoP", 401), ("Kluis-Officer", 400)]
)
def test_a_header_that_is_there_twice_is_none(world: World, name: str, status: int) -> None:
    access = world.access
    headers = {
        "Authorization": f"DPoP {access}",
        "DPoP": world.agency.proof("GET", DATA_PATH, access),
        "Kluis-Officer": "somebody",
    }
    pairs = [(key.encode(), value.encode()) for key, value in headers.items()]
    twice = [*pairs, (name.encode(), headers[name].encode())]
    path = f"{DATA_PATH}?fields={FIELDS[0]}"
    assert check(world, "GET", path, send(world, request("GET", path, twice))) == status


@pytest.mark.parametrize("pattern", PATHS)
def test_a_method_that_is_not_there_names_those_that_are(world: World, pattern: str) -> None:
    path = path_of(pattern)
    for method in sorted({*METHODS} - PATHS[pattern]):
        answer = send(world, request(method, path, owner(world)), method)
        assert check(world, method, path, answer) == 405
        assert answer is not None
        assert answer[1]["allow"] == ", ".join(sorted(PATHS[pattern]))


NOWHERE = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#"))


@SHORT
@given(method=st.sampled_from(METHODS), tail=NOWHERE)
def test_a_path_that_is_not_there_is_not_found(world: World, method: str, tail: str) -> None:
    path = f"/v2/{tail}"
    assert (
        check(world, method, path, send(world, request(method, path, owner(world)), method)) == 404
    )


@pytest.mark.parametrize("head", HEADS)
def test_what_is_no_request_gets_no_value_and_no_5xx(world: World, head: bytes) -> None:
    answer = send(world, head, ends=True)
    assert answer is None or answer[0] in {200, 400, 404, 405, 413, 414, 431}
    assert check(world, "GET", "/healthz", send(world, request("GET", "/healthz", []))) == 200


@settings(SHORT, max_examples=100)
@given(head=st.binary(max_size=200))
def test_random_bytes_get_no_5xx(world: World, head: bytes) -> None:
    answer = send(world, head, ends=True)
    assert answer is None or answer[0] < 500
