"""OTRS's Ticket Connector: the port `HelpDesk` over SOAP, and what `check --connect` asks.

No method takes longer than `timeout` seconds or raises anything but cancellation. A ticket counts as
found only when TicketGet shows that it is the one: `finder` looks. When to try again, and how many at a
time, is `delivery`'s business; sessions and requests are `session`'s, what they hold is `elements`', and
which OTRS it is `recogniser` finds out.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import Self, TypeVar

from agi_server.call import Created, Doubt, Findings, NotFound, Outcome, Refused, Trouble
from agi_server.helpdesk import OpenTickets, Ticket, Update
from agi_server.otrs import attachments, elements, shown, soap, wording
from agi_server.otrs.dialect import Dialect
from agi_server.otrs.elements import Hearer
from agi_server.otrs.exchange import FileLost, TooLong
from agi_server.otrs.finder import Finder
from agi_server.otrs.recogniser import Recogniser
from agi_server.otrs.session import Reply, Session, Witness
from agi_server.tally import Durations

OPEN_LIMIT = 20
"""Open tickets that are looked at, the one changed last first."""
ARTICLE_LIMIT = 50
"""Articles that are looked at, the newest first: fewer where so many are too long for one answer."""

Delivered = TypeVar("Delivered", Ticket, Update)
"""What has an article."""

_log = logging.getLogger("agi_server.otrs")


def _now() -> datetime:
    return datetime.now(UTC)


class Connector:
    """The Ticket Connector of one OTRS. An async context manager."""

    reserves = False

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        *,
        namespace: str = soap.NAMESPACE,
        timeout: float = 60.0,
        connections: int = 4,
        call_field: str = "AsteriskUniqueID",
        dialect: Dialect | None = None,
        zone: tzinfo | None = None,
        recognise: bool = False,
        clock: Callable[[], datetime] = _now,
        witness: Witness | None = None,
    ) -> None:
        """`dialect` and `zone` are OTRS's; None: whatever turns out. To `recognise` is to find out by and by."""
        if not re.fullmatch("[A-Za-z0-9]*", call_field):
            raise ValueError(f"OTRS has no dynamic field with such a name: {call_field!r}")
        self._user = user
        self._call_field = call_field
        self._field = call_field
        """The one in use: none once OTRS has turned out not to have it."""
        self._session = Session(
            url, user, password, namespace=namespace, timeout=timeout, connections=connections, witness=witness
        )
        self._recogniser = Recogniser(self._session, dialect, zone, clock)
        self._finder = Finder(self._session, self._recogniser, clock)
        self._recognise = recognise
        self._recognising: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        if self._recognise:
            self._recognising = asyncio.create_task(self._recogniser.keep_asking(), name="which OTRS")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._recognising is not None:
            self._recognising.cancel()
            await asyncio.wait({self._recognising})
        await self._session.__aexit__()

    @property
    def dialect(self) -> Dialect | None:
        """Which OTRS it is; None while that is not known."""
        return self._recogniser.dialect

    @property
    def zone(self) -> tzinfo:
        """In which OTRS is believed to take times."""
        return self._recogniser.zone

    async def recognise(self) -> tuple[Dialect | None, timedelta | None]:
        """Which OTRS turns out to answer, and how far its times are from UTC; None: that can't be told."""
        await self._recogniser.ask(self._session.deadline())
        return self._recogniser.found, self._recogniser.offset

    @property
    def requests(self) -> Mapping[tuple[str, str], Durations]:
        """What the requests took, by operation and by what came of it."""
        return self._session.requests

    async def reserve(self) -> str:
        """OTRS gives the number with the ticket."""
        return ""

    async def open(self, ticket: Ticket) -> Outcome:
        """Make the ticket. If OTRS lacks the call field, the call's id goes into the title instead."""
        deadline, field = self._session.deadline(), self._field
        reply = await self._deliver("TicketCreate", ticket, partial(_creation, field), deadline)
        if isinstance(reply, Refused) and _may_be_the_field(reply):
            lacks = await self._lacks(field, deadline)
            if isinstance(lacks, Trouble):
                return lacks
            if lacks:
                reply = await self._deliver("TicketCreate", ticket, partial(_creation, ""), deadline)
        return _outcome(reply)

    async def update(self, update: Update) -> Outcome:
        """Add the article. OTRS does so whatever has become of the ticket: a closed one stays closed."""
        if not elements.fits(update.call_ids):
            return Refused("TooManyCalls", f"one article cannot carry the ids of {len(update.call_ids)} calls")
        reply = await self._deliver("TicketUpdate", update, elements.updating, self._session.deadline())
        if isinstance(reply, dict) and not soap.text(reply, "ArticleID"):
            return Trouble("OTRS answered without an article", Doubt.ENDED)
        return _outcome(reply)

    async def _deliver(
        self, operation: str, what: Delivered, content: Callable[[Delivered, Hearer], soap.Content], deadline: float
    ) -> Reply:
        """With the files that can go; without any if they don't get to OTRS, or it does not take them."""
        article, lines = await attachments.sendable(what.article)
        reply = await self._request(operation, partial(content, replace(what, article=article)), deadline)
        if article.attachments and (reason := _objection_to_files(reply)):
            article, lines = attachments.without(what.article, reason)
            reply = await self._request(operation, partial(content, replace(what, article=article)), deadline)
        for line in lines:
            _log.warning("%s: %s", operation, line)
        return reply

    async def ask(self, operation: str, values: wording.Values) -> Reply:
        """One operation in OTRS's own words: in our session, unless a login or session is among them."""
        if lines := await attachments.objections(values.get("Attachment")):
            return Refused(elements.NOT_SENT, "; ".join(lines), "attachments")
        deadline = self._session.deadline()
        if operation == "SessionCreate" and "Password" not in values:
            values = {**self._session.login, **values}
        alone = operation == "SessionCreate" or not values.keys().isdisjoint(("SessionID", "Password"))
        hearer = self._recogniser.hearer() if alone else await self._hearer(deadline)
        if not isinstance(hearer, Hearer):
            return hearer
        try:
            content = wording.request(operation, values, hearer.dialect, hearer.zone)
        except wording.Mistake as mistake:
            return Refused(elements.NOT_SENT, str(mistake), mistake.element)
        return await (self._session.send if alone else self._session.request)(operation, content, deadline)

    async def _request(self, operation: str, content: Callable[[Hearer], soap.Values], deadline: float) -> Reply:
        """What is said depends on who hears it: if it turns out to be another one, it is said anew."""
        hearer = await self._hearer(deadline)
        if not isinstance(hearer, Hearer):
            return hearer
        reply = await self._said(operation, content, hearer, deadline)
        if not isinstance(reply, Refused) or soap.is_auth_failure(reply):
            return reply
        if not await self._recogniser.is_another_than(hearer.dialect, deadline):
            return reply
        return await self._said(operation, content, self._recogniser.hearer(), deadline)

    async def _said(
        self, operation: str, content: Callable[[Hearer], soap.Values], hearer: Hearer, deadline: float
    ) -> Reply:
        """A request that can't be right is Refused by ourselves."""
        try:
            values = content(hearer)
        except wording.Mistake as mistake:
            return elements.refusal(operation, mistake)
        return await self._session.request(operation, values, deadline)

    async def _hearer(self, deadline: float) -> Hearer | Refused | Trouble:
        """3.1 is known by the session that it gives, so that is waited for."""
        not_in = None if self.dialect else await self._session.sign_in(deadline)
        return not_in or self._recogniser.hearer()

    async def find(self, call_id: str, since: datetime, number: str = "") -> Findings:
        """The oldest ticket that carries this call's id, made at or after `since`."""
        deadline = self._session.deadline()
        hearer = await self._hearer(deadline)
        if not isinstance(hearer, Hearer):
            return _for_all(hearer)
        # The field may have been missing when the ticket was made.
        for field in ("",) if hearer.way.title_carries else dict.fromkeys((self._call_field, "")):
            findings = await self._finder.by_call(call_id, since, field, hearer, deadline, in_use=bool(self._field))
            if isinstance(findings, Created) and number:
                return await self._whole(findings, call_id)
            if not isinstance(findings, NotFound):
                return _for_all(findings) if isinstance(findings, Refused) else findings
        return NotFound()

    async def _whole(self, begun: Created, call_id: str) -> Findings:
        """This ticket, which was begun over rpc.pl, if it has its article: there it is made by a request of its own."""
        findings = await self.find_update(begun.ticket_id, call_id)
        if not isinstance(findings, NotFound):
            return findings
        words = f"ticket {begun.ticket_number} was begun over rpc.pl and has no article: write it, and drop the call"
        return Refused("OtherInterface", f"{words}; or retry it with the former otrs.interface")

    async def find_open(self, wanted: OpenTickets) -> Findings:
        """Of these tickets the one that was changed last, with its owner if that is not our own agent."""
        criteria = elements.open_search(wanted, self._recogniser.hearer())
        if criteria is None:
            return NotFound()
        tickets = await self._finder.tickets(criteria, OPEN_LIMIT, self._session.deadline())
        if not isinstance(tickets, list):
            return _for_all(tickets)
        found = [ticket for ticket in tickets if shown.is_wanted(ticket, wanted, self._call_field)]
        return shown.seen(max(found, key=shown.change), self._user) if found else NotFound()

    async def find_update(self, ticket_id: str, call_id: str) -> Findings:
        """The ticket, if one of its newest articles carries this call's id.

        An article is not found behind 50 newer ones, or behind so few that are as long as an answer may be.
        Where the newest alone is longer, no answer can be had until it is not the newest any more.
        """
        deadline, number = self._session.deadline(), ARTICLE_LIMIT
        reply = await self._latest_articles(ticket_id, number, deadline)
        while isinstance(reply, TooLong) and number > 1:
            number //= 2
            reply = await self._latest_articles(ticket_id, number, deadline)
        if isinstance(reply, Refused):
            return _for_all(replace(reply, about=elements.at_fault(reply)))
        if isinstance(reply, Trouble):
            return reply
        tickets = soap.records(reply, "Ticket")
        if not tickets:
            return Trouble("OTRS answered without the ticket")
        return shown.seen(tickets[0], self._user) if shown.tells_of(tickets[0], call_id) else NotFound()

    async def _latest_articles(self, ticket_id: str, number: int, deadline: float) -> Reply:
        return await self._session.request("TicketGet", elements.latest_articles(ticket_id, number), deadline)

    async def _lacks(self, field: str, deadline: float) -> bool | Trouble:
        """Was this the call field, and does OTRS not have it? Then we do without from now on.

        Several may ask at once, and one who asks late may find it settled.
        """
        if self._field:
            exists = await self._field_exists(deadline)
            if isinstance(exists, Trouble):
                return exists
            if exists is False and self._field:
                _log.warning("OTRS has no dynamic field %s: the calls' ids go into the titles", self._field)
                self._field = ""
        return field != self._field

    async def sign_in(self) -> Refused | Trouble | None:
        """Does OTRS let us in? None: yes."""
        return await self._session.sign_in(self._session.deadline())

    async def call_field_exists(self) -> bool | Refused | Trouble | None:
        """Does OTRS know the call field? None where that cannot be told: it shows us no ticket at all."""
        return await self._field_exists(self._session.deadline())

    async def _field_exists(self, deadline: float) -> bool | Refused | Trouble | None:
        hearer = await self._hearer(deadline)
        return (
            await self._finder.field_exists(self._call_field, hearer, deadline)
            if isinstance(hearer, Hearer)
            else hearer
        )

    async def rehearse(self, ticket: Ticket) -> Refused | Trouble | None:
        """Would OTRS take this ticket? None: yes. Else its first objection. No ticket is made."""
        rehearsal = partial(elements.rehearsal, ticket, self._call_field)
        reply = await self._request("TicketCreate", rehearsal, self._session.deadline())
        if isinstance(reply, dict):
            number = soap.text(reply, "TicketNumber")
            return Trouble(f"OTRS made ticket {number} of a request that was wrong on purpose", Doubt.ENDED)
        return None if isinstance(reply, Refused) and elements.passed_rehearsal(reply) else reply

    async def takes_updates(self) -> Refused | Trouble | None:
        """Does the web service have TicketUpdate? None: yes. No ticket is named, so that nothing is changed."""
        reply = await self._session.request("TicketUpdate", {}, self._session.deadline())
        if isinstance(reply, dict):
            return Trouble("OTRS took an update that was wrong on purpose", Doubt.ENDED)
        return None if isinstance(reply, Refused) and reply.code.endswith(".MissingParameter") else reply


