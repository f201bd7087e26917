"""A ticket as TicketGet shows it: every element that OTRS gives, most of them constant here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from agi_server.sandbox import attachments, stock
from agi_server.sandbox.checks import given
from agi_server.sandbox.dialects import Dialect
from agi_server.sandbox.envelope import Output, Struct
from agi_server.sandbox.tickets import Article, Texts, Ticket
from agi_server.sandbox.writing import Desk

TICKET_ONLY = ("ArchiveFlag", "ChangeBy", "CreateBy", "GroupID", "UnlockTimeout")
"""What an article of OTRS 5 and before does not repeat of its ticket."""


def shown(desk: Desk, ticket: Ticket, articles: Sequence[tuple[int, Article]], asked: Struct) -> dict[str, Output]:
    """The ticket's elements with these of its articles, by their numbers, as it was `asked` for."""
    fields: dict[str, Output] = {}
    if given(asked, "DynamicFields"):
        fields = _dynamic_fields({name: ticket.dynamic_fields.get(name, "") for name in sorted(desk.fields)}, desk)
    whole = {**_ticket(ticket, desk), **fields}
    if not desk.dialect.flat_tickets:
        whole["TimeUnit"] = _number(sum((one.time_unit for one in ticket.articles), Decimal(0)))
    if articles:
        whole["Article"] = [
            {**_article(ticket, article, number, whole, desk), **_attachments(article, asked)}
            for number, article in articles
        ]
    return whole


def _ticket(ticket: Ticket, desk: Desk) -> dict[str, Output]:
    zero, agents = desk.dialect.zero, {login: number for number, login in desk.agents.items()}
    until = ticket.pending_until
    return {
        "Age": _seconds(ticket.created, desk.now()),
        "ArchiveFlag": "n",
        "ChangeBy": "2",
        "Changed": _time(ticket.changed),
        "CreateBy": "2",
        **({"CreateTimeUnix": _unix(ticket.created)} if desk.dialect.flat_tickets else {}),
        "Created": _time(ticket.created),
        "CustomerID": ticket.customer_id,
        "CustomerUserID": ticket.customer_user,
        "EscalationResponseTime": zero,
        "EscalationSolutionTime": zero,
        "EscalationTime": zero,
        "EscalationUpdateTime": zero,
        "GroupID": "1",
        "Lock": ticket.lock,
        "LockID": _id(stock.LOCKS, ticket.lock),
        "Owner": ticket.owner,
        "OwnerID": str(agents[ticket.owner]),
        "Priority": ticket.priority,
        "PriorityID": _id(stock.PRIORITIES, ticket.priority),
        "Queue": ticket.queue,
        "QueueID": _id(stock.QUEUES, ticket.queue),
        "RealTillTimeNotUsed": _unix(until) if until else zero,
        "Responsible": ticket.responsible,
        "ResponsibleID": str(agents[ticket.responsible]),
        **({"SLA": ticket.sla} if ticket.sla else {}),
        "SLAID": _id(stock.SLAS, ticket.sla),
        **({"Service": ticket.service} if ticket.service else {}),
        "ServiceID": _id(stock.SERVICES, ticket.service),
        "State": ticket.state,
        "StateID": _id(stock.STATES, ticket.state),
        "StateType": stock.STATE_TYPES[ticket.state],
        "TicketID": str(ticket.id),
        "TicketNumber": ticket.number,
        "Title": ticket.title,
        "Type": ticket.type,
        "TypeID": "1",
        "UnlockTimeout": _unix(ticket.created),
        "UntilTime": _left(ticket, desk.now(), desk.dialect),
    }


def _article(
    ticket: Ticket, article: Article, number: int, whole: Mapping[str, Output], desk: Desk
) -> dict[str, Output]:
    mime = article.content_type.partition(";")[0]
    named = re.search(r"charset=[\"']?([^\"';]+)", article.content_type)
    charset = named[1] if named else ""
    shared: dict[str, Output] = {
        "ArticleID": str(article.id),
        "Body": article.body,
        "Cc": "",
        "Charset": charset,
        "ContentCharset": charset,
        "ContentType": article.content_type,
        "From": article.sender,
        "InReplyTo": "",
        "IncomingTime": _unix(article.created),
        "MessageID": "",
        "MimeType": mime,
        "References": "",
        "ReplyTo": "",
        "SenderType": article.sender_type,
        "SenderTypeID": _id(stock.SENDERS, article.sender_type),
        "Subject": article.subject,
        "TicketID": str(ticket.id),
        "To": article.recipient,
    }
    if desk.dialect.flat_tickets:
        repeated = {name: value for name, value in whole.items() if name not in (*TICKET_ONLY, "Article")}
        return {**repeated, "SLA": ticket.sla, "Service": ticket.service, **shared, **_before_6(article, desk.now())}
    return {
        **shared,
        "ArticleNumber": str(number),
        "Bcc": "",
        "ChangeBy": "2",
        "ChangeTime": _time(article.created),
        "CommunicationChannelID": _id(stock.CHANNELS, article.channel),
        "CreateBy": "2",
        "CreateTime": _time(article.created),
        "IsVisibleForCustomer": "1" if article.visible else "0",
        "TimeUnit": _number(article.time_unit),
    }


def _before_6(article: Article, now: datetime) -> dict[str, Output]:
    age = _seconds(article.created, now)
    return {
        "Age": age,
        "AgeTimeUnix": age,
        "ArticleType": article.channel,
        "ArticleTypeID": _id(stock.ARTICLE_TYPES, article.channel),
        "CreateTimeUnix": _unix(article.created),
        "Created": _time(article.created),
        "CreatedBy": "2",
        "FromRealname": re.sub(r'^"?(.+?)"? <[^<>]*>$', r"\1", article.sender),
        "ToRealname": article.recipient,
    }


def _attachments(article: Article, asked: Struct) -> dict[str, Output]:
    if not (given(asked, "Attachments") and article.attachments):
        return {}
    contents = "GetAttachmentContents" not in asked or given(asked, "GetAttachmentContents")
    return {"Attachment": attachments.shown(article.attachments, contents=contents)}


def _dynamic_fields(values: Mapping[str, Texts], desk: Desk) -> dict[str, Output]:
    if desk.dialect.flat_tickets:
        return {f"DynamicField_{name}": value for name, value in values.items()}
    return {"DynamicField": [{"Name": name, "Value": value} for name, value in values.items()]}


def _left(ticket: Ticket, now: datetime, dialect: Dialect) -> str:
    return _seconds(now, ticket.pending_until) if ticket.pending_until else dialect.zero


def _id(values: Mapping[int, str], name: str) -> str:
    return next((str(number) for number, value in values.items() if value == name), "")


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _seconds(since: datetime, until: datetime) -> str:
    return str(int((until - since).total_seconds()))


def _unix(moment: datetime) -> str:
    return str(int(moment.timestamp()))


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
