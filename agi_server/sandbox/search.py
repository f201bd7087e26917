"""TicketSearch: which tickets fit, by OTRS's own reading of the criteria.

Pure. Its traps are kept, because callers must live with them: a criterion that is unknown, a dynamic field
that does not exist and a value that is empty are ignored, so that everything comes back; a title, a number
and a login are expressions with operators; `*` stands for anything, and letters' case does not matter. Left
out, and so ignored: escalation, archive, watchers, how a ticket was when it was made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from agi_server.sandbox import stock
from agi_server.sandbox.checks import given
from agi_server.sandbox.dialects import Dialect
from agi_server.sandbox.envelope import Struct, structs, text, texts
from agi_server.sandbox.fields import Fields
from agi_server.sandbox.stock import CLOSED_QUEUES, STATE_TYPES
from agi_server.sandbox.tickets import Article, Ticket
from agi_server.sandbox.writing import Desk

DEFAULT_LIMIT = 500
ANYTHING = re.compile(r"[*%]{1,3}")

Criterion = Callable[[Ticket], bool]

ORDERS: dict[str, Callable[[Ticket], str]] = {
    "Age": lambda ticket: ticket.created.isoformat(),
    "Created": lambda ticket: ticket.created.isoformat(),
    "Changed": lambda ticket: ticket.changed.isoformat(),
    "Ticket": lambda ticket: ticket.number,
    "TicketNumber": lambda ticket: ticket.number,
    "Title": lambda ticket: ticket.title,
    "Queue": lambda ticket: ticket.queue,
    "Priority": lambda ticket: ticket.priority,
    "CustomerID": lambda ticket: ticket.customer_id,
}
"""What tickets are sorted by here. OTRS knows more, and by what it does not know it finds nothing."""
TIMES: dict[str, Callable[[Ticket], Iterable[datetime | None]]] = {
    "TicketCreateTimeNewer": lambda ticket: [ticket.created],
    "TicketCreateTimeOlder": lambda ticket: [ticket.created],
    # Any line of its history; the first is there since it was made.
    "TicketChangeTimeNewer": lambda ticket: [ticket.changed],
    "TicketChangeTimeOlder": lambda ticket: [ticket.created],
    "TicketLastChangeTimeNewer": lambda ticket: [ticket.changed],
    "TicketLastChangeTimeOlder": lambda ticket: [ticket.changed],
    "TicketCloseTimeNewer": lambda ticket: [ticket.closed],
    "TicketCloseTimeOlder": lambda ticket: [ticket.closed],
    "TicketPendingTimeNewer": lambda ticket: [ticket.pending_until],
    "TicketPendingTimeOlder": lambda ticket: [ticket.pending_until],
    "ArticleCreateTimeNewer": lambda ticket: [article.created for article in ticket.articles],
    "ArticleCreateTimeOlder": lambda ticket: [article.created for article in ticket.articles],
}
"""If any of them fits, the ticket does."""
WRITTEN: dict[str, Callable[[Article], str]] = {
    "From": lambda article: article.sender,
    "To": lambda article: article.recipient,
    "Subject": lambda article: article.subject,
    "Body": lambda article: article.body,
}
FULLTEXT = ("From", "Subject", "Body")
"""And the ticket's title."""
CHOSEN: dict[str, tuple[Callable[[Ticket], str], Mapping[int, str]]] = {
    "Queue": (lambda ticket: ticket.queue, stock.QUEUES),
    "State": (lambda ticket: ticket.state, stock.STATES),
    "StateType": (lambda ticket: STATE_TYPES[ticket.state], stock.STATE_TYPE_IDS),
    "Priority": (lambda ticket: ticket.priority, stock.PRIORITIES),
    "Lock": (lambda ticket: ticket.lock, stock.LOCKS),
    "Service": (lambda ticket: ticket.service, stock.SERVICES),
    "SLA": (lambda ticket: ticket.sla, stock.SLAS),
}
PLURALS = {"Priority": "Priorities"}


def search(desk: Desk, asked: Struct) -> list[Ticket]:
    """The tickets that fit and that the agent may see, up to Limit."""
    data = {name: value for name, value in asked.items() if not re.fullmatch(desk.dialect.ignored, name)}
    criteria = [
        *_attributes(data, desk.dialect),
        *_written(data, desk.dialect),
        *_names(data, desk),
        *_dynamic_fields(data, desk.fields),
        *_times(data, desk.now()),
    ]
    order, direction = _order(text(data, "SortBy") or "Age", desk), text(data, "OrderBy") or "Down"
    if order is None or direction not in ("Up", "Down"):
        return []
    seen = [ticket for ticket in desk.store if ticket.queue not in CLOSED_QUEUES]
    found = [ticket for ticket in seen if all(fits(ticket) for fits in criteria)]
    found.sort(key=lambda ticket: (order(ticket), ticket.id), reverse=direction == "Down")
    limit = _number(text(data, "Limit").strip()) if given(data, "Limit") else DEFAULT_LIMIT
    return found[: max(0, limit)]


def _order(name: str, desk: Desk) -> Callable[[Ticket], str] | None:
    prefix, _, field = name.partition("_")
    if prefix == "DynamicField" and field in desk.fields:
        return lambda ticket: "".join(ticket.dynamic_fields.get(field, ""))
    return ORDERS.get(name)


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


