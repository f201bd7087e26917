"""OTRS's Ticket Connector: the port `HelpDesk` over SOAP, and what `check --connect` asks.

One session of OTRS's own (SessionCreate) serves all requests; when OTRS has forgotten it, there is
a new one and the request is repeated once, which is safe: AuthFail means that nothing was done.
`open` and `find` end within `timeout` seconds and raise nothing but cancellation. A ticket counts
as found only when TicketGet shows the call's id on it. When to try again, and how many at a time,
is `delivery`'s business; the bytes are `soap`'s and `exchange`'s.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Self, TypeAlias

from agi_server.call import Doubt, Findings, NotFound, Outcome, Refused, Ticket, Trouble
from agi_server.otrs import soap
from agi_server.otrs.elements import at_fault, carries, creation, has_field, passed_rehearsal, rehearsal, search
from agi_server.otrs.exchange import Exchange

SEARCH_LIMIT = 10
"""Hits that are looked at. A search that works has one; one that OTRS has not understood has all tickets."""
SEARCH_SLACK = timedelta(hours=2)
"""How much further back a search looks than it was asked to: our clock may have been set meanwhile."""

Reply: TypeAlias = soap.Fields | Refused | Trouble

_READING = frozenset({"SessionCreate", "TicketSearch", "TicketGet"})
_log = logging.getLogger("agi_server.otrs")


def _now() -> datetime:
    return datetime.now(UTC)


class Connector:
    """The Ticket Connector of one OTRS. An async context manager."""

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
        self._login_values = {"UserLogin": user, "Password": password}
        self._namespace = namespace
        self._timeout = timeout
        self._call_field = call_field
        self._field = call_field
        """The one in use: none once OTRS has turned out not to have it."""
        self._clock = clock
        self._exchange = Exchange(url, connections=connections, max_answer=soap.MAX_ANSWER)
        self._login: asyncio.Task[str | Refused | Trouble] | None = None

    async def __aenter__(self) -> Self:
        await self._exchange.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._login is not None:
            self._login.cancel()
            await asyncio.wait({self._login})
            self._login = None
        await self._exchange.__aexit__()

    async def open(self, ticket: Ticket) -> Outcome:
        """Make the ticket. If OTRS lacks the call field, the call's id goes into the title instead."""
        deadline, field = self._deadline(), self._field
        reply = await self._request("TicketCreate", creation(ticket, field), deadline)
        if isinstance(reply, Refused) and at_fault(reply) == "dynamic_fields":
            lacks = await self._lacks(field, deadline)
            if isinstance(lacks, Trouble):
                return lacks
            if lacks:
                reply = await self._request("TicketCreate", creation(ticket, ""), deadline)
        if isinstance(reply, Refused):
            return _for_all(replace(reply, about=at_fault(reply)))
        return soap.opened(reply) if isinstance(reply, dict) else reply

    async def find(self, call_id: str, since: datetime) -> Findings:
        """The oldest ticket that carries this call's id, made at or after `since`.

        OTRS shows the tickets of those queues that our agent may read, and no others.
        """
        deadline = self._deadline()
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
            **search(call_id, field),
            "TicketCreateTimeNewerMinutes": str(math.ceil(age.total_seconds() / 60)),
            "Limit": str(SEARCH_LIMIT),
        }
        tickets = await self._tickets(criteria, deadline)
        if not isinstance(tickets, list):
            return tickets
        found = [ticket for ticket in tickets if carries(ticket, call_id, field)]
        if found:
            return soap.opened(min(found, key=_number_of))
        if tickets and field and not any(has_field(ticket, field) for ticket in tickets):
            return NotFound()  # OTRS does not know the field, has ignored it, and shows any ticket
        if len(tickets) >= SEARCH_LIMIT:
            return Trouble("OTRS does not search by what was asked: it finds more tickets than can be looked at")
        return NotFound()

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
        session = await self._session(self._deadline())
        return None if isinstance(session, str) else session

    async def call_field_exists(self) -> bool | Refused | Trouble | None:
        """Does OTRS know the call field? None where that cannot be told: it shows us no ticket at all.

        OTRS ignores a field that it does not know, so that a search for it finds any ticket.
        """
        return await self._field_exists(self._deadline())

    async def _field_exists(self, deadline: float) -> bool | Refused | Trouble | None:
        tickets = await self._tickets({**search("no call has this id", self._call_field), "Limit": "1"}, deadline)
        if not isinstance(tickets, list):
            return tickets
        if not tickets:
            any_ticket = await self._search({"Limit": "1"}, deadline)
            return (True if any_ticket else None) if isinstance(any_ticket, list) else any_ticket
        if has_field(tickets[0], self._call_field):
            return Refused("SearchIgnored", f"OTRS has the field {self._call_field}, but does not search by it")
        return False

    async def rehearse(self, ticket: Ticket) -> Refused | Trouble | None:
        """Would OTRS take this ticket? None: yes. Else its first objection. No ticket is made."""
        reply = await self._request("TicketCreate", rehearsal(ticket, self._call_field), self._deadline())
        if isinstance(reply, dict):
            number = soap.text(reply, "TicketNumber")
            return Trouble(f"OTRS made ticket {number} of a request that was wrong on purpose", Doubt.ENDED)
        return None if isinstance(reply, Refused) and passed_rehearsal(reply) else reply

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._timeout

    async def _request(self, operation: str, values: soap.Values, deadline: float) -> Reply:
        """One operation in our session; once more in a new one when OTRS has forgotten it."""
        session = await self._session(deadline)
        if not isinstance(session, str):
            return session
        reply = await self._send(operation, {"SessionID": session, **values}, deadline)
        if isinstance(reply, Refused) and soap.is_auth_failure(reply):
            self._forget(session)
            session = await self._session(deadline)
            if not isinstance(session, str):
                return session
            reply = await self._send(operation, {"SessionID": session, **values}, deadline)
        return reply

    async def _send(self, operation: str, values: soap.Values, deadline: float) -> Reply:
        started = asyncio.get_running_loop().time()
        request = soap.build(operation, values, self._namespace)
        answer = await self._exchange.post(request, {"Content-Type": "text/xml; charset=utf-8"}, deadline)
        took_ms = (asyncio.get_running_loop().time() - started) * 1000
        reply = answer if isinstance(answer, Trouble) else soap.read(operation, answer.status, answer.body)
        outcome = "answered" if isinstance(reply, dict) else reply
        _log.debug("%s: %s after %.0f ms", operation, outcome, took_ms)
        # Only what changes something in OTRS can leave a doubt behind.
        return replace(reply, doubt=Doubt.NONE) if isinstance(reply, Trouble) and operation in _READING else reply

    async def _session(self, deadline: float) -> str | Refused | Trouble:
        """OTRS's id of our session. All who ask while there is none share one login."""
        login = self._login
        if login is None or (login.done() and not isinstance(login.result(), str)):
            login = self._login = asyncio.create_task(self._sign_in())
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(login)
        except TimeoutError:
            return Trouble("no session from OTRS in time")

    def _forget(self, session: str) -> None:
        """The next request logs in; unless somebody else has done so already."""
        login = self._login
        if login is not None and login.done() and login.result() == session:
            self._login = None

    async def _sign_in(self) -> str | Refused | Trouble:
        reply = await self._send("SessionCreate", self._login_values, self._deadline())
        if not isinstance(reply, dict):
            return reply
        return soap.text(reply, "SessionID") or Trouble("OTRS answered SessionCreate without a session")

    async def _search(self, criteria: soap.Values, deadline: float) -> list[str] | Refused | Trouble:
        reply = await self._request("TicketSearch", criteria, deadline)
        return soap.texts(reply, "TicketID") if isinstance(reply, dict) else reply

    async def _tickets(self, criteria: soap.Values, deadline: float) -> list[soap.Fields] | Refused | Trouble:
        """What a search finds, as TicketGet shows it; of too many the newest (OTRS 3.1 knows no Limit)."""
        hits = await self._search(criteria, deadline)
        if not isinstance(hits, list):
            return hits
        wanted = hits[:SEARCH_LIMIT]
        if not wanted:
            return []
        reply = await self._request("TicketGet", {"TicketID": wanted, "DynamicFields": "1"}, deadline)
        if not isinstance(reply, dict):
            return reply
        tickets = soap.records(reply, "Ticket")
        return tickets if len(tickets) == len(wanted) else Trouble("OTRS does not show all the tickets that it finds")


def _for_all(refused: Refused) -> Refused | Trouble:
    """A login that OTRS does not take says nothing of this call: all wait until it does, and none needs a person.

    It may be the password; but OTRS also says so when it has too many sessions of ours, or when what it
    asks for the password is away.
    """
    return Trouble(f"OTRS does not let us in: {refused.words}") if soap.is_auth_failure(refused) else refused


def _number_of(ticket: soap.Fields) -> tuple[int, str]:
    """Sorts by TicketID, a number of any length, without trusting it to be one."""
    ticket_id = soap.text(ticket, "TicketID")
    return len(ticket_id), ticket_id
