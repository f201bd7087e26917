"""One attempt for one call: search if there is a doubt, open, and write down what came of it.

What is asked, repeated and believed when stands in `delivery`; when an attempt is made is decided
there too. An attempt that began always ends in the journal, however long that can't be written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from agi_server.call import Created, Doubt, Findings, HelpDesk, NotFound, Outcome, Recognition, Refused, Ticket, Trouble
from agi_server.journal import Entry, Journal, JournalError, State
from agi_server.pulse import Pulse
from agi_server.ticket import Composer
from agi_server.timetable import LONGEST_WRITE_PAUSE, next_search

log = logging.getLogger("agi_server.delivery")

F = TypeVar("F", bound=Findings)

OWN_FAULT = 3
"""A call that failed this often while OTRS was well says more about itself than about OTRS."""


class Attempts:
    """Makes attempts; knows of each whose end is uncertain when it began."""

    def __init__(
        self,
        journal: Journal,
        help_desk: HelpDesk,
        composer: Composer,
        pulse: Pulse,
        *,
        settle: float,
        give_up: timedelta,
        clock: Callable[[], datetime],
        stopwatch: Callable[[], float],
        pause: Callable[[int], float],
        recovered: Callable[[], None],
    ) -> None:
        """As for `Delivery`; `recovered` is called when OTRS answers again."""
        self._journal = journal
        self._help_desk = help_desk
        self._composer = composer
        self._pulse = pulse
        self._settle = settle
        self._give_up = give_up
        self._clock = clock
        self._stopwatch = stopwatch
        self._pause = pause
        self._recovered = recovered
        self._begun: dict[int, float] = {}
        """When the attempts began whose end is not known, by the stopwatch."""

    def forget(self, entry_id: int) -> None:
        """Nothing is uncertain about this call any more."""
        self._begun.pop(entry_id, None)

    async def make(self, entry: Entry, recognition: Recognition) -> Entry:
        """One attempt; gives the entry as it left it. May raise JournalError before the attempt has begun."""
        ticket = self._composer.compose(entry.call, recognition)
        if entry.attempts == 0 and (ignored := self._composer.ignored_wishes(entry.call)):
            log.warning("the dialplan wishes for what ticket.wishes does not allow: %s", ", ".join(ignored))
        if isinstance(ticket, Refused):
            return await self._keep(entry, lambda: self._park(entry, ticket, entry.doubt))
        if entry.doubt is not Doubt.NONE:
            settled = await self._search(entry)
            if settled is not None:
                return settled
        return await self._open(entry, ticket, recognition)

    async def _search(self, entry: Entry) -> Entry | None:
        """Is the ticket there from an earlier attempt? None: it is not, a new attempt may begin."""
        findings = await self._ask(entry, self._help_desk.find(entry.call.unique_id, entry.call.time))
        if isinstance(findings, NotFound):
            wait = next_search(self._age(entry), self._settle) if entry.doubt is Doubt.RUNNING else None
            if wait is None:
                return None
            unknown = Trouble("not in OTRS yet, but the last request may still be at work there", entry.doubt)
            return await self._keep(entry, lambda: self._later(entry, unknown, wait))
        if isinstance(findings, Trouble):
            findings = Trouble(findings.reason, entry.doubt)
        return await self._keep(entry, lambda: self._record(entry, findings, "found"))

    def _age(self, entry: Entry) -> float:
        """Seconds since the last attempt began, or since we first looked at one of an earlier life."""
        now = self._stopwatch()
        return now - self._begun.setdefault(entry.id, now)

    async def _open(self, entry: Entry, ticket: Ticket, recognition: Recognition) -> Entry:
        begun = await self._journal.begin(entry, recognition, self._clock())
        if begun is None:
            return await self._journal.get(entry.call.unique_id) or entry
        self._begun[entry.id] = self._stopwatch()
        outcome = await self._ask(begun, self._help_desk.open(ticket))
        if isinstance(outcome, Refused) and outcome.about == "customer_user" and recognition.customer is not None:
            log.warning("OTRS does not know the customer %s any more: %s", recognition.customer.login, outcome.words)
            self._begun[entry.id] = self._stopwatch()
            stranger = self._composer.compose(entry.call, replace(recognition, customer=None))
            if isinstance(stranger, Ticket):
                outcome = await self._ask(begun, self._help_desk.open(stranger))
        return await self._keep(begun, lambda: self._record(begun, outcome, "created"))

    async def _ask(self, entry: Entry, request: Awaitable[F]) -> F:
        """Ask OTRS, and learn from what it does how it is."""
        with self._pulse.asking() as began:
            outcome = await request
        if not isinstance(outcome, Trouble):
            if self._pulse.answered():
                await self._go_on()
        elif (self._pulse.failing or entry.failures < OWN_FAULT) and self._pulse.failed(began):
            log.warning("OTRS is in trouble: %s; calls wait in the journal", outcome.reason)
        return outcome

    async def _go_on(self) -> None:
        """OTRS answers again: all that wait are due."""
        log.warning("OTRS answers again")
        try:
            await self._journal.hasten(self._clock())
        except JournalError as error:
            log.error("the waiting calls are tried at their own times: %s", error)
        self._recovered()

    async def _record(self, entry: Entry, outcome: Outcome, event: str) -> Entry | None:
        if isinstance(outcome, Created):
            done = await self._journal.done(entry, outcome, self._clock(), event)
            if done is None:
                log.warning("ticket %s is there, though the call was dropped meanwhile", outcome.ticket_number)
            return done
        if isinstance(outcome, Refused):
            return await self._park(entry, outcome, Doubt.NONE if entry.state is State.SENDING else entry.doubt)
        return await self._later(entry, outcome)

    async def _park(self, entry: Entry, refused: Refused, doubt: Doubt) -> Entry | None:
        log.warning("parked, a person must look: %s: %s", refused.code, refused.words)
        return await self._journal.park(entry, refused, doubt, self._clock())

    async def _later(self, entry: Entry, trouble: Trouble, wait: float | None = None) -> Entry | None:
        now = self._clock()
        if now - entry.since > self._give_up:
            tries = f"{entry.failures + 1} failures in {self._give_up.days} days"
            return await self._park(entry, Refused("gave up", f"{tries}; the last: {trouble.reason}"), trouble.doubt)
        due = now + timedelta(seconds=self._pause(entry.failures + 1) if wait is None else wait)
        log.debug("%s; again at %s", trouble.reason, f"{due.astimezone():%H:%M:%S}")
        return await self._journal.later(entry, due, trouble.doubt, trouble.reason, now)

    async def _keep(self, entry: Entry, write: Callable[[], Awaitable[Entry | None]]) -> Entry:
        """Write an attempt's end, however long the journal can't be written: what we know must not be lost."""
        failures = 0
        while True:
            try:
                return await write() or await self._journal.get(entry.call.unique_id) or entry
            except JournalError as error:
                log.error("%s", error)
            failures += 1
            await asyncio.sleep(min(self._pause(failures), LONGEST_WRITE_PAUSE))

    async def set_back(self, entry: Entry) -> Entry:
        """After an error of our own: wait for the next attempt, from wherever this one was cut off."""
        return await self._keep(entry, lambda: self._set_back(entry))

    async def _set_back(self, entry: Entry) -> Entry | None:
        now = await self._journal.get(entry.call.unique_id)
        if now is None or now.state not in (State.WAITING, State.SENDING):
            return now
        doubt = Doubt.RUNNING if now.state is State.SENDING else now.doubt
        return await self._later(now, Trouble("the attempt was cut off by an error of our own", doubt))
