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

Never lost. Trouble is repeated after 2, 4, 8 ... 300 s, until the call is older than `give_up`: then
it is parked for a person, as what OTRS refuses is at once.

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

from agi_server.call import (
    NOBODY,
    Call,
    Created,
    Directory,
    Doubt,
    Findings,
    HelpDesk,
    NotFound,
    Outcome,
    Recognition,
    Refused,
    Ticket,
    Trouble,
)
from agi_server.journal import Entry, Journal, JournalError, State
from agi_server.logs import call_id
from agi_server.ticket import Composer
from agi_server.timetable import FIRST_PAUSE, LONGEST_PAUSE, next_search, pause

log = logging.getLogger("agi_server.delivery")

MOMENT = 30.0
"""Seconds for which a failure of OTRS keeps live calls from waiting for it."""
OWN_FAULT = 3
"""A call that failed this often while OTRS was well says more about itself than about OTRS."""
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
        self._help_desk = help_desk
        self._composer = composer
        self._places = asyncio.Semaphore(places)
        self._retries_at_most = max(1, places // 2)
        self._settle = settle
        self._give_up = give_up
        self._latest = timedelta(seconds=max(settle, 2 * LONGEST_PAUSE))
        self._clock = clock
        self._stopwatch = stopwatch
        self._pause = pause
        self._in_hand: dict[int, asyncio.Task[Entry]] = {}
        self._retries: set[int] = set()
        self._begun: dict[int, float] = {}
        """When the attempts began whose end is not known, by the stopwatch."""
        self._failed_at: float | None = None
        self._wake = asyncio.Event()
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
        """OTRS failed a moment ago, and has not answered since."""
        if self._failed_at is None:
            return False
        return bool(self._retries) or self._stopwatch() - self._failed_at < MOMENT

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
        self._retries.discard(entry_id)
        waits = task.cancelled() or task.result().state is State.WAITING
        if not waits:
            self._begun.pop(entry_id, None)
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
        return await self._keep(entry, lambda: self._set_back(entry))

    async def _set_back(self, entry: Entry) -> Entry | None:
        """Wait for the next attempt, from wherever this one was cut off."""
        now = await self._journal.get(entry.call.unique_id)
        if now is None or now.state not in (State.WAITING, State.SENDING):
            return now
        doubt = Doubt.RUNNING if now.state is State.SENDING else now.doubt
        return await self._later(now, Trouble("the attempt was cut off by an error of our own", doubt))

    async def _live(self, entry: Entry, who: asyncio.Task[Recognition]) -> Entry:
        recognition = await who
        async with self._places:
            if self.troubled or self._stopping:  # it began while we queued for a place
                return entry
            return await self._attempt(entry, recognition)

    async def _retry(self, entry: Entry) -> Entry:
        """One retry; its place has been taken already."""
        try:
            ended = await self._attempt(entry, await self.recognise(entry.call))
        finally:
            self._places.release()
        if ended.ticket is not None:
            log.info("ticket %s after all", ended.ticket.ticket_number)
        return ended

    async def _attempt(self, entry: Entry, recognition: Recognition) -> Entry:
        ticket = self._composer.compose(entry.call, recognition)
        if isinstance(ticket, Refused):
            return await self._keep(entry, lambda: self._park(entry, ticket, entry.doubt))
        if entry.doubt is not Doubt.NONE:
            settled = await self._search(entry)
            if settled is not None:
                return settled
        return await self._open(entry, ticket, recognition)

    async def _search(self, entry: Entry) -> Entry | None:
        """Is the ticket there from an earlier attempt? None: it is not, a new attempt may begin."""
        findings = await self._help_desk.find(entry.call.unique_id, entry.call.time)
        await self._note(entry, findings)
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
        outcome = await self._help_desk.open(ticket)
        await self._note(begun, outcome)
        return await self._keep(begun, lambda: self._record(begun, outcome, "created"))

    async def _record(self, entry: Entry, outcome: Outcome, event: str) -> Entry | None:
        if isinstance(outcome, Created):
            return await self._journal.done(entry, outcome, self._clock(), event)
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
            await asyncio.sleep(min(self._pause(failures), LONGEST_REST))

    async def _note(self, entry: Entry, outcome: Findings) -> None:
        """Remember how OTRS is, from what it just did."""
        if isinstance(outcome, Trouble):
            if self._failed_at is None:
                if entry.failures >= OWN_FAULT:
                    return
                log.warning("OTRS is in trouble: %s; calls wait in the journal", outcome.reason)
            self._failed_at = self._stopwatch()
        elif self._failed_at is not None:
            self._failed_at = None
            log.warning("OTRS answers again")
            try:
                await self._journal.hasten(self._clock())
            except JournalError as error:
                log.error("the waiting calls are tried at their own times: %s", error)
            self._wake.set()

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
            if self._places.locked() or len(self._retries) >= (1 if self._failed_at else self._retries_at_most):
                self._no_place_left = True
                return LONGEST_REST  # whoever frees a place wakes us
            if entry.id not in self._in_hand:
                await self._places.acquire()  # it is free: this does not wait
                self._retries.add(entry.id)
                self._take_in_hand(entry, self._retry)
        due = await self._journal.next_due(self._in_hand.keys())
        return LONGEST_REST if due is None else max(0.0, min(LONGEST_REST, (due - self._clock()).total_seconds()))