def _creation(field: str, ticket: Ticket, hearer: Hearer) -> soap.Content:
    return elements.creation(ticket, field, hearer)


def _outcome(reply: Reply) -> Outcome:
    """What came of a request that makes or changes a ticket."""
    if isinstance(reply, Refused):
        return _for_all(replace(reply, about=elements.at_fault(reply)))
    return soap.opened(reply) if isinstance(reply, dict) else reply


def _objection_to_files(reply: Reply) -> str:
    """Nothing has been done, for there is something about the files."""
    if isinstance(reply, Refused) and elements.at_fault(reply) == "attachments":
        return reply.words
    if isinstance(reply, FileLost):
        return reply.reason
    return "OTRS takes no request as long as this" if isinstance(reply, soap.TooLarge) else ""


def _may_be_the_field(refused: Refused) -> bool:
    """It is OTRS, not we ourselves, who objects to a dynamic field."""
    return refused.code != elements.NOT_SENT and elements.at_fault(refused) == "dynamic_fields"


def _for_all(why: Refused | Trouble) -> Refused | Trouble:
    """A login that OTRS does not take says nothing of this call: all wait until it does, and none needs a person.

    It may be the password; but OTRS also says so when it has too many sessions of ours, or when what it
    asks for the password is away.
    """
    if isinstance(why, Refused) and soap.is_auth_failure(why):
        return Trouble(f"OTRS does not let us in: {why.words}")
    return why
