"""Tickets as rpc.pl shows and finds them: TicketGet's fields, and TicketSearch's criteria.

Pure. As everywhere in OTRS, a criterion that it does not know is ignored, and so finds every ticket. There is
no limit to what an agent may see: the agent in whose name one asks is whoever one says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from agi_server.sandbox import stock
from agi_server.sandbox.rpc_asked import Asked, number, stamp, text, texts
from agi_server.sandbox.search import fits_expression
from agi_server.sandbox.tickets import Ticket

Criterion = Callable[[Ticket], bool]


def shown(ticket: Ticket, agents: Mapping[int, str], now: datetime) -> dict[str, str | int]:
    """All that TicketGet gives without dynamic fields, in 3.1 and 4."""
    ids = {login: number for number, login in agents.items()}
    owner, responsible = ids.get(ticket.owner, 1), ids.get(ticket.responsible, 1)
    return {
        "Age": int((now - ticket.created).total_seconds()),
        "ArchiveFlag": "n",
        "ChangeBy": 1,
        "Changed": stamp(ticket.changed),
        "CreateBy": 1,
        "CreateTimeUnix": int(ticket.created.timestamp()),
        "Created": stamp(ticket.created),
        "CustomerID": ticket.customer_id,
        "CustomerUserID": ticket.customer_user,
        "EscalationResponseTime": 0,
        "EscalationSolutionTime": 0,
        "EscalationTime": 0,
        "EscalationUpdateTime": 0,
        "GroupID": 1,
        "Lock": ticket.lock,
        "LockID": _id(stock.LOCKS, ticket.lock),
        "Owner": ticket.owner,
        "OwnerID": owner,
        "Priority": ticket.priority,
        "PriorityID": _id(stock.PRIORITIES, ticket.priority),
        "Queue": ticket.queue,
        "QueueID": _id(stock.QUEUES, ticket.queue),
        "RealTillTimeNotUsed": int(ticket.pending_until.timestamp()) if ticket.pending_until else 0,
        "Responsible": ticket.responsible,
        "ResponsibleID": responsible,
        "SLAID": "",
        "ServiceID": "",
        "State": ticket.state,
        "StateID": _id(stock.STATES, ticket.state),
        "StateType": stock.STATE_TYPES[ticket.state],
        "TicketID": ticket.id,
        "TicketNumber": ticket.number,
        "Title": ticket.title,
        "Type": ticket.type,
        "TypeID": 1,
        "UnlockTimeout": 0,
        "UntilTime": int((ticket.pending_until - now).total_seconds()) if ticket.pending_until else 0,
    }


def search(
    tickets: Iterable[Ticket], asked: Asked, now: datetime, *, articles: bool, words_only: bool = False
) -> list[Ticket]:
    """The tickets that fit, the newest first; with `articles` OTRS has criteria for them by these names.

    With `words_only` it looks for them in an index of words (`ArticleSearchIndex::StaticDB`), which has no brackets.
    """
    criteria = list(_criteria(asked, now, articles=articles, words_only=words_only))
    found = [ticket for ticket in tickets if all(fits(ticket) for fits in criteria)]
    return sorted(found, key=lambda ticket: (ticket.created, ticket.id), reverse=True)


def _criteria(asked: Asked, now: datetime, *, articles: bool, words_only: bool) -> Iterator[Criterion]:
    def indexed(text: str) -> str:
        return re.sub(r'[,&<>?"!*|;\[\]()+$^=]', "", text) if words_only else text

    expressions: dict[str, Callable[[Ticket], list[str]]] = {
        "TicketNumber": lambda ticket: [ticket.number],
        "Title": lambda ticket: [ticket.title],
        "CustomerUserLogin": lambda ticket: [ticket.customer_user],
    }
    if articles:
        expressions["Subject"] = lambda ticket: [indexed(article.subject) for article in ticket.articles]
        expressions["Body"] = lambda ticket: [indexed(article.body) for article in ticket.articles]
    for name, of in expressions.items():
        if expression := text(asked, name).replace("%", "*"):
            yield _expressed(expression, of)
    names: dict[str, tuple[Mapping[int, str], Callable[[Ticket], str]]] = {
        "State": (stock.STATES, lambda ticket: ticket.state),
        "Queue": (stock.QUEUES, lambda ticket: ticket.queue),
    }
    for name, (values, of_ticket) in names.items():
        wanted = {*texts(asked, f"{name}s"), *(values.get(int(one), "") for one in texts(asked, f"{name}IDs"))}
        if wanted:
            yield _one_of(wanted, values, of_ticket)
    if types := texts(asked, "StateType"):
        yield lambda ticket: stock.STATE_TYPES[ticket.state] in types
    if minutes := number(asked, "TicketChangeTimeNewerMinutes"):
        yield lambda ticket: ticket.changed >= now - timedelta(minutes=minutes)


def _expressed(expression: str, of: Callable[[Ticket], list[str]]) -> Criterion:
    return lambda ticket: any(fits_expression(expression, value) for value in of(ticket))


def _one_of(wanted: set[str], values: Mapping[int, str], of: Callable[[Ticket], str]) -> Criterion:
    """If one of the names does not exist, no ticket fits."""
    known = wanted.issubset(values.values())
    return lambda ticket: known and of(ticket) in wanted


def _id(values: Mapping[int, str], name: str) -> int:
    return next(number for number, value in values.items() if value == name)
