"""The ticket that the tests ask OTRS for, and the reasons that more than one of them expects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agi_server.helpdesk import Article, Ticket

GONE = "OTRS closed the connection without an answer (no such web service, or no database?)"
NOT_HTTP = "OTRS answered something that is not HTTP (is its database down?)"

TICKET = Ticket(
    call_id="1700000000.42",
    title="Call from +79161229624",
    queue="HelpDesk",
    state="new",
    priority="3 normal",
    customer_user="ivanov",
    customer_id="ROMASHKA",
    article=Article(subject="Звонок", body="Звонил абонент\n  с +79161229624"),
)


def ticket(**changes: Any) -> Ticket:
    """That ticket with changes; those of `article` are changes too."""
    article = replace(TICKET.article, **changes.pop("article", {}))
    return replace(TICKET, article=article, **changes)
