"""Group commit: one thread reads and writes, one transaction for all that has gathered, one sync for many.

Who writes returns after his own write is synced. A write for which no caller waits is held back a moment, so
that the next one takes it along. A write that was asked for is carried out even if who asked has been cancelled
meanwhile, so that no outcome is lost to an impatient caller. A disk that hangs holds up this thread and nothing else.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa

BATCH = 200
"""Pieces of work that share one transaction at most."""
GATHERING = 0.01
"""Seconds for which a write that is not urgent is held back."""
CLOSING = 10.0
"""Seconds for what was asked for when we stop; a disk that hangs longer is left to itself."""

T = TypeVar("T")
Work = Callable[[sa.Connection], Any]
Job = tuple[Work, asyncio.Future[Any]]
Ended = tuple[asyncio.Future[Any], Any, Exception | None]


DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""The codes of SQLite that no patience mends."""


class JournalError(Exception):
    """The journal can't be read or written: the disk is full, read-only, or the file is damaged."""


class JournalDamagedError(JournalError):
    """The file is not what we wrote: it has to be set aside."""


class Writer:
    """Does the work that is asked for, in order. An engine belongs to its writer, and ends with it."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._connection: sa.Connection | None = None
        """The one that the thread works on."""
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._held_back: list[Job] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[sa.Connection], T], *, urgent: bool = True) -> T:
        """Do this within a transaction; returns its result once that is synced. Raises JournalError."""
        if self._closed:
            raise JournalError("the journal is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._held_back.append((work, future))
        if urgent:
            self._hand_over()
        elif self._timer is None:
            self._timer = self._loop.call_later(GATHERING, self._hand_over)
        return await future

    async def close(self) -> None:
        """Do what was asked for, then end."""
        self._closed = True
        self._hand_over()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join, CLOSING)

    def _hand_over(self) -> None:
        """All that was asked for, to the thread, in its order."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for job in self._held_back:
            self._queue.put(job)
        self._held_back.clear()

    def _run(self) -> None:
        closing = False
        while not closing:
            batch = [self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get())
            closing = None in batch
            if jobs := [job for job in batch if job is not None]:
                self._loop.call_soon_threadsafe(_tell, self._carry_out(jobs))
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    def _carry_out(self, jobs: list[Job]) -> list[Ended]:
        """All in one transaction; if that fails, each in its own: one bad write must not take its neighbours along."""
        try:
            connection = self._connection = self._connection or self._engine.connect()
            with connection.begin():
                results = [work(connection) for work, _ in jobs]
        except Exception as error:  # noqa: BLE001 -- whatever it is belongs to who asked, and the writer lives on
            if len(jobs) > 1:
                return [ended for job in jobs for ended in self._carry_out([job])]
            return [(jobs[0][1], None, error)]
        return [(future, result, None) for (_, future), result in zip(jobs, results, strict=True)]


def _tell(ended: list[Ended]) -> None:
    for future, result, error in ended:
        if future.done():
            continue  # who asked was cancelled
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(_journal_error(error))


def _journal_error(error: Exception) -> JournalError:
    """Why it failed, in one line, without SQL and parameters: those hold callers' data."""
    cause = getattr(error, "orig", None) or error
    words = " ".join(str(cause).split()) or type(cause).__name__
    if isinstance(error, JournalError):
        return error
    damaged = getattr(cause, "sqlite_errorcode", 0) & 0xFF in DAMAGED
    return JournalDamagedError(words) if damaged else JournalError(words)
