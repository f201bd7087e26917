"""TicketSearch: which tickets fit, by OTRS's own reading of the criteria.

Pure. Its traps are kept, because callers must live with them: a criterion that is unknown, a dynamic field
that does not exist and a value that is empty are ignored, so that everything comes back; a title, a number
and a login are expressions with operators; `*` stands for anything, and letters' case does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta

from agi_server.sandbox.checks import given
from agi_server.sandbox.envelope import Struct, structs, text, texts
from agi_server.sandbox.stock import CLOSED_QUEUES, QUEUES, STATE_TYPES, STATES
from agi_server.sandbox.tickets import Ticket

DEFAULT_LIMIT = 500
ANYTHING = re.compile(r"[*%]{1,3}")

Criterion = Callable[[Ticket], bool]

ORDERS: dict[str, Callable[[Ticket], datetime]] = {
    "Age": lambda ticket: ticket.created,
    "Created": lambda ticket: ticket.created,
    "Changed": lambda ticket: ticket.changed,
}
"""What tickets are sorted by here. OTRS knows more, and by what it does not know it finds nothing."""
TIMES: dict[str, Callable[[Ticket], datetime]] = {
    "TicketCreateTimeNewer": lambda ticket: ticket.created,
    "TicketCreateTimeOlder": lambda ticket: ticket.created,
    # Any line of its history; the first is there since it was made.
    "TicketChangeTimeNewer": lambda ticket: ticket.changed,
    "TicketChangeTimeOlder": lambda ticket: ticket.created,
    "TicketLastChangeTimeNewer": lambda ticket: ticket.changed,
    "TicketLastChangeTimeOlder": lambda ticket: ticket.changed,
}


def search(tickets: Iterable[Ticket], data: Struct, fields: Collection[str], now: datetime) -> list[Ticket]:
    """The tickets that fit and that the agent may see, up to Limit; `fields` are the dynamic fields that exist."""
    criteria = [*_attributes(data), *_names(data), *_dynamic_fields(data, fields), *_times(data, now)]
    order, direction = text(data, "SortBy") or "Age", text(data, "OrderBy") or "Down"
    if order not in ORDERS or direction not in ("Up", "Down"):
        return []
    seen = [ticket for ticket in tickets if ticket.queue not in CLOSED_QUEUES]
    found = [ticket for ticket in seen if all(fits(ticket) for fits in criteria)]
    found.sort(key=lambda ticket: (ORDERS[order](ticket), ticket.id), reverse=direction == "Down")
    limit = _number(text(data, "Limit").strip()) if given(data, "Limit") else DEFAULT_LIMIT
    return found[: max(0, limit)]


def like(pattern: str, value: str) -> bool:
    """Does the whole value fit the pattern?"""
    expression = ".*".join(re.escape(part) for part in re.split(r"[*%]+", pattern))
    return re.fullmatch(expression, value, re.IGNORECASE | re.DOTALL) is not None


def fits_expression(expression: str, value: str) -> bool:
    """An expression: `+`, `&&` and `AND` are and, `||` and `OR` are or, `!` is not, and brackets group.

    Quotes protect, and so does a backslash, save before `+`. Here brackets are only skipped around a part.
    """
    protected: list[str] = []

    def protect(found: re.Match[str]) -> str:
        protected.append(found[1] or found[2])
        return f"\0{len(protected) - 1}\0"

    def fits(part: str) -> bool:
        bare = part.strip(" ()")
        if re.search(r"[()]", bare):
            return False
        pattern = re.sub("\0([0-9]+)\0", lambda found: protected[int(found[1])], bare.removeprefix("!"))
        return like(pattern, value) is not bare.startswith("!")

    whole = re.sub(r'"([^"]+)"|\\([^+"\\])', protect, expression)
    alternatives = re.split(r"\|\||\sOR\s", whole)
    return any(all(map(fits, re.split(r"&&|\+|\sAND\s", alternative))) for alternative in alternatives)


def _attributes(data: Struct) -> Iterable[Criterion]:
    patterns: dict[str, Callable[[str, Ticket], bool]] = {
        "TicketID": lambda wanted, ticket: wanted == str(ticket.id),
        "TicketNumber": lambda wanted, ticket: fits_expression(wanted, ticket.number),
        "Title": lambda wanted, ticket: fits_expression(wanted, ticket.title),
        "Fulltext": lambda wanted, ticket: any(fits_expression(f"*{wanted}*", value) for value in _written(ticket)),
        "CustomerID": lambda wanted, ticket: like(wanted, ticket.customer_id),
        "CustomerUserLogin": lambda wanted, ticket: fits_expression(wanted, ticket.customer_user),
        "StateType": lambda wanted, ticket: wanted.lower() == STATE_TYPES[ticket.state],
    }
    for name, fits in patterns.items():
        wanted = [value for value in texts(data, name) if not ANYTHING.fullmatch(value)]
        if wanted:
            yield _any_of(wanted, fits)


def _names(data: Struct) -> Iterable[Criterion]:
    """Queues, and states in any case of letters. If one of the names does not exist, no ticket fits."""
    queues, states = set(texts(data, "Queues")), {state.lower() for state in texts(data, "States")}
    if queues:
        yield lambda ticket: ticket.queue in queues and queues.issubset(QUEUES.values())
    if states:
        yield lambda ticket: ticket.state in states and states.issubset(STATES.values())


def _any_of(wanted: list[str], fits: Callable[[str, Ticket], bool]) -> Criterion:
    return lambda ticket: any(fits(value, ticket) for value in wanted)


def _written(ticket: Ticket) -> Iterable[str]:
    yield ticket.title
    for article in ticket.articles:
        yield from (article.subject, article.body)


def _dynamic_fields(data: Struct, fields: Collection[str]) -> Iterable[Criterion]:
    asked = [(text(field, "Name"), field) for field in structs(data, "DynamicField")]
    if "DynamicField" not in data:  # OTRS looks at the form of its version 4 only if its own is absent
        prefix = "DynamicField_"
        asked = [
            (name[len(prefix) :], field) for name in data if name.startswith(prefix) for field in structs(data, name)
        ]
    for name, field in asked:
        if name not in fields:
            continue
        for operator in sorted(set(field) - {"Name"}):
            wanted = [value for value in texts(field, operator) if not ANYTHING.fullmatch(value)]
            if wanted:
                yield _compare(name, operator, wanted)


def _compare(name: str, operator: str, wanted: list[str]) -> Criterion:
    if operator == "Like":
        return lambda ticket: any(like(value, ticket.dynamic_fields.get(name, "")) for value in wanted)
    if operator == "Equals":
        folded = {value.casefold() for value in wanted}
        return lambda ticket: ticket.dynamic_fields.get(name, "").casefold() in folded
    return lambda ticket: False


def _times(data: Struct, now: datetime) -> Iterable[Criterion]:
    """When the ticket was made or changed; a time that cannot be read fits no ticket."""
    for name, moment in TIMES.items():
        if minutes := text(data, f"{name}Minutes"):
            yield _on_that_side(name, moment, now - timedelta(minutes=_number(minutes)))
        if date := text(data, f"{name}Date"):
            yield _on_that_side(name, moment, _date(date))


def _on_that_side(name: str, moment: Callable[[Ticket], datetime], limit: datetime | None) -> Criterion:
    if limit is None:
        return lambda ticket: False
    if name.endswith("Newer"):
        return lambda ticket: moment(ticket) >= limit
    return lambda ticket: moment(ticket) <= limit


def _date(value: str) -> datetime | None:
    try:
        return datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _number(value: str) -> int:
    """The digits at the beginning, as Perl reads a number; none are 0."""
    found = re.match(r"-?[0-9]{1,9}", value)
    return int(found[0]) if found else 0
