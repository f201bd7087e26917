"""What is there of a ticket, asked of rpc.pl so that a `no` can be believed.

Whether a call's ticket is whole decides whether its article is made once more, so OTRS's silence must not be
taken for a `no`: each answer here is a number, a ticket, or Trouble.
"""

from __future__ import annotations

from collections.abc import Sequence

from agi_server.call import Created, Findings, NotFound, Refused, Trouble
from agi_server.otrs import rpc_messages, rpc_requests, soap
from agi_server.otrs.rpc_desk import RpcDesk
from agi_server.otrs.rpc_known import UNKNOWN
from agi_server.otrs.rpc_messages import Parameters, is_id

UNEXPLAINED = 5
"""Attempts that may fail without OTRS saying why."""
NO_CALL = "no call has this id"


class Tickets:
    """One OTRS's tickets, as one of its agents may see them."""

    def __init__(self, desk: RpcDesk, user_id: int) -> None:
        self._desk = desk
        self._user_id = user_id

    async def numbered(self, ticket_id: str, deadline: float) -> Created | Refused | Trouble:
        """A ticket that should be there, with its number."""
        number = await self._desk.sure("Ticket", "TicketNumberLookup", deadline, {"TicketID": ticket_id})
        if isinstance(number, Trouble):
            return number
        if number:
            return Created(ticket_id, number)
        return Refused(UNKNOWN, f"OTRS has no ticket with the ID {ticket_id}", "ticket_id")

    async def shown(self, ticket_id: str, deadline: float) -> soap.Fields | Trouble:
        """What TicketGet shows of a ticket that is there."""
        parameters: Parameters = {"TicketID": ticket_id, "UserID": self._user_id}
        returned = await self._desk.call("Ticket", "TicketGet", deadline, parameters)
        if isinstance(returned, Trouble):
            return returned
        return rpc_messages.pairs(returned) or Trouble("OTRS does not show all the tickets that it finds")

    async def with_article(self, target: Created, call_id: str, deadline: float) -> Findings:
        """The ticket, if it has an article about this call."""
        there = await self.has_article(target.ticket_number, (call_id,), deadline)
        if isinstance(there, Trouble):
            return there
        return target if there else NotFound()

    async def has_article(self, number: str, call_ids: Sequence[str], deadline: float) -> bool | Trouble:
        """Has the ticket with this number an article about these calls?

        A MessageID is found wherever the article is now, but it is of all the calls that share the article.
        """
        parameters: Parameters = {"MessageID": rpc_requests.message_id(call_ids, number)}
        found = await self._desk.sure("Ticket", "ArticleGetTicketIDOfMessageID", deadline, parameters)
        if found:
            return found if isinstance(found, Trouble) else True
        marked = await self._count(number, rpc_requests.mark_search(call_ids[0]), deadline)
        if not marked:
            return await self._has_bare(number, call_ids[0], deadline)
        if isinstance(marked, Trouble):
            return marked
        # A criterion that OTRS does not know it ignores: from 6 on this one has another name.
        of_no_call = await self._count(number, rpc_requests.mark_search(NO_CALL), deadline)
        if isinstance(of_no_call, Trouble) or of_no_call == 0:
            return of_no_call if isinstance(of_no_call, Trouble) else True
        return Trouble("OTRS does not search by an article's subject", attempts=UNEXPLAINED)

    async def _has_bare(self, number: str, call_id: str, deadline: float) -> bool | Trouble:
        """The same, where OTRS searches in an index of words (`ArticleSearchIndex::StaticDB`): it has no brackets."""
        bare = await self._count(number, rpc_requests.bare_search(call_id), deadline)
        if isinstance(bare, Trouble) or bare == 0:
            return bare if isinstance(bare, Trouble) else False
        any_mark = await self._count(number, rpc_requests.ANY_MARK, deadline)
        return any_mark if isinstance(any_mark, Trouble) else any_mark == 0

    async def denied(self, deadline: float) -> Trouble | None:
        """Why the agent may not search; None: he may."""
        count = await self._count(rpc_requests.NO_TICKET, rpc_requests.mark_search(NO_CALL), deadline)
        return count if isinstance(count, Trouble) else None

    async def _count(self, number: str, subject: str, deadline: float) -> int | Trouble:
        """Tickets with this number and an article with such a subject: one or none."""
        parameters = rpc_requests.article_count(number, subject, self._user_id)
        count = await self._desk.sure("Ticket", "TicketSearch", deadline, parameters)
        if isinstance(count, Trouble):
            return count
        if is_id(count):
            return int(count)
        words = f"OTRS does not search for agent {self._user_id} (otrs.user_id): has he the right to read?"
        return Trouble(words, attempts=UNEXPLAINED)
