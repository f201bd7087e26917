"""The AGI script `ticket`: a session becomes a call, the call is kept, and a short wait may end in a ticket.

Whatever happens, the caller waits `patience` at most, the channel variables are set with
HELPDESK_STATUS last, and the session ends, so that the dialplan goes on. A hangup ends the
waiting but not the work. Nothing is read back from Asterisk.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from agi_server.asterisk.fastagi import Session
from agi_server.asterisk.request import Request
from agi_server.call import NOBODY, Call, Created, Ending, Match, Recognition
from agi_server.delivery import Delivery
from agi_server.in_hand import Live
from agi_server.journal import Entry, Journal, JournalError, State
from agi_server.logs import call_id
from agi_server.numbers import Numbering
from agi_server.tally import Durations

log = logging.getLogger("agi_server.intake")

STATUS = "HELPDESK_STATUS"
TICKET = "HELPDESK_TICKET"
TICKET_ID = "HELPDESK_TICKET_ID"
TICKET_URL = "HELPDESK_TICKET_URL"
CUSTOMER = "HELPDESK_CUSTOMER"
CUSTOMER_ID = "HELPDESK_CUSTOMER_ID"
NAME = "HELPDESK_NAME"
MATCH = "HELPDESK_MATCH"
OPERATOR = "HELPDESK_OPERATOR"
OPERATOR_EXTENSION = "HELPDESK_OPERATOR_EXTENSION"

STATUS_OF = {State.WAITING: "queued", State.SENDING: "queued", State.PARKED: "parked"}
"""HELPDESK_STATUS by the state of a call whose ending is not known."""
BOUNDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
"""Seconds of a caller's wait that can be told apart, beside his patience: what is longer was as long as that."""
JOURNAL_LIMIT = 1.0
"""Seconds for keeping the call, however little patience is left for its ticket."""
LONGEST_ID = 150
"""Characters of a unique id; Asterisk's own have 149 at most (AST_MAX_PUBLIC_UNIQUEID)."""
TRY_AGAIN = 5.0
"""Seconds after which the journal is tried again with a call that could not be kept."""
LAST_TRY = 5.0
"""Seconds for the journal to take such calls when we stop: the disk may just have been given room."""
MOST_UNKEPT = 1000
"""Calls held in memory while the journal can't be written; of more, the log has all that is known."""
ERROR = "error"
"""HELPDESK_STATUS when the call is not in the journal."""
STATUSES = (*Ending, "queued", "parked", ERROR)
"""All that HELPDESK_STATUS may be."""


