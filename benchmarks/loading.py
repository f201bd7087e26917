"""All customers read, for `directory`: by ours, which indexes them, and by a bare client, which forgets them."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiomysql

from agi_server.otrs.customer_table import FACTS
from benchmarks.customers import TABLE, Place
from benchmarks.machine import memory_mb

WHO = f"SELECT id, {', '.join(FACTS)}, valid_id, change_time FROM"


class Loaded(logging.Handler):
    """Set when the log says that all of the table was read."""

    def __init__(self) -> None:
        super().__init__()
        self._said = asyncio.Event()
        self.wait = self._said.wait
        log = logging.getLogger("agi_server.otrs.customers")
        log.setLevel(logging.INFO)
        log.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Is it this line?"""
        if "customers read in" in record.getMessage():
            self._said.set()


@asynccontextmanager
async def bare(place: Place) -> AsyncIterator[Any]:
    """A cursor of the driver's own; nothing of ours in between. What it selects it does not keep."""
    at = place.owner
    connection = await aiomysql.connect(
        at.host, at.username, at.password, at.database, at.port or 0, charset="utf8mb4", autocommit=True
    )
    try:
        async with connection.cursor(aiomysql.SSCursor) as cursor:
            yield cursor
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Read:
    """The whole table, once."""

    seconds: float
    cpu_s: float
    memory_mb: float


async def _read(place: Place, work: Callable[[Place], Coroutine[Any, Any, int]]) -> Read:
    before, began, worked = memory_mb(os.getpid()), time.perf_counter(), time.process_time()
    assert await work(place) == place.customers
    took, cpu = time.perf_counter() - began, time.process_time() - worked
    return Read(took, cpu, memory_mb(os.getpid(), "VmHWM") - before)


async def _load(place: Place) -> int:
    loaded, directory = Loaded(), place.directory()
    await directory.start()
    await loaded.wait()
    customers = directory.status().customers
    await directory.close()
    return customers


async def _skim(place: Place) -> int:
    number = 0
    async with bare(place) as cursor:
        await cursor.execute(f"{WHO} {TABLE}")
        while rows := await cursor.fetchmany(250):
            number += len(rows)
    return number


async def load(place: Place) -> Read:
    """The first start, until all of the table is in the index."""
    return await _read(place, _load)


async def skim(place: Place) -> Read:
    """The bare client."""
    return await _read(place, _skim)
