"""Callers, in processes of their own: as many at once as there shall be, each with the next call when one is over.

They are as light as can be, so that the server is what is measured: a request block, an answer to each command,
and the time from the connection to its end. Which status was told is counted, for a figure of calls that were not
served would be worth nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import multiprocessing
import os
import time
from collections import Counter
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


class _Call(asyncio.Protocol):
    """Asterisk's side of one AGI step."""

    _transport: asyncio.Transport

    def __init__(self, block: bytes, placed: Placed) -> None:
        self._block = block
        self._placed = placed
        self.status = ""
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._block)

    def data_received(self, data: bytes) -> None:
        # One at a time: servers that we measure wait for each answer.
        if data.startswith(ECHO):
            self._transport.write(b"200 result=1 (%b)\n" % data[len(ECHO) : -1])
            return
        self._placed.variables += 1
        if data.startswith(STATUS):
            self.status = data[len(STATUS) : -1].decode().strip('"')
        self._transport.write(b"200 result=1\n")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def _place(port: int, callers: int, begin: float, seconds: float, most: int | None) -> Placed:
    """`callers` at once, from `begin` (the clock on the wall) for so many seconds or until there were `most` calls."""
    placed, loop = Placed(), asyncio.get_running_loop()
    template, ids = request_block(number=NUMBER, unique_id=ID_MARK), itertools.count()
    before, after = template.split(ID_MARK.encode())
    await asyncio.sleep(begin - time.time())
    worked, began = time.process_time(), time.perf_counter()
    mark = f"{time.time():.3f}-{os.getpid()}"

    async def caller() -> None:
        while (number := next(ids)) < (most or number + 1) and time.perf_counter() - began < seconds:
            call = _Call(b"%b%b.%d%b" % (before, mark.encode(), number, after), placed)
            dialled = time.perf_counter()
            await loop.create_connection(lambda call=call: call, HOST, port)  # type: ignore[misc]
            async with asyncio.timeout(LONGEST_CALL_S):
                await call.ended
            placed.took.append(time.perf_counter() - dialled)
            placed.statuses[call.status] += 1

    await asyncio.gather(*(caller() for _ in range(callers)))
    placed.elapsed = time.perf_counter() - began
    placed.cpu_s = time.process_time() - worked
    return placed


def _work(port: int, callers: int, begin: float, seconds: float, most: int | None) -> Placed:
    return uvloop.run(_place(port, callers, begin, seconds, most))


class Callers:
    """The processes; a context manager."""

    def __init__(self, processes: int = PROCESSES) -> None:
        self._processes = processes
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
            self._pool.submit(_work, port, part, begin, seconds, share)
            for part, share in zip(parts, shares, strict=True)
        ]
        placed = Placed()
        for one in asked:
            placed.add(one.result())
        return placed
