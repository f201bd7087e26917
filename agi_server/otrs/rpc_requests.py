"""What rpc.pl's methods are given: a ticket, its article, and the searches for both.

Pure. rpc.pl checks nothing and fills nothing in, so all that OTRS wants is here: the lock, an owner, the
customer's ID. Title and subject carry the ids of their calls; by them tickets and articles are found, for
dynamic fields are out of reach. An article's MessageID is made of its calls' ids as well.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agi_server.call import Created, Customer
from agi_server.helpdesk import Article, Named, OpenTickets, Ticket
from agi_server.otrs import soap
from agi_server.otrs.elements import TEXT_LENGTH, TITLE_LENGTH, marked
from agi_server.otrs.rpc_messages import Parameters, Value

NO_TICKET = "no ticket has this number"
"""Asked for by its number, it makes OTRS tell whether its database answers."""


@dataclass(frozen=True, slots=True)
class People:
    """Whom a ticket names, as OTRS knows them."""

    customer_id: str = ""
    customer_name: str = ""
    owner_id: Named | None = None
    responsible_id: Named | None = None


def ticket(wanted: Ticket, people: People, user_id: int) -> Parameters:
    """TicketCreate's, in this agent's name. Whose ticket has an owner of its own is locked, as OTRS does itself."""
    return _filled(
        {
            "TN": wanted.number,
            "Title": marked(wanted.title, TITLE_LENGTH, (wanted.call_id,)),
            **_named("Queue", wanted.queue),
            **_named("State", wanted.state),
            **_named("Priority", wanted.priority),
            **_named("Lock", wanted.lock or ("lock" if people.owner_id else "unlock")),
            **_named("Type", wanted.type),
            **_named("Service", wanted.service),
            **_named("SLA", wanted.sla),
            "CustomerID": people.customer_id,
            "CustomerUser": wanted.customer_user,
            "OwnerID": people.owner_id or user_id,
            "ResponsibleID": people.responsible_id or "",
            "UserID": user_id,
        }
    )


def article(
    wanted: Article, call_ids: Sequence[str], target: Created, user_id: int, *, sender: str, to: str
) -> Parameters:
    """ArticleCreate's, about these calls. Without AutoResponseType OTRS writes to nobody."""
    return {
        "TicketID": target.ticket_id,
        **_named("ArticleType", wanted.article_type),
        **_named("SenderType", wanted.sender_type),
        **_filled(
            {
                "From": wanted.from_address or sender,
                "To": to,
                "AutoResponseType": wanted.auto_response,
                "NoAgentNotify": 1 if wanted.no_agent_notify else "",
                "ForceNotificationToUserID": wanted.force_notification_to,
                "ExcludeNotificationToUserID": wanted.exclude_notification_to,
                "ExcludeMuteNotificationToUserID": wanted.exclude_mute_notification_to,
            }
        ),
        "Subject": marked(wanted.subject, TEXT_LENGTH, call_ids),
        "Body": wanted.body,
        "MessageID": message_id(call_ids, target.ticket_number),
        "ContentType": wanted.content_type,
        "HistoryType": wanted.history_type,
        "HistoryComment": wanted.history_comment or wanted.history_type,  # OTRS wants one
        "UserID": user_id,
    }


def imagined(wanted: Ticket, customer: Customer | None, user_id: int, now: datetime) -> soap.Content:
    """What the methods would be given, by their names, as far as that is known without asking OTRS."""
    name = customer.name if customer is not None else ""
    people = People(wanted.customer_id, name or wanted.customer_user, _id_of(wanted.owner), _id_of(wanted.responsible))
    queue = wanted.queue if isinstance(wanted.queue, str) else ""
    made = Created("the new ticket's", "new")
    whole = article(wanted.article, (wanted.call_id,), made, user_id, sender=people.customer_name, to=queue)
    methods = {
        "TicketCreate": {"TN": "a new number"} | ticket(wanted, people, user_id),
        "TicketPendingTimeSet": _pending(wanted, now),
        "ArticleCreate": whole,
    }
    return {method: _texts(parameters) for method, parameters in methods.items() if parameters}


