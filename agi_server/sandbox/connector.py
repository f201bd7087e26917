"""The Ticket Connector's operations: who asks, and which operation answers.

Pure but for the store and the sessions that it changes. TicketCreate and TicketUpdate are writing.py's,
the criteria of TicketSearch search.py's, what TicketGet shows view.py's. There is one agent; customers
cannot log in here.
"""

from __future__ import annotations

import secrets

from agi_server.sandbox import view, writing
from agi_server.sandbox.checks import given
from agi_server.sandbox.envelope import Output, Request, Struct, each, text, texts
from agi_server.sandbox.people import Person
from agi_server.sandbox.refusals import FaultError, RefusalError
from agi_server.sandbox.search import search
from agi_server.sandbox.tickets import Article, Ticket
from agi_server.sandbox.writing import Desk

OPERATIONS = frozenset({"SessionCreate", "TicketCreate", "TicketUpdate", "TicketGet", "TicketSearch"})
SESSIONS_KEPT = 1000


class Connector:
    """The five operations, for one agent."""

    def __init__(self, desk: Desk, password: str) -> None:
        self.sessions: dict[str, None] = {}
        self._desk = desk
        self._login = (desk.user, password)

    def answer(self, request: Request, person: Person | None) -> dict[str, Output]:
        """Do what is asked; `person` is the customer whom Ticket/CustomerUser names, if he is known."""
        data = request.data
        match request.operation:
            case operation if operation in {"SessionCreate", self._desk.dialect.session}:
                return self._session_create(data)
            case "TicketCreate":
                self._require_login(data)
                return writing.create(self._desk, data, person)
            case "TicketUpdate":
                if not data:
                    raise RefusalError("EmptyRequest", "The request data is invalid!")
                if not (given(data, "TicketID") or given(data, "TicketNumber")):
                    raise RefusalError("MissingParameter", "TicketID or TicketNumber is required!")
                self._require_login(data)
                return writing.update(self._desk, data, person)
            case "TicketGet":
                self._authenticate(data, "Authorization failing!")
                return self._get(data)
            case "TicketSearch":
                self._authenticate(data, "Authorization failing!")
                found = search(self._desk, data)
                return {"TicketID": [str(ticket.id) for ticket in found]} if found else {}
        raise FaultError("Got no OperationType!")

    def _session_create(self, data: Struct) -> dict[str, Output]:
        if not data:
            raise RefusalError("MissingParameter", "The request is empty!")
        if not given(data, "Password"):
            raise RefusalError("MissingParameter", "Password parameter is missing!")
        self._authenticate(data, "Authorization failing!")
        session = self._desk.dialect.system_id + secrets.token_hex(16)
        self.sessions[session] = None
        if len(self.sessions) > SESSIONS_KEPT:
            del self.sessions[next(iter(self.sessions))]
        return {"SessionID": session}

    def _get(self, data: Struct) -> dict[str, Output]:
        wanted = [number.strip() for value in texts(data, "TicketID") for number in value.split(",")]
        if any(isinstance(value, dict) for value in each(data, "TicketID")):
            raise RefusalError("WrongStructure", "Structure for TicketID is not correct!")
        if not wanted or not given(data, "TicketID"):
            raise RefusalError("MissingParameter", "TicketID parameter is missing!")
        desk = self._desk
        found = [ticket for ticket in map(desk.store.get, wanted) if ticket is not None and desk.sees(ticket)]
        if len(found) < len(wanted):
            raise RefusalError(*desk.dialect.unknown_ticket)
        return {"Ticket": [view.shown(desk, ticket, _articles(ticket, data), data) for ticket in found]}

    def _require_login(self, data: Struct) -> None:
        logins = given(data, "UserLogin") or given(data, "CustomerUserLogin")
        if not (logins or given(data, "SessionID")):
            raise RefusalError("MissingParameter", "UserLogin, CustomerUserLogin or SessionID is required!")
        if logins and not given(data, "Password"):
            raise RefusalError("MissingParameter", "Password or SessionID is required!")
        self._authenticate(data, "User could not be authenticated!")

    def _authenticate(self, data: Struct, words: str) -> None:
        """The agent, by session or by password; a session goes first, even a dead one."""
        if given(data, "SessionID"):
            known = text(data, "SessionID") in self.sessions
        else:
            known = (text(data, "UserLogin"), text(data, "Password")) == self._login
        if not known:
            raise RefusalError("AuthFail", words)


def _articles(ticket: Ticket, data: Struct) -> list[tuple[int, Article]]:
    """The articles that are asked for, numbered; only where there is a limit their order is minded."""
    articles = list(enumerate(ticket.articles, 1)) if given(data, "AllArticles") else []
    if senders := texts(data, "ArticleSenderType"):
        articles = [one for sender in senders for one in articles if one[1].sender_type == sender]
    if not given(data, "ArticleLimit"):
        return articles
    if text(data, "ArticleOrder") == "DESC":
        articles.reverse()
    return articles[: int(text(data, "ArticleLimit"))]
