"""What the help desk is asked for: a ticket, an article on an open one, which open tickets there are.

Pure. The names are those of OTRS's Ticket Connector; how each OTRS wants them said is the doors' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

Named: TypeAlias = str | int
"""What OTRS knows by its name, or by its ID."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with an article."""

    filename: str
    content_type: str
    """Of a text with its charset: `text/plain; charset=utf8`."""
    content: bytes = b""
    file: str = ""
    """The path of the file that it is read from while it is sent; empty: it is the `content`."""


@dataclass(frozen=True, slots=True)
class Article:
    """A ticket's first article: the note of the call. Names are TicketCreate's own."""

    subject: str
    body: str
    sender_type: Named = "customer"
    visible_for_customer: bool = False
    history_type: str = "PhoneCallCustomer"
    history_comment: str = "Phone call through Asterisk"
    auto_response: str = ""
    """`AutoResponseType`; empty sends the customer nothing."""
    from_address: str = ""
    """`From`: an e-mail address; empty: OTRS takes the customer's."""
    content_type: str = "text/plain; charset=utf8"
    """Of the body."""
    communication_channel: Named = "Phone"
    """OTRS 6 and after."""
    article_type: Named = "phone"
    """OTRS 5 and before."""
    time_unit: str = ""
    """Time units spent; empty: none."""
    no_agent_notify: bool = False
    """No agent is told of this article."""
    force_notification_to: tuple[int, ...] = ()
    """IDs of agents who are told in any case."""
    exclude_notification_to: tuple[int, ...] = ()
    """IDs of agents who are not told."""
    exclude_mute_notification_to: tuple[int, ...] = ()
    """IDs of agents who are not told, and of whom OTRS says nothing in the ticket's history."""
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Ticket:
    """What TicketCreate is asked for. A text that is empty is left out of the request."""

    call_id: str
    """The call's unique id: goes into the call field, and is what `HelpDesk.find` looks for."""
    title: str
    queue: Named
    state: Named
    priority: Named
    customer_user: str
    customer_id: str
    article: Article
    type: Named = ""
    service: Named = ""
    sla: Named = ""
    owner: Named = ""
    responsible: Named = ""
    lock: Named = ""
    pending_time: timedelta | datetime | None = None
    """Until when a state of the type `pending` lasts, from now on or as a time (aware); None: no such state."""
    dynamic_fields: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    """Each with its text, or, if OTRS's administrator has made it a multiselect, its texts."""
    number: str = ""
    """The `TicketNumber`, where `HelpDesk.reserve` gave one."""


@dataclass(frozen=True, slots=True)
class Update:
    """What TicketUpdate is asked for: an article about calls, on a ticket that is open."""

    ticket_id: str
    call_ids: tuple[str, ...]
    """Go into the article's subject, and are what `HelpDesk.find_update` looks for."""
    article: Article


@dataclass(frozen=True, slots=True)
class OpenTickets:
    """The tickets that a repeated call may belong to: of these, those that a call made and OTRS says are open."""

    states: tuple[str, ...]
    """By their names."""
    within: timedelta
    """Since something last happened on the ticket."""
    customer_user: str = ""
    """Tickets of this login; or, if it is empty,"""
    ticket_numbers: tuple[str, ...] = ()
    """those with these numbers."""
    queue: Named = ""
    """By its full name or ID; empty: in any."""
