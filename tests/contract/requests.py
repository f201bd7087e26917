"""A good request, its changes, and what tests ask a server for again and again."""

from __future__ import annotations

from typing import Any

from tests.contract.wire import Answer, Node, Server

TICKET: dict[str, Any] = {
    "Title": "Звонок с 89161229624",
    "Queue": "HelpDesk",
    "State": "new",
    "Priority": "3 normal",
    "CustomerUser": "ivanov",
}
ARTICLE: dict[str, Any] = {
    "CommunicationChannel": "Phone",
    "IsVisibleForCustomer": "0",
    "SenderType": "customer",
    "Subject": "Звонок с 89161229624",
    "Body": "Звонил <b>абонент</b> & «просил» перезвонить",
    "ContentType": "text/plain; charset=utf8",
    "HistoryType": "PhoneCallCustomer",
    "HistoryComment": "Phone call through Asterisk",
}


def creation(*, ticket: Node | None = None, article: Node | None = None, **more: Any) -> Node:
    """A good TicketCreate, with other values where they are given; None takes an element out."""
    changed = [{**TICKET, **(ticket or {})}, {**ARTICLE, **(article or {})}]
    wanted = [{name: value for name, value in each.items() if value is not None} for each in changed]
    return {"Ticket": wanted[0], "Article": wanted[1], **more}


def call_field(value: str) -> dict[str, str]:
    """The field that carries a call's unique id."""
    return {"Name": "AsteriskUniqueID", "Value": value}


async def created(otrs: Server, **changes: Any) -> str:
    """Make a ticket and give its ID."""
    answer = await otrs.call("TicketCreate", creation(**changes))
    assert answer.error == ("", "")
    return answer.text("TicketID")


async def shown(otrs: Server, ticket_id: str) -> Answer:
    """The ticket with all that TicketGet tells."""
    return await otrs.call("TicketGet", {"TicketID": ticket_id, "DynamicFields": "1", "AllArticles": "1"})


def field_of(ticket: Answer) -> str:
    """The call field's value in a TicketGet's answer."""
    return dict(zip(ticket.texts("Name"), ticket.texts("Value"), strict=True))["AsteriskUniqueID"]


async def found(otrs: Server, **criteria: Any) -> list[str]:
    """The tickets that TicketSearch finds."""
    answer = await otrs.call("TicketSearch", criteria)
    assert answer.error == ("", "")
    return answer.texts("TicketID")
