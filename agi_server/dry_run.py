"""`agi-server call NUMBER --dry-run`: what the server would make of a call, and why. None of it is done.

The call takes the server's own road from Asterisk's request to the finished ticket, but OTRS is asked nothing
and nothing is written: customers come from the running server's index or straight from the database, and who
called last from the journal, if there is one. Whether OTRS would take the ticket `check --connect` tells; how the
plan is shown is the business of `dry_run_told`.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, TypeVar, Unpack

from agi_server import app, people
from agi_server.asterisk.client import request_block
from agi_server.asterisk.request import read_request
from agi_server.call import Call, Declined, Hits, Recognition, Refused
from agi_server.config import Config
from agi_server.helpdesk import OpenTickets, Ticket
from agi_server.intake import call_of
from agi_server.journal import Journal, JournalError
from agi_server.otrs import rpc_requests, soap
from agi_server.otrs.customers import Unreadable
from agi_server.otrs.elements import Hearer, creation, refusal
from agi_server.otrs.wording import Mistake

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done with a call."""

    call: Call
    recognition: Recognition
    why: str
    """Why it is this customer, of several."""
    route: str
    """The one that decides, in the configuration's words; empty: none does."""
    end: Ticket | Declined | Refused
    open_tickets: OpenTickets | None
    """What OTRS would be asked for first; None: the call surely is a ticket of its own, or none."""
    ignored_wishes: Sequence[str]
    content: soap.Content
    """What TicketCreate would be sent, or the methods of rpc.pl; empty if there is to be no ticket."""
    troubles: Sequence[str]
    """What could not be found out, and why."""

    @property
    def status(self) -> str:
        """HELPDESK_STATUS, if OTRS makes no trouble."""
        match self.end:
            case Ticket():
                return "created"
            case Declined():
                return self.end.ending.value
            case Refused():
                return "parked"


class CallFacts(TypedDict):
    """What is told of a call."""

    number: str
    name: str
    dialled: str
    context: str
    query: str
    arguments: Sequence[str]
    presentation: int


def imagine_call(config: Config, at: datetime, **facts: Unpack[CallFacts]) -> Call:
    """The call as the server would know it, had it come at this time."""
    block = request_block(unique_id=f"{at.timestamp():.0f}.0", dnid=facts["dialled"], **facts)
    request = read_request(block.split(b"\n")[:-1])
    assert request is not None
    return call_of(request, app.numbering(config), at)


async def make_plan(config: Config, call: Call) -> Plan:
    """What would be done with it."""
    troubles: list[str] = []
    hits = await _look_up(config, call, troubles)
    rivals = people.rivals(hits, config.customers.main_contacts)
    last = ""
    if rivals:
        last = await _ask_journal(config, lambda journal: journal.called_last(rivals), "", troubles)
    recognition = people.choose(hits, config.customers.main_contacts, last)
    composer = app.composer(config)
    route = composer.route_of(call, recognition)
    end = composer.compose(call, recognition)
    content: soap.Content = {}
    if isinstance(end, Ticket):
        if config.otrs.interface == "rpc":
            content = rpc_requests.imagined(end, recognition.customer, config.otrs.user_id, call.time)
        else:
            troubles += _unreadable(end)
            try:
                content = creation(end, config.otrs.call_field, _hearer(config, call.time))
            except Mistake as mistake:
                end = refusal("TicketCreate", mistake)
    wanted = None

    async def tickets_of(number: str, since: datetime) -> tuple[str, ...]:
        none: tuple[str, ...] = ()
        return await _ask_journal(config, lambda journal: journal.tickets_of(number, since), none, troubles)

    if (policy := app.repeat(config)) and isinstance(end, Ticket):
        wanted = await policy.wanted(call, end, recognition, tickets_of)
    return Plan(
        call,
        recognition,
        why=_why(recognition, rivals, last),
        route=route.name if route else "",
        end=end,
        open_tickets=wanted,
        ignored_wishes=composer.ignored_wishes(call),
        content=content,
        troubles=troubles,
    )


async def _look_up(config: Config, call: Call, troubles: list[str]) -> Hits:
    """Who has the number."""
    if not call.lookup:
        return Hits()
    directory = app.customers(config)
    try:
        hits = await directory.peek(call.lookup)
    finally:
        await directory.close()
    if isinstance(hits, Unreadable):
        troubles.append(f"customers can't be looked up: {hits.reason} -- {hits.hint}")
        return Hits()
    return hits


async def _ask_journal(
    config: Config, question: Callable[[Journal], Awaitable[T]], nothing: T, troubles: list[str]
) -> T:
    """What the journal knows; nothing if there is none yet."""
    if not Path(config.journal.database.database or "").exists():  # noqa: ASYNC240 -- nobody waits
        return nothing
    journal = Journal(config.journal.database)
    try:
        await journal.open(serving=False)
        return await question(journal)
    except JournalError as error:
        troubles.append(f"earlier calls are not known: {error}")
        return nothing
    finally:
        await journal.close()


def _hearer(config: Config, now: datetime) -> Hearer:
    """OTRS as far as the configuration knows it, at this time."""
    return Hearer(app.dialect(config), config.otrs.time_zone or UTC, now)


def _unreadable(ticket: Ticket) -> Iterator[str]:
    files = (attachment.file for attachment in ticket.article.attachments if attachment.file)
    return (f"{file} can't be read, so the ticket goes without it" for file in files if not os.access(file, os.R_OK))


def _why(recognition: Recognition, rivals: Sequence[str], called_last: str) -> str:
    """Why it is this customer, of several."""
    if len(recognition.candidates) < 2:
        return ""
    if recognition.customer is None:
        return "they are not all of one company, so it is a stranger's call"
    if not rivals:
        return f"is the main contact of {recognition.customer.customer_id}"
    return "called last" if recognition.customer.login == called_last else "was changed last"
