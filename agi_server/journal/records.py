"""What the journal keeps: an entry for each call, an event for each thing that happened to it.

Tables and their rows as values, and back. The tables use only what SQLite, MariaDB and PostgreSQL
have in common; times are seconds since 1970 (UTC).
"""

from __future__ import annotations

import enum
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from agi_server.call import Call, Created, Customer, Doubt, Ending, Match, Recognition
from agi_server.journal.prepared import Prepared


class State(enum.StrEnum):
    WAITING = "waiting"
    """Due at a time."""
    SENDING = "sending"
    """An attempt has begun and its end is not known."""
    DONE = "done"
    PARKED = "parked"
    """OTRS refuses it: a person must look."""
    DROPPED = "dropped"
    """A rule or a person has decided that it shall be no ticket."""


UNSURE = (Match.SEVERAL, Match.NONE)
"""How a caller may be recognised without being surely the customer who has the ticket."""
OPEN_STATES = (State.WAITING, State.SENDING, State.PARKED)
"""Of calls that are no tickets yet, and that nobody has dropped."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One call and what became of it."""

    id: int
    call: Call
    state: State
    due: datetime
    """When the next attempt is due, if it is waiting."""
    since: datetime
    """From when on it has been tried: since it came, or since a person wanted it tried again."""
    attempts: int
    """Attempts begun: requests that left or may have left."""
    failures: int
    """Attempts and searches that ended in trouble."""
    began: datetime | None
    """When the last attempt began."""
    doubt: Doubt
    """May OTRS have the ticket, or the article, although we don't know it?"""
    ticket: Created | None
    """The one that it became or was added to; until then the open one that it is to be added to, or None."""
    recognition: Recognition | None
    """Who rang, as found at the last attempt, or when none could be made; None before."""
    reason: str
    """Why the last attempt failed; OTRS's words where it had some."""
    ending: Ending | None = None
    """What its dialplan is told beyond the state: of a waiting call, that an open ticket will have it."""
    queue: str = ""
    """The queue that a ticket of its own is asked for in; empty before that is known."""
    reserved: str = ""
    """The number that a ticket of its own will have or has, where OTRS gave it before."""

    def with_ticket(self, ticket: Created) -> Entry:
        """As it is when this ticket is there; or the article, if it was to be added to one."""
        ending, ticket = (Ending.CREATED, ticket) if self.ticket is None else (Ending.UPDATED, self.ticket)
        return replace(self, state=State.DONE, doubt=Doubt.NONE, ticket=ticket, reason="", ending=ending)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a call's history."""

    at: datetime
    event: str
    words: str


_FORMERLY = {State.DONE: Ending.CREATED, State.DROPPED: Ending.REJECTED}
"""The endings of a version of ours that did not keep them, and may have had the file in between."""

