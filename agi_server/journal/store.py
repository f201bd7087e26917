"""Every call on disk: what state it is in, and all that happened to it.

A call is written, synced, before anything else is done with it, and stays until it is a ticket
or a person has decided otherwise. The journal keeps the call and not the finished ticket, for
customer and text are found afresh at each attempt. What to attempt and when is decided in
`delivery`; here is only memory.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from agi_server.call import Call, Created, Doubt, Recognition, Refused
from agi_server.journal import records
from agi_server.journal.records import Entry, Event, State, calls, history, metadata, stamp
from agi_server.journal.writer import JournalError, Work, Writer, why

MOST_SHOWN = 1000
"""Entries that a list may have."""


class JournalBusyError(JournalError):
    """Another process has this journal open; two would double calls."""


class Journal:
    """The calls of one agi-server. Every method may raise `JournalError`."""

    def __init__(self, database: str) -> None:
        self._url = sa.engine.make_url(database)
        self._engine: AsyncEngine | None = None
        self._writer: Writer | None = None
        self._lock: int | None = None

    async def open(self, *, serving: bool = True) -> None:
        """Open or make the tables; who serves calls from them does so alone, or JournalBusyError is raised."""
        try:
            if serving:
                self._take_lock()
            else:
                self._expect_file()
            self._engine = create_async_engine(self._url)
            sa.event.listen(self._engine.sync_engine, "connect", _set_pragmas)
            async with self._engine.begin() as connection:
                await connection.run_sync(metadata.create_all)
        except (sa.exc.SQLAlchemyError, OSError) as error:
            await self.close()
            raise JournalError(f"can't open the journal {self._url.database}: {why(error)}") from error
        self._writer = Writer(self._engine)

    async def close(self) -> None:
        """Carry out the writes that were asked for, then close."""
        if self._writer is not None:
            await self._writer.close()
            self._writer = None
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def add(self, call: Call, now: datetime) -> Entry:
        """Keep this call, synced; the same unique id again gives the entry that is there already."""
        row = {"unique_id": call.unique_id, "state": State.WAITING, "due": stamp(now), "added": stamp(now)}

        async def work(connection: AsyncConnection) -> sa.Row[Any]:
            there = sa.select(calls).where(calls.c.unique_id == call.unique_id)
            if (known := (await connection.execute(there)).one_or_none()) is not None:
                return known
            await connection.execute(calls.insert().values(**row, call=records.call_to_text(call)))
            added = (await connection.execute(there)).one()
            await _remember(connection, added.id, now, "added", call.number)
            return added

        return records.entry(await self._write(work))

    async def begin(self, entry: Entry, recognition: Recognition, now: datetime) -> Entry | None:
        """An attempt begins; from here on the ticket may exist. None: somebody else has changed the entry."""
        values = {
            "state": State.SENDING,
            "attempts": entry.attempts + 1,
            "began": stamp(now),
            "doubt": Doubt.RUNNING,
            "recognition": records.recognition_to_text(recognition),
        }
        return await self._change(entry, (State.WAITING,), values, now, "begun", "")

    async def done(self, entry: Entry, ticket: Created, now: datetime, event: str = "created") -> Entry | None:
        """The ticket is there."""
        values = {
            "state": State.DONE,
            "ended": stamp(now),
            "doubt": Doubt.NONE,
            "ticket_id": ticket.ticket_id,
            "ticket_number": ticket.ticket_number,
            "reason": "",
        }
        return await self._change(entry, (State.WAITING, State.SENDING), values, now, event, ticket.ticket_number)

    async def later(self, entry: Entry, due: datetime, doubt: Doubt, reason: str, now: datetime) -> Entry | None:
        """The attempt failed and is to be repeated at `due`."""
        failures = entry.failures + 1
        values = {"state": State.WAITING, "due": stamp(due), "failures": failures, "doubt": doubt, "reason": reason}
        return await self._change(entry, (State.WAITING, State.SENDING), values, now, "trouble", reason)

    async def park(self, entry: Entry, refused: Refused, doubt: Doubt, now: datetime) -> Entry | None:
        """OTRS refuses it: keep it for a person."""
        reason = f"{refused.code}: {refused.words}"
        values = {"state": State.PARKED, "doubt": doubt, "reason": reason}
        return await self._change(entry, (State.WAITING, State.SENDING), values, now, "parked", reason)

    async def retry(self, entry: Entry, now: datetime) -> Entry | None:
        """A person wants it tried again now. None: it is not waiting or parked any more."""
        values = {"state": State.WAITING, "due": stamp(now)}
        return await self._change(entry, (State.WAITING, State.PARKED), values, now, "retried", "")

    async def drop(self, entry: Entry, words: str, now: datetime) -> Entry | None:
        """A person wants no ticket of it. None: it is not waiting or parked any more."""
        values = {"state": State.DROPPED, "ended": stamp(now), "reason": words}
        return await self._change(entry, (State.WAITING, State.PARKED), values, now, "dropped", words)

    async def recover(self, now: datetime) -> int:
        """At start: attempts that a crash cut off become due now, their end being unknown. Returns how many."""

        async def work(connection: AsyncConnection) -> int:
            cut_off = (await connection.execute(sa.select(calls.c.id).where(calls.c.state == State.SENDING))).all()
            for (call_id,) in cut_off:
                await connection.execute(
                    calls.update().where(calls.c.id == call_id).values(state=State.WAITING, due=stamp(now))
                )
                await _remember(connection, call_id, now, "recovered", "we were stopped before OTRS's answer was known")
            return len(cut_off)

        return cast(int, await self._write(work))

    async def hasten(self, now: datetime) -> None:
        """OTRS answers again: all that wait become due now, in the order in which they came."""
        await self._write(
            lambda connection: connection.execute(
                calls.update().where(calls.c.state == State.WAITING, calls.c.due > stamp(now)).values(due=stamp(now))
            )
        )

    async def due(self, now: datetime, limit: int, skip: Collection[int] = ()) -> list[Entry]:
        """Waiting entries whose time has come, in the order in which their calls came."""
        query = sa.select(calls).where(calls.c.state == State.WAITING, calls.c.due <= stamp(now))
        rows = await self._read(query.order_by(calls.c.id).limit(limit + len(skip)))
        return [records.entry(row) for row in rows if row.id not in skip][:limit]

    async def next_due(self, skip: Collection[int] = ()) -> datetime | None:
        """When the next waiting entry is due; None if nothing waits."""
        query = sa.select(calls.c.id, calls.c.due).where(calls.c.state == State.WAITING)
        rows = await self._read(query.order_by(calls.c.due).limit(1 + len(skip)))
        return next((records.time(row.due) for row in rows if row.id not in skip), None)

    async def entries(self, states: Collection[State], since: datetime) -> list[Entry]:
        """The calls in these states that came at that time or later, newest first; at most `MOST_SHOWN`."""
        query = sa.select(calls).where(calls.c.state.in_(states), calls.c.added >= stamp(since))
        rows = await self._read(query.order_by(calls.c.id.desc()).limit(MOST_SHOWN))
        return [records.entry(row) for row in rows]

    async def get(self, unique_id: str) -> Entry | None:
        """The entry of this call, or None."""
        rows = await self._read(sa.select(calls).where(calls.c.unique_id == unique_id))
        return records.entry(rows[0]) if rows else None

    async def history(self, entry: Entry) -> list[Event]:
        """All that happened to this call, oldest first."""
        query = sa.select(history).where(history.c.call_id == entry.id).order_by(history.c.id)
        return [Event(records.time(row.at), row.event, row.words) for row in await self._read(query)]

    async def counts(self) -> dict[State, int]:
        """How many entries are in each state."""
        rows = await self._read(sa.select(calls.c.state, sa.func.count().label("number")).group_by(calls.c.state))
        found = {State(row.state): int(row.number) for row in rows}
        return {state: found.get(state, 0) for state in State}

    async def prune(self, before: datetime, limit: int = 500) -> int:
        """Forget finished calls that ended before that time, a few at once. Returns how many."""
        old = (
            sa.select(calls.c.id)
            .where(calls.c.state.in_((State.DONE, State.DROPPED)), calls.c.ended < stamp(before))
            .limit(limit)
        )

        async def work(connection: AsyncConnection) -> int:
            ids = [row.id for row in (await connection.execute(old)).all()]
            await connection.execute(history.delete().where(history.c.call_id.in_(ids)))
            await connection.execute(calls.delete().where(calls.c.id.in_(ids)))
            return len(ids)

        return cast(int, await self._write(work))

    async def _change(
        self, entry: Entry, states: tuple[State, ...], values: dict[str, Any], now: datetime, event: str, words: str
    ) -> Entry | None:
        """Change the entry if it still is as we know it; else None, and nothing is changed."""
        same = (calls.c.id == entry.id, calls.c.attempts == entry.attempts, calls.c.state.in_(states))

        async def work(connection: AsyncConnection) -> sa.Row[Any] | None:
            changed = await connection.execute(calls.update().where(*same).values(**values))
            if changed.rowcount != 1:
                return None
            await _remember(connection, entry.id, now, event, words)
            return (await connection.execute(sa.select(calls).where(calls.c.id == entry.id))).one()

        row = await self._write(work)
        return None if row is None else records.entry(row)

    async def _read(self, query: sa.Select[Any]) -> list[sa.Row[Any]]:
        try:
            async with self._opened().connect() as connection:
                return list((await connection.execute(query)).all())
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise JournalError(f"can't read the journal: {why(error)}") from error

    async def _write(self, work: Work) -> Any:
        if self._writer is None:
            raise JournalError("the journal is closed")
        return await self._writer.write(work)

    def _opened(self) -> AsyncEngine:
        if self._engine is None:
            raise JournalError("the journal is closed")
        return self._engine

    def _expect_file(self) -> None:
        """Who only looks on must not make the file: it would be his, and not the service's."""
        if not Path(self._url.database or "").exists():
            raise JournalError(f"there is no journal {self._url.database}: has agi-server run with this configuration?")

    def _take_lock(self) -> None:
        """Hold a lock file beside the database as long as we live; the system frees it, however we end."""
        if not self._url.database or self._url.database == ":memory:":
            return
        path = Path(self._url.database)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise JournalBusyError(
                f"the journal {path} is in use by another agi-server: stop that one, or give this one its own"
            ) from None


def _set_pragmas(connection: Any, _record: Any) -> None:
    """WAL with full sync: a committed call survives a power cut (sqlite.org/pragma.html#pragma_synchronous)."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def _remember(connection: AsyncConnection, call_id: int, now: datetime, event: str, words: str) -> None:
    await connection.execute(history.insert().values(call_id=call_id, at=stamp(now), event=event, words=words))
