"""What the house asks of OTRS's Ticket Connector, as elements of its operations.

Pure. Each OTRS is told what it knows: what its dialect has no word for is left out, and while the
dialect is not known, both of two ways to say a thing are sent, since each version ignores the one
that it does not know (recordings of 6.5, 4.0 and 3.1). What OTRS would cut without a word is cut
here, visibly; what is empty is left out, because OTRS 4 refuses it. A request that can't be right
is a Mistake, and `refusal` says so as OTRS would. What a search brings is to be looked at: `shown`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from agi_server.call import Refused
from agi_server.helpdesk import Article, Named, OpenTickets, Ticket, Update
from agi_server.otrs import soap, wording
from agi_server.otrs.dialect import WAYS, Dialect, Way
from agi_server.otrs.vocabulary import VOCABULARY, Place

TITLE_LENGTH = 255
"""Characters of a title; OTRS cuts a longer one silently."""
TEXT_LENGTH = 3800
"""Characters of a subject and of a dynamic field's value: the width of OTRS's columns."""
NO_AUTO_RESPONSE = "auto remove"
"""The AutoResponseType that no queue answers with. Without the element OTRS takes `auto reply`."""
NOT_SENT = "NotSent"
"""The code of what is refused by ourselves."""


@dataclass(frozen=True, slots=True)
class Hearer:
    """The OTRS that is spoken to."""

    dialect: Dialect | None = None
    zone: tzinfo = UTC
    """In which it takes times."""
    now: datetime | None = None
    """For one that takes no difference from now; None: there is none to be told."""

    @property
    def way(self) -> Way:
        return WAYS[self.dialect]


ANY = Hearer()


def creation(ticket: Ticket, call_field: str, hearer: Hearer = ANY) -> soap.Content:
    """TicketCreate's elements for a ticket that carries the call's id in that field, or in its title.

    The title is there from the ticket's first moment. A field is set before the article is made in
    OTRS 6, after it in 4 and 3.1 (the histories of recording 11): there, a ticket that is left
    behind because its article failed does not have it. Raises Mistake.
    """
    return _request("TicketCreate", _created(ticket, call_field, hearer), hearer)


def updating(update: Update, hearer: Hearer = ANY) -> soap.Content:
    """TicketUpdate's elements for an article that carries the ids of its calls. The ticket's own attributes stay.

    Raises Mistake.
    """
    values = {"TicketID": update.ticket_id, **_article(update.article, update.call_ids)}
    return _request("TicketUpdate", values, hearer)


def fits(call_ids: Sequence[str]) -> bool:
    """Is there room for so many calls in one subject? For 24 there always is: intake's ids have 150 characters."""
    return len(marked("…", TEXT_LENGTH, call_ids)) <= TEXT_LENGTH


def rehearsal(ticket: Ticket, call_field: str, hearer: Hearer = ANY) -> soap.Content:
    """The same with two mistakes at its end, so that it cannot succeed. Raises Mistake.

    OTRS checks ticket, rights, article, dynamic fields and attachments in this order, and makes
    nothing before all of them are right. A field without a value comes last of the fields; should
    an administrator's mapping drop it, there is an attachment without content and name.
    """
    elements = creation(ticket, call_field, hearer)
    fields = elements.get("DynamicField", ())
    assert isinstance(fields, (list, tuple))
    return {
        **elements,
        "DynamicField": [*fields, {"Name": call_field or "Rehearsal"}],
        "Attachment": {"ContentType": "text/plain"},
    }


def field_probe(ticket_id: str, field: str) -> soap.Values:
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
    "Ticket->PendingTi": "pending_time",  # 3.1 writes PendingTimne
    "Article->Subject": "subject",
    "Article->Body": "body",
    "Article->SenderType": "sender_type",
    "Article->HistoryType": "history_type",
    "Article->HistoryComment": "history_comment",
    "Article->AutoResponseType": "auto_response",
    "Article->From": "from_address",
    "Article->ContentType": "content_type",
    "Article->CommunicationChannel": "communication_channel",
    "Article->ArticleType": "article_type",
    "Article->TimeUnit": "time_unit",
    "Article->NoAgent": "no_agent_notify",
    "Article->ForceNotificationToUserID": "force_notification_to",
    "Article->ExcludeNotificationToUserID": "exclude_notification_to",
    "Article->ExcludeMuteNotificationToUserID": "exclude_mute_notification_to",
    "DynamicField->": "dynamic_fields",
    "Attachment->": "attachments",
    "Attahcment->": "attachments",  # 3.1
    "access to the ticket": "ticket_id",
    "permissions to create new articles": "ticket_id",
}


def refusal(operation: str, mistake: wording.Mistake) -> Refused:
    """The mistake as OTRS would tell it, had it been asked."""
    name, _, more = mistake.element.partition(" ")
    element = VOCABULARY.get(operation, {}).get(name)
    place = f"{element.place.value}->{name}" if element and element.place is not Place.TOP else f"{name}->{more}"
    return Refused(NOT_SENT, f"{place}: {mistake.words}")


def at_fault(refused: Refused) -> str:
    """The field of Ticket, Update or Article that OTRS objects to, or nothing. Its name is only in OTRS's words."""
    return next((field for words, field in _OBJECTIONS.items() if words in refused.words), "")


