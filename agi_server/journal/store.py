"""Every call on disk: what state it is in, and all that happened to it.

A call is written, synced, before anything else is done with it, and stays until it is a ticket
or a person has decided otherwise. The journal keeps the call and not the finished ticket, for
customer and text are found afresh at each attempt. What to attempt and when is decided in
`delivery`; here is only memory.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from agi_server.call import Call, Created, Doubt, Recognition, Refused
from agi_server.journal import records
from agi_server.journal.records import Entry, Event, State, calls, history, metadata, stamp
from agi_server.journal.writer import JournalDamagedError, JournalError, Writer

log = logging.getLogger("agi_server.journal")

T = TypeVar("T")

MOST_SHOWN = 1000
"""Entries that a list may have."""
UNSETTLED = (State.WAITING, State.SENDING)


class JournalBusyError(JournalError):
    """Another process has this journal open; two would double calls."""


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
                self._take_lock()
            else:
                self._expect_file()
            try:
                await self._start()
            except JournalDamagedError as error:
                if not serving:
                    raise
                await self._stop()
                aside = _set_aside(self._path)
                log.critical("the journal is damaged (%s): it is kept as %s, and a new one begins", error, aside)
                await self._start()
        except (JournalError, OSError) as error:
            await self.close()
            if isinstance(error, JournalBusyError):
                raise
            raise JournalError(f"can't open the journal {self._path}: {error}") from error

    async def _start(self) -> None:
        engine = sa.create_engine(self._url)
        sa.event.listen(engine, "connect", _set_pragmas)
        self._writer = Writer(engine)
        await self._writer.do(_prepare)

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
        """Keep this call, synced; the same unique id again gives the entry that is there already."""
        new = Entry(0, call, State.WAITING, now, 0, 0, None, Doubt.NONE, None, None, "")
        columns = {**records.row(new), "unique_id": call.unique_id, "added": stamp(now)}
        columns["call"] = records.call_to_text(call)

        def work(connection: sa.Connection) -> Entry:
            known = connection.execute(sa.select(calls).where(calls.c.unique_id == call.unique_id)).one_or_none()
            if known is not None:
                return records.entry(known)
            key = connection.execute(calls.insert().values(columns)).inserted_primary_key
            added = replace(new, id=key[0] if key else 0)
            _remember(connection, added.id, now, "added", call.number)
            return added

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
        new = replace(entry, state=State.WAITING, due=now)
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

    def _take_lock(self) -> None:
        """Hold a lock file beside the database as long as we live; the system frees it, however we end."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalBusyError(
                f"the journal {self._path} is in use by another agi-server: stop that one, or give this one its own"
            ) from None


def _set_aside(path: Path) -> str:
    """Keep a damaged file for a person, under another name."""
    aside = f"{path}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    for end in ("", "-wal", "-shm"):
        if (file := Path(f"{path}{end}")).exists():
            file.rename(f"{aside}{end}")
    return aside


def _prepare(connection: sa.Connection) -> None:
    """See that the file is sound, and has our tables."""
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if found != "ok":
        raise JournalDamagedError(str(found))
    metadata.create_all(connection)


def _set_pragmas(connection: Any, _record: Any) -> None:
    """WAL with full sync: a committed call survives a power cut (sqlite.org/pragma.html#pragma_synchronous)."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _remember(connection: sa.Connection, call_id: int, now: datetime, event: str, words: str) -> None:
    connection.execute(history.insert().values(call_id=call_id, at=stamp(now), event=event, words=words))
