"""Does a listener still take connections? Found out by making one, which is nobody's call and counted nowhere.

That a socket listens proves little: the system completes connections for a program that accepts none of them. Only
who sees his own connection come in knows that the next one of Asterisk's will, too.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol

SECONDS = 3.0
"""For one connection to ourselves; it takes less than a millisecond."""
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- not bound to


class Listening(Protocol):
    """A socket that listens, as asyncio and uvloop show it."""

    @property
    def family(self) -> int:
        """AF_INET or AF_INET6."""

    def getsockname(self) -> tuple[str, int] | tuple[str, int, int, int]:
        """Its address."""


class Knocks:
    """Our connections to ourselves that are under way."""

    def __init__(self) -> None:
        self._expected: dict[tuple[str, int], asyncio.Future[None]] = {}

    def came(self, host: str, port: int) -> bool:
        """Is the connection that comes from there ours?"""
        knock = self._expected.get((host, port))
        if knock is not None and not knock.done():
            knock.set_result(None)
        return knock is not None

    async def come_in(self, server: asyncio.Server) -> bool:
        """Do they, at each of its sockets?"""
        return server.is_serving() and all([await self.at(one) for one in server.sockets])

    async def at(self, listening: Listening) -> bool:
        """Does one at this socket come in?"""
        host, *rest = listening.getsockname()
        host = ANY_ADDRESS.get(host, host)
        loop = asyncio.get_running_loop()
        came: asyncio.Future[None] = loop.create_future()
        with socket.socket(listening.family, socket.SOCK_STREAM) as ours:
            ours.setblocking(False)
            try:
                ours.bind((host, 0, *rest[1:]))  # so that our address is known before it comes
                ourselves = ours.getsockname()[:2]
                self._expected[ourselves] = came
                try:
                    async with asyncio.timeout(SECONDS):
                        await loop.sock_connect(ours, (host, *rest))
                        await came
                finally:
                    del self._expected[ourselves]
            except OSError:  # a timeout is one, too
                return False
        return True
