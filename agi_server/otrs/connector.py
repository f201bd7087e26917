"""OTRS's Ticket Connector: the port `HelpDesk` over SOAP, and what `check --connect` asks.

No method takes longer than `timeout` seconds or raises anything but cancellation. A ticket counts as
found only when TicketGet shows that it is the one: `shown` tells. When to try again, and how many at a
time, is `delivery`'s business; sessions and requests are `session`'s, what they hold is `elements`'.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Self

from agi_server.call import Doubt, Findings, NotFound, OpenTickets, Outcome, Refused, Ticket, Trouble, Update
from agi_server.otrs import elements, shown, soap
from agi_server.otrs.exchange import TooLong
from agi_server.otrs.session import Reply, Session
from agi_server.tally import Durations

SEARCH_LIMIT = 10
"""Hits that are looked at. A search that works has one; one that OTRS has not understood has all tickets."""
SEARCH_SLACK = timedelta(hours=2)
"""How much further back a search looks than it was asked to: our clock may have been set meanwhile."""
OPEN_LIMIT = 20
"""Open tickets that are looked at, the one changed last first."""
ARTICLE_LIMIT = 50
"""Articles that are looked at, the newest first: fewer where so many are too long for one answer."""

_log = logging.getLogger("agi_server.otrs")


def _now() -> datetime:
    return datetime.now(UTC)


class Connector:
    """The Ticket Connector of one OTRS. An async context manager."""

    reserves = False

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        *,
        namespace: str = soap.NAMESPACE,
        timeout: float = 60.0,
        connections: int = 4,
        call_field: str = "AsteriskUniqueID",
        clock: Callable[[], datetime] = _now,
    ) -> None:
        if not re.fullmatch("[A-Za-z0-9]*", call_field):
            raise ValueError(f"OTRS has no dynamic field with such a name: {call_field!r}")
        self._user = user
        self._call_field = call_field
        self._field = call_field
        """The one in use: none once OTRS has turned out not to have it."""
        self._clock = clock
        self._session = Session(url, user, password, namespace=namespace, timeout=timeout, connections=connections)

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.__aexit__()

    @property
    def requests(self) -> Mapping[tuple[str, str], Durations]:
        """What the requests took, by operation and by what came of it."""
        return self._session.requests

    async def reserve(self) -> str:
        """OTRS gives the number with the ticket."""
        return ""

    async def open(self, ticket: Ticket) -> Outcome:
        """Make the ticket. If OTRS lacks the call field, the call's id goes into the title instead."""
        deadline, field = self._session.deadline(), self._field
        reply = await self._session.request("TicketCreate", elements.creation(ticket, field), deadline)
        if isinstance(reply, Refused) and elements.at_fault(reply) == "dynamic_fields":
            lacks = await self._lacks(field, deadline)
            if isinstance(lacks, Trouble):
                return lacks
            if lacks:
                reply = await self._session.request("TicketCreate", elements.creation(ticket, ""), deadline)
        return _outcome(reply)

    async def update(self, update: Update) -> Outcome:
        """Add the article. OTRS does so whatever has become of the ticket: a closed one stays closed."""
        if not elements.fits(update.call_ids):
            return Refused("TooManyCalls", f"one article cannot carry the ids of {len(update.call_ids)} calls")
        reply = await self._session.request("TicketUpdate", elements.updating(update), self._session.deadline())
        if isinstance(reply, dict) and not soap.text(reply, "ArticleID"):
            return Trouble("OTRS answered without an article", Doubt.ENDED)
        return _outcome(reply)

    async def find(self, call_id: str, since: datetime, number: str = "") -> Findings:
        """The oldest ticket that carries this call's id, made at or after `since`.

        OTRS shows the tickets of those queues that our agent may read, and no others.
        """
        deadline = self._session.deadline()
        for field in dict.fromkeys((self._call_field, "")):  # the field may have been missing when the ticket was made
            findings = await self._find(call_id, since, field, deadline)
            if not isinstance(findings, NotFound):
                return _for_all(findings) if isinstance(findings, Refused) else findings
        return NotFound()

    async def _find(self, call_id: str, since: datetime, field: str, deadline: float) -> Findings:
        """By its dynamic field, or with no field by its title."""
        # In minutes before OTRS's own now: its time zone and a wrong clock on its side play no part.
        age = max(timedelta(), self._clock() - since) + SEARCH_SLACK
        criteria = {
            **elements.search(call_id, field),
            "TicketCreateTimeNewerMinutes": str(math.ceil(age.total_seconds() / 60)),
        }
        tickets = await self._tickets(criteria, SEARCH_LIMIT, deadline)
        if not isinstance(tickets, list):
            return tickets
        found = [ticket for ticket in tickets if shown.carries(ticket, call_id, field)]
        if found:
            return soap.opened(min(found, key=shown.number))
        if tickets and field and not any(shown.has_field(ticket, field) for ticket in tickets):
            # OTRS does not know the field, has ignored it, and shows any ticket. But its database may have died while
            # Znuny 6.5 made a list of the fields; it keeps the short list, and takes them in tickets all the same.
            return await self._unsearched(tickets, field, deadline)
        if len(tickets) >= SEARCH_LIMIT:
            return Trouble("OTRS does not search by what was asked: it finds more tickets than can be looked at")
        return NotFound()

    async def _unsearched(self, tickets: list[soap.Fields], field: str, deadline: float) -> NotFound | Trouble:
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
            if not self._field:  # it has been refused in a ticket
                return NotFound()
        return Trouble(
            f"OTRS has the field {field}, but does not search by it: bin/otrs.Console.pl Maint::Cache::Delete"
        )

    async def find_open(self, wanted: OpenTickets) -> Findings:
        """Of these tickets the one that was changed last, with its owner if that is not our own agent."""
        criteria = elements.open_search(wanted)
        if criteria is None:
            return NotFound()
        tickets = await self._tickets(criteria, OPEN_LIMIT, self._session.deadline())
        if isinstance(tickets, Refused):
            return _for_all(tickets)
        if isinstance(tickets, Trouble):
            return tickets
        found = [ticket for ticket in tickets if shown.is_wanted(ticket, wanted, self._call_field)]
        return shown.seen(max(found, key=shown.change), self._user) if found else NotFound()

    async def find_update(self, ticket_id: str, call_id: str) -> Findings:
        """The ticket, if one of its newest articles carries this call's id.

        An article is not found behind 50 newer ones, or behind so few that are as long as an answer may be.
        Where the newest alone is longer, no answer can be had until it is not the newest any more.
        """
        deadline, number = self._session.deadline(), ARTICLE_LIMIT
        reply = await self._latest_articles(ticket_id, number, deadline)
        while isinstance(reply, TooLong) and number > 1:
            number //= 2
            reply = await self._latest_articles(ticket_id, number, deadline)
        if isinstance(reply, Refused):
            return _for_all(replace(reply, about=elements.at_fault(reply)))
        if isinstance(reply, Trouble):
            return reply
        tickets = soap.records(reply, "Ticket")
        if not tickets:
            return Trouble("OTRS answered without the ticket")
        return shown.seen(tickets[0], self._user) if shown.tells_of(tickets[0], call_id) else NotFound()

    async def _latest_articles(self, ticket_id: str, number: int, deadline: float) -> Reply:
        return await self._session.request("TicketGet", elements.latest_articles(ticket_id, number), deadline)

    async def _lacks(self, field: str, deadline: float) -> bool | Trouble:
        """Was this the call field, and does OTRS not have it? Then we do without from now on.

        Several may ask at once, and one who asks late may find it settled.
        """
        if self._field:
            exists = await self._field_exists(deadline)
            if isinstance(exists, Trouble):
                return exists
            if exists is False and self._field:
                _log.warning("OTRS has no dynamic field %s: the calls' ids go into the titles", self._field)
                self._field = ""
        return field != self._field

    async def sign_in(self) -> Refused | Trouble | None:
        """Does OTRS let us in? None: yes."""
        return await self._session.sign_in(self._session.deadline())

    async def call_field_exists(self) -> bool | Refused | Trouble | None:
        """Does OTRS know the call field? None where that cannot be told: it shows us no ticket at all.

        OTRS ignores a field that it does not know, so that a search for it finds any ticket.
        """
        return await self._field_exists(self._session.deadline())

    async def _field_exists(self, deadline: float) -> bool | Refused | Trouble | None:
        tickets = await self._tickets(elements.search("no call has this id", self._call_field), 1, deadline)
        if not isinstance(tickets, list):
            return tickets
        if not tickets:
            any_ticket = await self._search({"Limit": "1"}, deadline)
            return (True if any_ticket else None) if isinstance(any_ticket, list) else any_ticket
        if shown.has_field(tickets[0], self._call_field):
            return Refused("SearchIgnored", f"OTRS has the field {self._call_field}, but does not search by it")
        return False

    async def rehearse(self, ticket: Ticket) -> Refused | Trouble | None:
        """Would OTRS take this ticket? None: yes. Else its first objection. No ticket is made."""
        rehearsal = elements.rehearsal(ticket, self._call_field)
        reply = await self._session.request("TicketCreate", rehearsal, self._session.deadline())
        if isinstance(reply, dict):
            number = soap.text(reply, "TicketNumber")
            return Trouble(f"OTRS made ticket {number} of a request that was wrong on purpose", Doubt.ENDED)
        return None if isinstance(reply, Refused) and elements.passed_rehearsal(reply) else reply

    async def takes_updates(self) -> Refused | Trouble | None:
        """Does the web service have TicketUpdate? None: yes. No ticket is named, so that nothing is changed."""
        reply = await self._session.request("TicketUpdate", {}, self._session.deadline())
        if isinstance(reply, dict):
            return Trouble("OTRS took an update that was wrong on purpose", Doubt.ENDED)
        return None if isinstance(reply, Refused) and reply.code.endswith(".MissingParameter") else reply

    async def _search(self, criteria: soap.Values, deadline: float) -> list[str] | Refused | Trouble:
        reply = await self._session.request("TicketSearch", criteria, deadline)
        return soap.texts(reply, "TicketID") if isinstance(reply, dict) else reply

    async def _tickets(
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
        return tickets if len(tickets) == len(wanted) else Trouble("OTRS does not show all the tickets that it finds")


def _outcome(reply: Reply) -> Outcome:
    """What came of a request that makes or changes a ticket."""
    if isinstance(reply, Refused):
        return _for_all(replace(reply, about=elements.at_fault(reply)))
    return soap.opened(reply) if isinstance(reply, dict) else reply


def _for_all(refused: Refused) -> Refused | Trouble:
    """A login that OTRS does not take says nothing of this call: all wait until it does, and none needs a person.

    It may be the password; but OTRS also says so when it has too many sessions of ours, or when what it
    asks for the password is away.
    """
    return Trouble(f"OTRS does not let us in: {refused.words}") if soap.is_auth_failure(refused) else refused
