"""A scripted HTTP peer on a port of its own: says and does on each connection what a test tells it.

It reads each request whole, as OTRS does, and keeps it; then an `Act` has the connection. FakeOtrs
has acts by operation. What a whole OTRS would do is the stand-in's business (agi_server/sandbox).
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self, TypeAlias

from lxml import etree

from tests.otrs.recorded import response


@dataclass(frozen=True)
class Request:
    """What came in."""

    head: bytes
    body: bytes
    reader: asyncio.StreamReader = field(compare=False, repr=False)

    async def client_gone(self) -> None:
        """Wait until the other side closes."""
        await self.reader.read()

    @property
    def operation(self) -> str:
        return etree.QName(self._content).localname

    @property
    def values(self) -> dict[str, object]:
        """The operation's elements: texts and dicts, a list where one is repeated."""
        return _values(self._content)

    @property
    def _content(self) -> etree._Element:
        return etree.fromstring(self.body)[0][0]


Act: TypeAlias = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


class Peer:
    """One listener. `act` has every connection whose request is whole."""

    def __init__(self, act: Act) -> None:
        self._act = act
        self.requests: list[Request] = []
        self._changed = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()
        if self._serving:
            left = (await asyncio.wait(self._serving, timeout=10))[1]
            assert not left, "the client has left connections open"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/otrs/nph-genericinterface.pl/Webservice/Test"

    async def requests_are(self, number: int) -> None:
        """Wait until that many requests have come in whole."""
        while len(self.requests) < number:
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), 10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            request = Request(head, await reader.readexactly(int(lengths[0].split(b":")[1])), reader)
            self.requests.append(request)
            self._changed.set()
            await self._act(request, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@dataclass
class FakeOtrs:
    """An act for each operation, in their order; the last one stays. SessionCreate works unless told otherwise."""

    acts: dict[str, list[Act]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.acts.setdefault("SessionCreate", [recorded("01-SessionCreate-ok")])

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        acts = self.acts[request.operation]
        await (acts.pop(0) if len(acts) > 1 else acts[0])(request, writer)


def raw(data: bytes) -> Act:
    """Send these bytes and close."""

    async def act(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return act


def http(status: int, body: bytes, *headers: str) -> Act:
    """Send a whole HTTP answer and close."""
    lines = [f"HTTP/1.1 {status} Said so", f"Content-Length: {len(body)}", *headers, "", ""]
    return raw("\r\n".join(lines).encode() + body)


def recorded(name: str) -> Act:
    """Send what a real server sent."""
    return raw(response(name))


def soap(operation: str, fields: str) -> Act:
    """Send a whole answer of OTRS with these fields."""
    return http(
        200,
        f'<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f"<{operation}Response>{fields}</{operation}Response></soap:Body></soap:Envelope>".encode(),
    )


def silent(first: bytes = b"") -> Act:
    """Say no more than `first`, until the client gives up."""

    async def act(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        await request.client_gone()

    return act


async def reset(_: Request, writer: asyncio.StreamWriter) -> None:
    """Break the connection, as a machine does that has crashed."""
    raw_socket = writer.get_extra_info("socket")
    raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def endless(_: Request, writer: asyncio.StreamWriter) -> None:
    """Answer, and never stop."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n")
    while True:
        writer.write(b"<a>" * 10_000)
        await writer.drain()


def _values(element: etree._Element) -> dict[str, object]:
    found: dict[str, list[object]] = {}
    for child in element:
        found.setdefault(str(child.tag), []).append(_values(child) if len(child) else child.text or "")
    return {name: many if len(many) > 1 else many[0] for name, many in found.items()}
