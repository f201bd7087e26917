"""`Sandbox`: the stand-in's HTTP server, on a loopback port of its own.

Serves the web service as OTRS serves it (status, content type, `Connection: close`, 0 bytes for an unknown
one) and the agent's pages; ends with the `async with` that started it. Customers lie in a file in `folder`,
tickets in memory.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from aiohttp import web

from agi_server.sandbox import envelope, pages, rpc_wire, stock
from agi_server.sandbox.connector import OPERATIONS, Connector
from agi_server.sandbox.dialects import DIALECTS
from agi_server.sandbox.envelope import Answer, Request
from agi_server.sandbox.faults import Faults, pause
from agi_server.sandbox.people import People
from agi_server.sandbox.refusals import FaultError, RefusalError
from agi_server.sandbox.rpc import Rpc
from agi_server.sandbox.tickets import Store, Ticket
from agi_server.sandbox.writing import Desk

HOST = "127.0.0.1"
WEB_SERVICE = "GenericTicketConnectorSOAP"
CALL_FIELD = "AsteriskUniqueID"
REQUEST_BYTES = 10_000_000
"""MaxLength of the web service that OTRS ships."""
CLOSING_SECONDS = 0.1
"""How long requests under way may go on when the stand-in stops."""
WAIT_SECONDS = 10.0
"""How long a test waits for a request or a ticket before it fails."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """A small OTRS of the age of `dialect` (3.1, 4 or 6); use it as an async context manager.

    With `words_only` rpc.pl's searches for articles go to an index of words, as OTRS's StaticDB is one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        user: str = "agi-server",
        password: str = "sandbox",  # noqa: S107 - a stand-in's, on loopback
        port: int = 0,
        delay: float = 0.0,
        dynamic_fields: Iterable[str] = (CALL_FIELD,),
        dialect: str = "6",
        words_only: bool = False,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.database = f"sqlite+aiosqlite:///{folder / 'customer_user.db'}"
        self.people = People(self.database, now)
        self.faults = Faults()
        self.port = port
        self._delay = delay
        self._store = Store(now())
        self._dialect = DIALECTS[dialect]
        agents = {1: stock.ADMIN, 2: user, 3: stock.OPERATOR}
        fields = {**dict.fromkeys(dynamic_fields, frozenset[str]()), **stock.DYNAMIC_FIELDS}
        self._connector = Connector(Desk(self._store, user, agents, fields, self._dialect, now), password)
        has_articles = dialect != "6"
        self._rpc = Rpc(
            self._store, self.people, (user, password), agents, now, articles=has_articles, words_only=words_only
        )
        self._received: Counter[str] = Counter()
        self._progress = asyncio.Condition()
        self._started = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as started:
            started.push_async_callback(self.people.close)
            await self.people.fill()
            runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=CLOSING_SECONDS)
            started.push_async_callback(runner.cleanup)
            await runner.setup()
            await web.TCPSite(runner, HOST, self.port).start()
            self.port = runner.addresses[0][1]
            self._started = started.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._started.aclose()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=REQUEST_BYTES)
        app.add_routes(
            [
                web.route("*", "/otrs/nph-genericinterface.pl/Webservice/{name}", self._web_service),
                web.post("/otrs/rpc.pl", self._rpc_pl),
                web.get("/otrs/index.pl", self._page),
                web.get("/", self._page),
            ]
        )
        app.on_response_prepare.append(self._without_name)
        return app

    @property
    def url(self) -> str:
        """The web service."""
        return f"http://{HOST}:{self.port}/otrs/nph-genericinterface.pl/Webservice/{WEB_SERVICE}"

    @property
    def rpc_url(self) -> str:
        """The older way in; its SOAP::User and SOAP::Password are the agent's."""
        return f"http://{HOST}:{self.port}/otrs/rpc.pl"

    @property
    def zoom_url(self) -> str:
        """The template of a ticket's address."""
        return f"http://{HOST}:{self.port}/otrs/index.pl?Action=AgentTicketZoom;TicketID={{{{ ticket_id }}}}"

    @property
    def tickets(self) -> list[Ticket]:
        """The tickets that were made here, oldest first; not the one that every OTRS begins with."""
        return [ticket for ticket in self._store if ticket.id > 1]

    def tickets_of(self, call_id: str) -> list[Ticket]:
        """The tickets made for this call."""
        return [ticket for ticket in self.tickets if ticket.dynamic_fields.get(CALL_FIELD) == call_id]

    def expire_sessions(self) -> None:
        """Let every session die, as OTRS does after two idle hours."""
        self._connector.sessions.clear()

    def received(self, operation: str) -> int:
        """How many requests of this operation have come in, faults included."""
        return self._received[operation]

    async def arrival(self, operation: str, count: int = 1, *, within: float = WAIT_SECONDS) -> None:
        """Wait until so many requests of this operation have come in; TimeoutError if they don't."""
        async with asyncio.timeout(within), self._progress:
            await self._progress.wait_for(lambda: self._received[operation] >= count)

    async def made(self, count: int = 1, *, within: float = WAIT_SECONDS) -> None:
        """Wait until there are so many tickets, answered for or not; TimeoutError if there never are."""
        async with asyncio.timeout(within), self._progress:
            await self._progress.wait_for(lambda: len(self.tickets) >= count)

    async def _web_service(self, http: web.Request) -> web.StreamResponse:
        if http.match_info["name"] != WEB_SERVICE:
            return _raw(http, b"")
        try:
            body = await http.read()
        except ConnectionResetError:  # whoever asked has died in the middle of it
            return _raw(http, b"")
        if not body or ("Transfer-Encoding" in http.headers and not self._dialect.takes_chunks):
            return _response(envelope.line(411, "Length Required"))
        try:
            request = envelope.parse(body)
            envelope.check_action(http.headers.get("SOAPAction", ""), request.operation, self._dialect)
        except envelope.UnreadableError as error:
            return _response(envelope.line(500, str(error)))
        except envelope.MismatchError as error:
            return _response(envelope.fault(str(error), self._dialect))
        await self._note(request.operation)
        fault = self.faults.take(request.operation)
        await pause(fault.before)
        answer = await self._answer(request) if fault.works else None
        await self._notify()
        await pause(fault.after)
        if fault.answer is not None or answer is None:
            return _raw(http, fault.answer or b"")
        return _response(answer)

    async def _rpc_pl(self, http: web.Request) -> web.StreamResponse:
        try:
            call = rpc_wire.parse(await http.read(), http.headers.get("SOAPAction", ""))
        except rpc_wire.UnreadableError as error:
            return _rpc_response(rpc_wire.fault("Client", str(error)))
        self._received[call.method if self._rpc.has(call) else ""] += 1
        await self._notify()
        fault = self.faults.take(call.method)
        await pause(fault.before)
        await asyncio.sleep(self._delay)
        answer = await self._rpc.answer(call) if fault.works else None
        await self._notify()
        await pause(fault.after)
        if fault.answer is not None or answer is None:
            return _raw(http, fault.answer or b"")
        return _rpc_response(answer)

    async def _note(self, operation: str) -> None:
        self._received[operation if operation in OPERATIONS else ""] += 1
        await self._notify()

    async def _notify(self) -> None:
        async with self._progress:
            self._progress.notify_all()

    async def _answer(self, request: Request) -> Answer:
        await asyncio.sleep(self._delay)
        customer = envelope.text(envelope.struct(request.data, "Ticket"), "CustomerUser").strip()
        person = await self.people.find(customer) if customer else None
        try:
            return envelope.success(request.operation, self._connector.answer(request, person), self._dialect)
        except RefusalError as refusal:
            return envelope.error(request.operation, refusal, self._dialect)
        except FaultError as fault:
            return envelope.fault(str(fault), self._dialect)

    async def _without_name(self, _: web.Request, response: web.StreamResponse) -> None:
        """OTRS's answers have neither Date nor Server: it writes them past Apache."""
        response.headers.pop("Date", None)
        response.headers.pop("Server", None)
        if not self._dialect.says_close:
            response.headers.pop("Connection", None)

    async def _page(self, http: web.Request) -> web.Response:
        asked = dict(re.findall(r"(\w+)=([^;&]*)", http.rel_url.raw_query_string))
        if asked.get("Action") != "AgentTicketZoom":
            return web.Response(text=pages.dashboard(list(self._store)), content_type="text/html")
        number = asked.get("TicketNumber", "")
        ticket = self._store.numbered(number) if number else self._store.get(asked.get("TicketID", ""))
        if ticket is None:
            return web.Response(text=pages.missing(), content_type="text/html", status=404)
        return web.Response(text=pages.zoom(ticket), content_type="text/html")


def _response(answer: Answer) -> web.Response:
    response = web.Response(body=answer.body, status=answer.status, content_type=answer.content_type, charset="UTF-8")
    response.force_close()
    return response


def _rpc_response(answer: rpc_wire.Answer) -> web.Response:
    headers = {"SOAPServer": "SOAP::Lite/Perl/0.714"}
    response = web.Response(
        body=answer.body, status=answer.status, content_type="text/xml", charset="utf-8", headers=headers
    )
    response.force_close()
    return response


def _raw(http: web.Request, content: bytes) -> web.Response:
    """Write these bytes in place of an HTTP answer, and close; the response returned never gets out."""
    if http.transport is not None:
        http.transport.write(content)
        http.transport.close()
    return web.Response()
