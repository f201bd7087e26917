"""The connector on an OTRS that answers by script, and the answers that more than one test wants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from agi_server.call import Created, Refused, Trouble
from agi_server.otrs.connector import Connector
from tests.otrs.peer import Act, FakeOtrs, Peer, recorded, soap

USER, PASSWORD = "helpdesk-agi", "agi-secret-b8a1"
SESSION = "9gouzURhaWEMAT2RortUGxoFrHudufoQ"
"""What recording 01 gives."""
FIELD = "AsteriskUniqueID"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

CREATED = recorded("10-TicketCreate-ok-userlogin")
THE_TICKET = Created("1261", "2026112210012662")
DEAD_SESSION = recorded("23-TicketCreate-bad-session")
NOTHING = recorded("141-TicketSearch-df-equals-none")
NO_ACCESS = Refused("TicketGet.AccessDenied", "TicketGet: User does not have access to the ticket!")
SHUT_OUT = Trouble("OTRS does not let us in: SessionCreate: Authorization failing!")


@asynccontextmanager
async def desk(acts: dict[str, list[Act]], **options: Any) -> AsyncIterator[tuple[Connector, Peer]]:
    """A connector, and the OTRS that does this."""
    async with (
        Peer(FakeOtrs(acts)) as peer,
        Connector(peer.url, USER, PASSWORD, **{"clock": lambda: NOW, "timeout": 10, **options}) as connector,
    ):
        yield connector, peer


def operations(peer: Peer) -> list[str]:
    """What it was asked for, in this order."""
    return [request.operation for request in peer.requests]


def shown(ticket_id: int, value: str, *, name: str = FIELD, title: str = "Call") -> str:
    """A ticket as TicketGet of OTRS 6 shows it."""
    return (
        f"<Ticket><TicketID>{ticket_id}</TicketID><TicketNumber>2026{ticket_id:04}</TicketNumber>"
        f"<Title>{title}</Title><DynamicField><Name>{name}</Name><Value>{value}</Value></DynamicField></Ticket>"
    )


def hits(*ticket_ids: int) -> Act:
    """What TicketSearch finds."""
    return soap("TicketSearch", "".join(f"<TicketID>{number}</TicketID>" for number in ticket_ids))
