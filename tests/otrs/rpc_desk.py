"""Rpc on the stand-in, and OTRS's silence to order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from agi_server.helpdesk import Ticket
from agi_server.otrs.rpc import Rpc
from agi_server.sandbox import rpc_wire
from agi_server.sandbox.faults import Fault
from agi_server.sandbox.otrs import Sandbox
from tests.otrs.desk import ticket

USER, PASSWORD = "agi-server", "soap-secret-77"
DOWN = ("TicketIDLookup", "TicketSearch", "TicketCreateNumber", "TicketGet", "TicketNumberLookup", "CustomerName")
"""Methods that need the database."""


def raw(answer: rpc_wire.Answer) -> bytes:
    """As it goes over the wire."""
    head = f"HTTP/1.1 {answer.status} Said so\r\nContent-Type: text/xml\r\nContent-Length: {len(answer.body)}\r\n\r\n"
    return head.encode() + answer.body


SILENT = Fault(works=False, answer=raw(rpc_wire.returned([])))
"""nil, and nothing done: the database is away, or so it seems."""
SILENT_AFTER = Fault(answer=raw(rpc_wire.returned([])))
"""nil, though the method has done its work: the database went away before it was through."""
DIED = Fault(answer=raw(rpc_wire.fault("Server", "DBD::mysql::db do failed")))
"""A Fault, though the method has done its work."""


@asynccontextmanager
async def desk(
    folder: Path, *, version: str = "4", words_only: bool = False, **options: Any
) -> AsyncIterator[tuple[Rpc, Sandbox]]:
    """Both, with the stand-in's stock of customers."""
    async with Sandbox(folder, user=USER, password=PASSWORD, dialect=version, words_only=words_only) as otrs:
        wanted = {"password": PASSWORD, "timeout": 10.0, **options}
        async with Rpc(otrs.rpc_url, USER, **wanted) as rpc:
            yield rpc, otrs


async def numbered(rpc: Rpc, **changes: Any) -> Ticket:
    """The ticket that the tests ask for, with its number."""
    number = await rpc.reserve()
    assert isinstance(number, str)
    return replace(ticket(**{"queue": "Raw", **changes}), number=number)
