"""Follows the journal for all pages that are open: one small question, again and again, for all of them.

It asks only while somebody waits. Who has waited asks the journal himself what has changed since his
own cursor, so nothing is kept here for anybody, and who comes back after a break misses nothing.
"""

from __future__ import annotations

import asyncio
import logging

from agi_server.journal import JournalError
from agi_server.journal.reading import Figures, Reading

log = logging.getLogger("agi_server.web")

PAUSE = 0.25
"""Seconds between two looks: a new call is on the screen before the operator has looked up."""


class Feed:
    """The newest figures of the journal. Stop it before the reading is closed."""

    def __init__(self, reading: Reading, pause: float = PAUSE) -> None:
        self._reading = reading
        self._pause = pause
        self._looked = asyncio.Condition()
        self._looking: asyncio.Task[None] | None = None
        self._waiting = 0
        self.figures: Figures | None = None
        """As of the last look; None if the journal could not be read."""
        self.stopped = False

    async def look(self) -> Figures | None:
        """Look now."""
        try:
            self.figures = await self._reading.figures()
        except JournalError as error:
            if self.figures is not None:
                log.error("%s", error)
            self.figures = None
        return self.figures

    async def next_look(self) -> None:
        """Wait until somebody has looked again."""
        self._waiting += 1
        try:
            async with self._looked:
                if self._looking is None:
                    self._looking = asyncio.create_task(self._look_on(), name="following the journal")
                await self._looked.wait()
        finally:
            self._waiting -= 1

    async def stop(self) -> None:
        """Let all go who wait."""
        self.stopped = True
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        async with self._looked:
            self._looked.notify_all()

    async def _look_on(self) -> None:
        """Look until nobody waits any more."""
        try:
            idle = 0
            while idle < 3:  # whoever writes to a browser just now is back in a moment
                idle = 0 if self._waiting else idle + 1
                await asyncio.sleep(self._pause)
                await self.look()
                async with self._looked:
                    self._looked.notify_all()
        finally:
            self._looking = None
