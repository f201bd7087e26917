"""TicketCreate and TicketUpdate: a request is checked whole, in OTRS's order, then carried out.

A request that is refused changes nothing. A `FaultError` comes where OTRS notices only while it works.
Left out: auto-responses, attachments, HTML to text, pending times.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from agi_server.sandbox import checks, stock
from agi_server.sandbox.checks import NO_ACCESS, FaultError, RefusalError, given
from agi_server.sandbox.envelope import Output, Struct, struct, structs, text
from agi_server.sandbox.people import Person
from agi_server.sandbox.tickets import TITLE_CHARACTERS, Article, Store, Ticket, one_line, plain_lines, storable

AGENT_NAME = "Asterisk Calls"
"""`From` of an article that TicketUpdate adds."""


class Writer:
    """The operations that make and change tickets, in the agent's name."""

    def __init__(
        self,
        store: Store,
        agents: Mapping[int, str],
        user: str,
        fields: Collection[str],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._agents = agents
        self._user = user
        self._fields = fields
        self._now = now

    def create(self, data: Struct, person: Person | None) -> dict[str, Output]:
        """A new ticket; `person` is the customer whom it names, if he is known."""
        for name in ("Ticket", "Article"):
            if not struct(data, name):
                raise RefusalError("MissingParameter", f"{name} parameter is missing or not valid!")
        asked = _stripped(struct(data, "Ticket"))
        for name in ("Title", "CustomerUser"):
            if not given(asked, name):
                raise RefusalError("MissingParameter", f"Ticket->{name} parameter is missing!")
        _check_customer(asked, person)
        values = checks.check_ticket(asked, self._agents, whole=True)
        if values["Queue"] in stock.CLOSED_QUEUES:
            raise RefusalError("AccessDenied", "Can not create tickets in given Queue or QueueID!")
        articles = [_article(sent, "auto reply", "NewTicket", "Create") for sent in structs(data, "Article")]
        fields = self._dynamic_fields(data, "DynamicField->{}  parameter is missing!")
        if checks.queue_is_misspelt(asked):
            raise FaultError("Ticket could not be created, please contact the system administrator")

        login = person.login if person else text(asked, "CustomerUser")
        ticket = self._store.add(
            title=text(asked, "Title"),
            queue=values["Queue"],
            state=values["State"],
            priority=values["Priority"],
            customer_user=login,
            customer_id=text(asked, "CustomerID") or (person.customer_id if person else ""),
            owner=values.get("Owner", self._user),
            now=self._now(),
        )
        ticket.lock = "unlock" if _is_closed(ticket) else values.get("Lock", "unlock")
        if "Owner" in values and "Lock" not in values:
            ticket.lock = "lock"
        ticket.type = values.get("Type", ticket.type)
        ticket.responsible = values.get("Responsible", ticket.responsible)
        ticket.dynamic_fields.update(fields)
        sender = f'"{person.name}" <{person.email}>' if person else login
        recipient = text(asked, "Queue") or ticket.queue
        return self._done(ticket, articles, sender, recipient)

    def update(self, data: Struct, person: Person | None) -> dict[str, Output]:
        """Changes to a ticket, which is named by number or else by ID; an article, dynamic fields."""
        if given(data, "TicketNumber"):
            ticket = self._store.numbered(text(data, "TicketNumber"))
        else:
            ticket = self._store.get(text(data, "TicketID"))
        if ticket is None or not self.sees(ticket):
            raise RefusalError("AccessDenied", NO_ACCESS)
        if "Ticket" in data and not struct(data, "Ticket"):
            raise RefusalError("InvalidParameter", "Ticket parameter is not valid!")
        asked = _stripped(struct(data, "Ticket"))
        if given(asked, "CustomerUser"):
            _check_customer(asked, person)
        values = checks.check_ticket(asked, self._agents, whole=False)
        if "Article" in data and not isinstance(data["Article"], dict):  # Znuny 6.5 takes one here, and no more
            raise RefusalError("InvalidParameter", "Article parameter is not valid!")
        articles = [_article(sent, "auto follow up", "AddNote", "Note") for sent in structs(data, "Article")]
        fields = self._dynamic_fields(data, "DynamicField->{} parameter is missing!")

        self._change(ticket, asked, values)
        if given(asked, "CustomerUser") or given(asked, "CustomerID"):
            # Taken as written, an address too; and a customer ID alone leaves the ticket without a customer.
            ticket.customer_user = text(asked, "CustomerUser")
            by_login = person is not None and person.login.lower() == ticket.customer_user.lower()
            ticket.customer_id = text(asked, "CustomerID") or (person.customer_id if person and by_login else "")
        ticket.dynamic_fields.update(fields)
        ticket.changed = self._now()
        return self._done(ticket, articles, AGENT_NAME, "")

    def sees(self, ticket: Ticket) -> bool:
        """May the agent look at it? His own he may in any queue; but a search does not bring it."""
        return ticket.queue not in stock.CLOSED_QUEUES or ticket.owner == self._user

    def _change(self, ticket: Ticket, asked: Struct, values: Mapping[str, str]) -> None:
        """The attributes one after another, up to the first that OTRS cannot store."""
        title = storable(text(asked, "Title"))
        if len(title) > TITLE_CHARACTERS:
            raise FaultError("OperationObject returned an error, cancelling Request")
        ticket.title = title or ticket.title
        if values.get("Queue") in stock.CLOSED_QUEUES or checks.queue_is_misspelt(asked):
            raise FaultError("Ticket queue could not be updated, please contact system administrator!")
        for name, value in values.items():
            setattr(ticket, name.lower(), value)
        if "State" in values and _is_closed(ticket):
            ticket.lock = "unlock"

    def _dynamic_fields(self, data: Struct, missing: str) -> dict[str, str]:
        if "DynamicField" in data and not structs(data, "DynamicField"):
            raise RefusalError("MissingParameter", "DynamicField parameter is missing or not valid!")
        found: dict[str, str] = {}
        for field in map(_stripped, structs(data, "DynamicField")):
            for name in ("Name", "Value"):
                if name not in field:
                    raise RefusalError("MissingParameter", missing.format(name))
            if text(field, "Name") not in self._fields:
                raise RefusalError("InvalidParameter", "DynamicField->Name parameter is invalid!")
            found[text(field, "Name")] = storable(text(field, "Value"))
        return found

    def _done(self, ticket: Ticket, articles: list[Struct], sender: str, recipient: str) -> dict[str, Output]:
        """Add the articles, and say what was made."""
        made: dict[str, Output] = {"TicketID": str(ticket.id), "TicketNumber": ticket.number}
        added = [self._add(ticket, article, sender, recipient) for article in articles]
        if added:
            made["ArticleID"] = [str(article.id) for article in added]
        return made

    def _add(self, ticket: Ticket, asked: Struct, sender: str, recipient: str) -> Article:
        article = Article(
            id=self._store.next_article_id(),
            subject=storable(one_line(text(asked, "Subject"))),
            body=storable(plain_lines(text(asked, "Body"))),
            content_type=checks.content_type(asked),
            channel=checks.CHANNEL.named(text(asked, "CommunicationChannel")) or checks.CHANNEL.of(asked) or "",
            sender_type=checks.SENDER.of(asked) or "",
            visible=given(asked, "IsVisibleForCustomer"),
            sender=text(asked, "From") or sender,
            recipient=recipient,
            history_type=text(asked, "HistoryType"),
            history_comment=text(asked, "HistoryComment"),
            created=self._now(),
        )
        ticket.articles.append(article)
        return article


def _article(sent: Struct, response: str, history: str, comment: str) -> Struct:
    """A valid article, with OTRS's defaults where nothing is asked for."""
    article = _stripped(sent)
    for name, default in (
        ("AutoResponseType", response),
        ("HistoryType", history),
        ("HistoryComment", f"%%GenericInterface {comment}"),
    ):
        if not given(article, name):
            article[name] = default
    if not checks.CHANNEL.asked(article):
        article["CommunicationChannel"] = "Internal"
    if not checks.SENDER.asked(article):
        article["SenderType"] = "agent"
    article.setdefault("IsVisibleForCustomer", "1")
    checks.check_article(article)
    return article


def _check_customer(asked: Struct, person: Person | None) -> None:
    """A known customer must be valid; anybody else needs an e-mail address."""
    valid = person.valid if person else checks.is_address(text(asked, "CustomerUser"))
    if not valid:
        raise RefusalError("InvalidParameter", "Ticket->CustomerUser parameter is invalid!")


def _is_closed(ticket: Ticket) -> bool:
    return stock.STATE_TYPES[ticket.state] == "closed"


def _stripped(sent: Struct) -> Struct:
    return {name: value.strip() if isinstance(value, str) else value for name, value in sent.items()}