class Intake:
    """The scripts that Asterisk may ask for."""

    def __init__(
        self,
        journal: Journal,
        delivery: Delivery,
        numbering: Numbering,
        *,
        patience: float,
        zoom_url: Callable[[Created], str],
        extensions: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        """`patience` in seconds; `zoom_url` gives the address where an agent sees the ticket, or nothing.

        `extensions` are agents' by their logins.
        """
        self._journal = journal
        self._delivery = delivery
        self._numbering = numbering
        self.patience = patience
        self._zoom_url = zoom_url
        self._extensions = extensions or {}
        self._clock = clock
        self._stopwatch = stopwatch
        self._unkept: set[asyncio.Task[bool]] = set()
        self._stopping = asyncio.Event()
        self.calls: Counter[tuple[str, str]] = Counter()
        """By what their dialplan was told: status and match."""
        self.steps = Durations({*BOUNDS, patience})
        """What calls took from the request to the last variable."""

    async def ticket(self, session: Session) -> None:
        """The script `ticket`."""
        began = self._stopwatch()
        try:
            await self._serve(session)
        except Exception:
            log.exception("an error that nobody foresaw; the request: %r", session.request)
            await self._fail(session)
        finally:
            self.steps.add(self._stopwatch() - began)

    async def stop(self) -> None:
        """Try a last time to keep what could not be kept, and let the rest go; the log has it."""
        self._stopping.set()
        if tasks := set(self._unkept):
            _, late = await asyncio.wait(tasks, timeout=LAST_TRY)
            for task in late:
                task.cancel()
            await asyncio.wait(tasks)
            if lost := sum(task.cancelled() or not task.result() for task in tasks):
                log.critical("%d calls could not be kept, and are no tickets; see above", lost)

    async def _serve(self, session: Session) -> None:
        began, deadline = self._stopwatch(), asyncio.get_running_loop().time() + self.patience
        call = call_of(session.request, self._numbering, self._clock())
        call_id.set(call.unique_id)
        live = self._delivery.take(call)
        entry = await self._see(live, session, deadline)
        recognition = (entry and entry.recognition) or (live.who.result() if live.who.done() else NOBODY)
        told = variables(entry, recognition, self._zoom_url, self._extensions)
        _log_call(call, told, entry, self._stopwatch() - began)
        self.calls[told[STATUS], told[MATCH]] += 1
        await session.set_variables(told)

    @property
    def unkept(self) -> int:
        """Calls held in memory, because the journal can't be written."""
        return len(self._unkept)

    async def unknown(self, session: Session) -> None:
        """Stands in for a script that we don't have."""
        await self._fail(session)

    async def _fail(self, session: Session) -> None:
        self.calls[ERROR, Match.NONE.value] += 1
        await session.set_variable(STATUS, ERROR)

    async def _see(self, live: Live, session: Session, deadline: float) -> Entry | None:
        """What becomes of the call until the deadline; None: it could not be kept."""
        loop, call = asyncio.get_running_loop(), live.call
        limit = max(deadline, loop.time() + JOURNAL_LIMIT)
        await _wait(live.left, session.hung_up, deadline)
        left = live.left.result() if live.left.done() and not live.left.cancelled() else None
        if not live.kept.done():
            await asyncio.wait({live.kept}, timeout=max(0.0, limit - loop.time()))
        entry = live.kept.result() if live.kept.done() else JournalError("no answer in time")
        if isinstance(entry, JournalError):
            log.critical("NOT in the journal: %s; the call: %r", entry, call)
            self._keep_later(call)
            await _wait(live.who, session.hung_up, deadline)
            return None
        if entry.call.unique_id != call.unique_id:
            log.warning(
                "another call had this id before: kept as %s; has each Asterisk its systemname?", entry.call.unique_id
            )
        if left is None:
            live.left.add_done_callback(_log_late)
        return left or entry

    def _keep_later(self, call: Call) -> None:
        """Hold a call that could not be kept, and keep it as soon as the journal can be written again."""
        if len(self._unkept) < MOST_UNKEPT:
            task = asyncio.create_task(self._keep_in_the_end(call), name=f"keep {call.unique_id}")
            self._unkept.add(task)
            task.add_done_callback(self._unkept.discard)

    async def _keep_in_the_end(self, call: Call) -> bool:
        """Try until it is kept, at last when we stop: False, if that fails too."""
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(TRY_AGAIN):
                    await self._stopping.wait()
            except TimeoutError:
                pass
            live = self._delivery.take(call)
            await asyncio.wait({live.kept})
            if not isinstance(live.kept.result(), JournalError):
                log.warning("in the journal after all")
                return True
        return False


def call_of(request: Request, numbering: Numbering, now: datetime) -> Call:
    """What Asterisk told us, as a call; from a request that was tampered with, only what is surely genuine."""
    heard = numbering.heard("" if request.tampered else request.number, request.presentation)
    return Call(
        unique_id=request.unique_id.strip()[:LONGEST_ID] or f"no-id-{uuid.uuid4()}",
        time=now,
        number=heard.number,
        canonical=heard.canonical,
        lookup=heard.lookup,
        name="" if request.tampered or heard.withheld else request.name,
        withheld=heard.withheld,
        unreadable=request.tampered,
        dialled=request.extension if request.extension.lstrip("+").isdigit() else request.dnid or request.extension,
        dnid=request.dnid,
        context=request.context,
        channel=request.channel,
        language=request.language,
        arguments=request.arguments,
        wishes=request.query,
    )


def variables(
    entry: Entry | None,
    recognition: Recognition,
    zoom_url: Callable[[Created], str],
    extensions: Mapping[str, str],
) -> dict[str, str]:
    """The channel variables that have a value; the status is the last, so that it vouches for the others."""
    found: dict[str, str] = {MATCH: recognition.match.value}
    ticket = _ticket(entry)
    if ticket is not None:
        found[TICKET] = ticket.ticket_number
        found[TICKET_ID] = ticket.ticket_id
        found[TICKET_URL] = zoom_url(ticket)
    if ticket is not None and entry is not None and entry.ending is Ending.UPDATED:
        found[OPERATOR] = ticket.owner
        found[OPERATOR_EXTENSION] = extensions.get(ticket.owner, "")
    if recognition.customer is not None:
        found[CUSTOMER] = recognition.customer.login
        found[CUSTOMER_ID] = recognition.customer.customer_id
        found[NAME] = recognition.customer.name
    found[STATUS] = ERROR if entry is None else entry.ending or STATUS_OF[entry.state]
    return {name: value for name, value in found.items() if value}


def _ticket(entry: Entry | None) -> Created | None:
    """The ticket that has the call or surely will have it; not one on which an article about it may be or not."""
    return entry.ticket if entry is not None and entry.ending in (Ending.CREATED, Ending.UPDATED) else None


async def _wait(work: asyncio.Future[Any], hung_up: asyncio.Future[None], deadline: float) -> None:
    """Wait until the work is done, the caller has hung up, or the deadline has come; the work goes on."""
    rest = deadline - asyncio.get_running_loop().time()
    if not work.done() and rest > 0:
        await asyncio.wait((work, hung_up), timeout=rest, return_when=asyncio.FIRST_COMPLETED)


def _log_call(call: Call, told: Mapping[str, str], entry: Entry | None, waited: float) -> None:
    """The one line that a call leaves in the log; what it says goes along under names of its own, for JSON."""
    ended = entry is not None and entry.state in (State.PARKED, State.DROPPED)
    facts = {
        "number": call.number,
        "dialled": call.dialled,
        "status": told[STATUS],
        "reason": entry.reason if entry is not None and ended else "",
        "ticket": told.get(TICKET, ""),
        "queue": entry.queue if entry is not None else "",
        "customer": told.get(CUSTOMER, ""),
        "match": told[MATCH],
        "seconds": round(waited, 3),
    }
    log.info(
        "from %s to %s: %s%s%s; customer %s (%s)%s; %.3f s",
        call.number or ("withheld" if call.withheld else "no number"),
        call.dialled or "?",
        facts["status"],
        facts["reason"] and f" ({facts['reason']})",
        facts["ticket"] and f", ticket {facts['ticket']}",
        facts["customer"] or "nobody known",
        facts["match"],
        facts["queue"] and f"; queue {facts['queue']}",
        waited,
        extra=facts,
    )


def _log_late(future: asyncio.Future[Entry | None]) -> None:
    """What came after its caller had gone on."""
    left = None if future.cancelled() or future.exception() else future.result()
    if left is not None and (ticket := _ticket(left)) is not None:
        log.info("%s, ticket %s, after the caller went on", left.ending, ticket.ticket_number)
