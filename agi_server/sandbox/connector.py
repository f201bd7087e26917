"""The Ticket Connector's operations on the store: who may, what is valid, what is made, what comes back.

Pure but for the store and the sessions that it changes; the clock is an argument. OTRS's order of checks:
first who asks, then the ticket, the right to the queue, the article, the dynamic fields; a request that
is refused changes nothing. Left out: auto-responses, attachments, HTML to text, pending times.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from datetime import datetime

from . import checks, stock
from .checks import FaultError, RefusalError, given
from .envelope import Output, Request, Struct, struct, structs, text, texts
from .people import Person
from .search import search
from .tickets import TITLE_CHARACTERS, Article, Store, Ticket, one_line, plain_lines, storable
from .view import ticket_fields

SESSIONS_KEPT = 1000
AGENT_NAME = "Asterisk Calls"
NO_ACCESS = "User does not have access to the ticket!"


class Connector:
    """The five operations, for one agent."""

    def __init__(self, store: Store, user: str, password: str, fields: Collection[str], now: Callable[[], datetime]):
        self.sessions: dict[str, None] = {}
        self._store = store
        self._user = user
        self._password = password
        self._fields = (*fields, *stock.DYNAMIC_FIELDS)
        self._now = now
        self._agents = {1: "root@localhost", 2: user}

    def answer(self, request: Request, person: Person | None) -> dict[str, Output]:
        """Do what is asked; `person` is the customer whom Ticket/CustomerUser names, if he is known."""
        data = request.data
        match request.operation:
            case "SessionCreate":
                return self._session_create(data)
            case "TicketCreate":
                return self._create(data, person)
            case "TicketUpdate":
                return self._update(data, person)
            case "TicketGet":
                return self._get(data)
            case "TicketSearch":
                return self._search(data)
        raise FaultError("Got no OperationType!")

    def _session_create(self, data: Struct) -> dict[str, Output]:
        if not data:
            raise RefusalError("MissingParameter", "The request is empty!")
        if not given(data, "Password"):
            raise RefusalError("MissingParameter", "Password parameter is missing!")
        self._authenticate(data, "Authorization failing!")
        session = secrets.token_hex(16)
        self.sessions[session] = None
        if len(self.sessions) > SESSIONS_KEPT:
            del self.sessions[next(iter(self.sessions))]
        return {"SessionID": session}

    def _create(self, data: Struct, person: Person | None) -> dict[str, Output]:
        self._require_login(data)
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
        articles = [
            self._article_asked(article, "auto reply", "NewTicket", "Create") for article in structs(data, "Article")
        ]
        fields = self._fields_asked(data, "DynamicField->{}  parameter is missing!")
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
        closed = stock.STATE_TYPES[ticket.state] == "closed"
        ticket.lock = "unlock" if closed else values.get("Lock", "unlock")
        if "Owner" in values and "Lock" not in values:
            ticket.lock = "lock"
        ticket.type = values.get("Type", ticket.type)
        ticket.responsible = values.get("Responsible", ticket.responsible)
        ticket.dynamic_fields.update(fields)
        recipient = text(asked, "Queue") or ticket.queue
        sender = f'"{person.name}" <{person.email}>' if person else login
        return self._made(ticket, [self._add_article(ticket, article, sender, recipient) for article in articles])

    def _update(self, data: Struct, person: Person | None) -> dict[str, Output]:
        if not data:
            raise RefusalError("EmptyRequest", "The request data is invalid!")
        if not (given(data, "TicketID") or given(data, "TicketNumber")):
            raise RefusalError("MissingParameter", "TicketID or TicketNumber is required!")
        self._require_login(data)
        by_number = given(data, "TicketNumber")
        ticket = (
            self._store.numbered(text(data, "TicketNumber")) if by_number else self._store.get(text(data, "TicketID"))
        )
        if ticket is None:
            raise RefusalError("AccessDenied", NO_ACCESS)
        if "Ticket" in data and not struct(data, "Ticket"):
            raise RefusalError("InvalidParameter", "Ticket parameter is not valid!")
        asked = _stripped(struct(data, "Ticket"))
        if given(asked, "CustomerUser"):
            _check_customer(asked, person)
        values = checks.check_ticket(asked, self._agents, whole=False)
        if "Article" in data and not isinstance(data["Article"], dict):  # Znuny 6.5 takes one article here
            raise RefusalError("InvalidParameter", "Article parameter is not valid!")
        articles = [
            self._article_asked(article, "auto follow up", "AddNote", "Note") for article in structs(data, "Article")
        ]
        fields = self._fields_asked(data, "DynamicField->{} parameter is missing!")

        title = storable(text(asked, "Title"))
        if len(title) > TITLE_CHARACTERS:
            raise FaultError("OperationObject returned an error, cancelling Request")
        ticket.title = title or ticket.title
        if values.get("Queue") in stock.CLOSED_QUEUES or checks.queue_is_misspelt(asked):
            raise FaultError("Ticket queue could not be updated, please contact system administrator!")
        for name, value in values.items():
            setattr(ticket, name.lower(), value)
        if "State" in values and stock.STATE_TYPES[ticket.state] == "closed":
            ticket.lock = "unlock"
        if given(asked, "CustomerUser") or given(asked, "CustomerID"):
            self._hand_over(ticket, asked, person)
        ticket.dynamic_fields.update(fields)
        ticket.changed = self._now()
        return self._made(ticket, [self._add_article(ticket, article, AGENT_NAME, "") for article in articles])

    def _hand_over(self, ticket: Ticket, asked: Struct, person: Person | None) -> None:
        """Another customer: taken as written, and a customer ID alone leaves no customer user."""
        login = text(asked, "CustomerUser")
        known = person is not None and person.login.lower() == login.lower()
        ticket.customer_user = login
        ticket.customer_id = text(asked, "CustomerID") or (person.customer_id if person and known else "")

    def _get(self, data: Struct) -> dict[str, Output]:
        self._authenticate(data, "Authorization failing!")
        wanted = [number.strip() for value in texts(data, "TicketID") for number in value.split(",")]
        if not wanted or not given(data, "TicketID"):
            raise RefusalError("MissingParameter", "TicketID parameter is missing!")
        found = [self._store.get(number) for number in wanted]
        if None in found:
            raise RefusalError("AccessDenied", NO_ACCESS)
        fields = self._fields if given(data, "DynamicFields") else ()
        articles = given(data, "AllArticles")
        numbers = {login: number for number, login in self._agents.items()}
        return {"Ticket": [ticket_fields(each, fields, articles, numbers, self._now()) for each in found if each]}

    def _search(self, data: Struct) -> dict[str, Output]:
        self._authenticate(data, "Authorization failing!")
        found = search(self._store, data, self._fields, self._now())
        return {"TicketID": [str(ticket.id) for ticket in found]} if found else {}

    def _require_login(self, data: Struct) -> None:
        logins = given(data, "UserLogin") or given(data, "CustomerUserLogin")
        if not (logins or given(data, "SessionID")):
            raise RefusalError("MissingParameter", "UserLogin, CustomerUserLogin or SessionID is required!")
        if logins and not given(data, "Password"):
            raise RefusalError("MissingParameter", "Password or SessionID is required!")
        self._authenticate(data, "User could not be authenticated!")

    def _authenticate(self, data: Struct, words: str) -> None:
        """The agent, by password or by session; customers have no password here."""
        if given(data, "SessionID"):
            known = text(data, "SessionID") in self.sessions
        else:
            known = (text(data, "UserLogin"), text(data, "Password")) == (self._user, self._password)
        if not known:
            raise RefusalError("AuthFail", words)

    def _article_asked(self, sent: Struct, response: str, history: str, comment: str) -> Struct:
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

    def _fields_asked(self, data: Struct, missing: str) -> dict[str, str]:
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

    def _add_article(self, ticket: Ticket, asked: Struct, sender: str, recipient: str) -> Article:
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

    def _made(self, ticket: Ticket, articles: list[Article]) -> dict[str, Output]:
        made: dict[str, Output] = {"TicketID": str(ticket.id), "TicketNumber": ticket.number}
        if articles:
            made["ArticleID"] = [str(article.id) for article in articles]
        return made


def _check_customer(asked: Struct, person: Person | None) -> None:
    """A known customer must be valid; anybody else needs an e-mail address."""
    valid = person.valid if person else checks.is_address(text(asked, "CustomerUser"))
    if not valid:
        raise RefusalError("InvalidParameter", "Ticket->CustomerUser parameter is invalid!")


def _stripped(sent: Struct) -> Struct:
    return {name: value.strip() if isinstance(value, str) else value for name, value in sent.items()}
