"""Looking for tickets in OTRS: a search, and then what TicketGet shows of what was found.

A search finds too much where OTRS ignores what it does not know: only `shown` says which of the tickets
is the one. OTRS shows the tickets of those queues that our agent may read, and no others. Every
question ends by its deadline and raises nothing but cancellation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from agi_server.call import Doubt, Findings, NotFound, Refused, Trouble
from agi_server.otrs import elements, shown, soap
from agi_server.otrs.elements import Hearer
from agi_server.otrs.recogniser import Recogniser
from agi_server.otrs.session import Session

SEARCH_LIMIT = 10
"""Hits that are looked at. A search that works has one; one that OTRS has not understood has all tickets."""
SEARCH_SLACK = timedelta(hours=2)
"""How much further back a search looks than it was asked to: our clock may have been set meanwhile."""


class Finder:
    """Looks for tickets in one OTRS."""

    def __init__(self, session: Session, recogniser: Recogniser, clock: Callable[[], datetime]) -> None:
        self._session = session
        self._recogniser = recogniser
        self._clock = clock

    async def by_call(
        self, call_id: str, since: datetime, field: str, hearer: Hearer, deadline: float, *, in_use: bool
    ) -> Findings:
        """The oldest ticket that has this call's id in this dynamic field, or with no field in its title.

        In use is a field that tickets are made with.
        """
        age = max(timedelta(), self._clock() - since) + SEARCH_SLACK
        tickets = await self.tickets(elements.search(call_id, field, age, hearer), SEARCH_LIMIT, deadline)
        if not isinstance(tickets, list):
            return tickets
        found = [ticket for ticket in tickets if shown.carries(ticket, call_id, field)]
        if found:
            return soap.opened(min(found, key=shown.number))
        if tickets and field and not any(shown.has_field(ticket, field) for ticket in tickets):
            # OTRS does not know the field, has ignored it, and shows any ticket. But its database may have died while
            # Znuny 6.5 made a list of the fields; it keeps the short list, and takes them in tickets all the same.
            return await self._unsearched(tickets, field, deadline, in_use=in_use)
        if len(tickets) >= SEARCH_LIMIT:
            return Trouble("OTRS does not search by what was asked: it finds more tickets than can be looked at")
        return NotFound()

    async def _unsearched(
        self, tickets: list[soap.Fields], field: str, deadline: float, *, in_use: bool
    ) -> NotFound | Trouble:
        """A search ignored this field: no ticket has it, or it is merely not searched by? OTRS is made to refuse it."""
        for ticket in tickets:
            probe = elements.field_probe(soap.text(ticket, "TicketID"), field)
            reply = await self._session.request("TicketUpdate", probe, deadline)
            if isinstance(reply, Trouble):
                return replace(reply, doubt=Doubt.NONE)
            if isinstance(reply, Refused) and elements.at_fault(reply) == "dynamic_fields":
                if not elements.passed_rehearsal(reply):
                    return NotFound()
                break
        else:
            if not in_use:  # it has been refused in a ticket
                return NotFound()
        return Trouble(
            f"OTRS has the field {field}, but does not search by it: bin/otrs.Console.pl Maint::Cache::Delete"
        )

    async def field_exists(self, field: str, hearer: Hearer, deadline: float) -> bool | Refused | Trouble | None:
        """Does OTRS know this dynamic field? None where that cannot be told: it shows us no ticket at all.

        OTRS ignores a field that it does not know, so that a search for it finds any ticket.
        """
        by_field = hearer.way.fields_by_name or hearer.way.fields_flat
        impossible = elements.search("no call has this id", field, None, hearer)
        tickets = await self.tickets(impossible if by_field else {}, 1, deadline)
        if not isinstance(tickets, list):
            return tickets
        if not tickets:
            any_ticket = await self._search({"Limit": "1"}, deadline)
            return (True if any_ticket else None) if isinstance(any_ticket, list) else any_ticket
        if not shown.has_field(tickets[0], field):
            return False
        return Refused("SearchIgnored", f"OTRS has the field {field}, but does not search by it") if by_field else True

    async def tickets(
        self, criteria: soap.Values, limit: int, deadline: float
    ) -> list[soap.Fields] | Refused | Trouble:
        """What a search finds, as TicketGet shows it; of too many the first (OTRS 3.1 knows no Limit)."""
        hits = await self._search({**criteria, "Limit": str(limit)}, deadline)
        if not isinstance(hits, list):
            return hits
        wanted = hits[:limit]
        if not wanted:
            return []
        reply = await self._session.request("TicketGet", {"TicketID": wanted, "DynamicFields": "1"}, deadline)
        if not isinstance(reply, dict):
            return reply
        tickets = soap.records(reply, "Ticket")
        if len(tickets) != len(wanted):
            return Trouble("OTRS does not show all the tickets that it finds")
        self._recogniser.see(tickets[0])
        return tickets

    async def _search(self, criteria: soap.Values, deadline: float) -> list[str] | Refused | Trouble:
        reply = await self._session.request("TicketSearch", criteria, deadline)
        return soap.texts(reply, "TicketID") if isinstance(reply, dict) else reply
