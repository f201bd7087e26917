"""The FastAGI listener: sockets around `agi`, limits, deadlines, and the script that has the name asked for.

What a script does is its own affair; it is not ended by a hangup, since the missed call matters most. A client that
is a stranger, one too many, silent, slow or talks something else is closed and counted in `rejected`, and costs the
others nothing. Always: no connection waits for its peer without a limit, no buffer grows, each connection is closed
as soon as its script has ended.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from agi_server.asterisk import agi
from agi_server.asterisk.admission import Admission, Network, Peer
from agi_server.asterisk.agi import Reply
from agi_server.asterisk.exchange import Exchange
from agi_server.asterisk.knock import Knocks
from agi_server.asterisk.request import Request

log = logging.getLogger("agi_server.fastagi")

BACKLOG = 1_024
"""A SYN that finds the queue full costs the call 2 s in Asterisk."""
CLOSING_SECONDS = 1.0
"""How long `stop` waits for the scripts that it has cancelled."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one listener bears; bytes and lines as in `agi`, where their sources are."""

    sessions: int = 2_000
    """Calls at once: in a rush each stays as long as its caller is patient; one that is turned away is no ticket."""
    waiting: int = BACKLOG
    """Connections at once without a whole request: no more can come between two looks at all sockets."""
    request_seconds: float = 5.0
    """For the whole request; Asterisk needs some 0.5 ms."""
    reply_seconds: float = 5.0
    """For the answer to one command; Asterisk needs 0.2 ms for those that do nothing to the call."""
    session_seconds: float = 30.0
    """For the script, of which Asterisk would wait for ever: then the connection is closed, the script goes on."""
    block_bytes: int = agi.BLOCK_BYTES
    block_lines: int = agi.BLOCK_LINES
    reply_bytes: int = agi.REPLY_BYTES


class Gone(Exception):  # noqa: N818 - says what happened, and to whom it matters is not an error
    """Nobody is there to take the command: Asterisk has closed, or did not answer in time."""


