"""The Ticket Connector's elements: what TicketCreate and TicketSearch are sent, what TicketGet shows.

Pure. One request serves every OTRS: of two ways to say a thing both are sent, since each version
ignores the one that it does not know (recordings of 6.5, 4.0 and 3.1). What OTRS would cut without
a word is cut here, visibly; an element that is empty is left out, because OTRS 4 refuses it.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from agi_server.call import Article, Refused, Ticket
from agi_server.otrs import soap

TITLE_LENGTH = 255
"""Characters of a title; OTRS cuts a longer one silently."""
TEXT_LENGTH = 3800
"""Characters of a subject and of a dynamic field's value: the width of OTRS's columns."""
NO_AUTO_RESPONSE = "auto remove"
"""The AutoResponseType that no queue answers with. Without the element OTRS takes `auto reply`."""

Elements: TypeAlias = dict[str, "str | soap.Values | list[soap.Values]"]


def creation(ticket: Ticket, call_field: str) -> Elements:
    """TicketCreate's elements for a ticket that carries the call's id in that field, or in its title.

    The title is there from the ticket's first moment. A field is set before the article is made in
    OTRS 6, after it in 4 and 3.1 (the histories of recording 11): there, a ticket that is left
    behind because its article failed does not have it.
    """
    return {
        "Ticket": _ticket(ticket, call_field),
        "Article": _article(ticket.article),
        "DynamicField": _dynamic_fields(ticket, call_field),
    }


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
}


def at_fault(refused: Refused) -> str:
    """The field of Ticket or Article that OTRS objects to, or nothing. Its name is only in OTRS's words."""
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


def has_field(ticket: soap.Fields, name: str) -> bool:
    """Does this ticket have the dynamic field, be it empty? OTRS shows all that exist."""
    return f"DynamicField_{name}" in ticket or any(
        soap.text(field, "Name") == name for field in soap.records(ticket, "DynamicField")
    )


def carries(ticket: soap.Fields, call_id: str, call_field: str) -> bool:
    """Is this the ticket of that call? A search also finds what is merely alike."""
    if not call_field:
        return _mark(call_id) in soap.text(ticket, "Title")
    values = soap.texts(ticket, f"DynamicField_{call_field}")  # OTRS 5 and before
    for field in soap.records(ticket, "DynamicField"):
        if soap.text(field, "Name") == call_field:
            values += soap.texts(field, "Value")
    wanted = soap.clean(call_id).strip()
    return bool(wanted) and wanted in values  # a ticket that no call made has an empty field


def _ticket(ticket: Ticket, call_field: str) -> soap.Values:
    return _filled(
        {
            "Title": _title(ticket.title, "" if call_field else _mark(ticket.call_id)),
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


def _article(article: Article) -> soap.Values:
    return _filled(
        {
            "CommunicationChannel": "Phone",
            "ArticleType": "phone",  # OTRS 5 and before
            "IsVisibleForCustomer": "1" if article.visible_for_customer else "0",
            "SenderType": article.sender_type,
            "Subject": _cut(_one_line(article.subject), TEXT_LENGTH),
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
    return [{"Name": name, "Value": _cut(value, TEXT_LENGTH)} for name, value in values.items()]


def _filled(elements: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in elements.items() if value}


def _mark(call_id: str) -> str:
    """How a title carries the id: in brackets, so that 1.4 is not found in 1.42."""
    return f"[{soap.clean(call_id)}]"


def _title(title: str, mark: str) -> str:
    if not mark:
        return _cut(_one_line(title), TITLE_LENGTH)
    return f"{_cut(_one_line(title), TITLE_LENGTH - len(mark) - 1)} {mark}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: max(0, length - 1)]}…"
