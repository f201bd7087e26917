"""The HTTP listener: `/healthz`, `/readyz`, `/metrics`, and the operator's page.

`/healthz` says only that we live, to everybody; the login form and the pages' style and script hold
nothing of anybody's. All else is for those whom `access` lets in, and no browser keeps it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, tzinfo
from urllib.parse import quote

from aiohttp import web

from agi_server.journal.reading import Reading
from agi_server.links import Links
from agi_server.web import connections, metrics
from agi_server.web.access import Access, Denied, Origin, Request, Visitor
from agi_server.web.actions import Actions
from agi_server.web.feed import Feed
from agi_server.web.house import NEEDED, House
from agi_server.web.live import Live
from agi_server.web.login import COOKIE, Login
from agi_server.web.page import Page
from agi_server.web.views import HERE, Views
from agi_server.web.visit import Handler, Visit, form_of
from agi_server.web.words import words_for

log = logging.getLogger("agi_server.web")

CLOSING = 1.0
"""Seconds for answers under way when we stop."""
LARGEST_FORM = 16 * 1024
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class WebServer:
    """Serves what `House` shows."""

    def __init__(
        self,
        house: House,
        *,
        reading: Reading,
        access: Access,
        links: Links,
        zone: tzinfo | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`reading` is opened and closed here; `zone` is that of the times shown, None the machine's own."""
        self._house = house
        self._access = access
        self._reading = reading
        self._feed = Feed(self._reading)
        views = Views(links, zone)
        self._page = Page(house, self._reading, self._feed, views)
        self._live = Live(house, self._reading, self._feed, views, clock)
        self._actions = Actions(house, self._reading, views, clock)
        self._login = Login(access, views)
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen; raises OSError or JournalError if that is not possible. Port 0 asks the system for one."""
        await self._reading.open(serving=False)
        self._runner = web.AppRunner(
            self._app(),
            access_log=None,
            logger=connections.Faults(log),
            shutdown_timeout=CLOSING,
            keepalive_timeout=connections.IDLE,
        )
        await self._runner.setup()
        assert self._runner.server is not None
        try:
            factory = connections.bounded(self._runner.server)
            self._listener = await asyncio.get_running_loop().create_server(factory, host, port)
        except OSError:
            await self.stop()
            raise

    @property
    def admits(self) -> str:
        """Who may see the pages, in words."""
        return self._access.words

    @property
    def port(self) -> int:
        """The port that we listen on."""
        assert self._listener is not None, "not started"
        return int(self._listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        await self._feed.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self._reading.close()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_FORM)
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/", self._seen(self._page.index)),
                web.get("/events", self._seen(self._live.stream), allow_head=False),
                web.get("/next", self._seen(self._page.next_ticket)),
                web.get(r"/calls/{id:\d{1,15}}", self._seen(self._page.call)),
                web.post(r"/calls/{id:\d{1,15}}/retry", self._sent(self._actions.retry)),
                web.post(r"/calls/{id:\d{1,15}}/drop", self._sent(self._actions.drop)),
                web.post("/parked/retry", self._sent(self._actions.retry_parked)),
                web.static("/static", HERE / "static"),
            ]
        )
        if self._access.has_login:
            app.add_routes(
                [
                    web.get("/login", self._login.form),
                    web.post("/login", self._login.log_in),
                    web.post("/logout", self._sent(self._login.log_out)),
                ]
            )
        app.on_response_prepare.append(_set_headers)
        return app

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        """503 if no call can be taken; OTRS or its database away is degraded, and said."""
        self._admit(request)
        health = self._house.health(await self._house.journalled())
        ready = all(health[part] == "ok" for part in NEEDED)
        degraded = any(words != "ok" for words in health.values())
        status = "not ready" if not ready else "degraded" if degraded else "ready"
        return web.json_response({"status": status, **health}, status=200 if ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        self._admit(request)
        body = metrics.render(self._house, await self._house.journalled())
        return web.Response(body=body, headers={"Content-Type": PROMETHEUS})

    def _seen(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The handler, for those who may look."""

        async def admitted(request: web.Request) -> web.StreamResponse:
            return await handler(self._visit(request, self._admit(request), {}))

        return admitted

    def _sent(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The handler, for those who may look, and what they send from our own pages."""

        async def admitted(request: web.Request) -> web.StreamResponse:
            visitor = self._admit(request)
            form = await form_of(request)
            headers = request.headers
            origin = Origin(request.host, headers.get("Sec-Fetch-Site"), headers.get("Origin"))
            visit = self._visit(request, visitor, form)
            if not self._access.is_own_form(visitor, form.get("form_token", ""), origin):
                return self._actions.say(visit, "stale_form", 403)
            return await handler(visit)

        return admitted

    def _visit(self, request: web.Request, visitor: Visitor, form: Mapping[str, str]) -> Visit:
        words = words_for(request.headers.get("Accept-Language", ""))
        return Visit(request, visitor, words, self._access.form_token(visitor), form)

    def _admit(self, request: web.Request) -> Visitor:
        """Who asks; raises what he is answered if he may not."""
        user = request.headers.get(self._access.user_header, "") if self._access.user_header else ""
        found = self._access.admit(
            Request(
                peer=request.remote or "",
                host=request.host,
                authorization=request.headers.get("Authorization", ""),
                cookie=request.cookies.get(COOKIE, ""),
                user=user,
            )
        )
        match found:
            case Visitor():
                return found
            case Denied.TOO_OFTEN:
                raise web.HTTPTooManyRequests(text="too many wrong tokens: wait a minute\n")
            case Denied.WRONG_NAME:
                words = "without web.token only localhost and 127.0.0.1 are answered, by these names\n"
                raise web.HTTPMisdirectedRequest(text=words)
        if self._access.has_login and "text/html" in request.headers.get("Accept", ""):
            raise web.HTTPSeeOther(f"/login?back={quote(request.path_qs, safe='')}")
        needed = "the token of web.token" if self._access.has_login else "a user whom the proxy names, or web.token,"
        raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"}, text=f"{needed} is needed\n")


async def _set_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers[name] = value
    if request.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-cache"
    response.headers.pop("Server", None)
