"""The two ports, played by a directory of one and a help desk that fails as a test's script says."""

from __future__ import annotations

import asyncio
from datetime import datetime

from agi_server.call import NOBODY, Created, Customer, Findings, Match, NotFound, Outcome, Recognition, Ticket

IVANOV = Customer("ivanov", "ROMASHKA", "Иван", "Иванов")
KNOWN = Recognition(Match.EXACT, IVANOV, (IVANOV,))


class People:
    """A directory of one."""

    async def find(self, canonical: str) -> Recognition:
        return KNOWN if canonical == "+79161229624" else NOBODY


class Desk:
    """A help desk that keeps its tickets, and fails as it is told: one outcome for each request, then none."""

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []
        self.script: list[Outcome] = []
        self.made_all_the_same = False
        self.search_script: list[Findings] = []
        self.searches = 0
        self.opened: list[str] = []
        self.at_work = 0
        self.most_at_work = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.arrival = asyncio.Condition()

    async def arrivals(self, number: int) -> None:
        """Wait until so many requests for tickets have come."""
        async with self.arrival:
            await self.arrival.wait_for(lambda: len(self.opened) >= number)

    async def open(self, ticket: Ticket) -> Outcome:
        async with self.arrival:
            self.opened.append(ticket.call_id)
            self.arrival.notify_all()
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            await self.go_on.wait()
            outcome = self.script.pop(0) if self.script else None
            if outcome is None or self.made_all_the_same:
                self.tickets.append(ticket)
            return outcome or Created(str(len(self.tickets)), f"T{len(self.tickets)}")
        finally:
            self.at_work -= 1

    async def find(self, call_id: str, since: datetime) -> Findings:
        self.searches += 1
        if self.search_script:
            return self.search_script.pop(0)
        for number, ticket in enumerate(self.tickets, 1):
            if ticket.call_id == call_id:
                return Created(str(number), f"T{number}")
        return NotFound()
