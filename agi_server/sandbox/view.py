"""A ticket as TicketGet shows it: every element that OTRS gives, most of them constant here."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from agi_server.sandbox import stock
from agi_server.sandbox.envelope import Output
from agi_server.sandbox.tickets import Article, Ticket


def ticket_fields(
    ticket: Ticket,
    fields: Collection[str],
    articles: Sequence[tuple[int, Article]],
    agents: Mapping[str, int],
    now: datetime,
) -> dict[str, Output]:
    """The ticket's elements, with the dynamic fields of these names and these of its articles, by their numbers."""
    shown: dict[str, Output] = {
        "Age": str(int((now - ticket.created).total_seconds())),
        "ArchiveFlag": "n",
        "ChangeBy": "2",
        "Changed": _time(ticket.changed),
        "CreateBy": "2",
        "Created": _time(ticket.created),
        "CustomerID": ticket.customer_id,
        "CustomerUserID": ticket.customer_user,
        "EscalationResponseTime": "0",
        "EscalationSolutionTime": "0",
        "EscalationTime": "0",
        "EscalationUpdateTime": "0",
        "GroupID": "1",
        "Lock": ticket.lock,
        "LockID": _id(stock.LOCKS, ticket.lock),
        "Owner": ticket.owner,
        "OwnerID": str(agents[ticket.owner]),
        "Priority": ticket.priority,
        "PriorityID": _id(stock.PRIORITIES, ticket.priority),
        "Queue": ticket.queue,
        "QueueID": _id(stock.QUEUES, ticket.queue),
        "RealTillTimeNotUsed": "0",
        "Responsible": ticket.responsible,
        "ResponsibleID": str(agents[ticket.responsible]),
        "SLAID": "",
        "ServiceID": "",
        "State": ticket.state,
        "StateID": _id(stock.STATES, ticket.state),
        "StateType": stock.STATE_TYPES[ticket.state],
        "TicketID": str(ticket.id),
        "TicketNumber": ticket.number,
        "TimeUnit": "0",
        "Title": ticket.title,
        "Type": ticket.type,
        "TypeID": _id(stock.TYPES, ticket.type),
        "UnlockTimeout": str(int(ticket.created.timestamp())),
        "UntilTime": "0",
    }
    if fields:
        shown["DynamicField"] = [
            {"Name": name, "Value": ticket.dynamic_fields.get(name, "")} for name in sorted(fields)
        ]
    if articles:
        shown["Article"] = [_article_fields(ticket, article, number) for number, article in articles]
    return shown


def _article_fields(ticket: Ticket, article: Article, number: int) -> dict[str, Output]:
    mime = article.content_type.partition(";")[0]
    named = re.search(r"charset=[\"']?([^\"';]+)", article.content_type)
    charset = named[1] if named else ""
    return {
        "ArticleID": str(article.id),
        "ArticleNumber": str(number),
        "Bcc": "",
        "Body": article.body,
        "Cc": "",
        "ChangeBy": "2",
        "ChangeTime": _time(article.created),
        "Charset": charset,
        "CommunicationChannelID": _id(stock.CHANNELS, article.channel),
        "ContentCharset": charset,
        "ContentType": article.content_type,
        "CreateBy": "2",
        "CreateTime": _time(article.created),
        "From": article.sender,
        "InReplyTo": "",
        "IncomingTime": str(int(article.created.timestamp())),
        "IsVisibleForCustomer": "1" if article.visible else "0",
        "MessageID": "",
        "MimeType": mime,
        "References": "",
        "ReplyTo": "",
        "SenderType": article.sender_type,
        "SenderTypeID": _id(stock.SENDERS, article.sender_type),
        "Subject": article.subject,
        "TicketID": str(ticket.id),
        "TimeUnit": "0",
        "To": article.recipient,
    }


def _id(values: Mapping[int, str], name: str) -> str:
    return next(str(number) for number, value in values.items() if value == name)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
