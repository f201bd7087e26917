"""Whom and what a ticket names, asked of rpc.pl: it checks nothing itself, and never says what was wrong.

Customers and agents are looked up before the ticket is made, for OTRS would take anybody for a customer and
wants agents by their IDs. The rest is looked up only when OTRS was silent, and by `check`. No silence is
taken for a `no` before the desk is sure of it. CustomerUserDataGet, which tells all about a customer, is
never asked: it shows the password's hash.
"""

from __future__ import annotations

from dataclasses import replace

from agi_server.call import Refused, Trouble
from agi_server.helpdesk import Article, Named, Ticket
from agi_server.otrs import soap
from agi_server.otrs.rpc_desk import RpcDesk
from agi_server.otrs.rpc_messages import Parameters, is_id
from agi_server.otrs.rpc_requests import People

UNKNOWN = "Unknown"
"""The code of a refusal that is ours."""
LOCKS = ("", "lock", "unlock", "tmp_lock")
"""All that OTRS has; rpc.pl has no method that tells."""


class Known:
    """What one OTRS knows."""

    def __init__(self, desk: RpcDesk, user_id: int) -> None:
        self._desk = desk
        self._user_id = user_id

    async def people(self, ticket: Ticket, deadline: float) -> People | Refused | Trouble:
        """The ticket's customer and agents. An e-mail address that is nobody's will do, as for the Ticket Connector."""
        login, customer_id = ticket.customer_user, ticket.customer_id
        ask = self._desk.one if "@" in login else self._desk.sure
        name = await ask("CustomerUser", "CustomerName", deadline, {"UserLogin": login})
        if isinstance(name, Trouble):
            return name
        if not name and "@" not in login:
            return _no_such("customer", "customer_user")
        if name and not customer_id:
            his = await self._customer_id(login, deadline)
            if isinstance(his, Trouble):
                return his
            customer_id = his
        owner = await self._agent(ticket.owner, "owner", deadline)
        responsible = await self._agent(ticket.responsible, "responsible", deadline)
        if isinstance(owner, Refused | Trouble):
            return owner
        if isinstance(responsible, Refused | Trouble):
            return responsible
        return People(customer_id, name or login, owner, responsible)

    async def objection(self, ticket: Ticket, deadline: float) -> Refused | Trouble | None:
        """What of this ticket, its customer apart, OTRS does not know; None: nothing was found."""
        agent = await self.agent_objection(deadline)
        if agent is not None:
            return agent if isinstance(agent, Trouble) else Trouble(agent.words)
        for subject, method, field, value in (
            ("Queue", "QueueLookup", "queue", ticket.queue),
            ("User", "UserLookup", "owner", ticket.owner),
            ("User", "UserLookup", "responsible", ticket.responsible),
        ):
            if value != "":
                refused = await self._look_up(subject, method, field, value, deadline)
                if refused is not None:
                    return refused
        for method, field, value in (
            ("TicketStateList", "state", ticket.state),
            ("TicketPriorityList", "priority", ticket.priority),
            ("TicketTypeList", "type", ticket.type),
            ("TicketServiceList", "service", ticket.service),
        ):
            if value != "":
                refused = await self._look_through(method, field, value, deadline)
                if refused is not None:
                    return refused
        if isinstance(ticket.lock, str) and ticket.lock not in LOCKS:
            return _no_such("lock", "lock")
        return None

    async def agent_objection(self, deadline: float) -> Refused | Trouble | None:
        """Is there the agent in whose name tickets are made? Not to have him is no single ticket's fault."""
        unknown = await self._look_up("User", "UserLookup", "agent", self._user_id, deadline)
        if isinstance(unknown, Refused):
            return replace(unknown, words=f"OTRS has no agent with the ID {self._user_id} (otrs.user_id)")
        return unknown

    async def article_objection(self, article: Article, deadline: float) -> Refused | Trouble | None:
        """What of this article OTRS does not know; None: nothing was found."""
        kind = await self._look_up("Ticket", "ArticleTypeLookup", "article_type", article.article_type, deadline)
        if kind is not None:
            return kind
        return await self._look_up("Ticket", "ArticleSenderTypeLookup", "sender_type", article.sender_type, deadline)

    async def _look_up(
        self, subject: str, method: str, field: str, value: Named, deadline: float
    ) -> Refused | Trouble | None:
        """A name's ID, or an ID's name: either tells that it is there."""
        found = await self._desk.sure(subject, method, deadline, _asked(method.removesuffix("Lookup"), value))
        if found:
            return found if isinstance(found, Trouble) else None
        return _no_such(field.replace("_", " "), field)

    async def _look_through(self, method: str, field: str, value: Named, deadline: float) -> Refused | Trouble | None:
        """Is it in a list of all? A list that is empty, or that this version does not have, tells nothing."""
        listed = await self._desk.call("Ticket", method, deadline, {"QueueID": 1, "UserID": self._user_id})
        if isinstance(listed, Trouble) or not listed:
            return None
        ids, names = listed[::2], [(name or "").casefold() for name in listed[1::2]]
        there = str(value) in ids if isinstance(value, int) else value.casefold() in names
        return None if there else _no_such(field, field)

    async def _customer_id(self, login: str, deadline: float) -> str | Trouble:
        """His own, which comes last where he has several; empty: he has none."""
        returned = await self._desk.sure_of_all("CustomerUser", "CustomerIDs", deadline, {"User": login})
        return returned if isinstance(returned, Trouble) else next(reversed(returned), "") or ""

    async def _agent(self, agent: Named, field: str, deadline: float) -> int | Refused | Trouble | None:
        if not isinstance(agent, str) or not agent:
            return agent or None
        found = await self._desk.sure("User", "UserLookup", deadline, {"UserLogin": agent})
        if isinstance(found, Trouble):
            return found
        if not found:
            return _no_such(field, field)
        return int(found) if is_id(found) else Trouble(f"OTRS answered UserLookup with {soap.one_line(found)!r}")


def _no_such(what: str, field: str) -> Refused:
    return Refused(UNKNOWN, f"OTRS has no such {what}", field)


def _asked(what: str, value: Named) -> Parameters:
    """By name or by ID; an agent's name is his login."""
    name = {"User": "UserLogin", "ArticleSenderType": "SenderType"}.get(what, what)
    if isinstance(value, str):
        return {name: value}
    return {"UserID" if what == "User" else f"{name}ID": value}
