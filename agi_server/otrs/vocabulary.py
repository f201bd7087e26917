"""The words of the Ticket Connector: every element of its five operations, as a table.

Pure. What each may hold and who knows it stands in `VOCABULARY`, which the administrator's commands
are made from as well. What a version merely ignores counts as unknown to it: a criterion that is
ignored finds every ticket. From `Kernel/GenericInterface/Operation` of Znuny 6.5, the list of
parameters in 3.1's TicketSearch, and the recordings. `request` puts these words into sentences.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

from agi_server.otrs.dialect import Dialect


class Holds(enum.Enum):
    """What an element holds, in words, and below them as a Python value."""

    TEXT = "a text"
    ID = "an ID"
    """A whole number from 1 on."""
    NUMBER = "a number"
    """An `int`, a `float`, or a text of digits with a point or comma."""
    MINUTES = "minutes"
    """A number of minutes, or a `timedelta`."""
    SWITCH = "yes or no"
    TIME = "a time"
    """A `datetime`; a naive one is in OTRS's own time zone."""
    PENDING = "a time or a duration"
    """A `datetime`, or a `timedelta` from now on."""
    FIELDS = "dynamic fields"
    """A mapping of names to a text or several."""
    CRITERIA = "criteria for dynamic fields"
    """A mapping of names to a mapping of `OPERATORS` to a text or several; or to what they have to equal."""
    ATTACHMENTS = "attachments"
    """`helpdesk.Attachment`s."""
    ARTICLES = "further articles"
    """Mappings of the article's elements to their values."""
    KEY = "a key"
    """A mapping with `Type`, `SubType` and `Key`."""


class Place(enum.Enum):
    """Where an element stands: in the operation, or in one of its two records."""

    TOP = ""
    TICKET = "Ticket"
    ARTICLE = "Article"


ALL = frozenset(Dialect)
UP_TO_5 = frozenset({Dialect.V3_1, Dialect.V4})
SINCE_4 = frozenset({Dialect.V4, Dialect.V6})
SINCE_6 = frozenset({Dialect.V6})

OPERATORS = ("Equals", "Like", "GreaterThan", "GreaterThanEquals", "SmallerThan", "SmallerThanEquals", "Empty")


@dataclass(frozen=True, slots=True)
class Element:
    """One word of an operation."""

    name: str
    """As OTRS writes it."""
    holds: Holds
    help: str
    place: Place = Place.TOP
    repeats: bool = False
    """May stand several times: its value is a list or a tuple, or one alone."""
    twin: str = ""
    """The other form of the same: of `Queue` it is `QueueID`, and the other way round."""
    needs: str = ""
    """The element that has to stand beside it."""
    choices: tuple[str, ...] = ()
    """The only texts that it may hold; none: any."""
    dialects: frozenset[Dialect] = ALL
    """Who knows it."""


def _named(name: str, help: str, place: Place, dialects: frozenset[Dialect] = ALL, needs: str = "") -> list[Element]:
    """What OTRS knows by its name or its ID."""
    by_id = f"{name}ID"
    return [
        Element(name, Holds.TEXT, f"{help}, by its name", place, twin=by_id, needs=needs, dialects=dialects),
        Element(by_id, Holds.ID, f"{help}, by its ID", place, twin=name, needs=needs, dialects=dialects),
    ]


def _login() -> list[Element]:
    return [
        Element("SessionID", Holds.TEXT, "A session that SessionCreate gave"),
        Element("UserLogin", Holds.TEXT, "Login of an agent", needs="Password"),
        Element("CustomerUserLogin", Holds.TEXT, "Login of a customer", needs="Password"),
        Element("Password", Holds.TEXT, "The agent's or customer's password"),
    ]


