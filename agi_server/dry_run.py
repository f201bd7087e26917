"""`agi-server call NUMBER --dry-run`: what the server would make of a call, and why. None of it is done.

The call takes the server's own road from Asterisk's request to the finished ticket, but OTRS is asked nothing
and nothing is written: customers come from the running server's index or straight from the database, and who
called last from the journal, if there is one. Whether OTRS would take the ticket `check --connect` tells.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack

from agi_server import app, people
from agi_server.asterisk.client import request_block
from agi_server.asterisk.request import read_request
from agi_server.call import Call, Customer, Declined, Hits, OpenTickets, Recognition, Refused, Ticket
from agi_server.config import Config
from agi_server.intake import call_of
from agi_server.journal import Journal, JournalError
from agi_server.logs import printable
from agi_server.numbers import Number
from agi_server.otrs.customers import Unreadable
from agi_server.otrs.elements import creation

T = TypeVar("T")

WIDTH = 14
"""Of the names in front of what is printed."""


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
    call_field: str
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
        call_field=config.otrs.call_field,
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


def _why(recognition: Recognition, rivals: Sequence[str], called_last: str) -> str:
    """Why it is this customer, of several."""
    if len(recognition.candidates) < 2:
        return ""
    if recognition.customer is None:
        return "they are not all of one company, so it is a stranger's call"
    if not rivals:
        return f"is the main contact of {recognition.customer.customer_id}"
    return "called last" if recognition.customer.login == called_last else "was changed last"


def as_lines(plan: Plan) -> Iterator[str]:
    """The plan for people."""
    call, recognition = plan.call, plan.recognition
    yield _line("number", call.number or ("withheld" if call.withheld else "none"))
    yield _line("canonical", call.canonical)
    yield _line("looked up by", _looked_up_by(call))
    yield _line("match", recognition.match if len(recognition.candidates) < 2 else f"several ({recognition.grade})")
    yield from _customers(plan)
    yield _line("route", plan.route or "none, the ticket is as `ticket` says")
    if plan.ignored_wishes:
        yield _line("wishes", f"not allowed by ticket.wishes: {', '.join(plan.ignored_wishes)}")
    if plan.open_tickets is not None:
        yield _line("repeat", f"first OTRS is asked for an open ticket {_in_words(plan.open_tickets)}")
    yield _line("status", plan.status + (", or updated if there is one" if plan.open_tickets else ""))
    match plan.end:
        case Refused():
            yield _line("", plan.end.words)
        case Ticket():
            yield ""
            for name, value in _elements(plan.end, plan.call_field).items():
                yield from _block(name, value)


def as_record(plan: Plan) -> dict[str, Any]:
    """The plan for JSON."""
    call, recognition, wanted = plan.call, plan.recognition, plan.open_tickets
    return {
        "number": call.number,
        "canonical": call.canonical,
        "lookup": call.lookup,
        "withheld": call.withheld,
        "match": recognition.match.value,
        "grade": recognition.grade.value,
        "customer": recognition.customer.login if recognition.customer else "",
        "candidates": [
            {"login": one.login, "customer_id": one.customer_id, "name": one.name, "company": one.company}
            for one in recognition.candidates
        ],
        "why": plan.why,
        "route": plan.route,
        "ignored_wishes": list(plan.ignored_wishes),
        "open_tickets": asdict(wanted) | {"within": wanted.within.total_seconds()} if wanted else None,
        "status": plan.status,
        "reason": plan.end.words if isinstance(plan.end, Refused) else "",
        "ticket": _elements(plan.end, plan.call_field) if isinstance(plan.end, Ticket) else None,
        "troubles": list(plan.troubles),
    }


def _looked_up_by(call: Call) -> str:
    number = Number.of(call.lookup)
    if not number:
        return "nothing, so nobody is matched"
    kind = "whole" if number.whole else "incomplete, as it is dialled nearby" if number.incomplete else "internal"
    return f"{number} ({kind})" + (", for numbers.match_withheld" if call.withheld else "")


def _customers(plan: Plan) -> Iterator[str]:
    recognition = plan.recognition
    if not recognition.candidates:
        yield _line("customer", "nobody known")
    for place, customer in enumerate(recognition.candidates):
        chosen = f": {plan.why}" if plan.why and customer == recognition.customer else ""
        yield _line("" if place else "customer", f"{_person(customer)}{chosen}")
    if plan.why and recognition.customer is None:
        yield _line("", plan.why)


def _person(customer: Customer) -> str:
    company = f"{customer.customer_id} ({customer.company})" if customer.company else customer.customer_id
    return ", ".join(text for text in (customer.login, customer.name, company) if text)


def _in_words(wanted: OpenTickets) -> str:
    whose = f"of {wanted.customer_user}" if wanted.customer_user else f"among {', '.join(wanted.ticket_numbers)}"
    queue = f", in queue {wanted.queue}" if wanted.queue else ""
    minutes = wanted.within.total_seconds() / 60
    return f"{whose}{queue}, in state {' or '.join(wanted.states)}, changed within {minutes:g} minutes"


def _elements(ticket: Ticket, call_field: str) -> dict[str, dict[str, str]]:
    """What TicketCreate would be sent, by OTRS's own names."""
    found: dict[str, dict[str, str]] = {}
    for part, values in creation(ticket, call_field).items():
        if isinstance(values, Mapping):
            found[part] = {name: str(value) for name, value in values.items()}
        else:
            found[part] = {str(field["Name"]): str(field["Value"]) for field in values if isinstance(field, Mapping)}
    return found


def _block(name: str, values: dict[str, str]) -> Iterator[str]:
    yield f"{name}:"
    for option, value in values.items():
        if "\n" in value:
            yield f"  {option}:"
            yield from (f"    {printable(line)}".rstrip() for line in value.splitlines())
        else:
            yield f"  {option}: {printable(value)}"


def _line(name: str, text: str) -> str:
    return f"{name + ':' if name else '':{WIDTH}}{printable(text)}".rstrip()
