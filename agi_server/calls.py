"""The commands `agi-server calls ...`: what the person on duty sees of the journal, and does with it.

They work while agi-server runs and while it doesn't. What they change a running agi-server
takes up within seconds.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

from agi_server.call import Doubt, Ending
from agi_server.config import Config
from agi_server.delivery import LONGEST_REST
from agi_server.journal import OPEN_STATES, Entry, Event, Journal, JournalError, State
from agi_server.logs import printable

T = TypeVar("T")

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST_SINCE = 3650 * UNITS["d"]


class Since(click.ParamType[timedelta]):
    """`90s`, `15m`, `1h`, `7d`."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The time as a timedelta."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d{1,9})([smhd])", value)
        if found is None:
            self.fail(f"{value!r} is not a number with s, m, h or d behind it, such as 1h", param, ctx)
        return timedelta(seconds=min(int(found[1]) * UNITS[found[2]], LONGEST_SINCE))


async def show_list(journal: Journal, states: Sequence[State], since: timedelta | None, *, as_json: bool) -> None:
    """One line a call, newest first."""
    earliest = datetime.now(UTC) - since if since is not None else datetime.fromtimestamp(0, UTC)
    entries = await journal.entries(states or OPEN_STATES, earliest)
    if as_json:
        click.echo(json.dumps([as_record(entry) for entry in entries], ensure_ascii=False, indent=1))
        return
    for entry in entries:
        click.echo(as_line(entry))
    if not entries:
        click.echo("no calls", err=True)


async def show_one(journal: Journal, unique_id: str, *, as_json: bool) -> None:
    """The call, and each thing that happened to it."""
    entry = await _entry(journal, unique_id)
    history = await journal.history(entry)
    if as_json:
        click.echo(
            json.dumps({**as_record(entry), "history": list(map(_event, history))}, ensure_ascii=False, indent=1)
        )
        return
    for name, value in as_record(entry).items():
        if value not in ("", None):
            click.echo(f"{name + ':':13} {printable(str(value))}")
    click.echo()
    for event in history:
        click.echo(f"{_local(event.at)}  {event.event:9}  {printable(event.words)}".rstrip())


async def retry(journal: Journal, unique_ids: Sequence[str], *, parked: bool) -> None:
    """Try these again now, or all that are parked."""
    chosen = [await _entry(journal, unique_id) for unique_id in unique_ids]
    if parked:
        chosen += await journal.entries([State.PARKED], datetime.fromtimestamp(0, UTC))
    late = []
    for entry in chosen:
        if await journal.retry(entry, datetime.now(UTC)) is None:
            late.append(_too_late(entry))
        else:
            click.echo(f"{entry.call.unique_id}: agi-server tries it again within {LONGEST_REST:g} s, if it runs")
    if late:
        raise click.ClickException("\n".join(late))
    if not chosen:
        click.echo("no call is parked", err=True)


async def drop(journal: Journal, unique_id: str, why: str) -> None:
    """This call shall be no ticket."""
    entry = await _entry(journal, unique_id)
    if await journal.drop(entry, why, datetime.now(UTC)) is None:
        raise click.ClickException(_too_late(entry))
    click.echo(f"{unique_id}: dropped")


def with_journal(config: Config, work: Callable[[Journal], Awaitable[T]]) -> T:
    """Do this with the journal, beside a running agi-server."""
    return asyncio.run(_with_journal(config, work))


async def _with_journal(config: Config, work: Callable[[Journal], Awaitable[T]]) -> T:
    journal = Journal(config.journal.database)
    try:
        await journal.open(serving=False)
        return await work(journal)
    except JournalError as error:
        raise click.ClickException(str(error)) from error
    finally:
        await journal.close()


async def _entry(journal: Journal, unique_id: str) -> Entry:
    entry = await journal.get(unique_id)
    if entry is None:
        raise click.ClickException(f"the journal has no call {unique_id!r}: see `agi-server calls list`")
    return entry


def _too_late(entry: Entry) -> str:
    return f"{entry.call.unique_id} is {entry.state}: only a call that waits or is parked can be changed"


def as_record(entry: Entry) -> dict[str, Any]:
    """The entry for JSON, and for people."""
    customer = entry.recognition.customer if entry.recognition else None
    return {
        "id": entry.call.unique_id,
        "state": entry.state.value,
        "ending": entry.ending.value if entry.ending else "",
        "time": _local(entry.call.time),
        "number": entry.call.number,
        "name": entry.call.name,
        "dialled": entry.call.dialled,
        "customer": customer.login if customer else "",
        "ticket": entry.ticket.ticket_number if entry.ticket else "",
        "attempts": entry.attempts,
        "due": _local(entry.due) if entry.state is State.WAITING else None,
        "reason": entry.reason,
    }


def as_line(entry: Entry) -> str:
    """The entry in one line."""
    call = entry.call
    number = call.number or "no number"
    what = _what_came_of_it(entry)
    return printable(f"{_local(call.time)}  {call.unique_id:18} {entry.state.value:8} {number:16} {what}".rstrip())


def _what_came_of_it(entry: Entry) -> str:
    if entry.ticket is None:
        return f"{entry.ending}: {entry.reason}" if entry.ending else entry.reason
    ticket = f"ticket {entry.ticket.ticket_number}"
    match entry.ending, entry.state:
        case Ending.UPDATED, State.DONE:
            return f"updated {ticket}"
        case Ending.UPDATED, _:
            return f"updates {ticket} at {entry.due.astimezone():%H:%M:%S}"
        case None, _:
            return f"{entry.reason} (perhaps on {ticket})" if entry.doubt is not Doubt.NONE else entry.reason
    return ticket


def _event(event: Event) -> dict[str, str]:
    return {"time": _local(event.at), "event": event.event, "words": event.words}


def _local(time: datetime) -> str:
    return time.astimezone().isoformat(sep=" ", timespec="seconds")
