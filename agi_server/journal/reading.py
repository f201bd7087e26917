"""The journal as the operator's page reads it: the newest calls, a search, what has changed since.

On a connection and a thread of its own, which can write nothing: a search, however long, holds up no
call. A page follows the history, whose ids only rise, so whoever changes an entry is seen: we
ourselves or `agi-server calls`. Every method may raise `JournalError`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from agi_server.journal.questions import Questions
from agi_server.journal.records import OPEN_STATES, Entry, State, calls, entry, history
from agi_server.journal.wanted import Wanted
from agi_server.journal.writer import JournalError, Writer

LIMIT = 10.0
"""Seconds for an answer."""
MOST_SEARCHED = 200_000
"""Calls, the newest, in which is searched: so many take a second or two."""
MOST_CHANGES = 500
"""Lines of the history that are told one by one."""
RECENT = 2000
"""Calls, the newest, whose dialled numbers and queues can be chosen."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change:
    """A call as it is now, and the last line of its history."""

    cursor: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Figures:
    """How it stands now."""

    cursor: int
    """The id of the newest line in the history."""
    open: dict[State, int]
    """How many calls are in each state in which a call is no ticket yet."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where calls come in."""

    dialled: Sequence[str] = ()
    queues: Sequence[str] = ()


class Reading(Questions):
    """A reader beside the `Journal` that serves calls. Open it after that one."""

    async def _ask(self, work: Callable[[sa.Connection], T]) -> T:
        try:
            async with asyncio.timeout(LIMIT):
                return await super()._ask(work)
        except TimeoutError:
            raise JournalError(f"no answer within {LIMIT:g} s") from None

    async def _start(self) -> None:
        engine = sa.create_engine(self._url)
        sa.event.listen(engine, "connect", _set_pragmas)
        self._writer = Writer(engine)

    async def newest(self, wanted: Wanted, limit: int, before: int | None = None) -> list[Entry]:
        """The calls that are wanted, newest first, at most so many; `before` that entry, if it is given."""
        last = sa.select(sa.func.max(calls.c.id)).scalar_subquery()
        query = sa.select(calls).where(calls.c.id > last - MOST_SEARCHED, *wanted.clauses()).order_by(calls.c.id.desc())
        if before is not None:
            query = query.where(calls.c.id < before)

        def work(connection: sa.Connection) -> list[Entry]:
            found: list[Entry] = []
            with connection.execute(query, execution_options={"yield_per": limit}) as rows:
                for row in rows:
                    one = entry(row)
                    if wanted.holds(one):
                        found.append(one)
                    if len(found) == limit:
                        break
            return found

        return await self._ask(work)

    async def changed(self, cursor: int) -> list[Change] | None:
        """The calls to which something happened after that, as they are now, the last change last; None: too many."""
        after = sa.select(history.c.id, history.c.call_id).where(history.c.id > cursor).order_by(history.c.id)

        def work(connection: sa.Connection) -> list[Change] | None:
            lines = connection.execute(after.limit(MOST_CHANGES + 1)).all()
            if len(lines) > MOST_CHANGES:
                return None
            last: dict[int, int] = {line.call_id: line.id for line in lines}
            changed = connection.execute(sa.select(calls).where(calls.c.id.in_(last)))
            return sorted((Change(last[row.id], entry(row)) for row in changed), key=lambda change: change.cursor)

        return await self._ask(work)

    async def figures(self) -> Figures:
        """Cheap enough to be asked all the time."""
        newest = sa.select(sa.func.max(history.c.id).label("cursor"))
        states = sa.select(calls.c.state, sa.func.count().label("number"))
        states = states.where(calls.c.state.in_(OPEN_STATES)).group_by(calls.c.state)

        def work(connection: sa.Connection) -> Figures:
            found = {State(row.state): int(row.number) for row in connection.execute(states)}
            return Figures(connection.execute(newest).scalar() or 0, {one: found.get(one, 0) for one in OPEN_STATES})

        return await self._ask(work)

    async def parked(self, limit: int) -> list[Entry]:
        """Those that wait for a person, the newest first."""
        query = sa.select(calls).where(calls.c.state == State.PARKED)
        return [entry(row) for row in await self._rows(query.order_by(calls.c.id.desc()).limit(limit))]

    async def numbered(self, entry_id: int) -> Entry | None:
        """The entry with this id, or None."""
        rows = await self._rows(sa.select(calls).where(calls.c.id == entry_id))
        return entry(rows[0]) if rows else None

    async def places(self) -> Places:
        """Where calls came in of late."""
        recent = sa.select(calls.c.call, calls.c.queue).order_by(calls.c.id.desc()).limit(RECENT).subquery()
        number = sa.func.json_extract(recent.c.call, "$.dialled").label("dialled")
        rows = await self._rows(sa.select(number, recent.c.queue).distinct())
        return Places(sorted({row.dialled for row in rows} - {"", None}), sorted({row.queue for row in rows} - {""}))


def _set_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("query_only=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
