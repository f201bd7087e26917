"""The operator's page: the list of calls, one call with its history, and the window that tickets open in."""

from __future__ import annotations

from aiohttp import web

from agi_server.journal import JournalError
from agi_server.journal.reading import Places, Reading
from agi_server.web import health
from agi_server.web.feed import Feed
from agi_server.web.house import House
from agi_server.web.views import PARKED_SHOWN, SHOWN, Choice, Views
from agi_server.web.visit import Visit, page


class Page:
    """Serves what is only looked at."""

    def __init__(self, house: House, reading: Reading, feed: Feed, views: Views) -> None:
        self._house = house
        self._reading = reading
        self._feed = feed
        self._views = views

    async def index(self, visit: Visit) -> web.Response:
        """The list."""
        choice = Choice.of(visit.request.query)
        figures = await self._feed.look()  # before the calls: what comes in between is told once more
        shown: dict[str, object] = {"rows": [], "parked": [], "places": Places(), "older": "", "failing": ""}
        try:
            entries = await self._reading.newest(choice.wanted, SHOWN + 1, choice.before)
            rows = [self._views.row(entry) for entry in entries[:SHOWN]]
            older = choice.older(rows[-1].id) if len(entries) > SHOWN else ""
            parked = [self._views.row(entry) for entry in await self._reading.parked(PARKED_SHOWN)]
            shown |= {"rows": rows, "older": older, "parked": parked, "places": await self._reading.places()}
        except JournalError as error:
            shown["failing"] = str(error)
        text = self._views.render(
            "page.html",
            visit.words,
            visit=visit,
            choice=choice,
            figures=figures,
            parts=health.parts(health.facts_of(self._house, figures), visit.words),
            parked_shown=PARKED_SHOWN,
            links=self._views.has_links,
            **shown,
        )
        return page(text, 503 if shown["failing"] else 200)

    async def call(self, visit: Visit) -> web.Response:
        """One call, and each thing that happened to it."""
        try:
            entry = await self._reading.numbered(int(visit.request.match_info["id"]))
            if entry is None:
                return page(self._views.render("said.html", visit.words, said=visit.words["gone"]), 404)
            history = await self._reading.history(entry)
        except JournalError as error:
            said = visit.words.fill("journal_unread", words=error)
            return page(self._views.render("said.html", visit.words, said=said), 503)
        row = self._views.row(entry)
        events = [(event.at.astimezone(row.at.tzinfo), event) for event in history]
        return page(self._views.render("call.html", visit.words, row=row, entry=entry, events=events, visit=visit))

    async def next_ticket(self, visit: Visit) -> web.Response:
        """What stands in the window for tickets before the first of them."""
        return page(self._views.render("next.html", visit.words))