metadata = sa.MetaData()
calls = sa.Table(
    "calls",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("unique_id", sa.String(200), nullable=False, unique=True),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("due", sa.Float, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("failures", sa.Integer, nullable=False, default=0),
    sa.Column("began", sa.Float),
    sa.Column("doubt", sa.String(10), nullable=False, default=Doubt.NONE.value),
    sa.Column("added", sa.Float, nullable=False),
    sa.Column("ended", sa.Float),
    sa.Column("call", sa.Text, nullable=False),
    sa.Column("recognition", sa.Text),
    sa.Column("ticket_id", sa.String(40), nullable=False, default=""),
    sa.Column("ticket_number", sa.String(60), nullable=False, default=""),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("customer", sa.String(200), nullable=False, server_default=""),
    sa.Column("number", sa.String(60), nullable=False, server_default=""),
    sa.Column("ending", sa.String(10), nullable=False, server_default=""),
    sa.Column("queue", sa.String(200), nullable=False, server_default=""),
    sa.Column("reserved", sa.String(60), nullable=False, server_default=""),
    sa.Index("calls_due", "state", "due"),
    sa.Index("calls_ended", "state", "ended"),
    sa.Index("calls_customer", "customer"),
    sa.Index("calls_number", "number", "ended"),
    sa.Index("calls_ticket", "ticket_id", "ended"),
)
"""`customer`, the login, only where he is surely the caller; `number` as customers are looked up by it."""
history = sa.Table(
    "history",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("call_id", sa.Integer, nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("event", sa.String(20), nullable=False),
    sa.Column("words", sa.Text, nullable=False, default=""),
)


def stamp(at: datetime) -> float:
    return at.timestamp()


def time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def entry(row: sa.Row[Any]) -> Entry:
    """The entry that a row of `calls` holds."""
    return Entry(
        id=row.id,
        call=_call(row.call),
        state=State(row.state),
        due=time(row.due),
        since=time(row.since),
        attempts=row.attempts,
        failures=row.failures,
        began=None if row.began is None else time(row.began),
        doubt=Doubt(row.doubt),
        ticket=Created(row.ticket_id, row.ticket_number) if row.ticket_id else None,
        recognition=None if row.recognition is None else _recognition(row.recognition),
        reason=row.reason,
        ending=Ending(row.ending) if row.ending else _FORMERLY.get(State(row.state)),
        queue=row.queue,
        reserved=row.reserved,
    )


def row(entry: Entry) -> dict[str, Any]:
    """The columns of `calls` that change with an entry."""
    ticket = entry.ticket
    return {
        "state": entry.state.value,
        "due": stamp(entry.due),
        "since": stamp(entry.since),
        "attempts": entry.attempts,
        "failures": entry.failures,
        "began": None if entry.began is None else stamp(entry.began),
        "doubt": entry.doubt.value,
        "ticket_id": ticket.ticket_id if ticket else "",
        "ticket_number": ticket.ticket_number if ticket else "",
        "recognition": None if entry.recognition is None else _recognition_to_text(entry.recognition),
        "reason": entry.reason,
        "customer": _sure_login(entry.recognition),
        "ending": entry.ending.value if entry.ending else "",
        "queue": entry.queue,
        "reserved": entry.reserved,
    }


def settled(entry: Entry) -> dict[str, Any]:
    """Those of them that change when an attempt ends in a ticket."""
    assert entry.ticket is not None
    assert entry.ending is not None
    return {
        "state": entry.state.value,
        "doubt": entry.doubt.value,
        "ticket_id": entry.ticket.ticket_id,
        "ticket_number": entry.ticket.ticket_number,
        "reason": entry.reason,
        "ending": entry.ending.value,
    }


def number_of(call: Call) -> str:
    """By what the calls of one caller are known as such; empty if he can't be told."""
    return call.lookup or call.canonical


def _call_to_text(call: Call) -> str:
    """The call as it is kept: it never changes."""
    return json.dumps({**_flat(call), "time": call.time.isoformat(), "wishes": dict(call.wishes)})


_NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in (Call, Recognition, Customer)}
"""Of their fields."""


def _recognition_to_text(recognition: Recognition) -> str:
    customer, candidates = recognition.customer, recognition.candidates
    values = {
        "customer": None if customer is None else _customer_values(customer),
        "candidates": [_customer_values(one) for one in candidates],
    }
    return json.dumps({**_flat(recognition), **values})


def _customer_values(customer: Customer) -> dict[str, Any]:
    return {**_flat(customer), "columns": dict(customer.columns)}


def _flat(value: Call | Recognition | Customer) -> dict[str, Any]:
    """Its fields as they are; `dataclasses.asdict` would copy all that is in them."""
    return {name: getattr(value, name) for name in _NAMES[type(value)]}


def _call(text: str) -> Call:
    values = {name: value for name, value in json.loads(text).items() if name in _NAMES[Call]}
    values["time"] = datetime.fromisoformat(values["time"])
    values["arguments"] = tuple(values.get("arguments", ()))
    return Call(**values)


def _recognition(text: str) -> Recognition:
    data = json.loads(text)
    candidates = tuple(_customer(one) for one in data["candidates"])
    # Before there were grades a number was exactly the customer's or it was nobody's.
    grade = data.get("grade", Match.EXACT if candidates else Match.NONE)
    customer = _customer(data["customer"]) if data["customer"] else None
    return Recognition(Match(data["match"]), customer, candidates, Match(grade))


def _customer(data: dict[str, Any]) -> Customer:
    return Customer(**{name: value for name, value in data.items() if name in _NAMES[Customer]})


def _sure_login(recognition: Recognition | None) -> str:
    if recognition is None or recognition.customer is None or recognition.match in UNSURE:
        return ""
    return recognition.customer.login


def _unless_known() -> sa.Insert:
    """A row of `calls`, unless there is one with its unique id."""
    names = [column.name for column in calls.columns if not column.primary_key]
    known = sa.exists().where(calls.c.unique_id == sa.bindparam("unique_id"))
    return calls.insert().from_select(names, sa.select(*map(sa.bindparam, names)).where(~known))


_INSERT = Prepared(_unless_known())
_REMEMBER = Prepared(history.insert(), [column.name for column in history.columns if not column.primary_key])


def of_call(connection: sa.Connection, unique_id: str) -> Entry:
    """The entry of the call that has this id."""
    return entry(connection.execute(sa.select(calls).where(calls.c.unique_id == unique_id)).one())


def insert(connection: sa.Connection, new: Entry, added: datetime) -> Entry | None:
    """A new entry; returns it with its id. None: there is one with this unique id, and nothing is changed."""
    call = new.call
    columns = {
        "unique_id": call.unique_id,
        "number": number_of(call),
        "added": stamp(added),
        "ended": None,
        "call": _call_to_text(call),
    }
    cursor = _INSERT(connection, {**row(new), **columns})
    return replace(new, id=cursor.lastrowid) if cursor.rowcount == 1 else None


def update(connection: sa.Connection, known: Entry, states: tuple[State, ...], columns: Mapping[str, Any]) -> bool:
    """Change these columns if it still is in one of these states, after as many attempts as we know of. Has it been?"""
    still = {f"known_state_{number}": state.value for number, state in enumerate(states)}
    values = {**columns, "known_id": known.id, "known_attempts": known.attempts, **still}
    return _update(tuple(columns), tuple(still))(connection, values).rowcount == 1


@functools.cache
def _update(columns: tuple[str, ...], states: tuple[str, ...]) -> Prepared:
    same = (calls.c.id == sa.bindparam("known_id"), calls.c.attempts == sa.bindparam("known_attempts"))
    still = calls.c.state.in_([sa.bindparam(state) for state in states])
    return Prepared(calls.update().where(*same, still), columns)


def remember(connection: sa.Connection, call_id: int, now: datetime, *events: tuple[str, str]) -> None:
    """New lines in this call's history, each an event and its words."""
    lines = ({"call_id": call_id, "at": stamp(now), "event": event, "words": words} for event, words in events)
    _REMEMBER(connection, *lines)
