"""rpc.pl: the older way to the same tickets, as OTRS 3.1 and 4 answer there, and as 6 still does.

Every mistake is nil, and nothing is checked that the database does not check: an unknown customer is taken,
no CustomerID is filled in, an unknown criterion finds every ticket. With `articles=False` it is an OTRS 6,
which has lost the methods for them. Whoever knows the password may do anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from agi_server.sandbox import rpc_wire, stock
from agi_server.sandbox.people import People
from agi_server.sandbox.rpc_asked import Asked, flat, listed, looked_up, named, number, stamp, text
from agi_server.sandbox.rpc_tickets import search, shown
from agi_server.sandbox.rpc_wire import Answer, Call, Result
from agi_server.sandbox.tickets import Article, Store, one_line, plain_lines, storable, ticket_number

FIRST_NUMBER = 50_000
"""Numbers are counted from here, beside those that the store gives by itself."""
_DEFAULT_TYPE = "Unclassified"

CUSTOMER_METHODS = {"CustomerName": "UserLogin", "CustomerIDs": "User"}
"""What they ask of the customer by."""

Method = Callable[[Asked], Result]


class Rpc:
    """The methods that a HelpDesk needs, and some of its neighbours'."""

    def __init__(
        self,
        store: Store,
        people: People,
        login: tuple[str, str],
        agents: Mapping[int, str],
        now: Callable[[], datetime],
        *,
        articles: bool = True,
        words_only: bool = False,
    ) -> None:
        self._store = store
        self._people = people
        self._login = login
        self._agents = agents
        self._now = now
        self._articles = articles
        self._words_only = words_only
        self._numbers = FIRST_NUMBER
        self._messages: dict[str, int] = {}
        """The tickets of the articles, by MessageID."""
        articles_methods: dict[str, Method] = {
            "ArticleCreate": self._article_create,
            "ArticleGetTicketIDOfMessageID": self._ticket_of_message,
            "ArticleTypeLookup": lambda asked: looked_up(stock.ARTICLE_TYPES, asked, "ArticleType"),
            "ArticleSenderTypeLookup": lambda asked: looked_up(stock.SENDERS, asked, "SenderType"),
        }
        self._methods: dict[str, dict[str, Method]] = {
            "TicketObject": {
                "TicketCreateNumber": lambda _: [self._number()],
                "TicketCreate": self._create,
                "TicketIDLookup": self._id_lookup,
                "TicketNumberLookup": self._number_lookup,
                "TicketGet": self._get,
                "TicketSearch": self._search,
                "TicketPendingTimeSet": self._set_pending,
                "TicketStateList": lambda asked: listed(stock.STATES, asked),
                "TicketPriorityList": lambda asked: listed(stock.PRIORITIES, asked),
                "TicketTypeList": lambda asked: listed({1: _DEFAULT_TYPE}, asked),
                "TicketServiceList": lambda asked: listed({}, asked),
                **(articles_methods if articles else {}),
            },
            "QueueObject": {"QueueLookup": lambda asked: looked_up(stock.QUEUES, asked, "Queue")},
            "UserObject": {"UserLookup": self._user_lookup},
            "TimeObject": {
                "SystemTime": lambda _: [int(self._now().timestamp())],
                "SystemTime2TimeStamp": lambda asked: [stamp(datetime.fromtimestamp(number(asked, "SystemTime"), UTC))],
            },
            "CustomerUserObject": {},
        }

    def has(self, call: Call) -> bool:
        """Is there such a method?"""
        known = call.subject == "CustomerUserObject" and call.method in CUSTOMER_METHODS
        return known or call.method in self._methods.get(call.subject, {})

    async def answer(self, call: Call) -> Answer:
        """What a method's call brings; with a wrong login every method is silent."""
        if (call.user, call.password) != self._login:
            return rpc_wire.returned([])
        methods = self._methods.get(call.subject)
        if methods is None:
            return rpc_wire.returned([f"No such Object {call.subject}!"])
        if not self.has(call):
            package = f"Kernel::System::{call.subject.removesuffix('Object')}"
            words = f'Can\'t locate object method "{call.method}" via package "{package}" at rpc.pl line 123.'
            return rpc_wire.fault("Server", words)
        if call.subject == "CustomerUserObject":
            return rpc_wire.returned(await self._customer(call))
        return rpc_wire.returned(methods[call.method](call.parameters))

    async def _customer(self, call: Call) -> Result:
        """CustomerName, and CustomerIDs; valid or not. By login only."""
        login = text(call.parameters, CUSTOMER_METHODS[call.method])
        person = await self._people.find(login) if login else None
        if person is None or person.login.lower() != login.lower():
            return []
        found = person.name if call.method == "CustomerName" else person.customer_id
        return [found] if found else []

    def _number(self) -> str:
        self._numbers += 1
        return ticket_number(self._now(), self._numbers)

    def _create(self, asked: Asked) -> Result:
        queue, state, priority, lock, kind = (
            named(values, asked, name)
            for values, name in (
                (stock.QUEUES, "Queue"),
                (stock.STATES, "State"),
                (stock.PRIORITIES, "Priority"),
                (stock.LOCKS, "Lock"),
                ({1: _DEFAULT_TYPE}, "Type"),
            )
        )
        owner, agent = (self._agents.get(number(asked, name)) for name in ("OwnerID", "UserID"))
        unknown_type = kind is None and (asked.get("Type") or asked.get("TypeID"))
        wanted = text(asked, "TN") or self._number()
        if not (queue and state and priority and lock and owner and agent) or unknown_type:
            return []
        if self._store.numbered(wanted) is not None:
            return []
        ticket = self._store.add(
            title=text(asked, "Title"),
            queue=queue,
            state=state,
            priority=priority,
            customer_user=text(asked, "CustomerUser"),
            customer_id=text(asked, "CustomerNo") or text(asked, "CustomerID"),
            owner=owner,
            now=self._now(),
        )
        ticket.number, ticket.lock, ticket.type = wanted, lock, kind or _DEFAULT_TYPE
        ticket.responsible = self._agents.get(number(asked, "ResponsibleID"), ticket.responsible)
        return [ticket.id]

    def _article_create(self, asked: Asked) -> Result:
        ticket = self._store.get(text(asked, "TicketID"))
        kind, sender = named(stock.ARTICLE_TYPES, asked, "ArticleType"), named(stock.SENDERS, asked, "SenderType")
        needed = all(text(asked, name) for name in ("UserID", "HistoryType", "HistoryComment"))
        typed = text(asked, "ContentType") or (text(asked, "MimeType") and text(asked, "Charset"))
        if ticket is None or kind is None or sender is None or not needed or not typed:
            return []
        if number(asked, "UserID") not in self._agents:
            return []
        article = Article(
            id=self._store.next_article_id(),
            subject=one_line(storable(text(asked, "Subject"))),
            body=plain_lines(storable(text(asked, "Body"))) or "No body",
            content_type=text(asked, "ContentType") or f"{text(asked, 'MimeType')}; charset={text(asked, 'Charset')}",
            channel=kind,
            sender_type=sender,
            visible=kind == "phone",
            sender=one_line(storable(text(asked, "From"))),
            recipient=one_line(storable(text(asked, "To"))),
            history_type=text(asked, "HistoryType"),
            history_comment=text(asked, "HistoryComment"),
            created=self._now(),
        )
        ticket.articles.append(article)
        ticket.changed = self._now()
        if message := one_line(text(asked, "MessageID")):
            self._messages[message] = ticket.id
        return [article.id]

    def _ticket_of_message(self, asked: Asked) -> Result:
        found = self._messages.get(text(asked, "MessageID"))
        return [] if found is None else [found]

    def _id_lookup(self, asked: Asked) -> Result:
        if not text(asked, "TicketNumber"):
            return []
        ticket = self._store.numbered(text(asked, "TicketNumber"))
        return [ticket.id if ticket else None]

    def _number_lookup(self, asked: Asked) -> Result:
        ticket = self._store.get(text(asked, "TicketID"))
        return [ticket.number if ticket else None]

    def _get(self, asked: Asked) -> Result:
        ticket = self._store.get(text(asked, "TicketID"))
        return [] if ticket is None else flat(shown(ticket, self._agents, self._now()))

    def _search(self, asked: Asked) -> Result:
        if number(asked, "UserID") not in self._agents:
            return []
        found = search(self._store, asked, self._now(), articles=self._articles, words_only=self._words_only)
        limited = found[: number(asked, "Limit") or len(found)]
        match text(asked, "Result"):
            case "COUNT":
                return [len(found)]
            case "ARRAY":
                return [ticket.id for ticket in limited]
        return flat({str(ticket.id): ticket.number for ticket in limited})

    def _set_pending(self, asked: Asked) -> Result:
        ticket = self._store.get(text(asked, "TicketID"))
        try:
            if minutes := number(asked, "Diff"):
                until = self._now() + timedelta(minutes=minutes)
            else:
                until = datetime.strptime(text(asked, "String"), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            return []
        if ticket is None or number(asked, "UserID") not in self._agents:
            return []
        ticket.pending_until = until
        return [1]

    def _user_lookup(self, asked: Asked) -> Result:
        if login := text(asked, "UserLogin"):
            return [agent for agent, name in self._agents.items() if name.lower() == login.lower()]
        return looked_up(self._agents, asked, "User")
