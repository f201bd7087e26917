"""Places a call as Asterisk does: for `agi-server call`, the demo and the tests.

The request block is written as Asterisk 1.6.2 to 22 write it, line breaks in the caller's number included; commands
are answered by a `Channel`. It is held to recordings of the real one, with one difference: Asterisk waits for the
server for ever, `place_call` does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from agi_server.asterisk.channel import Channel

DNID = "84956693308"
VERSION = "1.6.2.17.3"

Direction = Literal[">", "<"]
"""`>` from us, as Asterisk, to the server; `<` back."""


class Ending(enum.StrEnum):
    """How AGI() ended; the first three are what AGISTATUS says."""

    SUCCESS = "SUCCESS"
    """The server closed the connection, whatever it did or did not do before."""
    FAILURE = "FAILURE"
    """The server cannot be reached."""
    HANGUP = "HANGUP"
    """The caller hung up."""
    TIMEOUT = "TIMEOUT"
    """The server did not close in time; Asterisk would still wait."""
    RESET = "RESET"
    """We reset the connection, as was asked for."""


@dataclass(frozen=True, slots=True)
class CallReport:
    """What became of a call."""

    outcome: Ending
    variables: dict[str, str]
    """The channel variables that the server set."""
    dialogue: list[tuple[Direction, str]]
    seconds: float


def request_block(
    *,
    number: str,
    unique_id: str,
    name: str = "",
    dialled: str = "4509",
    context: str = "otrs",
    script: str = "ticket",
    query: str = "",
    arguments: Sequence[str] = (),
    address: str = "127.0.0.1",
    channel: str = "SIP/84956693308-0000039a",
    dnid: str = DNID,
    presentation: int = 0,
    language: str = "en",
    version: str = VERSION,
) -> bytes:
    """The request block of a call; its defaults are those of a trace from the field."""
    path = f"{script}?{query}" if query else script
    fields = {
        "network": "yes",
        "network_script": path,
        "request": f"agi://{address}/{path}",
        "channel": channel,
        "language": language,
        "type": channel.partition("/")[0],
        "uniqueid": unique_id,
        "version": version,
        "callerid": number or "unknown",
        "calleridname": name or "unknown",
        "callingpres": str(presentation),
        "callingani2": "0",
        "callington": "0",
        "callingtns": "0",
        "dnid": dnid or "unknown",
        "rdnis": "unknown",
        "context": context,
        "extension": dialled,
        "priority": "2",
        "enhanced": "0.0",
        "accountcode": "",
        "threadid": "-1251619952",
    } | {f"arg_{place}": argument for place, argument in enumerate(arguments, 1)}
    if not path:
        del fields["network_script"]
    return (
        "".join(f"agi_{field}: {value}\n" for field, value in fields.items()).encode(errors="surrogateescape") + b"\n"
    )


class _Line(asyncio.Protocol):
    """The connection of one AGI() run."""

    _transport: asyncio.Transport

    def __init__(
        self, block: bytes, channel: Channel, answering: bool, on_line: Callable[[Direction, str], None] | None
    ) -> None:
        self.outcome = Ending.SUCCESS
        self.dialogue: list[tuple[Direction, str]] = []
        self.ended = asyncio.get_running_loop().create_future()
        self._block = block
        self._channel = channel
        self._answering = answering
        self._on_line = on_line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send(self._block)

    def data_received(self, data: bytes) -> None:
        if not self._answering:
            self._record("<", data)
            return
        for command, answer in self._channel.receive(data):
            self._record("<", command)
            self._send(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        for command, _ in self._channel.receive(b""):
            self._record("<", command)
        if not self.ended.done():
            self.ended.set_result(None)

    def hang_up(self) -> None:
        """The caller hangs up; Asterisk tells the server, and waits for it to close."""
        self.outcome = Ending.HANGUP
        self._channel.dead = True
        self._send(b"HANGUP\n")

    def reset(self) -> None:
        """Break the connection as a crash of the host does."""
        self.outcome = Ending.RESET
        raw = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _send(self, data: bytes) -> None:
        self._transport.write(data)
        self._record(">", data)

    def _record(self, direction: Direction, data: bytes) -> None:
        for line in data.decode(errors="replace").removesuffix("\n").split("\n"):
            self.dialogue.append((direction, line))
            if self._on_line is not None:
                self._on_line(direction, line)


async def place_call(
    host: str,
    port: int,
    *,
    number: str,
    name: str = "",
    dialled: str = "4509",
    dnid: str = DNID,
    context: str = "otrs",
    script: str = "ticket",
    query: str = "",
    unique_id: str = "",
    arguments: Sequence[str] = (),
    version: str = VERSION,
    presentation: int = 0,
    on_line: Callable[[Direction, str], None] | None = None,
    timeout: float = 30.0,
    hang_up_after: float | None = None,
    reset_after: float | None = None,
    answering: bool = True,
) -> CallReport:
    """Run AGI() for a call against a server, and tell what became of it; never raises, save for cancellation.

    A call without a unique id gets a new one, made of the time as Asterisk's are. For tests the caller hangs up or
    the connection is reset some seconds after it stands, or no command is answered.
    """
    block = request_block(
        number=number,
        unique_id=unique_id or f"{time.time():.6f}",
        name=name,
        dialled=dialled,
        dnid=dnid,
        context=context,
        script=script,
        query=query,
        arguments=arguments,
        version=version,
        presentation=presentation,
        address=f"{host}:{port}",
    )
    channel = Channel({"EXTEN": dialled, "CONTEXT": context, "CALLERID(num)": number, "CALLERID(name)": name})
    line = _Line(block, channel, answering, on_line)
    loop = asyncio.get_running_loop()
    started = time.perf_counter()  # uvloop's clock has milliseconds
    limit = asyncio.timeout(timeout)
    try:
        async with limit:
            transport, _ = await loop.create_connection(lambda: line, host, port)
            with contextlib.closing(transport), contextlib.ExitStack() as timers:
                for seconds, act in ((hang_up_after, line.hang_up), (reset_after, line.reset)):
                    if seconds is not None:
                        timers.callback(loop.call_later(seconds, act).cancel)
                await line.ended
    except OSError:
        line.outcome = Ending.TIMEOUT if limit.expired() else Ending.FAILURE
    return CallReport(line.outcome, channel.variables, line.dialogue, time.perf_counter() - started)
