"""What the web shows of the house: its rooms, and what it can say of their health."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from agi_server.asterisk.fastagi import FastAgiServer
from agi_server.delivery import Delivery
from agi_server.intake import Intake
from agi_server.journal import Journal, JournalError, State
from agi_server.journal.questions import Open
from agi_server.otrs.connector import Connector
from agi_server.otrs.customers import Customers
from agi_server.otrs.rpc import Rpc

JOURNAL_LIMIT = 2.0
"""Seconds for the journal to answer; a disk that needs longer for that keeps callers waiting, too."""

Journalled = dict[State, Open] | str
"""The calls that are no tickets yet; or why the journal can't be written."""


@dataclass(slots=True)
class House:
    """The rooms that are shown."""

    journal: Journal
    customers: Customers
    help_desk: Connector | Rpc
    delivery: Delivery
    intake: Intake
    server: FastAgiServer
    _asked: asyncio.Task[Journalled] | None = field(default=None, init=False)

    async def journalled(self) -> Journalled:
        """What the journal says now; all who ask while it has not answered share one question."""
        if self._asked is None or self._asked.done():
            self._asked = asyncio.create_task(self._ask_journal(), name="asking the journal")
        try:
            async with asyncio.timeout(JOURNAL_LIMIT):
                return await asyncio.shield(self._asked)
        except TimeoutError:
            return f"no answer within {JOURNAL_LIMIT:g} s"

    async def _ask_journal(self) -> Journalled:
        try:
            await self.journal.prove()
            return await self.journal.still_open()
        except JournalError as error:
            return self.journal.failing or str(error)

    def health(self, journalled: Journalled) -> dict[str, str]:
        """Each part in words, the same ones as long as it is well: `ok`."""
        trouble = self.customers.status().trouble
        return {
            "listener": "ok" if self.server.listening else "not listening",
            "journal": journalled if isinstance(journalled, str) else "ok",
            "otrs": "in trouble: calls wait in the journal" if self.delivery.otrs_fails else "ok",
            "customers": "ok" if trouble is None else f"{trouble}: callers are known as of the last look",
        }


NEEDED = ("listener", "journal")
"""The parts without which no call can be taken; without the others we are degraded."""
