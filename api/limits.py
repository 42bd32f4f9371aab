"""How often one address may try: new vaults, and secrets that open nothing.

A moving window of an hour in this process's memory. The unlock secrets have 128 bits and more; the
limit is there to keep the noise down, not to make guessing hard.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address, ip_network

from fastapi import Request
from limits import RateLimitItemPerHour
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from vault.errors import CannotUnlock, TooMany
from vault.settings import Settings

_HOUR_SECONDS = 3600
_IPV6_PREFIX_BITS = 64  # a household's share: within it, addresses cost nothing


class Limits:
    """The counters of one application."""

    def __init__(self, settings: Settings, now_ms: Callable[[], int]) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())
        self._registrations = RateLimitItemPerHour(settings.registrations_per_hour)
        self._failures = RateLimitItemPerHour(settings.unlock_failures_per_hour)
        self._now_ms = now_ms

    def count_registration(self, address: str) -> None:
        """One more vault from this address, or `TooMany`."""
        if not self._window.hit(self._registrations, "registration", address):
            raise self._too_many(self._registrations, "registration", address)

    @contextmanager
    def count_failures(self, address: str) -> Iterator[None]:
        """Around an unlock: a secret that opens nothing counts, and too many are `TooMany`.

        A right secret is never refused for what others behind the same address tried.
        """
        try:
            yield
        except CannotUnlock:
            if not self._window.hit(self._failures, "unlock", address):
                raise self._too_many(self._failures, "unlock", address) from None
            raise

    def _too_many(self, item: RateLimitItemPerHour, what: str, address: str) -> TooMany:
        reset = self._window.get_window_stats(item, what, address).reset_time
        seconds = round(reset - self._now_ms() / 1000)
        return TooMany(
            "There were too many tries from your address. Wait a while.",
            min(max(seconds, 1), _HOUR_SECONDS),
        )


async def client_address(request: Request) -> str:
    """Where a request comes from, as the server sees it; of IPv6 the network."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _IPV6_PREFIX_BITS), strict=False))
    return host
