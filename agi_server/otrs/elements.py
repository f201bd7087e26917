"""The Ticket Connector's elements: what TicketCreate, TicketUpdate, TicketSearch and TicketGet are sent.

Pure. One request serves every OTRS: of two ways to say a thing both are sent, since each version
ignores the one that it does not know (recordings of 6.5, 4.0 and 3.1). What OTRS would cut without
a word is cut here, visibly; an element that is empty is left out, because OTRS 4 refuses it.
What a search brings is to be looked at: see `shown`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from agi_server.call import Article, Named, OpenTickets, Refused, Ticket, Update
from agi_server.otrs import soap

TITLE_LENGTH = 255
"""Characters of a title; OTRS cuts a longer one silently."""
TEXT_LENGTH = 3800
"""Characters of a subject and of a dynamic field's value: the width of OTRS's columns."""
NO_AUTO_RESPONSE = "auto remove"
"""The AutoResponseType that no queue answers with. Without the element OTRS takes `auto reply`."""

Elements: TypeAlias = dict[str, "str | soap.Values | Sequence[str | soap.Values]"]


def creation(ticket: Ticket, call_field: str) -> Elements:
    """TicketCreate's elements for a ticket that carries the call's id in that field, or in its title.

    The title is there from the ticket's first moment. A field is set before the article is made in
    OTRS 6, after it in 4 and 3.1 (the histories of recording 11): there, a ticket that is left
    behind because its article failed does not have it.
    """
    return {
        "Ticket": _ticket(ticket, call_field),
        "Article": _article(ticket.article, ()),
        "DynamicField": _dynamic_fields(ticket, call_field),
    }


def updating(update: Update) -> Elements:
    """TicketUpdate's elements for an article that carries the ids of its calls. The ticket's own attributes stay."""
    return {"TicketID": update.ticket_id, "Article": _article(update.article, update.call_ids)}


def fits(call_ids: Sequence[str]) -> bool:
    """Is there room for so many calls in one subject? For 24 there always is: intake's ids have 150 characters."""
    return len(marked("…", TEXT_LENGTH, call_ids)) <= TEXT_LENGTH


def rehearsal(ticket: Ticket, call_field: str) -> Elements:
    """The same with two mistakes at its end, so that it cannot succeed.

    OTRS checks ticket, rights, article, dynamic fields and attachments in this order, and makes
    nothing before all of them are right. A field without a value comes last of the fields; should
    an administrator's mapping drop it, there is an attachment without content and name.
    """
    elements = creation(ticket, call_field)
    incomplete: soap.Values = {"Name": call_field or "Rehearsal"}
    return {
        **elements,
        "DynamicField": [*_dynamic_fields(ticket, call_field), incomplete],
        "Attachment": {"ContentType": "text/plain"},
    }


def field_probe(ticket_id: str, field: str) -> Elements:
    """TicketUpdate's elements that OTRS refuses for the field if it does not have it, and else for a value missing."""
    return {"TicketID": ticket_id, "DynamicField": [{"Name": field, "Value": "1"}, {"Name": field}]}


def passed_rehearsal(refused: Refused) -> bool:
    """OTRS objects to nothing but what was made wrong on purpose."""
    return re.search(r"\b(DynamicField->Value|Attachment->\w+)\s+parameter is missing", refused.words) is not None


_OBJECTIONS = {
    "Ticket->Title": "title",
    "Ticket->Queue": "queue",
    "Queue or QueueID": "queue",
    "Ticket->State": "state",
    "Ticket->Priority": "priority",
    "Ticket->CustomerUser": "customer_user",
    "Ticket->Type": "type",
    "Ticket->Service": "service",
    "Ticket->SLA": "sla",
    "Ticket->Owner": "owner",
    "Ticket->Responsible": "responsible",
    "Ticket->Lock": "lock",
    "Article->Subject": "subject",
    "Article->Body": "body",
    "Article->SenderType": "sender_type",
    "Article->HistoryType": "history_type",
    "Article->AutoResponseType": "auto_response",
    "DynamicField->": "dynamic_fields",
    "access to the ticket": "ticket_id",
    "permissions to create new articles": "ticket_id",
}


def at_fault(refused: Refused) -> str:
    """The field of Ticket, Update or Article that OTRS objects to, or nothing. Its name is only in OTRS's words."""
    return next((field for words, field in _OBJECTIONS.items() if words in refused.words), "")


