"""What may be asked of the journal: what is due, what became of a call, who called before.

Nothing here changes anything. Every method may raise `JournalError`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from agi_server.journal import records
from agi_server.journal.opened import OpenedFile
from agi_server.journal.records import OPEN_STATES, Entry, Event, State, calls, history, stamp

MOST_SHOWN = 1000
"""Entries that a list may have."""
MOST_TICKETS = 10
"""Earlier tickets of a number that are told."""


@dataclass(frozen=True, slots=True)
class Open:
    """The calls in one state."""

    number: int
    oldest: datetime | None
    """When the first of them came."""


class Questions(OpenedFile):
    """The reader's half of the journal."""

    async def due(
        self, now: datetime, latest: datetime, limit: int, skip: Collection[int] = (), busy: Collection[str] = ()
    ) -> list[Entry]:
        """Waiting entries whose time has come, in the order in which their calls came; none of the `busy` numbers'.

        What would be due after `latest` was put off before the clock was set back, and is due too.
        """
        come = sa.or_(calls.c.due <= stamp(now), calls.c.due > stamp(latest))
        query = _waiting(sa.select(calls).where(come), busy)
        rows = await self._rows(query.order_by(calls.c.id).limit(limit + len(skip)))
        return [records.entry(row) for row in rows if row.id not in skip][:limit]

    async def next_due(self, skip: Collection[int] = (), busy: Collection[str] = ()) -> datetime | None:
        """When the next waiting entry is due; None if nothing waits."""
        query = _waiting(sa.select(calls.c.id, calls.c.due), busy)
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

    async def still_open(self) -> dict[State, Open]:
        """The calls that are no tickets yet, in each of their states."""
        number, oldest = sa.func.count().label("number"), sa.func.min(calls.c.added).label("oldest")
        query = sa.select(calls.c.state, number, oldest).where(calls.c.state.in_(OPEN_STATES))
        rows = await self._rows(query.group_by(calls.c.state))
        found = {State(row.state): Open(int(row.number), records.time(row.oldest)) for row in rows}
        return {state: found.get(state, Open(0, None)) for state in OPEN_STATES}

    async def called_last(self, logins: Sequence[str]) -> str:
        """Which of these customers was the last to call from a number that is surely his; empty if none was."""
        query = sa.select(calls.c.customer).where(calls.c.customer.in_(logins))
        rows = await self._rows(query.order_by(calls.c.id.desc()).limit(1))
        return str(rows[0].customer) if rows else ""

    async def tickets_of(self, number: str, since: datetime) -> tuple[str, ...]:
        """The tickets, by their numbers, that calls from this number have had since then, the newest first."""
        theirs = (calls.c.number == number, calls.c.ended >= stamp(since), calls.c.ticket_number != "")
        query = sa.select(calls.c.ticket_number).where(*theirs)
        newest = query.group_by(calls.c.ticket_number).order_by(sa.func.max(calls.c.ended).desc())
        return tuple(str(row.ticket_number) for row in await self._rows(newest.limit(MOST_TICKETS)))

    async def last_on(self, ticket_id: str) -> datetime | None:
        """When our last call came to this ticket; None if none that we know has."""
        query = sa.select(sa.func.max(calls.c.ended).label("ended")).where(calls.c.ticket_id == ticket_id)
        [row] = await self._rows(query)
        return None if row.ended is None else records.time(row.ended)


def _waiting(query: sa.Select[Any], busy: Collection[str]) -> sa.Select[Any]:
    query = query.where(calls.c.state == State.WAITING)
    return query.where(calls.c.number.not_in(busy)) if busy else query
