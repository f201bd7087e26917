"""What TicketCreate and TicketUpdate demand of a request, in OTRS's order and words.

Pure: an attribute is looked up among those that exist, and the first that is missing or unknown ends
the request with a `RefusalError`. `0` and an empty text count as missing, as they do in OTRS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from agi_server.sandbox import pending, stock
from agi_server.sandbox.dialects import Dialect
from agi_server.sandbox.envelope import Struct, each, text
from agi_server.sandbox.refusals import RefusalError

Agents = Mapping[int, str]
"""Logins by their IDs."""


def given(struct: Struct, name: str) -> bool:
    """Is it there, by OTRS's measure?"""
    return struct.get(name, "") not in ("", "0")


@dataclass(frozen=True, slots=True)
class Choice:
    """An attribute that is one of several, by name or by ID."""

    name: str
    values: Mapping[int, str]
    any_case: bool = False
    """The name is looked up by the database, which does not mind letters' case."""

    def asked(self, struct: Struct) -> bool:
        return given(struct, self.name) or given(struct, f"{self.name}ID")

    def of(self, struct: Struct) -> str | None:
        """The name that was asked for, if it exists; an ID goes before a name."""
        if given(struct, f"{self.name}ID"):
            number = text(struct, f"{self.name}ID")
            return self.values.get(int(number)) if re.fullmatch(r"[0-9]{1,9}", number) else None
        return self.named(text(struct, self.name))

    def named(self, name: str) -> str | None:
        """The value of this name, as it is really written."""
        if self.any_case:
            return next((value for value in self.values.values() if value.lower() == name.lower()), None)
        return name if name in self.values.values() else None


QUEUE = Choice("Queue", stock.QUEUES, any_case=True)
STATE = Choice("State", stock.STATES, any_case=True)
PRIORITY = Choice("Priority", stock.PRIORITIES)
LOCK = Choice("Lock", stock.LOCKS)
SERVICE = Choice("Service", stock.SERVICES, any_case=True)
SLA = Choice("SLA", stock.SLAS, any_case=True)
ARTICLE_TYPE = Choice("ArticleType", stock.ARTICLE_TYPES)
CHANNEL = Choice("CommunicationChannel", stock.CHANNELS, any_case=True)
SENDER = Choice("SenderType", stock.SENDERS)
REQUIRED = frozenset({"Queue", "State", "Priority"})
NOTIFIED = ("ForceNotificationToUserID", "ExcludeNotificationToUserID", "ExcludeMuteNotificationToUserID")


def check_ticket(ticket: Struct, agents: Agents, dialect: Dialect, *, whole: bool, service: str = "") -> dict[str, str]:
    """The attributes that were asked for, by name; a `whole` ticket must have those that OTRS requires.

    `service` is the one that the ticket has already: an SLA belongs to one.
    """
    choices = (
        QUEUE,
        LOCK,
        Choice("Type", {1: dialect.default_type}),
        SERVICE,
        SLA,
        STATE,
        PRIORITY,
        Choice("Owner", agents, any_case=True),
        Choice("Responsible", agents, any_case=True),
    )
    found: dict[str, str] = {}
    for choice in choices:
        what = f"Ticket->{choice.name}ID or Ticket->{choice.name} parameter"
        if choice.asked(ticket):
            value = choice.of(ticket)
            if value is None or (choice is SLA and not found.get("Service", service)):
                raise RefusalError("InvalidParameter", f"{what} is invalid!")
            found[choice.name] = value
        elif whole and choice.name in REQUIRED:
            raise RefusalError("MissingParameter", f"{what} is required!")
    if given(ticket, "PendingTime") and not pending.is_valid(ticket, dialect):
        raise RefusalError("InvalidParameter", f"Ticket->{dialect.pending} parameter is invalid!")
    return found


def queue_is_misspelt(ticket: Struct) -> bool:
    """Is a queue named in other letters' case? OTRS finds it valid, and then cannot use it."""
    return (
        not given(ticket, "QueueID") and given(ticket, "Queue") and text(ticket, "Queue") not in stock.QUEUES.values()
    )


