"""What the web shows of the house: its rooms, and what it can say of their health."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from agi_server.asterisk.fastagi import FastAgiServer
from agi_server.delivery import Delivery
from agi_server.intake import Intake
from agi_server.journal import Journal, JournalError, State
from agi_server.otrs.customers import Customers


@dataclass(frozen=True, slots=True)
class Journalled:
    """What the journal says."""

    counts: dict[State, int]
    oldest: datetime | None
    """When the oldest call came that is waiting or parked."""


@dataclass(frozen=True, slots=True)
class House:
    """The rooms that are shown."""

    journal: Journal
    customers: Customers
    delivery: Delivery
    intake: Intake
    server: FastAgiServer

    async def journalled(self) -> Journalled | None:
        """The journal's figures; None if it can't be read."""
        try:
            return Journalled(await self.journal.counts(), await self.journal.oldest_open())
        except JournalError:
            return None

    def health(self, journalled: Journalled | None) -> dict[str, str]:
        """Each part in words, the same ones as long as it is well: `ok`."""
        trouble = self.customers.status().trouble
        return {
            "listener": "ok" if self.server.listening else "not listening",
            "journal": self.journal.failing or ("ok" if journalled is not None else "can't be read"),
            "otrs": "in trouble: calls wait in the journal" if self.delivery.troubled else "ok",
            "customers": "ok" if trouble is None else f"{trouble}: callers are known as of the last look",
        }


NEEDED = ("listener", "journal")
"""The parts without which no call can be taken; without the others we are degraded."""
