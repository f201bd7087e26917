"""From a kept call to a ticket: one attempt, the timetable of the next, and the loop of retries.

Never doubled. TicketCreate is neither atomic nor idempotent, and OTRS may finish a request long
after we gave up on it. So: before a request leaves, the journal has it that one began, with doubt
`running`. An answer settles the doubt; what settles nothing leaves it:
- `none`: OTRS surely made nothing. Ask again whenever it is due.
- `ended`: OTRS is through with the request and did not say what came of it. Search first; what
  is not found does not exist.
- `running`: the request may still be at work (a time-out, a broken connection, our own crash).
  Search first; what is not found is believed missing only `settle` seconds after the attempt
  began, and searched for again until then. A stopwatch tells, for clocks are set: after a restart
  the seconds count anew.
A search that fails decides nothing: the doubt stays, and no request leaves.

Never lost. Trouble is repeated after 2, 4, 8 ... 300 s, until the call has been tried for `give_up`:
then it is parked for a person, as what OTRS refuses is at once.

Live calls come first: retries take at most half of the places, and only places that nobody waits
for. While OTRS is in trouble live calls are not tried at once but wait on disk, and one at a
time, the longest waiting first, asks how it is; when it answers again all are due.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from agi_server.attempt import Attempts
from agi_server.call import NOBODY, Call, Directory, HelpDesk, Recognition
from agi_server.journal import Entry, Journal, JournalError, State
from agi_server.logs import call_id
from agi_server.pulse import Pulse
from agi_server.ticket import Composer
from agi_server.timetable import FIRST_PAUSE, LONGEST_PAUSE, pause

log = logging.getLogger("agi_server.delivery")

LOOKUP_LIMIT = 2.0
"""Seconds for finding the customer; then the call goes on as one from a stranger."""
LONGEST_REST = 10.0
"""Seconds after which the loop looks at the journal even if nothing woke it: a person may have changed an entry."""


class Delivery:
    """Brings calls to OTRS, each exactly once. Start it after the journal, stop it before."""

    def __init__(
        self,
        journal: Journal,
        directory: Directory,
        help_desk: HelpDesk,
        composer: Composer,
        *,
        places: int,
        settle: float,
        give_up: timedelta,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        stopwatch: Callable[[], float] = time.monotonic,
        pause: Callable[[int], float] = pause,
    ) -> None:
        """`places` attempts run at once; `settle` seconds after it began no request runs in OTRS any more.

        A call that has been tried for `give_up`, and fails still, is parked.
        """
        self._journal = journal
        self._directory = directory
        self._pulse = Pulse(stopwatch)
        self._wake = asyncio.Event()
        self._attempts = Attempts(
            journal,
            help_desk,
            composer,
            self._pulse,
            settle=settle,
            give_up=give_up,
            clock=clock,
            stopwatch=stopwatch,
            pause=pause,
            recovered=self._wake.set,
        )
        self._places = asyncio.Semaphore(places)
        self._retries_at_most = max(1, places // 2)
        self._latest = timedelta(seconds=max(settle, 2 * LONGEST_PAUSE))
        self._clock = clock
        self._in_hand: dict[int, asyncio.Task[Entry]] = {}
        self._retries: set[int] = set()
        self._no_place_left = False
        self._stopping = False
        self.loop: asyncio.Task[None] | None = None
        """The loop of retries; it never ends by itself."""

    async def start(self) -> None:
        """Take up what an earlier life left behind."""
        if cut_off := await self._journal.recover(self._clock()):
            log.warning("%d attempts were cut off when we last stopped: asking OTRS for their tickets first", cut_off)
        self.loop = asyncio.create_task(self._retry_for_ever(), name="retries")

    async def stop(self, patience: float) -> None:
        """Begin nothing more, end what has begun within `patience` seconds; the rest is safe in the journal."""
        self._stopping = True
        tasks = list(self._in_hand.values())
        if self.loop is not None:
            self.loop.cancel()
            await asyncio.wait([self.loop])
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=patience)
            for task in late:
                task.cancel()
            if late:
                log.warning("%d attempts are cut off; their calls stay in the journal", len(late))
                await asyncio.wait(late)

    @property
    def troubled(self) -> bool:
        """OTRS failed a moment ago, or is silent, and has not answered since."""
        return self._pulse.troubled

    def deliver(self, entry: Entry, who: asyncio.Task[Recognition]) -> asyncio.Task[Entry] | None:
        """Try this live call now; None: OTRS is in trouble, the call waits for its turn.

        `who` rings is being looked up already. The task gives the entry as the attempt left it;
        an attempt under way already is shared.
        """
        if entry.id not in self._in_hand:
            if self.troubled:
                self._wake.set()
                return None
            self._take_in_hand(entry, lambda entry: self._live(entry, who))
        return self._in_hand[entry.id]

    async def recognise(self, call: Call) -> Recognition:
        """Who rings; whoever is not known in time is a stranger."""
        if not call.canonical:
            return NOBODY
        try:
            async with asyncio.timeout(LOOKUP_LIMIT):
                return await self._directory.find(call.canonical)
        except TimeoutError:
            log.warning("no answer about the customer within %g s", LOOKUP_LIMIT)
            return NOBODY

    def _take_in_hand(self, entry: Entry, attempt: Callable[[Entry], Awaitable[Entry]]) -> None:
        task = asyncio.create_task(self._guarded(entry, attempt), name=f"call {entry.call.unique_id}")
        self._in_hand[entry.id] = task
        task.add_done_callback(lambda task: self._let_go(entry.id, task))

    def _let_go(self, entry_id: int, task: asyncio.Task[Entry]) -> None:
        del self._in_hand[entry_id]
        if entry_id in self._retries:
            self._retries.discard(entry_id)
            self._places.release()
        waits = task.cancelled() or task.result().state is State.WAITING
        if not waits:
            self._attempts.forget(entry_id)
        if waits or self._no_place_left:
            self._wake.set()

    async def _guarded(self, entry: Entry, attempt: Callable[[Entry], Awaitable[Entry]]) -> Entry:
        """The attempt; if it fails in a way that nobody foresaw, the call stays in the journal."""
        call_id.set(entry.call.unique_id)
        try:
            return await attempt(entry)
        except JournalError as error:
            log.error("%s", error)
        except Exception:
            log.exception("an error that nobody foresaw; the call stays in the journal")
        return await self._attempts.set_back(entry)

    async def _live(self, entry: Entry, who: asyncio.Task[Recognition]) -> Entry:
        recognition = await who
        async with self._places:
            if self.troubled or self._stopping:  # it began while we queued for a place
                return entry
            return await self._attempts.make(entry, recognition)

    async def _retry(self, entry: Entry) -> Entry:
        """One retry; its place has been taken already."""
        ended = await self._attempts.make(entry, await self.recognise(entry.call))
        if ended.ticket is not None:
            log.info("ticket %s after all", ended.ticket.ticket_number)
        return ended

    async def _retry_for_ever(self) -> None:
        while True:
            self._wake.clear()
            self._no_place_left = False
            try:
                rest = await self._start_due()
            except JournalError as error:
                log.error("can't look for waiting calls: %s", error)
                rest = FIRST_PAUSE
            try:
                async with asyncio.timeout(rest):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _start_due(self) -> float:
        """Start the retries that are due and find a place; returns the seconds to rest if nothing wakes us."""
        now = self._clock()
        for entry in await self._journal.due(now, now + self._latest, self._retries_at_most, self._in_hand.keys()):
            if self._places.locked() or len(self._retries) >= (1 if self.troubled else self._retries_at_most):
                self._no_place_left = True
                return LONGEST_REST  # whoever frees a place wakes us
            if entry.id not in self._in_hand:
                await self._places.acquire()  # it is free: this does not wait
                self._retries.add(entry.id)
                self._take_in_hand(entry, self._retry)
        due = await self._journal.next_due(self._in_hand.keys())
        return LONGEST_REST if due is None else max(0.0, min(LONGEST_REST, (due - self._clock()).total_seconds()))
