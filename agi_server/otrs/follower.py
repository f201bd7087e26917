"""Keeps the number index in step with `customer_user`.

All of the table is read at the start and each hour, which also finds deleted rows; what has changed
is read every `refresh` seconds, and when a caller was not found. Only one of these reads the table
at a time, and a load lets looks for changes in between its pages. The database may be away for as
long as it likes: it is tried again every few seconds, the log says when it goes and when it is back,
and nobody waits for it. How table and index work is their own affair.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from agi_server.numbers import Number
from agi_server.otrs.customer_table import PAGE_ROWS, CustomerTable, Row
from agi_server.otrs.number_index import NumberIndex, damaged, open_index, set_aside
from agi_server.otrs.number_lookup import NOTHING, Found
from agi_server.otrs.table_error import TableError

OVERLAP = timedelta(seconds=10)
"""Read again before the horizon: `change_time` has whole seconds, is taken before its row can be seen,
and from the clocks of several machines."""
AHEAD = timedelta(days=1)
"""A `change_time` further in the future was written by a wrong clock; no time zone explains it."""
LONG_AGO = datetime(1970, 1, 1)  # noqa: DTZ001 - the table's times have no zone
LOOKS_APART_S = 1.0
"""Callers who are not found have the table looked at no more often."""
RETRY_S = 5.0
PROGRESS_S = 10.0
STOP_S = 2.0
"""At the end, for a query under way."""
LAST_ID = 2**63 - 1

_log = logging.getLogger("agi_server.otrs.customers")
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far we have seen: at `at` of our stopwatch, the clocks behind `change_time` showed `time` or more.

    No clock is compared with ours: a second that passes here passes there as well. So rows that an
    import changed all at once are not read again and again because they are the newest.
    """

    time: datetime
    at: float

    @property
    def since(self) -> datetime:
        """All that was changed before this has been seen."""
        return self.time.replace(microsecond=0) - OVERLAP

    def moved(self, began: float, ended: float, newest: datetime) -> Horizon:
        """The horizon after a look at the table in which `newest` was the last `change_time`."""
        passed = self.time + timedelta(seconds=began - self.at)
        return Horizon(max(passed, newest - timedelta(seconds=ended - began)), began)


@dataclass(frozen=True, slots=True)
class Status:
    """How well callers can be recognised now."""

    customers: int
    """In the index."""
    numbers: int
    """In the index; a number of two customers counts twice."""
    complete: bool
    """The index has had all customers; false until the first load is through."""
    age_s: float | None
    """Seconds since the index agreed with the table; None if it has not since our start."""
    trouble: str | None
    """Why the index does not follow the table; None if it does."""


@dataclass(slots=True)
class _Copy:
    index: NumberIndex
    horizon: Horizon | None
    """None until all of the table is in the index."""


