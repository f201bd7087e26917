"""What a page shows of a call: one line of the list, made of the journal's entry.

Pure, and without a word of any language: states and grades are names that `words` has texts for.
Nothing is escaped here, for the templates escape everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

import phonenumbers

from agi_server.call import Call, Customer, Doubt, Ending, Match
from agi_server.journal import Entry, State
from agi_server.links import Links

NAMED = 3
"""Of several customers with one number so many are named."""


@dataclass(frozen=True, slots=True)
class Person:
    """A customer, and his page in OTRS."""

    name: str
    company: str
    url: str


@dataclass(frozen=True, slots=True)
class Row:
    """A call as it is shown. A text that is empty is not."""

    id: int
    unique_id: str
    at: datetime
    number: str
    unnumbered: str
    """Why there is no number to show: a name of a text."""
    name: str
    """As the telephone network gave it."""
    looked_up: bool
    """False: it is not known yet who rings."""
    match: str
    people: tuple[Person, ...]
    """The customer; or several, if it may be any of them."""
    more_people: int
    new_customer_url: str
    """The form for a customer who is not known."""
    dialled: str
    queue: str
    ticket: str
    ticket_url: str
    state: str
    detail: str
    """More about the state: the name of a text that takes a time."""
    due: datetime
    reason: str
    can_be_changed: bool

    @property
    def caller(self) -> str:
        """In few words, for a notification: who rings. Empty if nothing at all is known."""
        people = ", ".join(person.name for person in self.people)
        return " · ".join(one for one in (people, self.number, self.name) if one)


def row_of(entry: Entry, links: Links, zone: tzinfo | None) -> Row:
    """The line for this call, its times as they are there."""
    call, who = entry.call, entry.recognition
    people = _people(entry)
    state, detail = _state(entry)
    return Row(
        id=entry.id,
        unique_id=call.unique_id,
        at=call.time.astimezone(zone),
        number=_readable(call),
        unnumbered="unreadable" if call.unreadable else "withheld" if call.withheld else "no_number",
        name=call.name,
        looked_up=who is not None or entry.state not in (State.WAITING, State.SENDING),
        match=who.match.value if who is not None else "",
        people=tuple(_person(one, links) for one in people[:NAMED]),
        more_people=max(0, len(people) - NAMED),
        new_customer_url=_new_customer_url(entry, links),
        dialled=call.dialled,
        queue=entry.queue,
        ticket=entry.ticket.ticket_number if entry.ticket else "",
        ticket_url=links.ticket(entry.ticket) if entry.ticket else "",
        state=state,
        detail=detail,
        due=entry.due.astimezone(zone),
        reason=entry.reason,
        can_be_changed=entry.state in (State.WAITING, State.PARKED),
    )


def _people(entry: Entry) -> tuple[Customer, ...]:
    if entry.recognition is None:
        return ()
    return (entry.recognition.customer,) if entry.recognition.customer else entry.recognition.candidates


def _person(customer: Customer, links: Links) -> Person:
    company = customer.company or customer.customer_id
    return Person(customer.name or customer.login, company, links.customer(customer.login))


def _new_customer_url(entry: Entry, links: Links) -> str:
    stranger = entry.recognition is not None and entry.recognition.match is Match.NONE
    return links.new_customer(entry.call.digits) if stranger and not entry.call.withheld else ""


def _readable(call: Call) -> str:
    """The number as people read it, `+7 916 122-96-24`; as heard, if it is not a whole one. Never a withheld one."""
    if call.number and call.canonical.startswith("+"):
        try:
            number = phonenumbers.parse(call.canonical)
        except phonenumbers.NumberParseException:
            return call.number
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return call.number


def _state(entry: Entry) -> tuple[str, str]:
    """The state's name, and that of a text about it."""
    match entry.state, entry.ending:
        case State.SENDING, _:
            return ("opening" if entry.ticket is None else "adding"), ""
        case State.WAITING, Ending.UPDATED:
            return "to_add", "to_add_detail"
        case State.WAITING, _:
            tried = entry.attempts or entry.failures
            return "waiting", "perhaps" if entry.doubt is not Doubt.NONE else "again" if tried else ""
        case State.PARKED, _:
            return "parked", ""
        case State.DONE, Ending.UPDATED:
            return "added", ""
        case State.DROPPED, Ending.NO_TICKET:
            return "no_ticket", ""
        case State.DROPPED, _:
            return "rejected", ""
        case _:
            return "created", ""
