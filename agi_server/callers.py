"""Who rings: the customers whose number it is, and of colleagues the one who called last.

Most callers are told from memory, at once. Where somebody has to be asked the answer is waited for, but not for
long: whoever is not known in time is a stranger.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from agi_server.call import Call, Directory, Hits, Recognition
from agi_server.journal import Journal, JournalError, number_of
from agi_server.people import choose, rivals

log = logging.getLogger("agi_server.delivery")

LOOKUP_LIMIT = 2.0
"""Seconds for finding the customer; then the call goes on with what is known."""


class Callers:
    """Recognises them."""

    def __init__(self, directory: Directory, journal: Journal, main_contacts: Mapping[str, str]) -> None:
        """`main_contacts` are logins by `customer_id`."""
        self._directory = directory
        self._journal = journal
        self._main_contacts = main_contacts

    def ask(self, call: Call) -> asyncio.Future[Recognition]:
        """Who rings; done already where there is nothing to wait for."""
        try:
            known = self._recall(call)
        except Exception:  # noqa: BLE001 -- no error may keep a call from being kept; `find` meets it again
            known = None
        if known is None:
            return asyncio.create_task(self.find(call), name=f"who rings in {call.unique_id}")
        told: asyncio.Future[Recognition] = asyncio.get_running_loop().create_future()
        told.set_result(known)
        return told

    async def find(self, call: Call) -> Recognition:
        """Who rings; whoever is not known in time is a stranger."""
        hits, called_last = Hits(), ""
        try:
            async with asyncio.timeout(LOOKUP_LIMIT):
                if number := number_of(call):
                    hits = await self._directory.find(number)
                if logins := rivals(hits, self._main_contacts):
                    called_last = await self._journal.called_last(logins)
        except TimeoutError:
            log.warning("no answer about the customer within %g s", LOOKUP_LIMIT)
        except JournalError as error:
            log.error("which of the customers called last is not known: %s", error)
        return choose(hits, self._main_contacts, called_last)

    def _recall(self, call: Call) -> Recognition | None:
        """Who rings, if that is known without waiting for anything."""
        number = number_of(call)
        hits = self._directory.recall(number) if number else Hits()
        if hits is None or rivals(hits, self._main_contacts):
            return None
        return choose(hits, self._main_contacts)
