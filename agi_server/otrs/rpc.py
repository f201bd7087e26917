"""OTRS's older rpc.pl, for OTRS 5 and before: the port `HelpDesk` once more.

Exactly one ticket, though nothing is atomic here: its number is taken first and kept in the journal, and OTRS
makes no second ticket with it. A ticket is whole when its article is there, which is made last and carries
the call's id in MessageID and subject; one without is completed, not made again. What is there already is
found by questions whose `no` can't be mistaken for OTRS's silence. What OTRS does not explain is Trouble that
a person sees after `UNEXPLAINED` attempts or more. No method takes longer than `timeout` seconds or raises anything
but cancellation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Self

from agi_server.call import Created, Doubt, Findings, NotFound, Outcome, Refused, Trouble
from agi_server.helpdesk import Article, OpenTickets, Ticket, Update
from agi_server.otrs import elements, rpc_messages, rpc_requests, shown, soap
from agi_server.otrs.rpc_desk import RpcDesk
from agi_server.otrs.rpc_known import Known
from agi_server.otrs.rpc_messages import NoMethod, Parameters, is_id
from agi_server.otrs.rpc_requests import People
from agi_server.otrs.rpc_tickets import UNEXPLAINED, Tickets
from agi_server.tally import Durations

OPEN_LIMIT = 10
"""Open tickets that are looked at, the newest first; each costs a request."""
NUMBER_LENGTH = 50
"""Characters of a ticket's number: the width of OTRS's column."""

NOT_RESERVED = (
    "begun over the Ticket Connector, which alone can look for its ticket: drop the call if OTRS has one;"
    " else retry it with the former otrs.interface, or write the ticket and drop the call"
)


def _now() -> datetime:
    return datetime.now(UTC)


class Rpc:
    """The rpc.pl of one OTRS. An async context manager."""

    reserves = True

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        *,
        user_id: int = 1,
        timeout: float = 60.0,
        connections: int = 4,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """`user` and `password` are OTRS's SOAP::User and SOAP::Password, `user_id` is the agent who makes tickets."""
        self._user_id = user_id
        self._clock = clock
        self._desk = RpcDesk(url, user, password, timeout=timeout, connections=connections)
        self._known = Known(self._desk, user_id)
        self._tickets = Tickets(self._desk, user_id)

    async def __aenter__(self) -> Self:
        await self._desk.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._desk.__aexit__()

    @property
    def requests(self) -> Mapping[tuple[str, str], Durations]:
        """What the requests took, by method and by what came of it."""
        return self._desk.requests

    async def reserve(self) -> str | Trouble:
        """A number that OTRS gives to nobody else."""
        deadline = self._desk.deadline()
        number = await self._desk.sure("Ticket", "TicketCreateNumber", deadline, {})
        if isinstance(number, Trouble):
            return number
        if not number or len(number) > NUMBER_LENGTH or not number.isprintable():
            return Trouble(f"OTRS gives the number {soap.one_line(number)!r}", attempts=UNEXPLAINED)
        return number

    async def open(self, ticket: Ticket) -> Outcome:
        """Make the ticket, then its article; or find what is there of it and make what is missing."""
        deadline = self._desk.deadline()
        people = await self._known.people(ticket, deadline)
        if not isinstance(people, People):
            return people
        parameters = rpc_requests.ticket(ticket, people, self._user_id)
        ticket_id = await self._desk.one("Ticket", "TicketCreate", deadline, parameters)
        if not ticket_id:
            begun = await self._begun(ticket, deadline)
            if not isinstance(begun, str):
                return begun
            ticket_id = begun
        if isinstance(ticket_id, Trouble):
            return ticket_id
        if not is_id(ticket_id):
            return Trouble(f"OTRS answered TicketCreate with {soap.one_line(ticket_id)!r}", Doubt.ENDED)
        pending = await self._set_pending(ticket, ticket_id, deadline)
        if pending is not None:
            return pending
        made = Created(ticket_id, ticket.number)
        queue = ticket.queue if isinstance(ticket.queue, str) else ""
        return await self._add_article(
            made, ticket.article, (ticket.call_id,), deadline, sender=people.customer_name, to=queue
        )

    async def _begun(self, ticket: Ticket, deadline: float) -> str | Outcome:
        """TicketCreate was silent: the ID of our ticket, if its number is there and it lacks its article; else why."""
        ticket_id = await self._desk.ticket_id(ticket.number, deadline)
        if isinstance(ticket_id, Trouble):
            return _ended(ticket_id)
        if not ticket_id:
            unexplained = Trouble("OTRS makes no ticket and does not say why", attempts=UNEXPLAINED)
            return await self._known.objection(ticket, deadline) or unexplained
        there = await self._tickets.has_article(ticket.number, (ticket.call_id,), deadline)
        if isinstance(there, Trouble):
            return _ended(there)
        if there:
            return Created(ticket_id, ticket.number)
        fields = await self._tickets.shown(ticket_id, deadline)
        if isinstance(fields, Trouble):
            return _ended(fields)
        if rpc_messages.plain(elements.mark(ticket.call_id)) not in soap.text(fields, "Title"):
            return Refused("NumberTaken", f"somebody else's ticket has the number {ticket.number}", "number")
        return ticket_id

    async def _set_pending(self, ticket: Ticket, ticket_id: str, deadline: float) -> Trouble | None:
        """OTRS tells by its own clock's time zone when that is. To set it again does no harm."""
        until = rpc_requests.pending_until(ticket, self._clock())
        if until is None:
            return None
        stamp = await self._desk.one("Time", "SystemTime2TimeStamp", deadline, {"SystemTime": until})
        if isinstance(stamp, Trouble):
            return _ended(stamp)
        parameters: Parameters = {"String": stamp, "TicketID": ticket_id, "UserID": self._user_id}
        done = await self._desk.one("Ticket", "TicketPendingTimeSet", deadline, parameters)
        if isinstance(done, Trouble):
            return done
        if done:
            return None
        silent = await self._desk.why_silent(deadline)
        return _ended(silent or Trouble("OTRS does not set the pending time", attempts=UNEXPLAINED))

    async def _add_article(
        self, target: Created, article: Article, call_ids: Sequence[str], deadline: float, *, sender: str, to: str
    ) -> Outcome:
        parameters = rpc_requests.article(article, call_ids, target, self._user_id, sender=sender, to=to)
        made = await self._desk.one("Ticket", "ArticleCreate", deadline, parameters)
        if made:
            return made if isinstance(made, Trouble) else target
        # It is also silent where the article is made and OTRS loses its database before it knows the ID.
        there = await self._tickets.has_article(target.ticket_number, call_ids, deadline)
        if isinstance(there, Trouble):
            return _ended(there)
        if there:
            return target
        unexplained = Trouble("OTRS makes no article and does not say why", Doubt.ENDED, UNEXPLAINED)
        return await self._known.article_objection(article, deadline) or unexplained

    async def update(self, update: Update) -> Outcome:
        """Add the article. OTRS does so whatever has become of the ticket: a closed one stays closed."""
        if not elements.fits(update.call_ids):
            return Refused("TooManyCalls", f"one article cannot carry the ids of {len(update.call_ids)} calls")
        deadline = self._desk.deadline()
        target = await self._tickets.numbered(update.ticket_id, deadline)
        if not isinstance(target, Created):
            return target
        return await self._add_article(target, update.article, update.call_ids, deadline, sender="", to="")

    async def find(self, call_id: str, since: datetime, number: str = "") -> Findings:
        """The ticket with this number, if it has the call's article."""
        if not number:
            return Refused("OtherInterface", NOT_RESERVED)
        deadline = self._desk.deadline()
        ticket_id = await self._desk.ticket_id(number, deadline)
        if isinstance(ticket_id, Trouble):
            return ticket_id
        if not ticket_id:
            return NotFound()
        return await self._tickets.with_article(Created(ticket_id, number), call_id, deadline)

    async def find_update(self, ticket_id: str, call_id: str) -> Findings:
        """The ticket, if one of its articles carries this call's id. With a ticket its articles are deleted as well."""
        deadline = self._desk.deadline()
        target = await self._tickets.numbered(ticket_id, deadline)
        if isinstance(target, Refused):
            return NotFound()
        return await self._tickets.with_article(target, call_id, deadline) if isinstance(target, Created) else target

    async def find_open(self, wanted: OpenTickets) -> Findings:
        """Of these tickets the one that was changed last, with its owner if that is not our own agent.

        Only those that were made over rpc.pl, or carry their call's id in the title otherwise.
        """
        criteria = rpc_requests.open_search(wanted, OPEN_LIMIT, self._user_id)
        if criteria is None:
            return NotFound()
        deadline = self._desk.deadline()
        hits = await self._desk.call("Ticket", "TicketSearch", deadline, criteria)
        if isinstance(hits, Trouble):
            return hits
        if not hits:
            return await self._desk.why_silent(deadline) or NotFound()
        tickets = await asyncio.gather(*(self._tickets.shown(hit or "", deadline) for hit in hits[:OPEN_LIMIT]))
        found: list[soap.Fields] = []
        for ticket in tickets:
            if isinstance(ticket, Trouble):
                return ticket
            if shown.is_wanted(ticket, wanted, call_field=""):
                found.append(ticket)
        if not found:
            return NotFound()
        last = max(found, key=shown.change)
        opened = soap.opened(last)
        if isinstance(opened, Trouble) or soap.text(last, "OwnerID") == str(self._user_id):
            return opened
        return replace(opened, owner=soap.text(last, "Owner"))

    async def sign_in(self) -> Trouble | None:
        """Does OTRS let us in, and is its database there? None: yes."""
        return await self._desk.why_silent(self._desk.deadline())

    async def lacks_agent(self) -> Refused | Trouble | None:
        """Has OTRS the agent in whose name tickets are made, and may he search them? None: yes."""
        deadline = self._desk.deadline()
        objection = await self._known.agent_objection(deadline) or await self._tickets.denied(deadline)
        unexplained = isinstance(objection, Trouble) and objection.attempts
        return Refused("Denied", objection.reason, "user_id") if objection and unexplained else objection

    async def makes_articles(self) -> bool | Trouble:
        """Has it the method? No ticket is named, so that nothing is made."""
        made = await self._desk.one("Ticket", "ArticleCreate", self._desk.deadline(), {})
        if isinstance(made, NoMethod):
            return False
        return made if isinstance(made, Trouble) else True

    async def rehearse(self, ticket: Ticket) -> Refused | Trouble | None:
        """Does OTRS know all that this ticket names? None: as far as it tells. Else its first objection."""
        deadline = self._desk.deadline()
        objection = await self._known.objection(ticket, deadline)
        objection = objection or await self._known.article_objection(ticket.article, deadline)
        if objection is not None:
            return objection
        people = await self._known.people(ticket, deadline)
        return None if isinstance(people, People) else people


def _ended(trouble: Trouble) -> Trouble:
    """OTRS has been asked to make something, and is through with that request."""
    return replace(trouble, doubt=Doubt.ENDED)
