"""From a kept call to a ticket: one attempt, the timetable of the next, and the loop of retries.

Never doubled. TicketCreate and TicketUpdate are neither atomic nor idempotent, and OTRS may finish a
request long after we gave up on it. So: before a request leaves, the journal has it that one began,
with doubt `running`, and to which open ticket it adds the call, if to one. An answer settles the doubt;
what settles nothing leaves it:
- `none`: OTRS surely made nothing. Ask again whenever it is due.
- `ended`: OTRS is through with the request and did not say what came of it. Search first; what
  is not found does not exist.
- `running`: the request may still be at work (a time-out, a broken connection, our own crash).
  Search first; what is not found is believed missing only `settle` seconds after the attempt
  began, and searched for again until then. A stopwatch tells, for clocks are set: after a restart
  the seconds count anew.
A search that fails decides nothing: the doubt stays, and no request leaves. A call is in doubt about one
thing at a time, its own ticket or an article on its target, and is searched for where it would be. Only
then is asked what the rules want of it: what is there already is not unwanted any more.

Never lost. Trouble is repeated after 2, 4, 8 ... 300 s, until the call has been tried for `give_up`:
then it is parked for a person, as what OTRS refuses is at once.

A live call is on disk before anything is asked of OTRS. Where who rings is known at once, nothing has to be asked
before the ticket, OTRS is well and a place is free, its attempt begins in the same write. Nor is the disk waited for
when OTRS has made the ticket: that is true whether we come to write it down or not, for `running` is on disk.

Live calls come first: retries take at most half of the places, and only places that nobody waits
for. While OTRS is in trouble live calls are not tried at once but wait on disk, and one at a
time, the longest waiting first, asks how it is; when it answers again all are due. Calls that a rule
wants no ticket of end without OTRS, however it is.

A live call waits for its turn (`in_hand`) before it takes a place; a retry is not begun while a call from its number
is in hand.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

from agi_server.attempt import Attempts, ended
from agi_server.call import Call, Directory, Doubt, Ending, HelpDesk, Recognition
from agi_server.callers import Callers
from agi_server.helpdesk import Ticket
from agi_server.in_hand import Attempt, InHand, Live
from agi_server.journal import Entry, Journal, JournalError, State, number_of
from agi_server.logs import call_id
from agi_server.outcomes import Outcomes
from agi_server.pulse import Pulse
from agi_server.repeat import Repeat, Repeats
from agi_server.ticket import Composer
from agi_server.timetable import FIRST_PAUSE, LONGEST_PAUSE, pause

log = logging.getLogger("agi_server.delivery")

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
        repeat: Repeat | None = None,
        main_contacts: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        stopwatch: Callable[[], float] = time.monotonic,
        pause: Callable[[int], float] = pause,
    ) -> None:
        """`places` attempts run at once; `settle` seconds after it began no request runs in OTRS any more.

        A call that has been tried for `give_up`, and fails still, is parked. Without `repeat` every call is a
        ticket of its own. `main_contacts` are logins by `customer_id`.
        """
        self._journal = journal
        self._callers = Callers(directory, journal, main_contacts or {})
        self._pulse = Pulse(stopwatch)
        self._wake = asyncio.Event()
        self._in_hand = InHand(places, self._place_free, take_turns=repeat is not None)
        self._outcomes = Outcomes(
            journal,
            self._pulse,
            give_up=give_up,
            clock=clock,
            stopwatch=stopwatch,
            pause=pause,
            recovered=self._wake.set,
            made=self._in_hand.made,
        )
        repeats = None if repeat is None else Repeats(repeat, journal, help_desk, composer, self._outcomes, clock=clock)
        self._attempts = Attempts(journal, help_desk, composer, self._outcomes, repeats, settle=settle, clock=clock)
        self._retries_at_most = max(1, places // 2)
        self._latest = timedelta(seconds=max(settle, 2 * LONGEST_PAUSE))
        self._clock = clock
        self._live: set[Attempt] = set()
        """Of those whose caller is on the line or just was; they are in hand as soon as they are on disk."""
        self._retries: set[int] = set()
        self._look_again = False
        """There is something due that found no place, or whose turn it was not."""
        self._stopping = False
        self.attempts: Counter[str] = Counter()
        """By how they ended, in the words of `attempt.ENDED`."""
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
        tasks = self._live | self._in_hand.tasks
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

    @property
    def otrs_fails(self) -> bool:
        """OTRS failed when it was last asked, however long ago that was, or is silent."""
        return self._pulse.failing or self._pulse.troubled

    def take(self, call: Call) -> Live:
        """Keep this call, and try it now or let it wait on disk; that goes on whatever becomes of who asked.

        Of a call that is there already the attempt under way is shared.
        """
        loop = asyncio.get_running_loop()
        live = Live(call, self._callers.ask(call), loop.create_future(), loop.create_future())
        live.attempt = loop.create_task(self._serve(live), name=f"call {call.unique_id}")
        self._live.add(live.attempt)
        live.attempt.add_done_callback(self._live.discard)
        live.attempt.add_done_callback(live.ended)
        return live

    def wake(self) -> None:
        """A person has changed an entry: see at once what is due."""
        self._wake.set()

    async def _serve(self, live: Live) -> Entry | None:
        """From the first moment of a live call to the end of its first attempt."""
        try:
            entry, begun = await self._keep(live)
        except JournalError as error:
            live.kept.set_result(error)
            return None
        except Exception as error:  # noqa: BLE001 -- it is told to who waits for the call to be kept
            live.kept.set_exception(error)
            return None
        under_way = self._in_hand.get(entry.id)
        settled = entry.state not in (State.WAITING, State.SENDING) or entry.ending is not None
        if under_way is None and not settled:
            self._take_in_hand(entry, live.attempt, live, in_place=begun is not None)
        live.kept.set_result(entry)
        if under_way is not None:
            return await asyncio.shield(under_way.task)
        return entry if settled else await self._guarded(entry, lambda entry: self._try(entry, live.who, begun))

    async def _keep(self, live: Live) -> tuple[Entry, Ticket | None]:
        """The call on disk; and, if its attempt has begun in the same write, the ticket to ask for, in a place."""
        if (ticket := self._ticket_at_once(live)) is None:
            return await self._journal.add(live.call, self._clock()), None
        await self._in_hand.place()  # one is free: this does not wait
        begun = False
        try:
            entry, begun = await self._attempts.begin(live.call, live.who.result(), ticket)
        finally:
            if not begun:
                self._in_hand.leave_place()
        return entry, ticket if begun else None

    def _ticket_at_once(self, live: Live) -> Ticket | None:
        """What OTRS may be asked for as soon as the call is kept; None: that has to be found out, or has to wait."""
        if not live.who.done() or self.troubled or self._stopping or self._in_hand.full:
            return None
        try:
            return self._attempts.ticket_at_once(live.call, live.who.result())
        except Exception:  # noqa: BLE001 -- first the call is kept; then the attempt meets it again, and says so
            return None

    def _take_in_hand(self, entry: Entry, task: Attempt, live: Live | None, *, in_place: bool) -> None:
        """This task tries it, from now until it ends."""
        self._in_hand.take(entry, task, live, in_place=in_place)
        task.add_done_callback(lambda task: self._let_go(entry.id, task))

    def _let_go(self, entry_id: int, task: Attempt) -> None:
        self._in_hand.let_go(entry_id)
        self._retries.discard(entry_id)
        left = None if task.cancelled() else task.result()
        waits = left is None or left.state is State.WAITING
        if not waits:
            self._outcomes.forget(entry_id)
        if waits or self._look_again:
            self._wake.set()

    def _place_free(self) -> None:
        if self._look_again:
            self._wake.set()

    async def _guarded(self, entry: Entry, attempt: Callable[[Entry], Awaitable[Entry]]) -> Entry:
        """The attempt; if it fails in a way that nobody foresaw, the call stays in the journal."""
        call_id.set(entry.call.unique_id)
        try:
            return await attempt(entry)
        except JournalError as error:
            log.error("%s", error)
        except Exception:
            self.attempts["error"] += 1
            log.exception("an error that nobody foresaw; the call stays in the journal")
        return await self._outcomes.set_back(entry)

    async def _try(self, entry: Entry, who: Awaitable[Recognition], begun: Ticket | None) -> Entry:
        """The first attempt for a live call, or what is left of one that has `begun`."""
        recognition = await who
        if begun is not None:
            return self._counted(await self._attempts.go_on(entry, recognition, begun))
        wanted = self._attempts.wanted(entry.call, recognition)
        if not isinstance(wanted, Ticket) and (entry.state, entry.doubt) == (State.WAITING, Doubt.NONE):
            return self._counted(await self._attempts.close(entry, recognition, wanted))
        if self.troubled:
            return await self._attempts.leave(entry, recognition, wanted)
        async with self._in_hand.turn(entry):
            await self._in_hand.place(entry)
            if self.troubled or self._stopping:  # it began while we queued
                return await self._attempts.leave(entry, recognition, wanted)
            return self._counted(await self._attempts.make(entry, recognition, wanted))

    async def _retry(self, entry: Entry) -> Entry:
        """One retry; its place has been taken already."""
        recognition = await self._callers.ask(entry.call)
        async with self._in_hand.turn(entry):
            wanted = self._attempts.wanted(entry.call, recognition)
            left = self._counted(await self._attempts.make(entry, recognition, wanted))
        if left.state is State.DONE and left.ticket is not None:
            how = "has an article about it" if left.ending is Ending.UPDATED else "is there after all"
            log.info("ticket %s %s", left.ticket.ticket_number, how)
        return left

    def _counted(self, entry: Entry) -> Entry:
        """The entry as an attempt has left it."""
        self.attempts[ended(entry)] += 1
        return entry

    async def _retry_for_ever(self) -> None:
        while True:
            self._wake.clear()
            self._look_again = False
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
        now, in_hand = self._clock(), self._in_hand
        latest, most = now + self._latest, self._retries_at_most
        for entry in await self._journal.due(now, latest, most, in_hand.ids, in_hand.numbers):
            if in_hand.full or len(self._retries) >= (1 if self.troubled else most):
                self._look_again = True
                return LONGEST_REST  # whoever frees a place wakes us
            if entry.id not in in_hand.ids and number_of(entry.call) not in in_hand.numbers:
                await in_hand.place()  # one is free: this does not wait
                self._retries.add(entry.id)
                attempt = self._guarded(entry, self._retry)
                retry: Attempt = asyncio.create_task(attempt, name=f"call {entry.call.unique_id}")
                self._take_in_hand(entry, retry, None, in_place=True)
        busy = in_hand.numbers
        self._look_again = bool(busy)
        due = await self._journal.next_due(in_hand.ids, busy)
        return LONGEST_REST if due is None else max(0.0, min(LONGEST_REST, (due - self._clock()).total_seconds()))
