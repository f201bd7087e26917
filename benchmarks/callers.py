"""Callers, in processes of their own: as many at once as there shall be, each with the next call when one is over.

They are as light as can be, so that the server is what is measured: a request block, an answer to each command,
and the time from the connection to its end. Which status was told is counted, for a figure of calls that were not
served would be worth nothing. Heavier ones (`streams`) are there to show what callers do to a comparison.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, cast

import uvloop

from agi_server.asterisk.client import request_block

HOST = "127.0.0.1"
NUMBER = "89161229624"
"""A customer of the stand-in."""
PROCESSES = 2
HEAD_START_S = 0.05
"""Until all processes have heard what to do."""
LONGEST_CALL_S = 60.0
STATUS = b"SET VARIABLE HELPDESK_STATUS "
ECHO = b"GET FULL VARIABLE "
ID_MARK = "1314075508.000000"


@dataclass(slots=True)
class Placed:
    """What came of some calls."""

    took: list[float] = field(default_factory=list)
    """Each call's AGI step, in seconds."""
    statuses: Counter[str] = field(default_factory=Counter)
    variables: int = 0
    elapsed: float = 0.0
    """From the first call's beginning to the last one's end."""
    cpu_s: float = 0.0
    """The callers' own."""

    def add(self, other: Placed) -> None:
        """Those of another process."""
        self.took += other.took
        self.statuses += other.statuses
        self.variables += other.variables
        self.elapsed = max(self.elapsed, other.elapsed)
        self.cpu_s += other.cpu_s


class _Channel:
    """Asterisk's answers in one AGI step."""

    def __init__(self, placed: Placed) -> None:
        self._placed = placed
        self.status = ""

    def answer(self, command: bytes) -> bytes:
        """To a whole command; one at a time, for servers that we measure wait for each answer."""
        if command.startswith(ECHO):
            return b"200 result=1 (%b)\n" % command[len(ECHO) : -1]
        self._placed.variables += 1
        if command.startswith(STATUS):
            self.status = command[len(STATUS) : -1].decode().strip('"')
        return b"200 result=1\n"


class _Line(asyncio.Protocol):
    """The connection of one AGI step."""

    _transport: asyncio.Transport

    def __init__(self, block: bytes, channel: _Channel) -> None:
        self._block = block
        self._channel = channel
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._block)

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._channel.answer(data))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def _lightly(port: int, block: bytes, channel: _Channel) -> None:
    """One AGI step on a bare transport."""
    line = _Line(block, channel)
    await asyncio.get_running_loop().create_connection(lambda: line, HOST, port)
    await line.ended


async def _by_streams(port: int, block: bytes, channel: _Channel) -> None:
    """One AGI step as most people would write it."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(block)
    while command := await reader.readline():
        writer.write(channel.answer(command))
    writer.close()


async def _place(
    step: Callable[[int, bytes, _Channel], Awaitable[None]],
    port: int,
    callers: int,
    begin: float,
    seconds: float,
    most: int | None,
) -> Placed:
    """`callers` at once, from `begin` (the clock on the wall) for so many seconds or until there were `most` calls."""
    placed, ids = Placed(), itertools.count()
    before, after = request_block(number=NUMBER, unique_id=ID_MARK).split(ID_MARK.encode())
    await asyncio.sleep(begin - time.time())
    worked, began = time.process_time(), time.perf_counter()
    mark = f"{time.time():.3f}-{os.getpid()}"

    async def caller() -> None:
        while (number := next(ids)) < (most or number + 1) and time.perf_counter() - began < seconds:
            channel = _Channel(placed)
            dialled = time.perf_counter()
            async with asyncio.timeout(LONGEST_CALL_S):
                await step(port, b"%b%b.%d%b" % (before, mark.encode(), number, after), channel)
            placed.took.append(time.perf_counter() - dialled)
            placed.statuses[channel.status] += 1

    await asyncio.gather(*(caller() for _ in range(callers)))
    placed.elapsed = time.perf_counter() - began
    placed.cpu_s = time.process_time() - worked
    return placed


def _work(streams: bool, port: int, callers: int, begin: float, seconds: float, most: int | None) -> Placed:
    if streams:
        return asyncio.run(_place(_by_streams, port, callers, begin, seconds, most))
    return uvloop.run(_place(_lightly, port, callers, begin, seconds, most))


class Callers:
    """The processes; a context manager."""

    def __init__(self, processes: int = PROCESSES, *, streams: bool = False) -> None:
        """`streams`: on asyncio's streams and its own loop, which takes several times as long."""
        self._processes = processes
        self._streams = streams
        self._pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"))

    def __enter__(self) -> Self:
        for ready in [self._pool.submit(time.sleep, 0.1) for _ in range(self._processes)]:
            ready.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def place(self, port: int, callers: int, *, seconds: float = math.inf, most: int | None = None) -> Placed:
        """Calls to this port, so many callers at once, for so many seconds or until there were `most` calls."""
        processes = min(self._processes, callers)
        parts = [len(range(place, callers, processes)) for place in range(processes)]
        begin = time.time() + HEAD_START_S
        shares = [None if most is None else len(range(place, most, processes)) for place in range(processes)]
        asked = [
            self._pool.submit(_work, self._streams, port, part, begin, seconds, share)
            for part, share in zip(parts, shares, strict=True)
        ]
        placed = Placed()
        for one in asked:
            placed.add(one.result())
        return placed