def _ticket(*, sla_needs: str = "") -> list[Element]:
    here = Place.TICKET
    return [
        Element("Title", Holds.TEXT, "The ticket's title; OTRS cuts it at 255 characters", here),
        *_named("Queue", "Queue", here),
        *_named("State", "State", here),
        *_named("Priority", "Priority", here),
        Element("CustomerUser", Holds.TEXT, "Login of the customer, or an e-mail address", here),
        Element("CustomerID", Holds.TEXT, "The customer's company; else OTRS takes his own", here, dialects=SINCE_4),
        *_named("Type", "Type", here),
        *_named("Service", "Service, which the customer must be allowed to use", here),
        *_named("SLA", "Service level agreement, of the service", here, needs=sla_needs),
        *_named("Owner", "Agent whose ticket it is", here),
        *_named("Responsible", "Agent who is responsible", here),
        *_named("Lock", "`lock` or `unlock`", here),
        Element("PendingTime", Holds.PENDING, "Until when a pending state lasts", here),
    ]


def _article() -> list[Element]:
    here = Place.ARTICLE
    word = partial(Element, place=here)
    mail = partial(word, needs="ArticleSend", dialects=SINCE_6)

    return [
        *_named("CommunicationChannel", "Channel: Phone, Email or Internal", here, SINCE_6),
        word("IsVisibleForCustomer", Holds.SWITCH, "The customer may read the article", dialects=SINCE_6),
        *_named("ArticleType", "Type of the article: phone, note-internal and others", here, UP_TO_5),
        *_named("SenderType", "Who says it: agent, system or customer", here),
        word("AutoResponseType", Holds.TEXT, "Which automatic answer the customer gets"),
        word("From", Holds.TEXT, "Who wrote it: an e-mail address; else OTRS takes the customer's"),
        word("Subject", Holds.TEXT, "The article's subject"),
        word("Body", Holds.TEXT, "The article's text"),
        word("ContentType", Holds.TEXT, "Type of the text with its charset: text/plain; charset=utf8"),
        word("MimeType", Holds.TEXT, "Instead of ContentType: text/plain", needs="Charset"),
        word("Charset", Holds.TEXT, "Instead of ContentType: utf8", needs="MimeType"),
        word("HistoryType", Holds.TEXT, "Entry in the ticket's history: PhoneCallCustomer and others"),
        word("HistoryComment", Holds.TEXT, "Text of that entry"),
        word("TimeUnit", Holds.NUMBER, "Time units spent"),
        word("NoAgentNotify", Holds.SWITCH, "No agent is told of the article"),
        word("ForceNotificationToUserID", Holds.ID, "Agent who is told in any case", repeats=True),
        word("ExcludeNotificationToUserID", Holds.ID, "Agent who is not told", repeats=True),
        word("ExcludeMuteNotificationToUserID", Holds.ID, "Agent who is not told, in silence", repeats=True),
        word("ArticleSend", Holds.SWITCH, "Send the article as an e-mail", needs="To", dialects=SINCE_6),
        mail("To", Holds.TEXT, "Addresses that it is sent to"),
        mail("Cc", Holds.TEXT, "Addresses that get a copy"),
        mail("Bcc", Holds.TEXT, "Addresses that get a copy unseen"),
        mail("Sign", Holds.KEY, "Key to sign the e-mail with"),
        mail("Crypt", Holds.KEY, "Key to encrypt the e-mail with"),
    ]


def _content() -> list[Element]:
    return [
        Element("DynamicField", Holds.FIELDS, "Dynamic field and its value, or its values", repeats=True),
        Element("Attachment", Holds.ATTACHMENTS, "File that goes with the article", repeats=True),
    ]


def _get() -> list[Element]:
    return [
        Element("TicketID", Holds.ID, "The ticket's ID, not its number", repeats=True),
        Element("DynamicFields", Holds.SWITCH, "Show dynamic fields"),
        Element("Extended", Holds.SWITCH, "Show times of first response, first lock and solution"),
        Element("AllArticles", Holds.SWITCH, "Show articles"),
        Element("ArticleSenderType", Holds.TEXT, "Only articles of this sender type", repeats=True),
        Element("ArticleOrder", Holds.TEXT, "Oldest or newest article first", choices=("ASC", "DESC")),
        Element("ArticleLimit", Holds.NUMBER, "So many articles at most"),
        Element("Attachments", Holds.SWITCH, "Show the articles' attachments"),
        Element("GetAttachmentContents", Holds.SWITCH, "With their content; so if unset", dialects=SINCE_6),
        Element("HTMLBodyAsAttachment", Holds.SWITCH, "And the text as HTML", dialects=SINCE_6),
    ]


