"""Tickets in memory: what they are made of, and the store that numbers and keeps them.

Which request makes a valid ticket is connector.py's duty, finding them by criteria search.py's. The newest
10,000 are kept, older ones are forgotten. As on a fresh OTRS a ticket stands there from the start: a
search that returns everything is never mistaken for one that found nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from agi_server.sandbox.attachments import Attachment
from agi_server.sandbox.stock import ADMIN

KEPT = 10_000
TITLE_CHARACTERS = 255
SYSTEM_ID = "10"

Texts: TypeAlias = str | tuple[str, ...]
"""A dynamic field's value, or, where it may have several, its values."""


@dataclass(slots=True)
class Article:
    """A note on a ticket."""

    id: int
    subject: str
    body: str
    content_type: str
    channel: str
    """Or the ArticleType, in OTRS 5 and before."""
    sender_type: str
    visible: bool
    sender: str
    """`From` as OTRS fills it in: the customer, or the agent's name."""
    recipient: str
    history_type: str
    history_comment: str
    created: datetime
    time_unit: Decimal = Decimal(0)
    attachments: tuple[Attachment, ...] = ()


@dataclass(slots=True)
class Ticket:
    """A ticket as the agent sees it."""

    id: int
    number: str
    title: str
    queue: str
    state: str
    priority: str
    customer_user: str
    customer_id: str
    created: datetime
    changed: datetime
    owner: str
    responsible: str = ADMIN
    type: str = "Unclassified"
    service: str = ""
    sla: str = ""
    lock: str = "unlock"
    pending_until: datetime | None = None
    closed: datetime | None = None
    dynamic_fields: dict[str, Texts] = field(default_factory=dict)
    articles: list[Article] = field(default_factory=list)


class Store:
    """All tickets, by ID."""

    def __init__(self, now: datetime) -> None:
        self._tickets: dict[int, Ticket] = {}
        self._last_ticket = 0
        self._last_article = 0
        self.add("Znuny says hi!", "Raw", "new", "3 normal", "", "", ADMIN, now)

    def __iter__(self) -> Iterator[Ticket]:
        return iter(self._tickets.values())

    def __len__(self) -> int:
        return len(self._tickets)

    def add(
        self,
        title: str,
        queue: str,
        state: str,
        priority: str,
        customer_user: str,
        customer_id: str,
        owner: str,
        now: datetime,
    ) -> Ticket:
        """A new ticket with the next ID and number; its title is cut as the database cuts it."""
        self._last_ticket += 1
        ticket = Ticket(
            id=self._last_ticket,
            number=ticket_number(now, self._last_ticket),
            title=storable(title)[:TITLE_CHARACTERS],
            queue=queue,
            state=state,
            priority=priority,
            customer_user=customer_user,
            customer_id=customer_id,
            created=now,
            changed=now,
            owner=owner,
        )
        self._tickets[ticket.id] = ticket
        if len(self._tickets) > KEPT:
            del self._tickets[min(self._tickets)]
        return ticket

    def next_article_id(self) -> int:
        """Articles are numbered across all tickets."""
        self._last_article += 1
        return self._last_article

    def get(self, ticket_id: str) -> Ticket | None:
        """The ticket with this ID."""
        return self._tickets.get(int(ticket_id)) if re.fullmatch(r"[0-9]{1,18}", ticket_id) else None

    def numbered(self, number: str) -> Ticket | None:
        """The ticket with this number."""
        return next((ticket for ticket in self if ticket.number == number), None)


def ticket_number(day: datetime, counter: int) -> str:
    """OTRS's stock form: date, system ID, counter, and a digit that checks them."""
    number = f"{day:%Y%m%d}{SYSTEM_ID}{counter:05d}"
    weighed = sum(int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(number))
    check = 10 - weighed % 10
    return number + str(1 if check == 10 else check)


def storable(value: str) -> str:
    """The text as a utf8mb3 column keeps it: characters of four bytes are lost."""
    return re.sub("[\U00010000-\U0010ffff]", "\ufffd", value)


def one_line(value: str) -> str:
    """The text without its line breaks, which OTRS drops from a subject."""
    return re.sub(r"[\r\n]", "", value)


def plain_lines(value: str) -> str:
    """The text with line feeds only, as OTRS keeps an article's body; a lone carriage return stays."""
    return re.sub(r"\n\r|\r\r\n|\r\n", "\n", value)