def search(call_id: str, call_field: str) -> Elements:
    """TicketSearch's elements for the tickets that carry this call's id."""
    if not call_field:
        # A title is searched by an expression: what could be an operator in it becomes a wildcard. Square brackets
        # are none (QueryCondition in Kernel/System/DB.pm, 3.1 to 6.5), and keep 1.4 from finding 1.40 to 1.49.
        return {"Title": f"*[{re.sub(r'[^A-Za-z0-9.-]', '*', call_id)}]*"}
    return {
        "DynamicField": {"Name": call_field, "Equals": call_id},
        f"DynamicField_{call_field}": {"Equals": call_id},  # OTRS 5 and before
    }


def open_search(wanted: OpenTickets) -> Elements | None:
    """TicketSearch's elements for open tickets, the one changed last first; None where OTRS would find anybody's."""
    if wanted.customer_user:
        name, expression = "CustomerUserLogin", _literal(wanted.customer_user)
    else:
        # One expression, since OTRS 3.1 ignores a number that is repeated.
        name, expression = "TicketNumber", "||".join(map(_literal, filter(None, wanted.ticket_numbers)))
    if not expression or not wanted.states:
        return None
    return {
        name: expression,
        "States": wanted.states,
        **({f"Queue{'ID' * isinstance(wanted.queue, int)}s": str(wanted.queue)} if wanted.queue else {}),
        # Something in its history, such as an article. TicketLastChangeTime is a column that other code has to move.
        "TicketChangeTimeNewerMinutes": str(math.ceil(wanted.within.total_seconds() / 60)),
        "SortBy": "Changed",
        "OrderBy": "Down",
    }


def latest_articles(ticket_id: str, number: int) -> Elements:
    """TicketGet's elements for a ticket with so many of its articles, the newest first."""
    return {"TicketID": ticket_id, "AllArticles": "1", "ArticleOrder": "DESC", "ArticleLimit": str(number)}


def mark(call_id: str) -> str:
    """How a title or a subject carries the id: in brackets, so that 1.4 is not found in 1.42."""
    return f"[{soap.clean(call_id)}]"


def _literal(text: str) -> str:
    """As an expression that finds this text. Between quotes nothing is an operator, and a quote becomes a wildcard."""
    return '"{}"'.format(text.replace('"', "*"))


def _ticket(ticket: Ticket, call_field: str) -> soap.Values:
    return _filled(
        {
            "Title": marked(ticket.title, TITLE_LENGTH, () if call_field else (ticket.call_id,)),
            "Queue": ticket.queue,
            "State": ticket.state,
            "Priority": ticket.priority,
            "CustomerUser": ticket.customer_user,
            "CustomerID": ticket.customer_id,
            "Type": ticket.type,
            "Service": ticket.service,
            "SLA": ticket.sla,
            "Owner": ticket.owner,
            "Responsible": ticket.responsible,
            "Lock": ticket.lock,
        }
    )


def _article(article: Article, call_ids: Iterable[str]) -> soap.Values:
    return _filled(
        {
            "CommunicationChannel": "Phone",
            "ArticleType": "phone",  # OTRS 5 and before
            "IsVisibleForCustomer": "1" if article.visible_for_customer else "0",
            "SenderType": article.sender_type,
            "Subject": marked(article.subject, TEXT_LENGTH, call_ids),
            "Body": article.body,
            "ContentType": "text/plain; charset=utf8",  # OTRS 4 and before refuse `utf-8`
            "HistoryType": article.history_type,
            "HistoryComment": article.history_comment,
            "AutoResponseType": article.auto_response or NO_AUTO_RESPONSE,
        }
    )


def _dynamic_fields(ticket: Ticket, call_field: str) -> list[soap.Values]:
    values = {name: value for name, value in ticket.dynamic_fields.items() if value}
    if call_field:
        values[call_field] = ticket.call_id
    return [{"Name": name, "Value": _values(value)} for name, value in values.items()]


def _values(value: str | tuple[str, ...]) -> str | list[str]:
    return _cut(value, TEXT_LENGTH) if isinstance(value, str) else [_cut(one, TEXT_LENGTH) for one in value]


def _filled(elements: Mapping[str, Named]) -> dict[str, str]:
    """Those that have a value; what is given by its ID has an element of its own."""
    return {
        name if isinstance(value, str) else f"{name}ID": str(value) for name, value in elements.items() if value != ""
    }


def marked(text: str, length: int, call_ids: Iterable[str]) -> str:
    """The text on one line, cut so that the marks of these calls fit at its end."""
    marks = "".join(f" {mark(call_id)}" for call_id in call_ids)
    return (_cut(_one_line(text), length - len(marks)) + marks).lstrip()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: max(0, length - 1)]}…"
