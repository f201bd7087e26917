"""A dry run's plan in words: for people, and as JSON.

Pure. The ticket is told by OTRS's own names, as TicketCreate would be sent it, with the text of its attachments; or as
the methods of rpc.pl would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from agi_server.call import Call, Customer, Refused
from agi_server.dry_run import Plan
from agi_server.helpdesk import OpenTickets
from agi_server.logs import printable
from agi_server.numbers import Number
from agi_server.otrs import soap

WIDTH = 14
"""Of the names in front of what is printed."""


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
    if isinstance(plan.end, Refused):
        yield _line("", plan.end.words)
    elif plan.content:
        yield ""
        for name, value in _elements(plan.content).items():
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
        "ticket": _elements(plan.content) or None,
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


def _elements(content: soap.Content) -> dict[str, Any]:
    """The request by OTRS's own names, dynamic fields by theirs."""
    told = {name: _told(value) for name, value in content.items()}
    if fields := told.get("DynamicField"):
        told["DynamicField"] = {field["Name"]: field["Value"] for field in fields}
    return told


def _told(value: soap.Value) -> Any:
    """Texts, and lists and names with texts."""
    match value:
        case str():
            return value
        case bytes():
            return value.decode(errors="replace")
        case soap.File():
            return f"file://{value.path}"
        case Mapping():
            return {name: _told(inner) for name, inner in value.items()}
    return [_told(one) for one in value]


def _block(name: str, value: Any, indent: str = "") -> Iterator[str]:
    """The element in lines, each of several by itself."""
    if isinstance(value, list):
        for one in value:
            yield from _block(name, one, indent)
    elif isinstance(value, dict):
        yield f"{indent}{name}:"
        for inner, content in value.items():
            yield from _block(inner, content, indent + "  ")
    elif "\n" in value:
        yield f"{indent}{name}:"
        yield from (f"{indent}  {printable(line)}".rstrip() for line in value.splitlines())
    else:
        yield f"{indent}{name}: {printable(value)}"


def _line(name: str, text: str) -> str:
    return f"{name + ':' if name else '':{WIDTH}}{printable(text)}".rstrip()
