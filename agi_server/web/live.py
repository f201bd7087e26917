"""The stream of a page that is open: each call that comes or changes, and the house's health, as events.

Server-sent events, whose ids are places in the journal's history: a browser that comes back says the
last one that it had, and gets all that came after it. What has been missed for too long is not told
one by one: the page is told to load itself again. A stream ends after a while, so that whoever must not
see it any more does not.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from aiohttp import web

from agi_server.journal import JournalError, State
from agi_server.journal.reading import Change, Reading
from agi_server.web import health
from agi_server.web.feed import Feed
from agi_server.web.house import House
from agi_server.web.views import Choice, Views
from agi_server.web.visit import Visit

MOST_STREAMS = 128
"""Pages open at once."""
LONGEST = 1800.0
"""Seconds of one stream; the browser comes back by itself."""
SILENCE = 15.0
"""Seconds after which a sign of life is sent: a page that hears none knows that the network is cut."""
WRITE_LIMIT = 20.0
"""Seconds for a browser to take what it is sent."""
COME_BACK_MS = 1000
FRESH = timedelta(minutes=2)
"""So old is a call that still opens its ticket on the screen."""


class Live:
    """Serves streams."""

    def __init__(self, house: House, reading: Reading, feed: Feed, views: Views, clock: Callable[[], datetime]) -> None:
        self._house = house
        self._reading = reading
        self._feed = feed
        self._views = views
        self._clock = clock
        self._streams = 0

    async def stream(self, visit: Visit) -> web.StreamResponse:
        """Send events until the browser goes, we stop, or it has been long enough."""
        if self._streams >= MOST_STREAMS:
            raise web.HTTPServiceUnavailable(text="too many pages are open\n")
        self._streams += 1
        try:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
            await response.prepare(visit.request)
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(LONGEST):
                    await _Stream(self, visit, response).run(_cursor(visit.request))
        finally:
            self._streams -= 1
        return response


class _Stream:
    """One of them."""

    def __init__(self, live: Live, visit: Visit, response: web.StreamResponse) -> None:
        self._house, self._reading, self._feed, self._views = live._house, live._reading, live._feed, live._views
        self._clock = live._clock
        self._visit = visit
        self._response = response
        self._wanted = Choice.of(visit.request.query).wanted
        self._health = ""
        self._wrote = 0.0

    async def run(self, cursor: int) -> None:
        """All that happens after the cursor."""
        await self._send("hello", {"form_token": self._visit.form_token}, retry=COME_BACK_MS)
        await self._feed.look()
        while not self._feed.stopped:
            await self._tell_health()
            figures = self._feed.figures
            if figures is not None and figures.cursor < cursor:
                figures = await self._feed.look()  # that was from before we read
            if figures is not None and figures.cursor != cursor:
                with suppress(JournalError):  # the health tells it
                    cursor = await self._tell_changes(cursor, figures.cursor)
            if asyncio.get_running_loop().time() - self._wrote > SILENCE:
                await self._send("alive", {})
            with suppress(TimeoutError):
                async with asyncio.timeout(SILENCE):
                    await self._feed.next_look()

    async def _tell_changes(self, cursor: int, newest: int) -> int:
        changes = await self._reading.changed(cursor) if newest > cursor else None
        if changes is None:  # another journal, or too long a break
            await self._send("reload", {}, cursor=newest)
            return newest
        for change in changes:
            await self._send("call", self._told(change), cursor=change.cursor)
        return max([newest, *(change.cursor for change in changes)])

    def _told(self, change: Change) -> dict[str, object]:
        entry, words = change.entry, self._visit.words
        row = self._views.row(entry)
        parked = entry.state is State.PARKED
        return {
            "id": entry.id,
            "line": self._views.line(row, words) if self._wanted.holds(entry) else "",
            "parked": self._views.decision(row, words, self._visit.form_token) if parked else "",
            "fresh": self._clock() - row.at < FRESH,
        }

    async def _tell_health(self) -> None:
        parts = health.parts(health.facts_of(self._house, self._feed.figures), self._visit.words)
        text = self._views.health(parts, self._visit.words)
        if text != self._health:
            self._health = text
            figures = self._feed.figures
            parked = figures.open[State.PARKED] if figures is not None else None
            await self._send("health", {"parts": text, "parked": parked})

    async def _send(self, event: str, data: dict[str, object], cursor: int | None = None, retry: int = 0) -> None:
        lines = [f"event: {event}", f"data: {json.dumps(data)}"]
        if cursor is not None:
            lines.append(f"id: {cursor}")
        if retry:
            lines.append(f"retry: {retry}")
        await self._write("\n".join(lines) + "\n\n")

    async def _write(self, text: str) -> None:
        async with asyncio.timeout(WRITE_LIMIT):
            await self._response.write(text.encode())
        self._wrote = asyncio.get_running_loop().time()


def _cursor(request: web.Request) -> int:
    """From where on: the last event that the browser had, or else what its page knew when it was made."""
    for given in (request.headers.get("Last-Event-ID", ""), request.query.get("cursor", "")):
        if given.isascii() and given.isdecimal() and len(given) < 16:
            return int(given)
    return 0