def message_id(call_ids: Sequence[str], number: str) -> str:
    """The MessageID of an article about these calls: in ASCII as a mail's, and for others another one.

    With the ticket's number, for another Asterisk, whose calls come to this OTRS as well, may count alike.
    """
    *ids, ticket = (
        re.sub("[^A-Za-z0-9.-]", lambda found: f"_{ord(found[0]):x}_", text) for text in (*call_ids, number)
    )
    return f"<{'+'.join(ids)}@{ticket}.agi-server>"


def article_count(number: str, subject: str, user_id: int) -> Parameters:
    """TicketSearch's for whether the ticket with this number has an article with such a subject: 1 or 0, never nil."""
    return {"Result": "COUNT", "TicketNumber": number, "Subject": subject, "UserID": user_id}


def mark_search(call_id: str) -> str:
    """The expression that finds the call's mark."""
    return f"*[{_wild(call_id)}]*"


def bare_search(call_id: str) -> str:
    """The one that finds the call's id without the brackets; and those that have it within them."""
    return f"*{_wild(call_id)}*"


ANY_MARK = "*[*]*"
"""The one that finds any mark."""


def open_search(wanted: OpenTickets, limit: int, user_id: int) -> Parameters | None:
    """TicketSearch's for open tickets, the newest first; None where OTRS would find anybody's."""
    if not (wanted.customer_user or any(wanted.ticket_numbers)) or not wanted.states:
        return None
    whose: Parameters = (
        {"CustomerUserLogin": _literal(wanted.customer_user)}
        if wanted.customer_user
        else {"TicketNumber": "||".join(map(_literal, filter(None, wanted.ticket_numbers)))}
    )
    in_queue: Parameters = {}
    if wanted.queue:
        in_queue = {"QueueIDs": [wanted.queue]} if isinstance(wanted.queue, int) else {"Queues": [wanted.queue]}
    return {
        "Result": "ARRAY",
        "Limit": limit,
        **whose,
        "States": wanted.states,
        **in_queue,
        "TicketChangeTimeNewerMinutes": math.ceil(wanted.within.total_seconds() / 60),
        "UserID": user_id,
    }


def pending_until(wanted: Ticket, now: datetime) -> int | None:
    """When the ticket's pending state ends, in seconds of the epoch, if it is such a state."""
    until = wanted.pending_time
    if until is None:
        return None
    return int((until if isinstance(until, datetime) else now.astimezone(UTC) + until).timestamp())


def _id_of(agent: Named) -> Named | None:
    """An agent's, who is looked up when the ticket is made."""
    return f"that of {agent}" if isinstance(agent, str) and agent else agent or None


def _pending(wanted: Ticket, now: datetime) -> Parameters:
    until = pending_until(wanted, now)
    return {} if until is None else {"String": f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M:%S} UTC"}


def _texts(parameters: Parameters) -> dict[str, soap.Value]:
    return {
        name: value if isinstance(value, str) else str(value) if isinstance(value, int) else [str(one) for one in value]
        for name, value in parameters.items()
    }


def _wild(call_id: str) -> str:
    """What could be an operator becomes a wildcard."""
    return re.sub("[^A-Za-z0-9.-]", "*", call_id)


def _literal(text: str) -> str:
    """As an expression that finds this text. Between quotes nothing is an operator, and a quote becomes a wildcard."""
    return '"{}"'.format(text.replace('"', "*"))


def _named(name: str, value: Named) -> Parameters:
    """By its name or by its ID; nothing where it is left to OTRS."""
    if value == "":
        return {}
    return {name: value} if isinstance(value, str) else {f"{name}ID": value}


def _filled(parameters: dict[str, Value]) -> Parameters:
    return {name: value for name, value in parameters.items() if value not in ("", ())}