def _attributes(data: Struct, dialect: Dialect) -> Iterable[Criterion]:
    patterns: dict[str, Callable[[str, Ticket], bool]] = {
        "TicketID": lambda wanted, ticket: wanted == str(ticket.id),
        "TicketNumber": lambda wanted, ticket: fits_expression(wanted, ticket.number),
        "Title": lambda wanted, ticket: fits_expression(wanted, ticket.title),
        "CustomerID": lambda wanted, ticket: like(wanted, ticket.customer_id),
        "CustomerIDRaw": lambda wanted, ticket: wanted.lower() == ticket.customer_id.lower(),
        "CustomerUserLogin": lambda wanted, ticket: fits_expression(wanted, ticket.customer_user),
        "StateType": lambda wanted, ticket: wanted.lower() == STATE_TYPES[ticket.state],
    }
    for name, fits in patterns.items():
        if name == "TicketNumber" and isinstance(data.get(name), list) and not dialect.several_numbers:
            continue
        if wanted := _wanted(data, name):
            yield _any_of(wanted, fits)


def _written(data: Struct, dialect: Dialect) -> Iterable[Criterion]:
    """Texts that need to have a part of what is asked for."""
    for name in WRITTEN:
        if wanted := _wanted(data, dialect.article_criteria + name):
            yield _has_part(wanted, [name], lambda ticket: [])
    if wanted := _wanted(data, "Fulltext"):
        yield _has_part(wanted, FULLTEXT, lambda ticket: [ticket.title] if dialect.fulltext_title else [])


def _has_part(wanted: list[str], names: Iterable[str], besides: Callable[[Ticket], list[str]]) -> Criterion:
    def fits(part: str, ticket: Ticket) -> bool:
        written = (WRITTEN[name](article) for article in ticket.articles for name in names)
        return any(fits_expression(f"*{part}*", value) for value in (*besides(ticket), *written))

    return _any_of(wanted, fits)


def _names(data: Struct, desk: Desk) -> Iterable[Criterion]:
    """By name or by ID, states in any case of letters. If one of the names does not exist, no ticket fits."""
    for name, (of, known) in {
        **CHOSEN,
        "Type": (lambda ticket: ticket.type, {1: desk.dialect.default_type}),
        "Owner": (lambda ticket: ticket.owner, desk.agents),
        "Responsible": (lambda ticket: ticket.responsible, desk.agents),
    }.items():
        names = set(texts(data, PLURALS.get(name, f"{name}s"))) if name != "StateType" else set()
        if name == "State":
            names = {one.lower() for one in names}
        if names:
            yield _one_of(names if names <= set(known.values()) else set(), of)
        if numbers := texts(data, f"{name}IDs"):
            yield _one_of({known.get(_number(one), "") for one in numbers} - {""}, of)


def _one_of(names: set[str], of: Callable[[Ticket], str]) -> Criterion:
    return lambda ticket: of(ticket) in names


def _any_of(wanted: list[str], fits: Callable[[str, Ticket], bool]) -> Criterion:
    return lambda ticket: any(fits(value, ticket) for value in wanted)


def _wanted(data: Struct, name: str) -> list[str]:
    return [value for value in texts(data, name) if not ANYTHING.fullmatch(value)]


def _dynamic_fields(data: Struct, known: Fields) -> Iterable[Criterion]:
    asked = [(text(field, "Name"), field) for field in structs(data, "DynamicField")]
    if "DynamicField" not in data:  # OTRS looks at the form of its version 4 only if its own is absent
        prefix = "DynamicField_"
        asked = [
            (name.removeprefix(prefix), field)
            for name in data
            if name.startswith(prefix)
            for field in structs(data, name)
        ]
    for name, field in asked:
        if name not in known:
            continue
        for operator in sorted(set(field) - {"Name"}):
            if wanted := _wanted(field, operator):
                yield _compare(name, operator, wanted)


def _compare(name: str, operator: str, wanted: list[str]) -> Criterion:
    folded = {one.casefold() for one in wanted}
    compare: dict[str, Callable[[str, str], bool]] = {
        "Like": lambda one, value: like(one, value),
        "GreaterThan": lambda one, value: value > one,
        "GreaterThanEquals": lambda one, value: value >= one,
        "SmallerThan": lambda one, value: value < one,
        "SmallerThanEquals": lambda one, value: value <= one,
    }
    if operator == "Equals":
        return lambda ticket: _has_value(ticket, name, folded.__contains__)
    if operator == "Empty":
        return lambda ticket: _has_value(ticket, name, lambda _: True) is ("0" in folded)
    if operator not in compare:
        return lambda ticket: False
    return lambda ticket: _has_value(ticket, name, lambda value: any(compare[operator](one, value) for one in folded))


def _has_value(ticket: Ticket, name: str, fits: Callable[[str], bool]) -> bool:
    """Has the dynamic field a value that fits? An empty one is none."""
    value = ticket.dynamic_fields.get(name)
    if not value:
        return False
    return fits(value.casefold()) if isinstance(value, str) else any(fits(one.casefold()) for one in value if one)


def _times(data: Struct, now: datetime) -> Iterable[Criterion]:
    """When the ticket was made or changed; a time that cannot be read fits no ticket."""
    for name, moments in TIMES.items():
        if minutes := text(data, f"{name}Minutes"):
            yield _on_that_side(name, moments, now - timedelta(minutes=_number(minutes)))
        if date := text(data, f"{name}Date"):
            yield _on_that_side(name, moments, _date(date))


def _on_that_side(
    name: str, moments: Callable[[Ticket], Iterable[datetime | None]], limit: datetime | None
) -> Criterion:
    if limit is None:
        return lambda ticket: False
    if name.endswith("Newer"):
        return lambda ticket: any(moment >= limit for moment in moments(ticket) if moment)
    return lambda ticket: any(moment <= limit for moment in moments(ticket) if moment)


def _date(value: str) -> datetime | None:
    try:
        return datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _number(value: str) -> int:
    """The digits at the beginning, as Perl reads a number; none are 0."""
    found = re.match(r"-?[0-9]{1,9}", value)
    return int(found[0]) if found else 0
