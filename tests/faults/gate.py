"""A port in front of an OTRS, real or stand-in, at which exchanges go wrong as a test says.

Each exchange is read whole. An `Act` (tests/otrs/peer.py) that strikes it decides whether OTRS gets to
see it, when, and what comes back; all others pass. So whatever is done here to the answer of a
TicketCreate, its ticket is really made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

from tests.otrs.peer import Act, Peer, Request

LONGEST_S = 60.0
"""For OTRS to answer the gate."""


class Gate(Peer):
    """Stands before the OTRS at this address while the `async with` block lasts."""

    def __init__(self, url: str) -> None:
        super().__init__(self._decide)
        self._parts = urlsplit(url)
        self.strikes: Callable[[Request], Act | None] = lambda request: None
        """What happens to this request; None: it passes."""

    @property
    def url(self) -> str:
        """OTRS's web service, through the gate."""
        return f"http://127.0.0.1:{self.port}{self._parts.path}"

    def always(self, act: Act, *operations: str) -> None:
        """From now on this happens to all requests, or to those of these operations."""
        self.strikes = lambda request: act if not operations or request.operation in operations else None

    def refuse(self) -> None:
        """From now on nobody listens here."""
        self._server.close()

    async def heal(self) -> None:
        """OTRS is well again, on the same port."""
        self.strikes = lambda request: None
        if not self._server.is_serving():
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def idle(self) -> None:
        """Wait until OTRS is through with all that it was asked."""
        async with asyncio.timeout(LONGEST_S):
            while self._serving:
                await asyncio.wait(self._serving)

    async def ask(self, request: Request) -> bytes:
        """The whole answer of OTRS, which closes the connection after it."""
        async with asyncio.timeout(LONGEST_S):
            reader, writer = await asyncio.open_connection(self._parts.hostname, self._parts.port)
            try:
                writer.write(request.head + request.body)
                return await reader.read()
            finally:
                writer.close()

    async def honest(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """As if there were no gate."""
        writer.write(await self.ask(request))
        await writer.drain()

    def late(self, seconds: float) -> Act:
        """OTRS gets to the request only then, whether we still wait for it or not."""

        async def act(request: Request, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(seconds)
            await self.honest(request, writer)

        return act

    def done_but(self, then: Act) -> Act:
        """OTRS does what it was asked, and this happens in place of its answer."""

        async def act(request: Request, writer: asyncio.StreamWriter) -> None:
            await self.ask(request)
            await then(request, writer)

        return act

    def cut(self, share: float, then: Act) -> Act:
        """OTRS does what it was asked; so much of its answer gets through, 0 to less than 1, and then this happens."""

        async def act(request: Request, writer: asyncio.StreamWriter) -> None:
            answer = await self.ask(request)
            writer.write(answer[: int(len(answer) * share)])
            await writer.drain()
            await then(request, writer)

        return act

    async def _decide(self, request: Request, writer: asyncio.StreamWriter) -> None:
        await (self.strikes(request) or self.honest)(request, writer)


def call_id(request: Request) -> str:
    """The call that a TicketCreate is for, by its call field; empty for all other requests."""
    fields = request.values.get("DynamicField", {})
    value = fields.get("Value", "") if isinstance(fields, dict) else ""
    return str(value) if request.operation == "TicketCreate" else ""