class Follower:
    """An index that follows a table. Start it before use; close it in the end."""

    def __init__(
        self,
        table: CustomerTable,
        path: Path,
        settings: str,
        numbers_of: Callable[[Row], Iterable[Number]],
        *,
        refresh: float,
        full: float,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        """`settings` is all that decides what is in the index; `refresh` and `full` are seconds."""
        self._table = table
        self._path, self._settings, self._numbers_of = path, settings, numbers_of
        self._refresh, self._full = refresh, full
        self._clock, self._now = clock, now
        self._copy: _Copy | None = None
        self._damaged: NumberIndex | None = None
        self._trouble: str | None = None
        self._agreed_at: float | None = None
        self._turn = asyncio.Lock()
        self._stop = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._look: asyncio.Task[bool] | None = None
        self._look_began = self._full_due = float("-inf")
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="customers")

    async def start(self) -> None:
        """Open the index, and follow the table from now on. Raises OSError if the index cannot be opened."""
        try:
            await self._open()
        except sqlite3.Error as error:
            raise OSError(f"the index of customers {self._path} cannot be opened: {error}") from error
        self._keeper = asyncio.create_task(self._keep(), name="customers")

    async def load(self) -> None:
        """Read all of the table, once; instead of a start. Raises TableError, `sqlite3.Error` or OSError."""
        await self._load(await self._open())

    async def close(self) -> None:
        """Stop following, and let go of the index."""
        self._stop.set()
        tasks = [task for task in (self._keeper, self._look) if task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        copy, self._copy = self._copy, None
        for index in (self._damaged, copy.index if copy else None):
            if index is not None:
                await self._in_worker(index.close)
        self._worker.shutdown(wait=False)

    def find(self, number: Number) -> Found:
        """The customers whose number is most like this one, as far as is known."""
        if self._copy is None:
            return NOTHING
        try:
            return self._copy.index.find(number)
        except (sqlite3.Error, ValueError) as error:  # ValueError: what it holds is no JSON
            self._index_failed(error)
            return NOTHING

    async def look_again(self, patience: float) -> bool:
        """Wait until the table was looked at once more, at most so many seconds after the look began.

        Not while the database is away, nor if it was looked at just now: then the answer is no. The first
        load is a look as well.
        """
        if self._trouble is not None or self._keeper is None or self._stop.is_set():
            return False
        running = self._look is not None and not self._look.done()
        if not running and self._clock() - self._look_began < LOOKS_APART_S:
            return False
        look = self._begin_look()
        await asyncio.wait({look}, timeout=max(0.0, self._look_began + patience - self._clock()))
        return True

    def status(self) -> Status:
        """How it stands; from memory."""
        copy = self._copy
        return Status(
            customers=copy.index.customers if copy else 0,
            numbers=copy.index.numbers if copy else 0,
            complete=copy is not None and copy.horizon is not None,
            age_s=None if self._agreed_at is None else self._clock() - self._agreed_at,
            trouble=self._trouble,
        )

    def _begin_look(self) -> asyncio.Task[bool]:
        """A look for what has changed; the one under way, if there is one."""
        if self._look is None or self._look.done():
            self._look_began = self._clock()
            self._look = asyncio.create_task(self._attempt(self._take_changes), name="look at customers")
        return self._look

    async def _keep(self) -> None:
        """Follow the table until the end."""
        while not self._stop.is_set():
            now = self._clock()
            look_due = now - self._look_began >= self._refresh or self._trouble is not None
            # Before a load comes a look, since that is quick.
            if (look_due or now >= self._full_due) and await self._begin_look() and now >= self._full_due:
                await self._attempt(self._load)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(RETRY_S, self._refresh)):
                    await self._stop.wait()

    async def _attempt(self, work: Callable[[_Copy], Awaitable[None]]) -> bool:
        """Do this with the index; did it work? The log has it if that has changed."""
        try:
            await work(self._copy or await self._open())
        except TableError as error:
            self._say(f"OTRS's customers cannot be read: {error}", hint=error.hint)
        except (sqlite3.Error, OSError) as error:
            self._index_failed(error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the following
            self._say(f"unforeseen: {error!r}", error)
        else:
            self._say(None)
            return True
        return False

    async def _take_changes(self, copy: _Copy) -> None:
        """Bring into the index what was changed since the last look."""
        if copy.horizon is None:
            await self._load(copy)
            return
        async with self._turn:
            began, until = self._clock(), self._latest()
            newest, after, more = LONG_AGO, 0, True
            while more:
                rows = await self._table.page(after, copy.horizon.since)
                if rows:
                    await self._in_worker(copy.index.apply, rows)
                    after = rows[-1].id
                newest = max([newest, *(row.changed for row in rows if row.changed and row.changed <= until)])
                more = len(rows) == PAGE_ROWS
            await self._reached(copy, copy.horizon.moved(began, self._clock(), newest))

    async def _load(self, copy: _Copy) -> None:
        """Make the index agree with the whole table, page by page."""
        self._table.retry_names()
        began = said = self._clock()
        newest = None if copy.horizon else await self._table.newest(self._latest())
        after = read = 0
        while after < LAST_ID:
            async with self._turn:
                rows = await self._table.page(after)
                upto = rows[-1].id if len(rows) == PAGE_ROWS else LAST_ID
                await self._in_worker(copy.index.merge, rows, after, upto)
            after, read = upto, read + len(rows)
            if self._stop.is_set():
                return
            if self._clock() - said >= PROGRESS_S:
                said = self._clock()
                _log.info("%d customers read so far", read)
        await self._reached(copy, copy.horizon or Horizon(newest or LONG_AGO, began))
        self._full_due = began + self._full
        took = self._clock() - began
        _log.info("%d customers read in %.1f s; the index has %d numbers", read, took, copy.index.numbers)

    async def _reached(self, copy: _Copy, horizon: Horizon) -> None:
        """The index agrees with the table, up to this horizon."""
        await self._in_worker(copy.index.reached, horizon.time)
        copy.horizon = horizon
        self._agreed_at = self._clock()

    async def _open(self) -> _Copy:
        if self._damaged is not None:
            await self._in_worker(_put_away, self._damaged, self._path)
            self._damaged = None
        index = await self._in_worker(open_index, self._path, self._settings, self._numbers_of)
        horizon = None if index.horizon is None else Horizon(index.horizon, self._clock())
        self._copy = _Copy(index, horizon)
        return self._copy

    def _index_failed(self, error: Exception) -> None:
        """The index could not be read or written; a damaged one is used no more, and made anew by the keeper."""
        self._say(f"the index {self._path} cannot be used: {error}")
        if self._copy is not None and isinstance(error, sqlite3.Error) and damaged(error):
            self._damaged, self._copy = self._copy.index, None

    def _say(self, trouble: str | None, error: Exception | None = None, hint: str = "") -> None:
        """Keep in mind whether there is trouble, and log it, with what mends it, when that has changed."""
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if trouble is None:
            _log.warning("OTRS's customers can be read again")
        else:
            customers = self._copy.index.customers if self._copy else 0
            words = "%s. Callers are looked up among the customers known so far: %d%s"
            _log.warning(words, trouble, customers, f" -- {hint}" if hint else "", exc_info=error)

    def _latest(self) -> datetime:
        return self._now().replace(tzinfo=None) + AHEAD

    async def _in_worker(self, do: Callable[[*_Ts], _T], *arguments: *_Ts) -> _T:
        """Run this in the one thread that writes the index."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, do, *arguments)


def _put_away(index: NumberIndex, path: Path) -> None:
    index.close()
    set_aside(path)
