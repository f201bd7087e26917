"""The journal's file while it is open: who has it, what is asked of its one thread, how it fares.

Who serves calls has the file alone, and sets it aside if it is damaged; who only looks on makes no
file and sets nothing aside. What is read and written there is `questions` and `store`.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from agi_server.journal import file, records
from agi_server.journal.records import calls
from agi_server.journal.writer import JournalDamagedError, JournalError, Writer

log = logging.getLogger("agi_server.journal")

T = TypeVar("T")


class OpenedFile:
    """One file of SQLite, and its state of health."""

    def __init__(self, database: sa.URL) -> None:
        """A file of SQLite, by whatever driver it is named."""
        self._path = Path(database.database or "")
        self._url = database.set(drivername=database.get_backend_name())
        self._writer: Writer | None = None
        self._lock: int | None = None
        self.failing: str | None = None
        """Why it could not be written when that was last tried; None if it could."""
        self.damaged = asyncio.Event()
        """Set when the file turns out to be damaged while we serve: only a new start sets it aside."""

    async def open(self, *, serving: bool = True) -> None:
        """Open or make the tables; who serves calls from them does so alone, or JournalBusyError is raised."""
        try:
            if serving:
                self._lock = file.take_lock(self._path)
            else:
                self._expect_file()
            try:
                await self._start()
            except JournalDamagedError as error:
                if not serving:
                    raise
                await self._begin_anew(error)
        except (JournalError, OSError) as error:
            await self.close()
            if isinstance(error, file.JournalBusyError):
                raise
            raise JournalError(f"can't open the journal {self._path}: {error}") from error

    async def close(self) -> None:
        """Carry out what was asked for, then close."""
        await self._stop()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _start(self) -> None:
        engine = sa.create_engine(self._url)
        sa.event.listen(engine, "connect", file.set_pragmas)
        self._writer = Writer(engine)
        await self._writer.do(file.prepare)

    async def _begin_anew(self, error: JournalDamagedError) -> None:
        """Set the damaged file aside, and take over from it what can be read of the open calls."""
        await self._stop()
        aside = file.set_aside(self._path)
        log.critical("the journal is damaged (%s): it is kept as %s, and a new one begins", error, aside)
        await self._start()
        rows = file.open_rows(aside)

        def work(connection: sa.Connection) -> None:
            for row in rows:
                columns = {name: row[name] for name in row if name in calls.c and name != "id"}
                taken = connection.execute(calls.insert().values(columns)).lastrowid
                records.remember(connection, taken, datetime.now(UTC), ("salvaged", f"from {aside}"))
            file.fill_in(connection)

        await self._do(work)
        log.critical("%d open calls could be read in it, and are taken over; the rest is for a person", len(rows))

    async def _stop(self) -> None:
        if self._writer is not None:
            await self._writer.close()
            self._writer = None

    async def _rows(self, query: sa.Select[Any]) -> list[sa.Row[Any]]:
        return await self._ask(lambda connection: list(connection.execute(query)))

    async def _ask(self, work: Callable[[sa.Connection], T]) -> T:
        """Work that only reads. On a full disk that works all the same, so it says nothing of how the journal fares."""
        return await self._carry_out(work, urgent=True)

    async def _carry_out(self, work: Callable[[sa.Connection], T], *, urgent: bool) -> T:
        if self._writer is None:
            raise JournalError("the journal is closed")
        try:
            return await self._writer.do(work, urgent=urgent)
        except JournalError as error:
            if isinstance(error, JournalDamagedError):
                self.damaged.set()
            raise JournalError(f"the journal {self._path} fails: {error}") from error

    async def _do(self, work: Callable[[sa.Connection], T], *, urgent: bool = True) -> T:
        """Work that writes."""
        try:
            result = await self._carry_out(work, urgent=urgent)
        except JournalError as error:
            self._say(str(error.__cause__ or error))
            raise
        self._say(None)
        return result

    def _say(self, failing: str | None) -> None:
        """Keep in mind how it fares, and log it when that has changed."""
        if failing == self.failing:
            return
        self.failing = failing
        if failing is None:
            log.warning("the journal can be written again")
        else:
            log.warning("the journal can't be written: %s; calls are held in memory", failing)

    def _expect_file(self) -> None:
        """Who only looks on must not make the file: it would be his, and not the service's."""
        if not self._path.exists():
            raise JournalError("there is none yet: has agi-server run with this configuration?")
