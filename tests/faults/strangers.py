"""Strangers at our door, in a process of their own: `python -m tests.faults.strangers KIND PORT`.

They begin when a line comes on standard input, rest at the next, and so on; each is answered with a line on
standard output. End of file ends them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import resource
import socket
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

from agi_server.asterisk.client import request_block

IDLE = 1_000
SLOW = 200
BIG_BYTES = 100_000_000
PIECE_BYTES = 65_536
SCANS_PER_S = 300
"""What a port scanner does to one port in earnest is far less."""
OUTSIDER = "127.0.0.2"
"""The address of those who are not allowed."""


class Stranger:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """As fast as the server takes it."""
        self.writer.write(data)
        await self.writer.drain()

    async def until_closed(self) -> None:
        """Read until the server closes: it is the server who must."""
        with contextlib.suppress(ConnectionError):
            while await self._reader.read(PIECE_BYTES):
                pass


@contextlib.asynccontextmanager
async def stranger(port: int, host: str = "127.0.0.1") -> AsyncIterator[Stranger]:
    """A connection, while the block lasts."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))
    try:
        yield Stranger(reader, writer)
    finally:
        writer.transport.abort()


async def idle(port: int) -> None:
    """Connects and says nothing."""
    async with stranger(port) as one:
        await one.until_closed()


async def slow(port: int) -> None:
    """Sends a request byte by byte."""
    async with stranger(port) as one:
        for byte in request_block(number="89161229624", unique_id="slow"):
            await one.send(bytes([byte]))
            await asyncio.sleep(0.2)


async def big(port: int) -> None:
    """Sends 100 MB without a line break."""
    async with stranger(port) as one:
        for _ in range(0, BIG_BYTES, PIECE_BYTES):
            await one.send(b"x" * PIECE_BYTES)


async def scan(port: int) -> None:
    """Connects, and closes by a reset."""
    async with stranger(port) as one:
        one.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def outsider(port: int) -> None:
    """Sends a good request from an address that is not allowed."""
    async with stranger(port, OUTSIDER) as one:
        await one.send(request_block(number="89161229624", unique_id="outsider"))
        await one.until_closed()


async def noise(port: int) -> None:
    """Sends random bytes, line breaks among them."""
    async with stranger(port) as one:
        await one.send(os.urandom(random.randrange(1, 40_000)))
        await one.until_closed()


KINDS: dict[str, tuple[Callable[[int], Awaitable[None]], int, float]] = {
    "idle": (idle, IDLE, 0.0),
    "slow": (slow, SLOW, 0.0),
    "big": (big, 20, 20 / SCANS_PER_S),
    "scan": (scan, 20, 20 / SCANS_PER_S),
    "outsider": (outsider, 20, 20 / SCANS_PER_S),
    "noise": (noise, 20, 20 / SCANS_PER_S),
}
"""What each does, how many there are of them, and the pause of each between two times."""


async def again_and_again(what: Callable[[int], Awaitable[None]], port: int, pause_s: float) -> None:
    await asyncio.sleep(random.uniform(0.0, pause_s))
    while True:
        with contextlib.suppress(OSError):
            await what(port)
        await asyncio.sleep(pause_s)


async def crowd(kind: str, port: int) -> None:
    """All of a kind, while standard input says so."""
    what, number, pause_s = KINDS[kind]
    tasks: list[asyncio.Task[None]] = []
    while await asyncio.to_thread(sys.stdin.readline):
        if tasks:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            tasks = []
        else:
            tasks = [asyncio.create_task(again_and_again(what, port, pause_s)) for _ in range(number)]
            await asyncio.sleep(0.5)  # they are all there
        print("done", flush=True)


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(crowd(sys.argv[1], int(sys.argv[2])))
