"""Ports for servers that are told theirs before they listen."""

import os
import socket
from contextlib import ExitStack, suppress

_from = 20_000 + os.getpid() % 1000 * 10  # another test process begins elsewhere


def free_ports(count: int = 1) -> int:
    """The first of so many free ports beside each other, and none that was handed out before.

    They lie below those that the system gives to connections meanwhile.
    """
    global _from  # noqa: PLW0603 - of this process
    for first in range(_from, 32_000, count):
        with ExitStack() as listening, suppress(OSError):
            for port in range(first, first + count):
                listening.enter_context(socket.create_server(("127.0.0.1", port)))
            _from = first + count
            return first
    raise AssertionError("every port is taken")


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
    except ConnectionRefusedError:
        return False
    return True
