"""Every call on disk: what state it is in, and all that happened to it.

A call is written, synced, before anything else is done with it, and stays until it is a ticket
or a person has decided otherwise. The journal keeps the call and not the finished ticket, for
customer and text are found afresh at each attempt. What to attempt and when is decided in
`delivery`; here is only memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from agi_server.call import Call, Created, Declined, Doubt, Ending, Recognition, Refused
from agi_server.journal import records
from agi_server.journal.questions import Questions
from agi_server.journal.records import Entry, State, calls, history, remember, stamp

UNSETTLED = (State.WAITING, State.SENDING)

Columns = Callable[[Entry], dict[str, Any]]
"""The columns of `calls` that a change of an entry changes."""


class Journal(Questions):
    """The calls of one agi-server. Every method may raise `JournalError`.

    What changes an entry does so only if it still is as the caller knows it; else it gives None, and changes nothing.
    """

    async def prove(self) -> None:
        """Can it be written? Something is, that changes nothing."""
        version = "PRAGMA user_version"
        await self._do(lambda sql: sql.exec_driver_sql(f"{version} = {sql.exec_driver_sql(version).scalar()}"))

    async def add(self, call: Call, now: datetime) -> Entry:
        """Keep this call, synced; the same call again gives the entry that is there already.

        Another call with the same unique id (of a second Asterisk, say) is kept under an id of its own.
        """

        new = Entry(0, call, State.WAITING, now, now, 0, 0, None, Doubt.NONE, None, None, "")
        added, _ = await self._do(lambda connection: _added(connection, new, now, (("added", call.number),)))
        return added

    async def add_begun(self, call: Call, recognition: Recognition, queue: str, now: datetime) -> tuple[Entry, bool]:
        """Keep this call, its first attempt begun in the same write; not begun (False) if it is there already."""
        added = Entry(0, call, State.WAITING, now, now, 0, 0, None, Doubt.NONE, None, None, "", queue=queue)
        new, events = _begun(added, None, recognition, now), (("added", call.number), ("begun", ""))
        return await self._do(lambda connection: _added(connection, new, now, events))

    async def recognised(self, entry: Entry, now: datetime) -> Entry | None:
        """No attempt can be made now; but who rings, and for which queue, is known and is kept for who looks."""
        login = entry.recognition.customer.login if entry.recognition and entry.recognition.customer else ""
        return await self._change(entry, (State.WAITING,), entry, now, "recognised", login)

    async def begin(self, entry: Entry, recognition: Recognition, now: datetime) -> Entry | None:
        """An attempt begins; from here on the ticket may exist."""
        return await self._change(entry, (State.WAITING,), _begun(entry, None, recognition, now), now, "begun")

    async def begin_together(
        self, entry: Entry, target: Created, recognition: Recognition, now: datetime, most: int
    ) -> list[Entry]:
        """An article about this call and others that wait for its ticket begins; from here on it may exist.

        Gives them in the order in which they came, all or, if this one has changed, none.
        """
        words = f"for ticket {target.ticket_number}"
        others = sa.select(calls).where(
            calls.c.ticket_id == target.ticket_id,
            calls.c.state == State.WAITING,
            calls.c.doubt == Doubt.NONE,
            calls.c.id != entry.id,
        )

        def work(connection: sa.Connection) -> list[Entry]:
            first = _begun(entry, target, recognition, now)
            if not _replaced(connection, entry, (State.WAITING,), first, now, "begun", words):
                return []
            begun = [first]
            for known in map(records.entry, connection.execute(others.order_by(calls.c.id).limit(most - 1)).all()):
                new = _begun(known, target, known.recognition or recognition, now)
                if _replaced(connection, known, (State.WAITING,), new, now, "begun", words):
                    begun.append(new)
            return sorted(begun, key=lambda one: one.id)

        return await self._do(work)

    async def gather(
        self, entry: Entry, target: Created, recognition: Recognition, due: datetime, now: datetime
    ) -> Entry | None:
        """It is to be added to this open ticket, and waits until then for other calls to share the article."""
        waiting = replace(entry, state=State.WAITING, due=due, doubt=Doubt.NONE, recognition=recognition, reason="")
        new = replace(waiting, ticket=target, ending=Ending.UPDATED)
        return await self._change(entry, (State.WAITING,), new, now, "gathered", f"for ticket {target.ticket_number}")

    async def done(self, done: Entry, now: datetime, event: str = "created") -> Entry | None:
        """The ticket is there; or the article, if it was to be added to one (`Entry.with_ticket`).

        Not urgent: nobody's call waits for it, and until it is on disk the attempt that has begun is.
        """
        assert done.ticket is not None
        words = done.ticket.ticket_number

        def work(connection: sa.Connection) -> Entry | None:
            return done if _replaced(connection, done, UNSETTLED, done, now, event, words, records.settled) else None

        return await self._do(work, urgent=False)

    async def later(self, entry: Entry, due: datetime, doubt: Doubt, reason: str, now: datetime) -> Entry | None:
        """The attempt failed and is to be repeated at `due`."""
        waiting = replace(entry, state=State.WAITING, due=due, failures=entry.failures + 1)
        new = replace(waiting, doubt=doubt, reason=reason, ending=None)
        return await self._change(entry, UNSETTLED, new, now, "trouble", reason)

    async def release(self, entry: Entry, why: Refused, now: datetime) -> Entry | None:
        """The open ticket does not take it: it is due as if it had never been meant for that one."""
        waiting = replace(entry, state=State.WAITING, due=now, ticket=None)
        new = replace(waiting, doubt=Doubt.NONE, reason=why.reason, ending=None)
        return await self._change(entry, UNSETTLED, new, now, "refused", why.reason)

    async def park(self, entry: Entry, refused: Refused, doubt: Doubt, now: datetime) -> Entry | None:
        """OTRS refuses it: keep it for a person."""
        new = replace(entry, state=State.PARKED, doubt=doubt, reason=refused.reason, ending=None)
        return await self._change(entry, UNSETTLED, new, now, "parked", refused.reason)

    async def decline(self, entry: Entry, declined: Declined, recognition: Recognition, now: datetime) -> Entry | None:
        """A rule wants no ticket of it."""
        known = replace(entry, recognition=recognition)
        new = replace(known, state=State.DROPPED, ticket=None, reason=declined.rule, ending=declined.ending)
        return await self._change(entry, (State.WAITING,), new, now, declined.ending, declined.rule)

    async def retry(self, entry: Entry, now: datetime) -> Entry | None:
        """A person wants it tried again now. None: it is not waiting or parked any more."""
        new = replace(entry, state=State.WAITING, due=now, since=now, failures=0)
        return await self._change(entry, (State.WAITING, State.PARKED), new, now, "retried")

    async def drop(self, entry: Entry, words: str, now: datetime) -> Entry | None:
        """A person wants no ticket of it. None: it is not waiting or parked any more."""
        new = replace(entry, state=State.DROPPED, ticket=None, reason=words, ending=Ending.REJECTED)
        return await self._change(entry, (State.WAITING, State.PARKED), new, now, "dropped", words)

    async def recover(self, now: datetime) -> int:
        """At start: attempts that a crash cut off become due now, their end being unknown. Returns how many."""

        def work(connection: sa.Connection) -> int:
            cut_off = connection.execute(sa.select(calls.c.id).where(calls.c.state == State.SENDING)).scalars().all()
            for call_id in cut_off:
                remember(connection, call_id, now, ("recovered", "we were stopped before OTRS's answer was known"))
            waiting = {"state": State.WAITING, "due": stamp(now)}
            connection.execute(calls.update().where(calls.c.state == State.SENDING).values(waiting))
            return len(cut_off)

        return await self._do(work)

    async def hasten(self, now: datetime) -> None:
        """OTRS answers again: all that wait for that become due now."""
        later = (calls.c.state == State.WAITING, calls.c.ending == "", calls.c.due > stamp(now))
        await self._do(lambda connection: connection.execute(calls.update().where(*later).values(due=stamp(now))))

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
        self,
        entry: Entry,
        states: tuple[State, ...],
        new: Entry,
        now: datetime,
        event: str,
        words: str = "",
    ) -> Entry | None:
        """Make it the new one if it still is as we know it; else None, and nothing is changed."""

        def work(connection: sa.Connection) -> Entry | None:
            return new if _replaced(connection, entry, states, new, now, event, words) else None

        return await self._do(work)


def _begun(entry: Entry, target: Created | None, recognition: Recognition, now: datetime) -> Entry:
    return replace(
        entry,
        state=State.SENDING,
        attempts=entry.attempts + 1,
        began=now,
        doubt=Doubt.RUNNING,
        ticket=target,
        recognition=recognition,
        ending=None,
    )


def _replaced(
    connection: sa.Connection,
    entry: Entry,
    states: tuple[State, ...],
    new: Entry,
    now: datetime,
    event: str,
    words: str,
    columns: Columns = records.row,
) -> bool:
    """Make it the new one, if it still is as we know it. Has it been?"""
    ended = stamp(now) if new.state in (State.DONE, State.DROPPED) else None
    if not records.update(connection, entry, states, {**columns(new), "ended": ended}):
        return False
    remember(connection, entry.id, now, (event, words))
    return True


def _added(
    connection: sa.Connection, new: Entry, now: datetime, events: Sequence[tuple[str, str]]
) -> tuple[Entry, bool]:
    """The new entry, or the one that its call has already."""
    call = new.call
    for number in itertools.count(1):
        ours = call if number == 1 else replace(call, unique_id=f"{call.unique_id}~{number}")
        if (added := records.insert(connection, replace(new, call=ours), now)) is not None:
            remember(connection, added.id, now, *events)
            return added, True
        known = records.of_call(connection, ours.unique_id)
        if (known.call.channel, known.call.number) == (call.channel, call.number):
            return known, False
    raise AssertionError("not reached")
