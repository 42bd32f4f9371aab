"""Asking a server over HTTP: what it answers, or one plain error for whatever went wrong.

A client speaks https, and http only to this computer itself. It follows no redirects, so that a
secret goes where it was meant to go or nowhere.
"""

import ipaddress
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx

from cli.errors import Failed, Refused, WrongUse

_TIMEOUT_SECONDS = 30
_CHARACTERS_MAX = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: 2xx. `body` is empty where the server sent none."""

    status: int
    body: dict[str, Any]


class Server:
    """One vault server, by its public URL."""

    def __init__(self, url: str) -> None:
        self.url = checked_url(url)

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Raises `Refused` for what the server says no to, `Failed` where there is no answer."""
        answer = self.raw(method, path, json=json, form=form, query=query, headers=headers)
        if not answer.is_success:
            raise refusal(self.url, answer)
        return good(answer)

    def raw(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer as it came. Raises `Failed` where there is none."""
        with self._asking() as client:
            return client.request(
                method, self.url + path, json=json, data=form, params=query, headers=headers
            )

    @contextmanager
    def stream(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> Iterator[tuple[httpx.Response, Iterator[bytes]]]:
        """A long answer to a GET, piece by piece. Raises as `call` does."""
        with (
            self._asking() as client,
            client.stream("GET", self.url + path, params=query, headers=headers) as answer,
        ):
            if not answer.is_success:
                answer.read()
                raise refusal(self.url, answer)
            yield answer, _pieces(answer)

    @contextmanager
    def _asking(self) -> Iterator[httpx.Client]:
        """A client for one request; its errors as ours."""
        client = httpx.Client(
            verify=_tls(),
            timeout=_TIMEOUT_SECONDS,
            follow_redirects=False,
            trust_env=not _is_this_computer(self.url),  # a proxy is for what lies outside
            headers={"User-Agent": "kluis", "Accept": "application/json"},
        )
        try:
            with client:
                yield client
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise Failed(
                "unreachable", f"Nothing answers at {self.url}. Is the address right, is it up?"
            ) from None
        except httpx.TimeoutException:
            raise Failed(
                "no_answer",
                f"{self.url} did not answer in time. It may have been done all the same: look.",
            ) from None
        except httpx.HTTPError as error:
            name = type(error).__name__
            raise Failed(
                "no_answer",
                f"The connection to {self.url} broke ({name}). It may have been done: look.",
            ) from None


def _pieces(answer: httpx.Response) -> Iterator[bytes]:
    try:
        yield from answer.iter_raw()
    except httpx.HTTPError:
        raise Failed(
            "no_answer", "The connection broke before all of it came. Ask again."
        ) from None


def good(answer: httpx.Response) -> Answer:
    return Answer(answer.status_code, _body(answer))


def refusal(url: str, answer: httpx.Response) -> Failed | Refused:
    """A problem (RFC 9457) or an OAuth error (RFC 6749 §5.2) as the error of a command."""
    body = _body(answer)
    code, words = body.get("code"), body.get("detail") or body.get("title")
    if isinstance(body.get("error"), str):
        code, words = body["error"], body.get("error_description") or body["error"]
    if not isinstance(code, str) or not isinstance(words, str):
        status = answer.status_code
        return Failed("not_a_vault", f"{url} does not answer like a vault (HTTP {status}).")
    message = words[:_CHARACTERS_MAX]
    if wait := answer.headers.get("Retry-After"):
        message += f" (Wait {wait[:10]} seconds.)"
    return Refused(code[:64], message, answer.status_code)


@cache
def _tls() -> ssl.SSLContext:
    """Certificates are checked. Reading them takes a moment, so it is done once."""
    return httpx.create_ssl_context()


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json() if answer.content else {}
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def checked_url(url: str) -> str:
    """The URL without a closing slash; raises `WrongUse` for what is no public address."""
    bare = url.rstrip("/")
    try:
        parts = urlsplit(bare)
        right = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        right = False
    if not right or parts.query or parts.fragment or "@" in parts.netloc or not bare.isascii():
        raise WrongUse(f"{url} is no address of a server, like https://kluis.example.org.")
    if parts.scheme == "http" and not _is_this_computer(bare):
        raise WrongUse(f"{url} is not safe: use https. Only http://localhost may do without.")
    return bare


def _is_this_computer(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