_BY_NAME_OR_ID = {
    "Queues": "QueueIDs",
    "Types": "TypeIDs",
    "States": "StateIDs",
    "Priorities": "PriorityIDs",
    "Services": "ServiceIDs",
    "SLAs": "SLAIDs",
    "Locks": "LockIDs",
    "CreatedTypes": "CreatedTypeIDs",
    "CreatedStates": "CreatedStateIDs",
    "CreatedPriorities": "CreatedPriorityIDs",
    "CreatedQueues": "CreatedQueueIDs",
}
_IDS = {
    "OwnerIDs": "Agents whose tickets they are",
    "ResponsibleIDs": "Agents who are responsible",
    "WatchUserIDs": "Agents who watch the ticket",
    "CreatedUserIDs": "Agents who made the ticket",
    "StateTypeIDs": "Types of states",
}
_ARTICLE_TEXTS = ("From", "To", "Cc", "Subject", "Body")
_SORT_BY = (
    "Age, Changed, Created, CustomerID, EscalationTime, EscalationUpdateTime, EscalationResponseTime, "
    "EscalationSolutionTime, Lock, Owner, PendingTime, Priority, Queue, Responsible, Service, SLA, State, "
    "TicketNumber, Title, Type, or DynamicField_ and a field's name"
)


def _search() -> list[Element]:
    many = partial(Element, repeats=True)
    return [
        Element("SessionID", Holds.TEXT, "A session that SessionCreate gave"),
        Element("UserLogin", Holds.TEXT, "Login of an agent", needs="Password"),
        Element("Password", Holds.TEXT, "The agent's password"),
        many("TicketNumber", Holds.TEXT, "Number of the ticket, or a part of it with *"),
        many("TicketID", Holds.ID, "ID of the ticket", dialects=SINCE_4),
        many("Title", Holds.TEXT, "Title, or a part of it with *; && and || are operators"),
        *(many(names, Holds.TEXT, f"{names}, by name", twin=ids) for names, ids in _BY_NAME_OR_ID.items()),
        *(many(ids, Holds.ID, f"{names}, by ID", twin=names) for names, ids in _BY_NAME_OR_ID.items()),
        *(many(name, Holds.ID, f"{help}, by ID") for name, help in _IDS.items()),
        Element("UseSubQueues", Holds.SWITCH, "The queues' sub-queues, too"),
        many("StateType", Holds.TEXT, "Type of the state: new, open, closed; Open and Closed stand for many"),
        many("CustomerID", Holds.TEXT, "The customer's company, with * and operators"),
        many("CustomerIDRaw", Holds.TEXT, "The customer's company, exactly", dialects=SINCE_4),
        many("CustomerUserLogin", Holds.TEXT, "Login of the ticket's customer, with * and operators"),
        many("DynamicField", Holds.CRITERIA, "What a dynamic field must hold", dialects=SINCE_4),
        *(Element(name, Holds.TEXT, f"{name} of an article", dialects=UP_TO_5) for name in _ARTICLE_TEXTS),
        *(
            Element(f"MIMEBase_{name}", Holds.TEXT, f"{name} of an article", dialects=SINCE_6)
            for name in (*_ARTICLE_TEXTS, "Bcc", "AttachmentName")
        ),
        Element("Fulltext", Holds.TEXT, "Words anywhere in an article"),
        Element("FullTextIndex", Holds.SWITCH, "Search articles by OTRS's index"),
        Element("ContentSearch", Holds.TEXT, "How texts of articles combine", choices=("AND", "OR"), dialects=SINCE_4),
        *_times(),
        Element("SearchInArchive", Holds.TEXT, "Archived tickets, too", choices=("AllTickets", "ArchivedTickets")),
        many("SortBy", Holds.TEXT, f"Order of the tickets: {_SORT_BY}"),
        many("OrderBy", Holds.TEXT, "Up or down in that order", choices=("Down", "Up")),
        Element("Limit", Holds.NUMBER, "So many tickets at most; OTRS's own limit is 500", dialects=SINCE_4),
    ]