class Session:
    """A call, as its script sees it."""

    def __init__(self, connection: _Connection, request: Request, peer: Peer) -> None:
        self._connection = connection
        self.request = request
        self.peer = peer
        self.hung_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done as soon as nobody waits for our answer: the caller has hung up, or Asterisk has gone."""

    def hang_up(self) -> None:
        """Nobody waits for our answer any more."""
        if not self.hung_up.done():
            self.hung_up.set_result(None)

    async def execute(self, words: str, *arguments: str) -> Reply:
        """Give Asterisk a command, and take its answer; `Gone` if there is none, LocalError as in `agi`."""
        [reply] = await self._connection.ask([agi.command(words, *arguments)])
        return reply

    async def set_variable(self, name: str, value: str) -> bool:
        """Set a channel variable; False if Asterisk is gone or did not accept it."""
        return await self.set_variables({name: value})

    async def set_variables(self, values: Mapping[str, str]) -> bool:
        """Set channel variables in this order; False if Asterisk is gone or did not accept them all.

        After one that it does not accept come the others; LocalError is raised before the first.
        """
        try:
            replies = await self._connection.ask([agi.set_variable(*each) for each in values.items()])
        except Gone:
            return False
        return all(reply.code == 200 and reply.result == "1" for reply in replies)


Script = Callable[[Session], Awaitable[None]]


class FastAgiServer:
    """Listens for Asterisk's calls, and runs a script for each."""

    def __init__(
        self,
        scripts: Mapping[str, Script],
        *,
        unknown: Script,
        allow: Sequence[Network],
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.admission = Admission(allow, calls=self.limits.sessions, waiting=self.limits.waiting)
        self.calls = 0
        """Requests that became a script's."""
        self._scripts = dict(scripts)
        self._unknown = unknown
        self._numbers = itertools.count(1)
        self._knocks = Knocks()
        self._server: asyncio.Server | None = None

    async def start(self, host: str | Sequence[str], port: int, listener: socket.socket | None = None) -> None:
        """Listen there, or on this socket; OSError if that is not possible. Port 0 asks the system for one."""
        loop = asyncio.get_running_loop()
        if listener is None:
            self._server = await loop.create_server(lambda: _Connection(self), host, port, backlog=BACKLOG)
        else:
            self._server = await loop.create_server(lambda: _Connection(self), sock=listener, backlog=BACKLOG)

    @property
    def address(self) -> tuple[str, int]:
        """Where we listen; the first place if a name stands for several addresses."""
        assert self._server is not None, "not started"
        host, port, *_ = self._server.sockets[0].getsockname()
        return str(host), int(port)

    @property
    def port(self) -> int:
        """The port that we listen on; the first one if a name stands for several addresses and 0 was asked for."""
        return self.address[1]

    @property
    def listening(self) -> bool:
        """Can Asterisk connect?"""
        return self._server is not None and self._server.is_serving()

    async def accepts(self) -> bool:
        """Do connections really come in?"""
        return self._server is not None and await self._knocks.come_in(self._server)

    @property
    def sessions(self) -> int:
        """Connections that are open or whose scripts still run."""
        return len(self.admission.guests)

    @property
    def rejected(self) -> Counter[str]:
        """Connections that did not become a call, by reason."""
        return self.admission.rejected

    async def stop(self, patience: float) -> None:
        """Stop listening, give the calls `patience` seconds to end, then end them and all that is not one yet."""
        if self._server is not None:
            self._server.close()
        await _wait(self.admission.no_calls, patience)
        for connection in self.admission.guests:
            connection.end()
        await _wait(self.admission.nobody, CLOSING_SECONDS)
        if self.sessions:
            log.error("%d scripts do not end", self.sessions)

    def admit(self, connection: _Connection, host: str, port: int) -> Peer | None:
        """Count a connection in; None if it is not to be served."""
        if self._knocks.came(host, port):
            return None
        return Peer(next(self._numbers), host, port) if self.admission.enter(connection, host) else None

    def script(self, request: Request, peer: Peer) -> Script:
        """The script for a request."""
        self.calls += 1
        if request.tampered:
            log.warning(
                "%s: the request of call %s was tampered with: its number is unreadable", peer, request.unique_id
            )
        if found := self._scripts.get(request.script):
            return found
        known = ", ".join(self._scripts)
        log.warning("%s: there is no script %r (%s); there are: %s", peer, request.script, request.url, known)
        return self._unknown


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


class _Connection(asyncio.Protocol):
    """One socket: bytes to the conversation, its events to the session."""

    _transport: asyncio.Transport
    _peer: Peer
    _deadline: asyncio.TimerHandle

    def __init__(self, server: FastAgiServer) -> None:
        limits = server.limits
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._conversation = agi.Conversation(
            secrets.token_hex(8),
            block_bytes=limits.block_bytes,
            block_lines=limits.block_lines,
            reply_bytes=limits.reply_bytes,
        )
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._exchange: Exchange | None = None
        self._gone = ""
        """Why no command can be given any more."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peername = transport.get_extra_info("peername")  # None if it has closed already
        peer = self._server.admit(self, *peername[:2]) if peername else None
        if peer is None:
            self._gone = "not admitted"
            self._transport.abort()
            return
        self._peer = peer
        self._deadline = self._loop.call_later(
            self._server.limits.request_seconds, self.give_up, "no whole request in time", "slow"
        )

    def data_received(self, data: bytes) -> None:
        if not self._gone:
            self._handle(self._conversation.receive(data))

    def eof_received(self) -> None:
        self._ended("closed by the peer")

    def connection_lost(self, exc: Exception | None) -> None:
        # Asterisk resets if it closes before it has read our command: after a hangup, and the call counts then too.
        self._ended("lost" if exc is None else f"lost: {exc}")
        if self._task is None:
            self._server.admission.leave(self)

    async def ask(self, commands: Sequence[bytes]) -> list[Reply]:
        """Send the commands, each when the one before is answered, and wait for all the answers."""
        if self._gone:
            raise Gone(self._gone)
        if not commands:
            return []
        exchange = self._exchange = Exchange(commands, self._send, self._server.limits.reply_seconds, self._close)
        try:
            return await exchange.answered
        finally:
            self._exchange = None
            exchange.close()
            if exchange.answered.cancelled():
                self._close("a command was given up")  # its answer would be taken for the next one's

    def give_up(self, reason: str, kind: str) -> None:
        """Wait no longer for the rest of the request."""
        self._handle(self._conversation.expire())
        self._close(reason, kind)

    def end(self) -> None:
        """Close at once, and cancel the script."""
        self._close("the server stops")
        if self._task is not None:
            self._task.cancel()

    def _send(self, command: bytes) -> None:
        self._transport.write(self._conversation.send(command))

    def _handle(self, events: Sequence[agi.Event]) -> None:
        for event in events:
            match event:
                case Reply():
                    assert self._exchange is not None
                    self._exchange.take(event)
                case agi.Barrier():
                    self._transport.write(event.command)
                case Request():
                    self._begin(event)
                case agi.Hangup():
                    self._hang_up()
                case agi.ProtocolError():
                    self._close(event.reason, "malformed")
        if self._exchange is not None and self._conversation.our_turn:
            self._exchange.go_on()

    def _begin(self, request: Request) -> None:
        if not self._server.admission.begin(self):
            self._close(f"{self._server.limits.sessions} calls are in hand already", "full")
            return
        self._deadline.cancel()
        seconds = self._server.limits.session_seconds
        self._deadline = self._loop.call_later(seconds, self._close, f"the script took longer than {seconds:g} s")
        self._session = Session(self, request, self._peer)
        self._task = self._loop.create_task(self._run(self._server.script(request, self._peer), self._session))

    async def _run(self, script: Script, session: Session) -> None:
        try:
            await script(session)
        except Gone as gone:
            log.debug("%s: the script ended, since Asterisk is gone: %s", self._peer, gone)
        except Exception:
            log.exception("%s: the script %r failed", self._peer, session.request.script)
        finally:
            self._session = None  # they know each other: else what a call leaves would lie about until it is collected
            self._transport.close()
            self._server.admission.leave(self)

    def _hang_up(self) -> None:
        if self._session is not None:
            self._session.hang_up()

    def _ended(self, reason: str) -> None:
        if not self._gone:
            self._handle(self._conversation.receive(b""))
            self._close(reason, "closed")

    def _close(self, reason: str, kind: str = "") -> None:
        """Give the connection up: whoever waits for an answer learns that there is none."""
        if self._gone:
            return
        self._gone = reason
        self._deadline.cancel()
        self._transport.abort()
        if self._task is None:
            self._server.admission.reject(kind or "closed", "%s: no call: %s", self._peer, reason)
            return
        self._hang_up()
        if self._exchange is not None:
            self._exchange.fail(Gone(reason))
