"""What a person decides of a call: retry, drop. The same as `agi-server calls retry` and `drop`.

Whatever comes here was sent from a page of ours: `server` has seen to that. A browser without script is
led back to the list; the page's script is told in words what became of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from aiohttp import web

from agi_server.journal import Entry, JournalError, State
from agi_server.journal.reading import Reading
from agi_server.web.house import House
from agi_server.web.views import Views
from agi_server.web.visit import Visit, page

log = logging.getLogger("agi_server.web")

LONGEST_REASON = 500
LIMIT = 10.0
"""Seconds for the journal to take a decision."""

Decision = Callable[[Visit, Entry], Awaitable[Entry | None]]


class Actions:
    """Carries out decisions."""

    def __init__(self, house: House, reading: Reading, views: Views, clock: Callable[[], datetime]) -> None:
        self._house = house
        self._reading = reading
        self._views = views
        self._clock = clock

    async def retry(self, visit: Visit) -> web.StreamResponse:
        """Try this call again now."""
        return await self._decide(visit, "retried", self._retry)

    async def drop(self, visit: Visit) -> web.StreamResponse:
        """This call shall be no ticket."""
        if not visit.form.get("why", "").strip():
            return self.say(visit, "why_missing", 400)
        return await self._decide(visit, "dropped", self._drop)

    async def retry_parked(self, visit: Visit) -> web.StreamResponse:
        """Try all again that are parked."""
        return await self._written(visit, self._retry_parked(visit))

    async def _decide(self, visit: Visit, said: str, decision: Decision) -> web.StreamResponse:
        return await self._written(visit, self._decided(visit, said, decision))

    async def _written(self, visit: Visit, deed: Awaitable[web.StreamResponse]) -> web.StreamResponse:
        """The deed; or why the journal did not take it."""
        try:
            async with asyncio.timeout(LIMIT):
                return await deed
        except JournalError as error:
            return self.say(visit, "unwritten", 503, words=error)
        except TimeoutError:
            return self.say(visit, "unwritten_yet", 503)

    async def _retry_parked(self, visit: Visit) -> web.StreamResponse:
        for entry in await self._house.journal.entries([State.PARKED], datetime.fromtimestamp(0, UTC)):
            await self._retry(visit, entry)
        return self.say(visit, "retried_all")

    async def _decided(self, visit: Visit, said: str, decision: Decision) -> web.StreamResponse:
        entry = await self._reading.numbered(int(visit.request.match_info["id"]))
        if entry is None:
            return self.say(visit, "gone", 404)
        if await decision(visit, entry) is None:
            return self.say(visit, "too_late", 409)
        return self.say(visit, said)

    async def _retry(self, visit: Visit, entry: Entry) -> Entry | None:
        changed = await self._house.journal.retry(entry, self._clock())
        if changed is not None:
            self._house.delivery.wake()
            log.info("a retry is wanted by %s", _who(visit), extra={"call": entry.call.unique_id})
        return changed

    async def _drop(self, visit: Visit, entry: Entry) -> Entry | None:
        why = " ".join(visit.form["why"].split())[:LONGEST_REASON]
        if visit.visitor.name:
            why = visit.words.fill("by", words=why, name=visit.visitor.name)
        changed = await self._house.journal.drop(entry, why, self._clock())
        if changed is not None:
            log.info("dropped by %s", _who(visit), extra={"call": entry.call.unique_id})
        return changed

    def say(self, visit: Visit, said: str, status: int = 200, **values: object) -> web.StreamResponse:
        """What became of it."""
        words = visit.words.fill(said, **values)
        if "application/json" in visit.request.headers.get("Accept", ""):
            return web.json_response({"said": words}, status=status)
        if status == 200:
            raise web.HTTPSeeOther("/")
        return page(self._views.render("said.html", visit.words, said=words), status)


def _who(visit: Visit) -> str:
    return visit.visitor.name or f"somebody at {visit.request.remote}"
