"""Every call on disk: what state it is in, and all that happened to it.

A call is written, synced, before anything else is done with it, and stays until it is a ticket
or a person has decided otherwise. The journal keeps the call and not the finished ticket, for
customer and text are found afresh at each attempt. What to attempt and when is decided in
`delivery`; here is only memory.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from agi_server.call import Call, Created, Doubt, Recognition, Refused
from agi_server.journal import file, records
from agi_server.journal.records import Entry, Event, State, calls, history, stamp
from agi_server.journal.writer import JournalDamagedError, JournalError, Writer

log = logging.getLogger("agi_server.journal")

T = TypeVar("T")

MOST_SHOWN = 1000
"""Entries that a list may have."""
UNSETTLED = (State.WAITING, State.SENDING)


class Journal:
    """The calls of one agi-server. Every method may raise `JournalError`."""

    def __init__(self, database: sa.URL) -> None:
        """A file of SQLite, by whatever driver it is named."""
        self._path = Path(database.database or "")
        self._url = database.set(drivername=database.get_backend_name())
        self._writer: Writer | None = None
        self._lock: int | None = None
        self.failing: str | None = None
        """Why the last piece of work failed; None if it did not."""
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
                _remember(connection, _insert(connection, columns), datetime.now(UTC), "salvaged", f"from {aside}")

        await self._do(work)
        log.critical("%d open calls could be read in it, and are taken over; the rest is for a person", len(rows))

    async def _stop(self) -> None:
        if self._writer is not None:
            await self._writer.close()
            self._writer = None

    async def close(self) -> None:
        """Carry out what was asked for, then close."""
        await self._stop()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def add(self, call: Call, now: datetime) -> Entry:
        """Keep this call, synced; the same call again gives the entry that is there already.

        Another call with the same unique id (of a second Asterisk, say) is kept under an id of its own.
        """

        def work(connection: sa.Connection) -> Entry:
            for number in itertools.count(1):
                ours = call if number == 1 else replace(call, unique_id=f"{call.unique_id}~{number}")
                same_id = sa.select(calls).where(calls.c.unique_id == ours.unique_id)
                known = connection.execute(same_id).one_or_none()
                if known is None:
                    return _add(connection, ours, now)
                entry = records.entry(known)
                if (entry.call.channel, entry.call.number) == (call.channel, call.number):
                    return entry
            raise AssertionError("not reached")

        return await self._do(work)

    async def begin(self, entry: Entry, recognition: Recognition, now: datetime) -> Entry | None:
        """An attempt begins; from here on the ticket may exist. None: somebody else has changed the entry."""
        attempts = entry.attempts + 1
        new = replace(
            entry, state=State.SENDING, attempts=attempts, began=now, doubt=Doubt.RUNNING, recognition=recognition
        )
        return await self._change(entry, (State.WAITING,), new, now, "begun")

    async def done(self, entry: Entry, ticket: Created, now: datetime, event: str = "created") -> Entry | None:
        """The ticket is there."""
        new = replace(entry, state=State.DONE, doubt=Doubt.NONE, ticket=ticket, reason="")
        return await self._change(entry, UNSETTLED, new, now, event, ticket.ticket_number)

    async def later(self, entry: Entry, due: datetime, doubt: Doubt, reason: str, now: datetime) -> Entry | None:
        """The attempt failed and is to be repeated at `due`."""
        failures = entry.failures + 1
        new = replace(entry, state=State.WAITING, due=due, failures=failures, doubt=doubt, reason=reason)
        return await self._change(entry, UNSETTLED, new, now, "trouble", reason)

    async def park(self, entry: Entry, refused: Refused, doubt: Doubt, now: datetime) -> Entry | None:
        """OTRS refuses it: keep it for a person."""
        reason = f"{refused.code}: {refused.words}"
        new = replace(entry, state=State.PARKED, doubt=doubt, reason=reason)
        return await self._change(entry, UNSETTLED, new, now, "parked", reason)

    async def retry(self, entry: Entry, now: datetime) -> Entry | None:
        """A person wants it tried again now. None: it is not waiting or parked any more."""
        new = replace(entry, state=State.WAITING, due=now, since=now, failures=0)
        return await self._change(entry, (State.WAITING, State.PARKED), new, now, "retried")

    async def drop(self, entry: Entry, words: str, now: datetime) -> Entry | None:
        """A person wants no ticket of it. None: it is not waiting or parked any more."""
        new = replace(entry, state=State.DROPPED, reason=words)
        return await self._change(entry, (State.WAITING, State.PARKED), new, now, "dropped", words)

    async def recover(self, now: datetime) -> int:
        """At start: attempts that a crash cut off become due now, their end being unknown. Returns how many."""

        def work(connection: sa.Connection) -> int:
            cut_off = connection.execute(sa.select(calls.c.id).where(calls.c.state == State.SENDING)).scalars().all()
            for call_id in cut_off:
                _remember(connection, call_id, now, "recovered", "we were stopped before OTRS's answer was known")
            waiting = {"state": State.WAITING, "due": stamp(now)}
            connection.execute(calls.update().where(calls.c.state == State.SENDING).values(waiting))
            return len(cut_off)

        return await self._do(work)

    async def hasten(self, now: datetime) -> None:
        """OTRS answers again: all that wait become due now."""
        later = (calls.c.state == State.WAITING, calls.c.due > stamp(now))
        await self._do(lambda connection: connection.execute(calls.update().where(*later).values(due=stamp(now))))

    async def due(self, now: datetime, latest: datetime, limit: int, skip: Collection[int] = ()) -> list[Entry]:
        """Waiting entries whose time has come, in the order in which their calls came.

        What would be due after `latest` was put off before the clock was set back, and is due too.
        """
        come = sa.or_(calls.c.due <= stamp(now), calls.c.due > stamp(latest))
        query = sa.select(calls).where(calls.c.state == State.WAITING, come)
        rows = await self._rows(query.order_by(calls.c.id).limit(limit + len(skip)))
        return [records.entry(row) for row in rows if row.id not in skip][:limit]

    async def next_due(self, skip: Collection[int] = ()) -> datetime | None:
        """When the next waiting entry is due; None if nothing waits."""
        query = sa.select(calls.c.id, calls.c.due).where(calls.c.state == State.WAITING)
        rows = await self._rows(query.order_by(calls.c.due).limit(1 + len(skip)))
        return next((records.time(row.due) for row in rows if row.id not in skip), None)

    async def entries(self, states: Collection[State], since: datetime) -> list[Entry]:
        """The calls in these states that came at that time or later, newest first; at most `MOST_SHOWN`."""
        query = sa.select(calls).where(calls.c.state.in_(states), calls.c.added >= stamp(since))
        return [records.entry(row) for row in await self._rows(query.order_by(calls.c.id.desc()).limit(MOST_SHOWN))]

    async def get(self, unique_id: str) -> Entry | None:
        """The entry of this call, or None."""
        rows = await self._rows(sa.select(calls).where(calls.c.unique_id == unique_id))
        return records.entry(rows[0]) if rows else None

    async def history(self, entry: Entry) -> list[Event]:
        """All that happened to this call, oldest first."""
        query = sa.select(history).where(history.c.call_id == entry.id).order_by(history.c.id)
        return [Event(records.time(row.at), row.event, row.words) for row in await self._rows(query)]

    async def counts(self) -> dict[State, int]:
        """How many entries are in each state."""
        query = sa.select(calls.c.state, sa.func.count().label("number")).group_by(calls.c.state)
        found = {State(row.state): int(row.number) for row in await self._rows(query)}
        return {state: found.get(state, 0) for state in State}

    async def oldest_open(self) -> datetime | None:
        """When the oldest call came that is waiting or parked; None if there is none."""
        states = calls.c.state.in_((State.WAITING, State.PARKED))
        [row] = await self._rows(sa.select(sa.func.min(calls.c.added).label("added")).where(states))
        return None if row.added is None else records.time(row.added)

    async def prune(self, before: datetime, limit: int = 500) -> int:
        """Forget finished calls that ended before that time, a few at once. Returns how many."""
        finished = calls.c.state.in_((State.DONE, State.DROPPED))

        def work(connection: sa.Connection) -> int:
            old = sa.select(calls.c.id).where(finished, calls.c.ended < stamp(before)).limit(limit)
            ids = connection.execute(old).scalars().all()
            connection.execute(history.delete().where(history.c.call_id.in_(ids)))
            connection.execute(calls.delete().where(calls.c.id.in_(ids)))
            return len(ids)

        return await self._do(work)

    async def _change(
        self, entry: Entry, states: tuple[State, ...], new: Entry, now: datetime, event: str, words: str = ""
    ) -> Entry | None:
        """Make it the new one if it still is as we know it; else None, and nothing is changed."""
        same = (calls.c.id == entry.id, calls.c.attempts == entry.attempts, calls.c.state.in_(states))
        ended = stamp(now) if new.state in (State.DONE, State.DROPPED) else None
        update = calls.update().where(*same).values(**records.row(new), ended=ended)

        def work(connection: sa.Connection) -> Entry | None:
            if connection.execute(update).rowcount != 1:
                return None
            _remember(connection, entry.id, now, event, words)
            return new

        return await self._do(work)

    async def _rows(self, query: sa.Select[Any]) -> list[sa.Row[Any]]:
        return await self._do(lambda connection: list(connection.execute(query)))

    async def _do(self, work: Callable[[sa.Connection], T]) -> T:
        if self._writer is None:
            raise JournalError("the journal is closed")
        try:
            result = await self._writer.do(work)
        except JournalError as error:
            self.failing = str(error)
            if isinstance(error, JournalDamagedError):
                self.damaged.set()
            raise JournalError(f"the journal {self._path} fails: {error}") from error
        self.failing = None
        return result

    def _expect_file(self) -> None:
        """Who only looks on must not make the file: it would be his, and not the service's."""
        if not self._path.exists():
            raise JournalError("there is none yet: has agi-server run with this configuration?")


def _insert(connection: sa.Connection, columns: Mapping[str, Any]) -> int:
    """A new row of `calls`; returns its id."""
    key = connection.execute(calls.insert().values(**columns)).inserted_primary_key
    return int(key[0]) if key else 0


def _add(connection: sa.Connection, call: Call, now: datetime) -> Entry:
    new = Entry(0, call, State.WAITING, now, now, 0, 0, None, Doubt.NONE, None, None, "")
    columns = {**records.row(new), "unique_id": call.unique_id, "added": stamp(now)}
    added = replace(new, id=_insert(connection, {**columns, "call": records.call_to_text(call)}))
    _remember(connection, added.id, now, "added", call.number)
    return added


def _remember(connection: sa.Connection, call_id: int, now: datetime, event: str, words: str) -> None:
    connection.execute(history.insert().values(call_id=call_id, at=stamp(now), event=event, words=words))
