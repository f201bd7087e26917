"""What each fault did to the calls: counted the same way everywhere, shown in one table at the end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields

from agi_server.asterisk.client import CallReport, Ending
from agi_server.sandbox.otrs import CALL_FIELD
from agi_server.sandbox.tickets import Ticket

MARK = re.compile(r"\[([^\s\[\]]+)\]")
"""A call's id in a title or a subject."""


@dataclass(frozen=True, slots=True)
class Tally:
    """One line of the table."""

    fault: str
    calls: int
    bridged: int
    """Whose dialplan went on; a caller who hung up by himself counts as well."""
    longest_wait_s: float
    tickets: int
    """And articles on open ones, each for every call that it is about."""
    lost: int
    """Calls without a ticket or an article in the end."""
    doubled: int
    """Tickets and articles beyond the first of a call."""


tallies: list[Tally] = []
"""All of this run; `conftest` prints them."""


def of_call(ticket: Ticket) -> str:
    """Whose ticket it is, by the call field or by the title."""
    return str(ticket.dynamic_fields.get(CALL_FIELD, "")) or "".join(MARK.findall(ticket.title)[-1:])


def calls_on(tickets: Sequence[Ticket]) -> list[str]:
    """The calls that these were made for, and those that their further articles are about."""
    articles = [article for ticket in tickets for article in ticket.articles[1:]]
    return [*map(of_call, tickets), *(call for article in articles for call in MARK.findall(article.subject))]


def count(
    fault: str, calls: Sequence[str], reports: Iterable[CallReport], tickets: Iterable[str], *, wanted: bool = True
) -> Tally:
    """Enter a fault into the table: its calls by unique id, how AGI() ended, what `calls_on` found.

    `wanted` is false for a fault after which a call need not become a ticket (it was refused, say).
    """
    ended = list(reports)
    found = Counter(tickets)
    tally = Tally(
        fault,
        calls=len(calls),
        bridged=sum(
            report.outcome in (Ending.SUCCESS, Ending.FAILURE, Ending.HANGUP, Ending.RESET) for report in ended
        ),
        longest_wait_s=max((report.seconds for report in ended), default=0.0),
        tickets=sum(found[call] for call in calls),
        lost=sum(not found[call] for call in calls) if wanted else 0,
        doubled=sum(max(0, found[call] - 1) for call in calls),
    )
    tallies.append(tally)
    return tally


def table() -> list[str]:
    """The table's lines."""
    rows = [[field.name for field in fields(Tally)]]
    rows += [[f"{value:.2f}" if isinstance(value, float) else str(value) for value in astuple(one)] for one in tallies]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) if not place else cell.rjust(width) for place, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in rows)
    ]
