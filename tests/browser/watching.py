"""What a browser complains about while a test runs, and what it sent."""

import re
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError


@dataclass
class Watch:
    """Errors, warnings of the policy and requests of all pages of one context."""

    complaints: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list, repr=False)
    _forgiven: list[re.Pattern[str]] = field(default_factory=list)

    def over(self, context: BrowserContext) -> "Watch":
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)
        return self

    def forgive(self, pattern: str) -> None:
        """A complaint that this test brings about on purpose, such as the 404 it asks for."""
        self._forgiven.append(re.compile(pattern))

    def unforgiven(self) -> list[str]:
        return [
            complaint
            for complaint in self.complaints
            if not any(pattern.search(complaint) for pattern in self._forgiven)
        ]

    def sent(self) -> str:
        """Every address and body that left the browser: no secret of its may be in there.

        The part of an address after `#` stays in the browser and is left out.
        """
        return "\n".join(
            f"{request.method} {request.url.partition('#')[0]} {request.post_data or ''}"
            for request in self.requests
        )

    def _console(self, message: ConsoleMessage) -> None:
        about_policy = "Content Security Policy" in message.text or "Trusted" in message.text
        if message.type == "error" or about_policy:
            place = message.location.get("url", "")
            self.complaints.append(f"console: {message.text} ({place})")

    def _request(self, request: Request) -> None:
        self.requests.append(request)

    def _error(self, error: WebError) -> None:
        self.complaints.append(f"script: {error.error}")
