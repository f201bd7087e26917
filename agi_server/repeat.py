"""Repeated calls: who rings again while his ticket is open gets an article on it, not a second ticket.

Which ticket is open only OTRS tells, at each attempt; the journal knows which ones a number had. What
happens to a ticket or on it less than a minute before is not followed by another article yet: the call
waits on disk until the minute is over, and then one article is about all that wait for this ticket.

Never doubled. The target is on disk before the request leaves, for each of the calls, all begun in one
transaction and only if they still wait; so a call whose end is unknown is looked for in the one place
where it can be, its target's articles, by its own id, and is settled as a ticket is (see `delivery`).
A call that waits for its minute has no doubt, and whoever takes it along begins it.

Never lost. A ticket that is not open any more, or takes no article, lets its calls go: the first has a ticket
of its own, the others are repeated calls of that one. Not even a search that always fails holds them up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from agi_server.call import Call, Created, HelpDesk, Match, NotFound, Outcome, Recognition, Refused, Trouble
from agi_server.helpdesk import OpenTickets, Ticket, Update
from agi_server.journal import Entry, Journal, number_of
from agi_server.outcomes import OWN_FAULT, Outcomes
from agi_server.ticket import Composer

log = logging.getLogger("agi_server.delivery")

GATHER = timedelta(seconds=60)
"""Between two articles on a ticket about our calls, or the ticket and the first of them."""
MOST_TOGETHER = 20
"""Calls in one article: its subject holds their ids, and OTRS has 3,800 characters for it."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """Which open ticket a call belongs to."""

    within: timedelta
    """Since something last happened on the ticket, when the call came."""
    match: Literal["customer", "number"]
    """Whose ticket: the customer's, or of one who rang from that number: always so for who is not told for sure."""
    states: tuple[str, ...]
    same_queue: bool
    """Only one in the queue that a ticket of its own would be in."""

    async def wanted(
        self,
        call: Call,
        ticket: Ticket,
        recognition: Recognition,
        tickets_of: Callable[[str, datetime], Awaitable[tuple[str, ...]]],
        waited: timedelta = timedelta(),
    ) -> OpenTickets | None:
        """What to look for, so long after the call came; None if there can't be such a ticket.

        `tickets_of` gives the tickets of earlier calls from a number, since a time.
        """
        within, queue = self.within + waited, ticket.queue if self.same_queue else ""
        if self.match == "customer" and recognition.customer is not None and recognition.match is not Match.SEVERAL:
            return OpenTickets(self.states, within, customer_user=recognition.customer.login, queue=queue)
        number = number_of(call)
        known = await tickets_of(number, call.time - self.within) if number else ()
        return OpenTickets(self.states, within, ticket_numbers=known, queue=queue) if known else None


@dataclass(frozen=True, slots=True)
class Alone:
    """The call gets a ticket of its own."""

    entry: Entry
    """As it is now."""
    not_looked_for: str = ""
    """Why it is not known whether its caller has an open ticket; empty: it is."""


class Repeats:
    """Adds calls to open tickets."""

    def __init__(
        self,
        policy: Repeat,
        journal: Journal,
        help_desk: HelpDesk,
        composer: Composer,
        outcomes: Outcomes,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        """As for `Delivery`."""
        self._policy = policy
        self._journal = journal
        self._help_desk = help_desk
        self._composer = composer
        self._outcomes = outcomes
        self._clock = clock

    async def add(self, entry: Entry, ticket: Ticket, recognition: Recognition) -> Entry | Alone:
        """Add it to the open ticket that it belongs to, or let it wait for that; `ticket` is what it gets otherwise."""
        waited = max(timedelta(), self._clock() - entry.call.time)
        tickets_of = self._journal.tickets_of
        wanted = await self._policy.wanted(entry.call, ticket, recognition, tickets_of, waited)
        if wanted is None:
            return Alone(entry)
        found = await self._outcomes.ask(entry, self._help_desk.find_open(wanted))
        if entry.ticket is not None and found != entry.ticket and not isinstance(found, Trouble):
            log.info(
                "ticket %s, which should have had it, is not open any more or was moved", entry.ticket.ticket_number
            )
        if isinstance(found, Created):
            return await self._add_to(found, entry, recognition)
        if isinstance(found, Trouble) and entry.failures < OWN_FAULT:
            return await self._outcomes.later(entry, Trouble(found.reason))
        if isinstance(found, NotFound):
            return Alone(entry)
        return Alone(entry, not_looked_for=found.words if isinstance(found, Refused) else found.reason)

    async def _add_to(self, target: Created, entry: Entry, recognition: Recognition) -> Entry | Alone:
        now = self._clock()
        if entry.ticket != target and (due := until(await self._journal.last_on(target.ticket_id), now)) is not None:
            gathered = await self._journal.gather(entry, target, recognition, due, now)
            return gathered or await self._now(entry)
        begun = await self._journal.begin_together(entry, target, recognition, now, MOST_TOGETHER)
        if not begun:
            return await self._now(entry)
        try:
            outcome = await self._send(begun, target, recognition)
        except Exception:
            await asyncio.gather(*(self._outcomes.set_back(one) for one in begun if one.id != entry.id))
            raise
        if isinstance(outcome, Refused):
            log.warning("ticket %s takes no article: %s", target.ticket_number, outcome.reason)
            released = await asyncio.gather(*(self._release(one, outcome) for one in begun))
            return Alone(_same(entry, released))
        ended = await asyncio.gather(*(self._outcomes.record(one, outcome, "updated") for one in begun))
        if isinstance(outcome, Created) and len(begun) > 1:
            log.info("an article on ticket %s about %d calls", target.ticket_number, len(begun))
        return _same(entry, ended)

    async def _send(self, begun: Sequence[Entry], target: Created, recognition: Recognition) -> Outcome:
        """One article about all of them."""
        calls = [one.call for one in begun]
        article = self._composer.compose_update(calls, recognition)
        if isinstance(article, Refused):
            return article
        for one in begun:
            self._outcomes.begins(one)
        update = Update(target.ticket_id, tuple(call.unique_id for call in calls), article)
        return await self._outcomes.ask(begun[0], self._help_desk.update(update))

    async def _release(self, entry: Entry, why: Refused) -> Entry:
        return await self._outcomes.keep(entry, lambda: self._journal.release(entry, why, self._clock()))

    async def _now(self, entry: Entry) -> Entry:
        """Somebody else has changed it."""
        return await self._journal.get(entry.call.unique_id) or entry


def until(last: datetime | None, now: datetime) -> datetime | None:
    """When the minute is over that began with the last article; None if it is, or if there was none."""
    if last is None or now - last >= GATHER:
        return None
    return min(last, now) + GATHER  # a clock that was set back makes nobody wait for longer


def _same(entry: Entry, entries: Sequence[Entry]) -> Entry:
    return next(one for one in entries if one.id == entry.id)
