"""One attempt for one call: search if there is a doubt, then ask for what is wanted of it.

What is asked, repeated and believed when stands in `delivery`; when an attempt is made is decided
there too. Whether a call goes to an open ticket is `repeat`'s, what came of it is written down by `outcomes`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from agi_server.call import Call, Declined, Doubt, Ending, HelpDesk, NotFound, Recognition, Refused, Trouble
from agi_server.helpdesk import Ticket
from agi_server.journal import Entry, Journal, JournalError, State
from agi_server.outcomes import Outcomes
from agi_server.repeat import Alone, Repeats
from agi_server.ticket import Composer
from agi_server.timetable import next_search

log = logging.getLogger("agi_server.delivery")

Wanted = Ticket | Declined | Refused

ENDED = (*(ending.value for ending in Ending), "parked", "gathered", "trouble", "error")
"""How an attempt may end; `gathered`: the call waits for others, or goes with others, to share an article."""


class Attempts:
    """Makes attempts."""

    def __init__(
        self,
        journal: Journal,
        help_desk: HelpDesk,
        composer: Composer,
        outcomes: Outcomes,
        repeats: Repeats | None,
        *,
        settle: float,
        clock: Callable[[], datetime],
    ) -> None:
        """As for `Delivery`; without `repeats` every call is a ticket of its own."""
        self._journal = journal
        self._help_desk = help_desk
        self._composer = composer
        self._outcomes = outcomes
        self._repeats = repeats
        self._settle = settle
        self._clock = clock

    def wanted(self, call: Call, recognition: Recognition) -> Wanted:
        """The call's own ticket, or why there is none."""
        return self._composer.compose(call, recognition)

    def ticket_at_once(self, call: Call, recognition: Recognition) -> Ticket | None:
        """The call's own ticket, where OTRS need not be asked for a number or for open tickets before."""
        if self._repeats is not None or self._help_desk.reserves:
            return None
        wanted = self.wanted(call, recognition)
        return wanted if isinstance(wanted, Ticket) else None

    async def close(self, entry: Entry, recognition: Recognition, why: Declined | Refused) -> Entry:
        """End it without asking OTRS: a rule wants no ticket, or there is a mistake in the form."""
        if isinstance(why, Refused):
            return await self._outcomes.park(replace(entry, recognition=recognition), why, Doubt.NONE)
        return await self._outcomes.keep(entry, lambda: self._journal.decline(entry, why, recognition, self._clock()))

    async def leave(self, entry: Entry, recognition: Recognition, wanted: Wanted) -> Entry:
        """It has to wait for OTRS; until then let it be seen who rings. Nothing depends on it."""
        queue = str(wanted.queue) if isinstance(wanted, Ticket) else entry.queue
        known = replace(entry, recognition=recognition, queue=queue)
        try:
            return await self._journal.recognised(known, self._clock()) or entry
        except JournalError as error:
            log.error("who rings is not kept yet: %s", error)
            return entry

    async def begin(self, call: Call, recognition: Recognition, ticket: Ticket) -> tuple[Entry, bool]:
        """Keep a call, its attempt begun in the same write; False: it is there already, and nothing was begun."""
        return await self._journal.add_begun(call, recognition, str(ticket.queue), self._clock())

    async def go_on(self, begun: Entry, recognition: Recognition, ticket: Ticket) -> Entry:
        """What is left of an attempt that was begun so."""
        self._tell_ignored_wishes(begun.call)
        return await self._ask(begun, recognition, ticket)

    async def make(self, entry: Entry, recognition: Recognition, wanted: Wanted) -> Entry:
        """One attempt; gives the entry as it left it. May raise JournalError before a request has left."""
        if entry.state is not State.WAITING:  # an article about several calls is on its way, this one among them
            return entry
        # A reserved number is known to no other interface of OTRS, but there its ticket may be, half made or whole.
        if entry.doubt is not Doubt.NONE or (entry.reserved and not self._help_desk.reserves):
            settled = await self._search(entry)
            if settled is not None:
                return settled
            entry = replace(entry, doubt=Doubt.NONE)
        if not isinstance(wanted, Ticket):
            return await self.close(entry, recognition, wanted)
        if entry.attempts == 0:
            self._tell_ignored_wishes(entry.call)
        entry = replace(entry, queue=str(wanted.queue))
        if self._repeats is not None:
            added = await self._repeats.add(entry, wanted, recognition)
            if not isinstance(added, Alone):
                return added
            opened = await self._open(added.entry, recognition, wanted)
            if added.not_looked_for and opened.ending is Ending.CREATED:
                log.warning("a new ticket, for the caller's open ones can't be looked for: %s", added.not_looked_for)
            return opened
        return await self._open(entry, recognition, wanted)

    async def _search(self, entry: Entry) -> Entry | None:
        """Is the ticket, or the article, there from an earlier attempt? None: it is not, another one may begin."""
        call = entry.call
        if entry.ticket is None:
            search = self._help_desk.find(call.unique_id, call.time, entry.reserved)
        else:
            search = self._help_desk.find_update(entry.ticket.ticket_id, call.unique_id)
        findings = await self._outcomes.ask(entry, search)
        if isinstance(findings, NotFound):
            age = self._outcomes.age(entry)
            wait = next_search(age, self._settle) if entry.doubt is Doubt.RUNNING else None
            if wait is None:
                return None
            unknown = Trouble("not in OTRS yet, but the last request may still be at work there", entry.doubt)
            return await self._outcomes.later(entry, unknown, wait)
        if isinstance(findings, Trouble):
            findings = Trouble(findings.reason, entry.doubt)
        return await self._outcomes.record(entry, findings, "found")

    async def _open(self, entry: Entry, recognition: Recognition, ticket: Ticket) -> Entry:
        if self._help_desk.reserves:
            if not entry.reserved:
                number = await self._outcomes.ask(entry, self._help_desk.reserve())
                if not isinstance(number, str):
                    return await self._outcomes.record(entry, number, "reserved")
                entry = replace(entry, reserved=number)
            ticket = replace(ticket, number=entry.reserved)
        begun = await self._journal.begin(entry, recognition, self._clock())
        if begun is None:
            return await self._journal.get(entry.call.unique_id) or entry
        return await self._ask(begun, recognition, ticket)

    async def _ask(self, begun: Entry, recognition: Recognition, ticket: Ticket) -> Entry:
        """Ask for the ticket, and write down what comes of it."""
        self._outcomes.begins(begun)
        outcome = await self._outcomes.ask(begun, self._help_desk.open(ticket))
        if isinstance(outcome, Refused) and outcome.about == "customer_user" and recognition.customer is not None:
            log.warning("OTRS does not know the customer %s any more: %s", recognition.customer.login, outcome.words)
            self._outcomes.begins(begun)
            stranger = self.wanted(begun.call, replace(recognition, customer=None))
            if isinstance(stranger, Ticket):
                ticket = replace(stranger, number=ticket.number)
                outcome = await self._outcomes.ask(begun, self._help_desk.open(ticket))
        if isinstance(outcome, Refused) and outcome.about == "number":
            begun = replace(begun, reserved="")
            if begun.attempts == 1:
                return await self._outcomes.later(begun, Trouble(outcome.reason))
            # It may be this call's all the same, half made and changed by somebody: two would be worse than none.
            words = f"{outcome.words}: if it is this call's, drop the call; retried, it gets a ticket of its own"
            return await self._outcomes.record(begun, replace(outcome, words=words), "created")
        if isinstance(outcome, Refused):
            outcome = _with_value(outcome, ticket)
        return await self._outcomes.record(begun, outcome, "created")

    def _tell_ignored_wishes(self, call: Call) -> None:
        if ignored := self._composer.ignored_wishes(call):
            log.warning("the dialplan wishes for what ticket.wishes does not allow: %s", ", ".join(ignored))


def _with_value(refused: Refused, ticket: Ticket) -> Refused:
    """With the value that OTRS refuses; OTRS itself says only which field it is."""
    shown = _shown(getattr(ticket, refused.about, None) or getattr(ticket.article, refused.about, None))
    return replace(refused, words=f"{refused.words} ({refused.about} {shown})") if shown else refused


def _shown(value: object) -> str:
    """Of dynamic fields the names: OTRS says no word of which it is."""
    match value:
        case str():
            return repr(value)
        case int() if value is not True:
            return f"ID {value}"
        case tuple() if all(isinstance(one, int) for one in value):
            return f"ID {' or '.join(map(str, value))}" if value else ""
        case Mapping():
            return " or ".join(value)
    return ""


def ended(entry: Entry) -> str:
    """How the attempt ended that has left this entry: one of `ENDED`, and never an error."""
    match entry.state:
        case State.PARKED:
            return "parked"
        case State.WAITING if entry.ending is None:
            return "trouble"
        case State.WAITING | State.SENDING:
            return "gathered"
    return Ending.REJECTED if entry.ending is None else entry.ending.value
