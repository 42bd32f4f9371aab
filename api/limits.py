"""How often one address may: new vaults, secrets that open nothing, tiles (vault/limits.py).

The unlock secrets have 128 bits and more; the limit is there to keep the noise down, not to make
guessing hard.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address, ip_network

from fastapi import Request

from vault.errors import CannotUnlock
from vault.limits import Limits

_IPV6_PREFIX_BITS = 64  # a household's share: within it, addresses cost nothing


class AddressLimits:
    """What is counted by address, among the installation's other limits."""

    def __init__(self, limits: Limits, now_ms: Callable[[], int]) -> None:
        self._limits = limits
        self._now_ms = now_ms

    def count_registration(self, address: str) -> None:
        """One more vault from this address, or `TooMany`."""
        self._limits.spend("registrations_per_hour", address, self._now_ms())

    def count_tile(self, address: str) -> None:
        """One more look at the published log from this address, or `TooMany`."""
        self._limits.spend("tiles_per_minute", address, self._now_ms())

    @contextmanager
    def count_failures(self, address: str) -> Iterator[None]:
        """Around an unlock: a secret that opens nothing counts, and too many are `TooMany`.

        A right secret is never refused for what others behind the same address tried.
        """
        try:
            yield
        except CannotUnlock:
            self._limits.spend("unlock_failures_per_hour", address, self._now_ms())
            raise


async def client_address(request: Request) -> str:
    """Where a request comes from, as the server sees it; of IPv6 the network."""
    return network_of(request.client.host if request.client else "")


def network_of(host: str) -> str:
    """The part of an address that costs something to have more of."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _IPV6_PREFIX_BITS), strict=False))
    return host