_WHEN = {
    "TicketCreateTime": "made",
    "TicketChangeTime": "with something in their history",
    "TicketLastChangeTime": "changed last",
    "TicketCloseTime": "closed",
    "TicketPendingTime": "whose pending time is",
    "ArticleCreateTime": "with an article made",
    "TicketEscalationTime": "that escalate",
    "TicketEscalationUpdateTime": "whose time for an update ends",
    "TicketEscalationResponseTime": "whose time for a first response ends",
    "TicketEscalationSolutionTime": "whose time for a solution ends",
}
_UNITS = ("minute", "hour", "day", "week", "month", "year")
_SEARCH_TYPES = {
    "TicketChangeTime": "ChangeTimeSearchType",
    "TicketLastChangeTime": "LastChangeTimeSearchType",
    "TicketCloseTime": "CloseTimeSearchType",
}


def _times() -> Iterable[Element]:
    """Minutes and dates; and the parts that a search in the browser has, the only form that 3.1 knows."""
    for name, what in _WHEN.items():
        for end, how in (("NewerMinutes", "at most so many minutes ago"), ("OlderMinutes", "so many minutes ago")):
            yield Element(name + end, Holds.MINUTES, f"Tickets {what} {how}", dialects=SINCE_4)
        for end, how in (("NewerDate", "after"), ("OlderDate", "before")):
            yield Element(name + end, Holds.TIME, f"Tickets {what} {how} this time", dialects=SINCE_4)
    for name, kind in _SEARCH_TYPES.items():
        known = SINCE_4 if name == "TicketLastChangeTime" else ALL
        part = partial(Element, needs=kind, dialects=known)
        kinds = ("TimeSlot", "TimePoint")
        yield Element(kind, Holds.TEXT, f"By which parts of {name} is searched", choices=kinds, dialects=known)
        for side, unit in product(("Start", "Stop"), ("Day", "Month", "Year")):
            yield part(f"{name}{side}{unit}", Holds.NUMBER, f"TimeSlot: {side.lower()}, {unit.lower()}")
        yield part(f"{name}Point", Holds.NUMBER, "TimePoint: so many units before now")
        yield part(f"{name}PointFormat", Holds.TEXT, "TimePoint: the unit", choices=_UNITS)
        yield part(f"{name}PointStart", Holds.TEXT, "TimePoint: since then, or before", choices=("Last", "Before"))


def _table(elements: Iterable[Element]) -> Mapping[str, Element]:
    return {element.name: element for element in elements}


VOCABULARY: Mapping[str, Mapping[str, Element]] = {
    "SessionCreate": _table(element for element in _login() if element.name != "SessionID"),
    "TicketCreate": _table(
        [
            *_login(),
            *_ticket(sla_needs="Service"),
            *_article(),
            *_content(),
            Element("Article", Holds.ARTICLES, "Articles beside the first", repeats=True, dialects=SINCE_6),
        ]
    ),
    "TicketUpdate": _table(
        [
            *_login(),
            Element("TicketID", Holds.ID, "The ticket's ID, not its number", twin="TicketNumber"),
            Element("TicketNumber", Holds.TEXT, "The ticket's number", twin="TicketID"),
            *_ticket(),
            *_article(),
            *_content(),
        ]
    ),
    "TicketGet": _table([*_login(), *_get()]),
    "TicketSearch": _table(_search()),
}
"""By operation, by the element's name."""
