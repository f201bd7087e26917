"""What an attempt asks of OTRS, and what came of it: the first tells how OTRS is, the second goes on disk.

What an attempt has begun always ends in the journal, however long that can't be written. When attempts are
made, and what is asked in them, is decided elsewhere: in `delivery`, `attempt` and `repeat`.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from agi_server.call import Created, Doubt, Findings, Outcome, Refused, Trouble
from agi_server.journal import Entry, Event, Journal, JournalError, State
from agi_server.pulse import Pulse
from agi_server.timetable import LONGEST_WRITE_PAUSE

log = logging.getLogger("agi_server.delivery")

F = TypeVar("F", bound=Findings | str)

UNEXPLAINED_FOR = timedelta(minutes=10)
"""At least so long OTRS has to say nothing else about a call before that is its last word: one bad minute is none."""
OWN_FAULT = 3
"""A call that failed this often while OTRS was well says more about itself than about OTRS."""


class Outcomes:
    """Asks, and writes down; knows of each attempt whose end is uncertain when it began."""

    def __init__(
        self,
        journal: Journal,
        pulse: Pulse,
        *,
        give_up: timedelta,
        clock: Callable[[], datetime],
        stopwatch: Callable[[], float],
        pause: Callable[[int], float],
        recovered: Callable[[], None],
        made: Callable[[Entry], None],
    ) -> None:
        """As for `Delivery`; `recovered` is called when OTRS answers again.

        `made` is told each call of which OTRS has made a ticket or an article, as it is then, before it is on disk.
        """
        self._journal = journal
        self._pulse = pulse
        self._give_up = give_up
        self._clock = clock
        self._stopwatch = stopwatch
        self._pause = pause
        self._recovered = recovered
        self._made = made
        self._begun: dict[int, float] = {}
        """When the attempts began whose end is not known, by the stopwatch."""

    def begins(self, entry: Entry) -> None:
        """A request about this call is about to leave."""
        self._begun[entry.id] = self._stopwatch()

    def age(self, entry: Entry) -> float:
        """Seconds since the last attempt began, or since we first looked at one of an earlier life."""
        now = self._stopwatch()
        return now - self._begun.setdefault(entry.id, now)

    def forget(self, entry_id: int) -> None:
        """Nothing is uncertain about this call any more."""
        self._begun.pop(entry_id, None)

    async def ask(self, entry: Entry, request: Awaitable[F]) -> F:
        """Ask OTRS, and learn from what it does how it is."""
        with self._pulse.asking() as began:
            outcome = await request
        if not isinstance(outcome, Trouble) or outcome.attempts:
            if self._pulse.answered():
                await self._go_on()
        elif (self._pulse.failing or entry.failures < OWN_FAULT) and self._pulse.failed(began):
            log.warning("OTRS is in trouble: %s; calls wait in the journal", outcome.reason)
        return outcome

    async def _go_on(self) -> None:
        """OTRS answers again: all that wait for it are due."""
        log.warning("OTRS answers again")
        try:
            await self._journal.hasten(self._clock())
        except JournalError as error:
            log.error("the waiting calls are tried at their own times: %s", error)
        self._recovered()

    async def record(self, entry: Entry, outcome: Outcome, event: str) -> Entry:
        """What came of the attempt: done, parked, or to be repeated."""
        if isinstance(outcome, Created):
            done = entry.with_ticket(outcome)
            self._made(done)
            return await self.keep(done, lambda: self._done(done, outcome, event))
        if isinstance(outcome, Refused):
            return await self.park(entry, outcome, Doubt.NONE if entry.state is State.SENDING else entry.doubt)
        return await self.later(entry, outcome)

    async def park(self, entry: Entry, refused: Refused, doubt: Doubt) -> Entry:
        """A person must look."""
        return await self.keep(entry, lambda: self._park(entry, refused, doubt))

    async def later(self, entry: Entry, trouble: Trouble, wait: float | None = None) -> Entry:
        """Again after so many seconds, or after the timetable's own; or not, if it was tried for long enough."""
        return await self.keep(entry, lambda: self._later(entry, trouble, wait))

    async def set_back(self, entry: Entry) -> Entry:
        """After an error of our own: wait for the next attempt, from wherever this one was cut off."""
        return await self.keep(entry, lambda: self._set_back(entry))

    async def keep(self, entry: Entry, write: Callable[[], Awaitable[Entry | None]]) -> Entry:
        """Write an attempt's end, however long the journal can't be written: what we know must not be lost."""
        failures = 0
        while True:
            try:
                return await write() or await self._journal.get(entry.call.unique_id) or entry
            except JournalError as error:
                log.log(logging.DEBUG if failures else logging.ERROR, "not in the journal yet: %s", error)
            failures += 1
            await asyncio.sleep(min(self._pause(failures), LONGEST_WRITE_PAUSE))

    async def _done(self, done: Entry, ticket: Created, event: str) -> Entry | None:
        kept = await self._journal.done(done, self._clock(), event)
        if kept is None:
            log.warning("ticket %s is there, though the call was dropped meanwhile", ticket.ticket_number)
        return kept

    async def _park(self, entry: Entry, refused: Refused, doubt: Doubt) -> Entry | None:
        parked = await self._journal.park(entry, refused, doubt, self._clock())
        if parked is not None:
            log.warning("parked, a person must look: %s", refused.reason)
        return parked

    async def _later(self, entry: Entry, trouble: Trouble, wait: float | None = None) -> Entry | None:
        now = self._clock()
        if now - entry.since > self._give_up:
            tries = f"{entry.failures + 1} failures in {self._give_up.days} days"
            return await self._park(entry, Refused("gave up", f"{tries}; the last: {trouble.reason}"), trouble.doubt)
        if trouble.attempts and await self._is_last_word(entry, trouble, now):
            return await self._park(entry, Refused("unexplained", trouble.reason), trouble.doubt)
        due = now + timedelta(seconds=self._pause(entry.failures + 1) if wait is None else wait)
        log.debug("%s; again at %s", trouble.reason, f"{due.astimezone():%H:%M:%S}")
        return await self._journal.later(entry, due, trouble.doubt, trouble.reason, now)

    async def _is_last_word(self, entry: Entry, trouble: Trouble, now: datetime) -> bool:
        """Has this call failed so, and not otherwise, often enough and for long enough?"""
        if entry.failures + 1 < trouble.attempts:
            return False
        times = [*failed_so(await self._journal.history(entry), trouble.reason), now]
        return len(times) >= trouble.attempts and now - times[0] >= UNEXPLAINED_FOR

    async def _set_back(self, entry: Entry) -> Entry | None:
        now = await self._journal.get(entry.call.unique_id)
        if now is None or now.state not in (State.WAITING, State.SENDING):
            return now
        doubt = Doubt.RUNNING if now.state is State.SENDING else now.doubt
        return await self._later(now, Trouble("the attempt was cut off by an error of our own", doubt))


def failed_so(history: Sequence[Event], reason: str) -> list[datetime]:
    """When a call failed for this reason since it last failed for another, or a person had it tried again."""
    told = (event for event in reversed(history) if event.event in ("trouble", "retried"))
    return [event.at for event in itertools.takewhile(lambda event: event.words == reason, told)][::-1]