def search(call_id: str, call_field: str, age: timedelta | None, hearer: Hearer = ANY) -> soap.Values:
    """TicketSearch's elements for the tickets that carry this call's id and are no older than `age` (None: all).

    OTRS counts the age by its own clock: its time zone and a wrong clock on its side play no part.
    """
    if call_field:
        criterion: wording.Values = {"DynamicField": {call_field: call_id}}
    else:
        # A title is searched by an expression: what could be an operator in it becomes a wildcard. Square brackets
        # are none (QueryCondition in Kernel/System/DB.pm, 3.1 to 6.5), and keep 1.4 from finding 1.40 to 1.49.
        criterion = {"Title": f"*[{re.sub(r'[^A-Za-z0-9.-]', '*', call_id)}]*"}
    window = {} if age is None else {"TicketCreateTimeNewerMinutes": age}
    return _request("TicketSearch", {**criterion, **window}, hearer)


def open_search(wanted: OpenTickets, hearer: Hearer = ANY) -> soap.Values | None:
    """TicketSearch's elements for open tickets, the one changed last first; None where OTRS would find anybody's."""
    if wanted.customer_user:
        name, expression = "CustomerUserLogin", _literal(wanted.customer_user)
    else:
        # One expression, since OTRS 3.1 ignores a number that is repeated.
        name, expression = "TicketNumber", "||".join(map(_literal, filter(None, wanted.ticket_numbers)))
    if not expression or not wanted.states:
        return None
    criteria = {
        name: expression,
        "States": wanted.states,
        **({f"Queue{'ID' * isinstance(wanted.queue, int)}s": wanted.queue} if wanted.queue else {}),
        # Something in its history, such as an article. TicketLastChangeTime is a column that other code has to move.
        "TicketChangeTimeNewerMinutes": wanted.within,
        "SortBy": "Changed",
        "OrderBy": "Down",
    }
    return _request("TicketSearch", criteria, hearer)


def latest_articles(ticket_id: str, number: int) -> soap.Values:
    """TicketGet's elements for a ticket with so many of its articles, the newest first."""
    return {"TicketID": ticket_id, "AllArticles": "1", "ArticleOrder": "DESC", "ArticleLimit": str(number)}


def mark(call_id: str) -> str:
    """How a title or a subject carries the id: in brackets, so that 1.4 is not found in 1.42."""
    return f"[{soap.clean(call_id)}]"


def marked(text: str, length: int, call_ids: Iterable[str]) -> str:
    """The text on one line, cut so that the marks of these calls fit at its end."""
    marks = "".join(f" {mark(call_id)}" for call_id in call_ids)
    return (_cut(_one_line(text), length - len(marks)) + marks).lstrip()


def _request(operation: str, values: wording.Values, hearer: Hearer) -> soap.Content:
    """What this OTRS has a word for."""
    known, dialect = VOCABULARY[operation], hearer.dialect
    understood = {name: value for name, value in values.items() if dialect is None or dialect in known[name].dialects}
    return wording.request(operation, understood, dialect, hearer.zone)


def _created(ticket: Ticket, call_field: str, hearer: Hearer) -> dict[str, object]:
    way = hearer.way
    in_title = (ticket.call_id,) if way.title_carries or not call_field else ()
    pending = ticket.pending_time
    if isinstance(pending, timedelta) and not way.difference and hearer.now is not None:
        pending = hearer.now + pending
    return {
        **_filled(
            {
                "Title": marked(ticket.title, TITLE_LENGTH, in_title),
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
        ),
        **({} if pending is None else {"PendingTime": pending}),
        **_article(ticket.article, ()),
        "DynamicField": _dynamic_fields(ticket, call_field),
    }


def _article(article: Article, call_ids: Iterable[str]) -> dict[str, object]:
    """It is the same for a new ticket and for one that is there."""
    lists = {
        "ForceNotificationToUserID": article.force_notification_to,
        "ExcludeNotificationToUserID": article.exclude_notification_to,
        "ExcludeMuteNotificationToUserID": article.exclude_mute_notification_to,
        "Attachment": article.attachments,
    }
    return {
        **_filled(
            {
                "CommunicationChannel": article.communication_channel,
                "ArticleType": article.article_type,
                "SenderType": article.sender_type,
                "From": _one_line(article.from_address),
                "Subject": marked(article.subject, TEXT_LENGTH, call_ids),
                "Body": article.body,
                "ContentType": article.content_type,
                "HistoryType": article.history_type,
                "HistoryComment": article.history_comment,
                "AutoResponseType": article.auto_response or NO_AUTO_RESPONSE,
                "TimeUnit": article.time_unit,
            }
        ),
        "IsVisibleForCustomer": article.visible_for_customer,
        # To say no would have agents told whom OTRS would spare by itself.
        **({"NoAgentNotify": True} if article.no_agent_notify else {}),
        **{name: several for name, several in lists.items() if several},
    }


def _dynamic_fields(ticket: Ticket, call_field: str) -> dict[str, str | list[str]]:
    fields = {name: _values(value) for name, value in ticket.dynamic_fields.items() if name != call_field}
    if call_field:
        fields[call_field] = ticket.call_id
    return {name: value for name, value in fields.items() if value}


def _values(value: str | tuple[str, ...]) -> str | list[str]:
    if isinstance(value, str):
        return _cut(value, TEXT_LENGTH)
    return [_cut(one, TEXT_LENGTH) for one in value if one]


def _filled(elements: Mapping[str, Named]) -> dict[str, Named]:
    """Those that have a value; what is given by its ID has an element of its own."""
    return {name if isinstance(value, str) else f"{name}ID": value for name, value in elements.items() if value != ""}


def _literal(text: str) -> str:
    """As an expression that finds this text. Between quotes nothing is an operator, and a quote becomes a wildcard."""
    return '"{}"'.format(text.replace('"', "*"))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: max(0, length - 1)]}…"