def check_article(article: Struct, agents: Agents, dialect: Dialect) -> None:
    """An article to which the defaults have been added already."""
    for name in ("Subject", "Body"):
        if not given(article, name):
            raise RefusalError("MissingParameter", f"Article->{name} parameter is missing!")
    if text(article, "AutoResponseType") not in stock.AUTO_RESPONSES:
        raise RefusalError("InvalidParameter", "Article->AutoResponseType parameter is invalid!")
    _check_channel(article, dialect)
    if SENDER.of(article) is None:
        raise RefusalError("InvalidParameter", "Article->SenderTypeID or Ticket->SenderType parameter is invalid!")
    if given(article, "From") and not is_address(text(article, "From")):
        raise RefusalError("InvalidParameter", "Article->From parameter is invalid!")
    if given(article, "ArticleSend") and not is_address(text(article, "To")):
        what = "Article->To parameter must be a valid email address when Article->ArticleSend is set!"
        raise RefusalError("InvalidParameter", what)
    _check_content_type(article, dialect)
    if text(article, "HistoryType").lower() not in stock.HISTORY_TYPES:
        raise RefusalError("InvalidParameter", "Article->HistoryType parameter is invalid!")
    if given(article, "TimeUnit") and not re.fullmatch(r"[0-9]+([.,][0-9]+)?", text(article, "TimeUnit")):
        raise RefusalError("InvalidParameter", "Article->TimeUnit parameter is invalid!")
    if given(article, "NoAgentNotify") and text(article, "NoAgentNotify") != "1":
        raise RefusalError("InvalidParameter", "Article->NoAgent parameter is invalid!")
    for name in NOTIFIED:
        _check_agents(article, name, agents)


def _check_channel(article: Struct, dialect: Dialect) -> None:
    if dialect.article_types:
        if ARTICLE_TYPE.of(article) is None:
            what = "Article->ArticleTypeID or Article->ArticleType parameter is invalid!"
            raise RefusalError("InvalidParameter", what)
    elif CHANNEL.of(article) is None:
        what = "Article->CommunicationChannel or Article->CommunicationChannelID parameter"
        raise RefusalError("InvalidParameter", f"{what} is invalid or not supported!")


def _check_agents(article: Struct, name: str, agents: Agents) -> None:
    """IDs of agents who are to be told, or not; OTRS 6.5 looks at them, and then forgets them."""
    for agent in each(article, name):
        if not isinstance(agent, str):
            raise RefusalError("InvalidParameter", f"Article->{name} parameter is invalid!")
        if not (re.fullmatch(r"[0-9]{1,9}", agent) and int(agent) in agents):
            raise RefusalError("InvalidParameter", f"Article->{name} UserID={agent} parameter is invalid!")


def _check_content_type(article: Struct, dialect: Dialect) -> None:
    """ContentType with a charset in it, or MimeType and Charset."""
    whole, mime, charset = (text(article, name).lower() for name in ("ContentType", "MimeType", "Charset"))
    if not (whole or mime or charset):
        what = "Article->ContentType or Ticket->MimeType and Article->Charset parameters"
        raise RefusalError("MissingParameter", f"{what} are required!")
    if mime and not charset:
        raise RefusalError("MissingParameter", "Article->Charset is required!")
    if charset and not mime:
        raise RefusalError("MissingParameter", "Article->MimeType is required!")
    if mime and not re.fullmatch(r"\w+/\w+", mime):
        raise RefusalError("InvalidParameter", "Article->MimeType is invalid!")
    if charset and not dialect.knows_charset(charset):
        raise RefusalError("InvalidParameter", "Article->Charset is invalid!")
    if whole:
        named = re.search(r"charset=[\"']?([^\"';]+)", whole)
        if not (named and dialect.knows_charset(named[1]) and re.match(r"\w+/\w+", whole)):
            raise RefusalError("InvalidParameter", "Article->ContentType is invalid!")


def content_type(article: Struct) -> str:
    """The type as it is stored."""
    return text(article, "ContentType").lower() or (
        f"{text(article, 'MimeType').lower()}; charset={text(article, 'Charset').lower()}"
    )


def is_address(value: str) -> bool:
    """An e-mail address that OTRS takes, alone or behind a name; not at example.com and its like."""
    address = re.sub(r".*<([^<>]*)>\s*", r"\1", value.strip(), flags=re.DOTALL)
    word, label = r"[a-z0-9_+&'*/=?^{}~!#$%-]+", r"[a-z0-9][a-z0-9-]*"
    pattern = rf"{word}(\.{word})*@(?!example\.\w{{2,3}}$){label}(\.{label})+|root@localhost"
    return bool(re.fullmatch(pattern, address, re.IGNORECASE))
