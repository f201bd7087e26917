"""Which OTRS answers, and in which time zone: found out beside the calls, never on their road.

3.1 is known by its session, before the first request, and by the Limit that it ignores; the others by
any ticket that has been shown, or when there is none by what they say of requests that can't do
anything. Until it is known nothing is lost: `Hearer` then says what all of them understand. What is
found is logged when it changes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from agi_server.otrs import dialect, shown, soap
from agi_server.otrs.dialect import Dialect
from agi_server.otrs.elements import Hearer
from agi_server.otrs.session import Session

START_S = 5.0
"""Seconds after the start, which has more urgent calls to make."""
PAUSE_S = 30.0
"""Seconds between two looks whether there is anything to find out."""
LONGEST_PAUSE_S = 600.0
"""Seconds; OTRS may count failed logins, and lock our agent out."""

_log = logging.getLogger("agi_server.otrs")


class Recogniser:
    """What is known of one OTRS."""

    def __init__(
        self, session: Session, told: Dialect | None, zone: tzinfo | None, clock: Callable[[], datetime]
    ) -> None:
        """`told` and `zone` are what the administrator has said; None: to be found out."""
        self._session = session
        self._told = told
        self._zone = zone
        self._clock = clock
        self._found: Dialect | None = None
        self._offset: timedelta | None = None
        self._said = ""
        self._asking = asyncio.Lock()

    @property
    def dialect(self) -> Dialect | None:
        """As told, else as found."""
        return self._told or self.found

    @property
    def found(self) -> Dialect | None:
        return dialect.by_session(self._session.token) or self._found

    @property
    def zone(self) -> tzinfo:
        """As told, as found, or UTC, which OTRS 6 is shipped with."""
        return self._zone or (UTC if self._offset is None else timezone(self._offset))

    @property
    def offset(self) -> timedelta | None:
        """How far its times were from UTC when its newest ticket was made: summer time may begin or end."""
        return self._offset

    def hearer(self) -> Hearer:
        """Whom to speak to: to all, until it has been looked whether an upgrade was the trouble.

        What 4 is told, 6 would take for an article that the customer sees. 3.1 is known by its session, and is not
        found in what is said to all.
        """
        unsure = self._told is None and self._session.troubled and self.found is not Dialect.V3_1
        return Hearer(None if unsure else self.dialect, self.zone, self._clock())

    def see(self, ticket: soap.Fields) -> None:
        """A ticket that OTRS has shown; 3.1 shows it as 4 does."""
        if self.found is not Dialect.V3_1:
            self._found = dialect.by_ticket(ticket) or self._found

    async def keep_asking(self) -> None:
        """For ever: ask while anything is not known, and again when it may have changed; less often if in vain."""
        await asyncio.sleep(START_S)
        pause = PAUSE_S
        while True:
            if not self._settled():
                await self.ask(self._session.deadline())
            await asyncio.sleep(pause)
            pause = PAUSE_S if self._settled() else min(2 * pause, LONGEST_PAUSE_S)

    def _settled(self) -> bool:
        """Its dialect and its times are known, and nothing hints at another OTRS or another season."""
        timed = self._zone is not None or self._offset is not None
        return self.dialect is not None and timed and not self._session.troubled

    async def is_another_than(self, known: Dialect | None, deadline: float) -> bool:
        """Has another OTRS taken the place of the one that was known? None, and one that was told, is for all."""
        if known is None or self._told is not None:
            return False
        if self._session.troubled or self._asking.locked():
            await self.ask(deadline)
        return self.dialect is not known

    async def ask(self, deadline: float) -> None:
        """Find out what can be found out, and say so."""
        async with self._asking:
            self._session.troubled = False
            if await self._session.sign_in(deadline) is not None:
                return
            by_ticket = await self._by_newest_ticket(deadline)
            found = dialect.by_session(self._session.token) or by_ticket or await self._by_refusals(deadline)
            self._found = found or self._found
            self._say()

    async def _by_newest_ticket(self, deadline: float) -> Dialect | None:
        """By how many are found of one that was asked for, and how it looks; its times are looked at, too."""
        reply = await self._session.probe("TicketSearch", {"Limit": "1"}, deadline)
        hits = soap.texts(reply, "TicketID") if isinstance(reply, dict) else []
        if not hits:
            return None
        reply = await self._session.probe("TicketGet", {"TicketID": hits[0], "DynamicFields": "1"}, deadline)
        ticket = next(iter(soap.records(reply, "Ticket")), {}) if isinstance(reply, dict) else {}
        self._offset = shown.offset(ticket, self._clock())
        return dialect.by_limit(len(hits), 1) or dialect.by_ticket(ticket)

    async def _by_refusals(self, deadline: float) -> Dialect | None:
        """A ticket without anything, then a SOAPAction without a namespace: neither does anything in any OTRS."""
        found = dialect.by_empty_creation(await self._session.probe("TicketCreate", {}, deadline))
        return found or dialect.by_action(await self._session.probe("TicketGet", {}, deadline, action="TicketGet"))

    def _say(self) -> None:
        known = self.found
        words = f"{known.product if known else 'an OTRS that can not be told'} answers, in the time zone {self.zone}"
        if words != self._said:
            _log.info("%s", words)
            self._said = words
