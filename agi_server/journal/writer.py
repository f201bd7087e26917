"""Group commit: one writer, one transaction for all that has gathered, one sync for many.

Who writes returns after his own write is synced. A write that was asked for is carried out even
if who asked has been cancelled meanwhile, so that no outcome is lost to an impatient caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

BATCH = 200
"""Writes that share one transaction at most."""

Work = Callable[[AsyncConnection], Awaitable[Any]]


class JournalError(Exception):
    """The journal can't be read or written: the disk is full, read-only, or the file is damaged."""


class Writer:
    """Carries out writes in the order in which they are asked for."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._queue: asyncio.Queue[tuple[Work, asyncio.Future[Any]] | None] = asyncio.Queue()
        self._closed = False
        self._task = asyncio.create_task(self._run(), name="journal writer")

    async def write(self, work: Work) -> Any:
        """Do this within a transaction; returns its result once that is synced. Raises JournalError."""
        if self._closed:
            raise JournalError("the journal is closed")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((work, future))
        return await future

    async def close(self) -> None:
        """Carry out what was asked for, then end."""
        self._closed = True
        self._queue.put_nowait(None)
        await self._task

    async def _run(self) -> None:
        closing = False
        while not closing:
            batch = [await self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            closing = None in batch
            jobs = [job for job in batch if job is not None]
            # One bad write must not take its neighbours down with it: if the whole fails, each is tried alone.
            if jobs and not await self._commit(jobs) and len(jobs) > 1:
                for job in jobs:
                    await self._commit([job])
            for _, future in jobs:
                if not future.done():
                    future.set_exception(JournalError("the write failed"))

    async def _commit(self, jobs: list[tuple[Work, asyncio.Future[Any]]]) -> bool:
        """Do these writes in one transaction. A lone write that fails tells its reason to who waits for it."""
        try:
            async with self._engine.begin() as connection:
                results = [await work(connection) for work, _ in jobs]
        except Exception as error:  # noqa: BLE001 -- whatever it is, it belongs to who asked, and the writer lives on
            if len(jobs) == 1 and not jobs[0][1].done():
                jobs[0][1].set_exception(JournalError(f"can't write the journal: {why(error)}"))
            return False
        for (_, future), result in zip(jobs, results, strict=True):
            if not future.done():
                future.set_result(result)
        return True


def why(error: Exception) -> str:
    """Why it failed, in one line, without SQL and parameters: those hold callers' data."""
    cause = getattr(error, "orig", None) or error
    return " ".join(str(cause).split()) or type(cause).__name__
