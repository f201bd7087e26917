"""What we are measured against: FastAGI servers that keep nothing, look nobody up, and only speak.

The limit reads the request, sets variables in lock-step and closes, on asyncio's or on uvloop's bare transports;
panoramisk's server does the same, and so does our own listener without the rest of us. The variables are those of a
call with a ticket, with values as long as in life.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from ipaddress import ip_network
from typing import Any, cast

from panoramisk import fast_agi

from agi_server.asterisk.fastagi import BACKLOG, FastAgiServer, Session
from benchmarks.callers import HOST
from benchmarks.processes import Pipe

LOOPBACK = (ip_network("127.0.0.0/8"),)
Run = Callable[[Coroutine[Any, Any, None]], None]
"""`asyncio.run` or `uvloop.run`."""

VARIABLES = {
    "HELPDESK_MATCH": "exact",
    "HELPDESK_CUSTOMER": "ivanov",
    "HELPDESK_CUSTOMER_ID": "ROMASHKA",
    "HELPDESK_NAME": "Иван Иванов",
    "HELPDESK_TICKET": "2026112210000015",
    "HELPDESK_TICKET_ID": "1015",
    "HELPDESK_TICKET_URL": "http://127.0.0.1:18080/otrs/index.pl?Action=AgentTicketZoom;TicketID=1015",
    "HELPDESK_STATUS": "created",
}
"""The first ones and the last are all that a call has whose ticket is not there yet."""


def commands(number: int) -> list[str]:
    """So many of them, the status the last."""
    names = [*list(VARIABLES)[: number - 1], "HELPDESK_STATUS"]
    return [f'SET VARIABLE {name} "{VARIABLES[name]}"' for name in names]


class _Null(asyncio.Protocol):
    """One connection: the least that a FastAGI server can do."""

    _transport: asyncio.Transport

    def __init__(self, lines: list[bytes]) -> None:
        self._rest = iter(lines)
        self._begun = False
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._received.endswith(b"\n" if self._begun else b"\n\n"):
            self._begun, self._received = True, b""
            line = next(self._rest, None)
            if line is None:
                self._transport.close()
            else:
                self._transport.write(line)


async def _null(pipe: Pipe, number: int) -> None:
    lines = [f"{command}\n".encode() for command in commands(number)]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Null(lines), HOST, 0, backlog=BACKLOG)
    await pipe.ready(server.sockets[0].getsockname()[1])


async def _panoramisk(pipe: Pipe, number: int) -> None:
    async def ticket(request: fast_agi.Request) -> None:
        for command in commands(number):
            await request.send_command(command)

    application = fast_agi.Application(loop=asyncio.get_running_loop())
    application.add_route("ticket", ticket)
    server = await asyncio.start_server(application.handler, HOST, 0, backlog=BACKLOG)
    await pipe.ready(server.sockets[0].getsockname()[1])


async def _listener(pipe: Pipe, number: int) -> None:
    names = [*list(VARIABLES)[: number - 1], "HELPDESK_STATUS"]

    async def ticket(session: Session) -> None:
        for name in names:
            await session.set_variable(name, VARIABLES[name])

    server = FastAgiServer({"ticket": ticket}, unknown=ticket, allow=LOOPBACK)
    await server.start(HOST, 0)
    await pipe.ready(server.port)


def null(pipe: Pipe, runs: Run, number: int) -> None:
    """The limit, with so many variables."""
    runs(_null(pipe, number))


def panoramisk(pipe: Pipe, runs: Run, number: int) -> None:
    """Panoramisk's server, with so many variables."""
    runs(_panoramisk(pipe, number))


def listener(pipe: Pipe, runs: Run, number: int) -> None:
    """Our own listener with a script that does nothing else: it checks the block's end, and bounds every wait."""
    runs(_listener(pipe, number))
