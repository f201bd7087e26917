"""The two ports, played by a directory of a few and a help desk that fails as a test's script says."""

from __future__ import annotations

import asyncio
from datetime import datetime

from agi_server.call import Created, Customer, Findings, Hits, Match, NotFound, Outcome, Recognition, Refused, Trouble
from agi_server.helpdesk import OpenTickets, Ticket, Update

IVANOV = Customer("ivanov", "ROMASHKA", "Иван", "Иванов")
KNOWN = Recognition(Match.EXACT, IVANOV, (IVANOV,), Match.EXACT)
OWNER = "ivanova"
"""The agent who has taken over every ticket."""


class People:
    """A directory; at first of one."""

    def __init__(self) -> None:
        self.hits = {"+79161229624": Hits(Match.EXACT, (IVANOV,))}
        self.find_again = asyncio.Event()
        """Set: whoever is not known is looked up at once."""
        self.find_again.set()

    def recall(self, number: str) -> Hits | None:
        return self.hits.get(number)

    async def find(self, number: str) -> Hits:
        await self.find_again.wait()
        return self.hits.get(number, Hits())


class Desk:
    """A help desk that keeps its tickets, and fails as it is told: one outcome for each request, then none.

    Ticket number N of the list has the id `N` and the number `TN`; the one that something happened to last is the
    newest. A search for open tickets ignores how old they are.
    """

    reserves = False

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []
        self.script: list[Outcome] = []
        self.made_all_the_same = False
        """What is in the script is answered, but the ticket is made, the article added."""
        self.search_script: list[Findings] = []
        self.searches = 0
        self.reserved = 0
        """Numbers that were given out."""
        self.reserve_script: list[str | Refused | Trouble] = []
        self.numbers_looked_for: list[str] = []
        self.opened: list[str] = []
        self.updates: list[Update] = []
        """The articles that were added."""
        self.update_script: list[Outcome] = []
        self.open_script: list[Findings] = []
        """What is found of open tickets."""
        self.looked_for: list[OpenTickets] = []
        self.closed: set[str] = set()
        """The ids of tickets that are not open any more."""
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
            return outcome or self._ticket(len(self.tickets))
        finally:
            self.at_work -= 1

    async def reserve(self) -> str | Refused | Trouble:
        self.reserved += 1
        return self.reserve_script.pop(0) if self.reserve_script else f"T{self.reserved}"

    async def find(self, call_id: str, since: datetime, number: str = "") -> Findings:
        self.searches += 1
        self.numbers_looked_for.append(number)
        if self.search_script:
            return self.search_script.pop(0)
        for place, ticket in enumerate(self.tickets, 1):
            if ticket.call_id == call_id:
                return self._ticket(place)
        return NotFound()

    async def find_open(self, wanted: OpenTickets) -> Findings:
        self.looked_for.append(wanted)
        if self.open_script:
            return self.open_script.pop(0)
        for number in sorted(range(1, len(self.tickets) + 1), key=self._changed, reverse=True):
            ticket = self.tickets[number - 1]
            theirs = ticket.customer_user == wanted.customer_user or f"T{number}" in wanted.ticket_numbers
            if theirs and str(number) not in self.closed and wanted.queue in ("", ticket.queue):
                return Created(str(number), f"T{number}", OWNER)
        return NotFound()

    async def update(self, update: Update) -> Outcome:
        await self.go_on.wait()
        outcome = self.update_script.pop(0) if self.update_script else None
        if outcome is None or self.made_all_the_same:
            self.updates.append(update)
        return outcome or self._ticket(int(update.ticket_id))

    async def find_update(self, ticket_id: str, call_id: str) -> Findings:
        self.searches += 1
        if self.search_script:
            return self.search_script.pop(0)
        found = any(one.ticket_id == ticket_id and call_id in one.call_ids for one in self.updates)
        return self._ticket(int(ticket_id)) if found else NotFound()

    def calls(self) -> list[str]:
        """The ids of the calls on all tickets and articles."""
        return [ticket.call_id for ticket in self.tickets] + [call for one in self.updates for call in one.call_ids]

    def _ticket(self, number: int) -> Created:
        return Created(str(number), f"T{number}")

    def _changed(self, number: int) -> tuple[int, int]:
        articles = [place for place, one in enumerate(self.updates) if one.ticket_id == str(number)]
        return (articles[-1] if articles else -1, number)
