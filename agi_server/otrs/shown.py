"""A ticket as TicketGet shows it: whose it is, and whether it is the one that is looked for.

Pure. A search also finds what is merely alike, and whatever of its criteria a version of OTRS does not
know, it ignores: nothing counts as found before it has been looked at here. Of two ways in which
versions show a thing both are read.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from agi_server.call import Created, Trouble
from agi_server.helpdesk import OpenTickets
from agi_server.otrs import soap
from agi_server.otrs.elements import mark

ROUNDING = timedelta(minutes=1)
"""A search counts in whole minutes, and is over some time before the ticket is looked at."""

QUARTER = timedelta(minutes=15)
MOST_OFF = timedelta(hours=14)
"""The time zones of the world are no further from UTC."""

_SETTLED = frozenset({"closed", "merged", "removed"})
"""Types of states in which nobody looks at a ticket any more, whatever the states are called."""
# Asterisk's ids end in a second of the epoch and a number; intake's own begin with `no-id-`.
_MARK = re.compile(r"\[(?:[^][]*[0-9]{9}\.[0-9]|no-id-)[^][]*\]")


def seen(ticket: soap.Fields, user: str) -> Created | Trouble:
    """The ticket with its owner, unless that is `user`: our own agent, who answers no calls."""
    found = soap.opened(ticket)
    owner = soap.text(ticket, "Owner")
    if isinstance(found, Trouble) or owner.casefold() == user.casefold():
        return found
    return Created(found.ticket_id, found.ticket_number, owner)


def number(ticket: soap.Fields) -> tuple[int, str]:
    """Sorts by TicketID, a number of any length, without trusting it to be one."""
    ticket_id = soap.text(ticket, "TicketID")
    return len(ticket_id), ticket_id


def change(ticket: soap.Fields) -> tuple[str, tuple[int, str]]:
    """Sorts by the last change; tickets of one OTRS tell it in the same time zone."""
    return soap.text(ticket, "Changed"), number(ticket)


def has_field(ticket: soap.Fields, name: str) -> bool:
    """Does this ticket have the dynamic field, be it empty? OTRS shows all that exist."""
    return f"DynamicField_{name}" in ticket or any(
        soap.text(field, "Name") == name for field in soap.records(ticket, "DynamicField")
    )


def carries(ticket: soap.Fields, call_id: str, call_field: str) -> bool:
    """Is this the ticket of that call?"""
    if not call_field:
        return mark(call_id) in soap.text(ticket, "Title")
    wanted = soap.clean(call_id).strip()
    return bool(wanted) and wanted in _values(ticket, call_field)  # a ticket that no call made has an empty field


def tells_of(ticket: soap.Fields, call_id: str) -> bool:
    """Has one of the articles that are shown been added for this call?"""
    return any(mark(call_id) in soap.text(article, "Subject") for article in soap.records(ticket, "Article"))


def is_wanted(ticket: soap.Fields, wanted: OpenTickets, call_field: str) -> bool:
    """Is it one of the open tickets that are looked for?"""
    if wanted.customer_user:
        whose = soap.text(ticket, "CustomerUserID").casefold() == wanted.customer_user.casefold()
    else:
        whose = soap.text(ticket, "TicketNumber") in wanted.ticket_numbers
    return (
        whose
        and soap.text(ticket, "State").casefold() in {state.casefold() for state in wanted.states}
        and soap.text(ticket, "StateType") not in _SETTLED
        and str(wanted.queue) in ("", soap.text(ticket, "QueueID" if isinstance(wanted.queue, int) else "Queue"))
        and _is_recent(ticket, wanted.within)
        and _is_of_a_call(ticket, call_field)
    )


def offset(ticket: soap.Fields, now: datetime) -> timedelta | None:
    """How far OTRS's times are from UTC, as this ticket shows it in whole quarters of an hour; None if it does not."""
    try:
        written = datetime.fromisoformat(soap.text(ticket, "Created")).replace(tzinfo=UTC)
        if unix := soap.text(ticket, "CreateTimeUnix"):  # OTRS 5 and before
            made = datetime.fromtimestamp(int(unix), UTC)
        else:
            made = now - timedelta(seconds=int(soap.text(ticket, "Age")))
        found = round((written - made) / QUARTER) * QUARTER
    except (ValueError, OverflowError, TypeError, OSError):
        return None
    return found if abs(found) <= MOST_OFF else None


def _is_of_a_call(ticket: soap.Fields, call_field: str) -> bool:
    in_field = bool(call_field) and any(_values(ticket, call_field))
    return in_field or _MARK.search(soap.text(ticket, "Title")) is not None


def _values(ticket: soap.Fields, name: str) -> list[str]:
    """What this dynamic field holds: in OTRS 6 as one of many of the same name, in 5 and before under its own."""
    values = soap.texts(ticket, f"DynamicField_{name}")
    for field in soap.records(ticket, "DynamicField"):
        if soap.text(field, "Name") == name:
            values += soap.texts(field, "Value")
    return values


def _is_recent(ticket: soap.Fields, within: timedelta) -> bool:
    """OTRS 3.1 ignores times in a search. Here the time zone in which it tells them plays no part.

    Age is in seconds, by OTRS's own clock. A ticket that does not say is believed to be what was searched for.
    """
    try:
        age = timedelta(seconds=int(soap.text(ticket, "Age")))
        made, changed = (datetime.fromisoformat(soap.text(ticket, name)) for name in ("Created", "Changed"))
        return age - (changed - made) <= within + ROUNDING
    except (ValueError, OverflowError, TypeError):
        return True
